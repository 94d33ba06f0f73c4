"""Processes of ours: tied to their parent's life, found again by what they are, ended in order."""

import contextlib
import ctypes
import fcntl
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

# psutil comes with the bundled PostgreSQL; a production image carries neither.
_psutil: Any = importlib.import_module("psutil") if importlib.util.find_spec("psutil") else None
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

Pause = Callable[[float], None]
"""Waits so many seconds. The supervisor's own raises when it is asked to stop."""


class LockedFile:
    """An exclusive lock that dies with its holder, however it dies; the file says who holds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write_note(self, note: str) -> None:
        """Says in the file what the holder is doing, for whoever finds it locked."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()} {note}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


def find_lock(path: Path) -> LockedFile | None:
    """Locks the file at ``path``, making it if need be; None when somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    locked = LockedFile(descriptor)
    locked.write_note("running")
    return locked


def read_lock_note(path: Path) -> tuple[int, str]:
    """The holder's process id and its note; (0, "") when there is none to read."""
    try:
        process_id, _, note = path.read_text().strip().partition(" ")
        return int(process_id), note
    except (OSError, ValueError):
        return 0, ""


def signal_on_parent_death(signal_number: int) -> Callable[[], None]:
    """What a child runs before exec so that the kernel signals it when this process dies.

    Linux only. Elsewhere a child outlives a killed parent, and the next start ends it
    (``end_leftovers``). The caller must live on the thread that starts the child.
    """
    parent_id = os.getpid()

    def arrange() -> None:
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent_id:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def signal_group(group_id: int, signal_number: int) -> bool:
    """Signals every process of a group; False when nobody is left in it."""
    try:
        os.killpg(group_id, signal_number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def wait_for_exit(process: "subprocess.Popen[bytes]", seconds: float, pause: Pause) -> bool:
    """Waits at most so long for a child to end; True when it has."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() >= deadline:
            return False
        pause(0.05)
    return True


def list_server_processes(cluster_dir: Path) -> list[int]:
    """Process ids of every PostgreSQL process that works in this very cluster directory."""

    def is_server(process: Any) -> bool:
        return bool(process.name().startswith("postgres") and process.cwd() == str(cluster_dir))

    return _list_processes(is_server)


def has_child(process_id: int, titles: Iterable[str]) -> bool:
    """Whether a process has a child whose command line begins with one of these titles."""

    def is_such_child(process: Any) -> bool:
        return process.ppid() == process_id and " ".join(process.cmdline()).startswith(tuple(titles))

    return bool(_list_processes(is_such_child))


def list_group(group_id: int, data_dir: Path) -> list[int]:
    """Process ids in a group that were started for this data directory; a recycled id is not among them."""

    def is_member(process: Any) -> bool:
        return bool(
            os.getpgid(process.pid) == group_id
            and process.environ().get("WALLET_DATA_DIR") == str(data_dir)
            and process.status() != _psutil.STATUS_ZOMBIE
        )

    return _list_processes(is_member)


def end_leftovers(group_ids: Iterable[int], data_dir: Path, pause: Pause) -> None:
    """Ends the process groups a killed supervisor left behind: asks, waits three seconds, kills."""
    for group_id in group_ids:
        for process_id in list_group(group_id, data_dir):
            signal_process(process_id, signal.SIGTERM)
        deadline = time.monotonic() + 3
        while members := list_group(group_id, data_dir):
            if time.monotonic() > deadline:
                for process_id in members:
                    signal_process(process_id, signal.SIGKILL)
            pause(0.1)


def signal_process(process_id: int, signal_number: int) -> None:
    """Signals a process that may have gone already."""
    try:
        os.kill(process_id, signal_number)
    except ProcessLookupError:
        return


def write_process_ids(path: Path, process_ids: Mapping[str, int]) -> None:
    """Writes who runs under which process id, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(process_ids, indent=2) + "\n")
    partial.replace(path)


def read_process_ids(path: Path) -> dict[str, int]:
    """The process ids last written; empty when there are none."""
    try:
        return {str(name): int(process_id) for name, process_id in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _list_processes(matches: Callable[[Any], bool]) -> list[int]:
    """Ids of the processes that match; one that ends or is not ours to look at while we look does not."""
    found = []
    for process in _psutil.process_iter() if _psutil else ():
        with contextlib.suppress(_psutil.Error, OSError):
            if matches(process):
                found.append(process.pid)
    return found
