"""CPU time of a process and all its descendants, the ones already gone included."""

from __future__ import annotations

import psutil


def read_tree_cpu_seconds(pid: int) -> float:
    """Seconds of CPU, user and system, that a process, its living descendants and its reaped children have
    used.

    A child that ends moves its time to its parent's reaped total, so two readings of one tree may be
    subtracted.
    Raises psutil.NoSuchProcess when the process itself is gone.
    """
    root = psutil.Process(pid)
    total = _read_cpu_seconds(root)
    for child in root.children(recursive=True):
        try:
            total += _read_cpu_seconds(child)
        except psutil.NoSuchProcess:  # ended since it was listed: its time is its parent's by now, or was just read
            continue
    return total


def _read_cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
