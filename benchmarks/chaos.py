"""Kills the parts of a supervised wallet, again and again, while clients use it."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import psutil

from wallet_app.embedded.processes import read_process_ids

WORKER_KILL_SECONDS = 2.0
POSTGRES_KILL_SECONDS = 20.0


class Chaos:
    """Its `tick` is called a few times a second: kill -9 for a web worker every 2 s, for PostgreSQL every 20
    s.
    """

    def __init__(self, data_dir: Path, seconds: float, postgres_kill_seconds: float = POSTGRES_KILL_SECONDS) -> None:
        self._pids_path = data_dir / "pids.json"
        started = perf_counter()
        self._until = started + seconds
        self._next_worker = started + WORKER_KILL_SECONDS
        self._postgres_kill_seconds = postgres_kill_seconds
        self._next_postgres = started + postgres_kill_seconds
        self._random = random.Random(5)
        self._killed_postgres: set[int] = set()
        self.worker_kills = 0
        self.postgres_kills = 0
        self.postgres_recoveries = 0

    def tick(self) -> None:
        """Kills what is due. What is just being brought back is left alone until it is there."""
        now = perf_counter()
        self._count_recoveries()
        if now >= self._until:
            return
        if now >= self._next_postgres and self._kill_postgres():
            self._next_postgres = now + self._postgres_kill_seconds
        if now >= self._next_worker and self._kill_worker():
            self._next_worker = now + WORKER_KILL_SECONDS

    def _count_recoveries(self) -> None:
        if self.postgres_recoveries < self.postgres_kills:
            pid = self._read_pid("postgres")
            self.postgres_recoveries += pid > 0 and pid not in self._killed_postgres and psutil.pid_exists(pid)

    def _kill_worker(self) -> bool:
        workers = _list_children(self._read_pid("web"))
        if not workers:
            return False
        _kill(self._random.choice(workers).pid)
        self.worker_kills += 1
        return True

    def _kill_postgres(self) -> bool:
        """The postmaster first, and all that it started."""
        pid = self._read_pid("postgres")
        if not pid or pid in self._killed_postgres or not psutil.pid_exists(pid):
            return False
        children = _list_children(pid)
        self._killed_postgres.add(pid)
        _kill(pid)
        for child in children:
            _kill(child.pid)
        self.postgres_kills += 1
        return True

    def _read_pid(self, name: str) -> int:
        """The process id that the supervisor notes for one of its children; 0 while there is none."""
        return read_process_ids(self._pids_path).get(name, 0)


def _list_children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children() if pid else []
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
