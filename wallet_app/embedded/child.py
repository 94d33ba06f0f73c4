"""A child the supervisor keeps alive."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wallet_app.embedded import processes
from wallet_app.embedded.development import PROJECT_ROOT
from wallet_app.embedded.processes import Pause

_QUICK_DEATH_SECONDS = 10
_LONGEST_PAUSE_SECONDS = 30


def start_process(
    arguments: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Starts ``python -m <arguments>`` in the project, in a process group of its own.

    Ctrl-C in a terminal reaches the supervisor alone, which then decides; and the process is asked
    to end (SIGTERM) when the supervisor is killed.
    """
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.DEVNULL,
        cwd=PROJECT_ROOT,
        env=environment,
        pass_fds=inherited_fds,
        start_new_session=True,
        preexec_fn=processes.signal_on_parent_death(signal.SIGTERM),
    )


@dataclass
class Child:
    """One long-running program, how it is doing, and when it may be started again."""

    name: str
    arguments: Sequence[str]
    data_dir: Path
    inherited_fds: Sequence[int] = ()
    grace_seconds: float = 12
    process: "subprocess.Popen[bytes] | None" = None
    quick_deaths: int = 0
    _started_at: float = 0.0
    _not_before: float = 0.0
    _former_groups: list[tuple[int, float]] = field(default_factory=list)

    def start(self, environment: Mapping[str, str]) -> None:
        """Starts the program; it must not be running."""
        self.process = start_process(self.arguments, environment, self.inherited_fds)
        self._started_at = time.monotonic()

    def has_ended(self) -> bool:
        """Whether it should run and does not."""
        return self.process is None or self.process.poll() is not None

    def may_start(self) -> bool:
        """Whether its pause is over."""
        return time.monotonic() >= self._not_before

    def note_death(self) -> str:
        """Ends what it left in its group, sets the pause before the next start, and says what happened."""
        if self.process is None:
            return f"{self.name} is not running"
        status = self.process.returncode
        if processes.signal_group(self.process.pid, signal.SIGTERM):
            self._former_groups.append((self.process.pid, time.monotonic() + self.grace_seconds))
        self.process = None
        self.quick_deaths = self.quick_deaths + 1 if self._lived() < _QUICK_DEATH_SECONDS else 0
        pause = min(0.5 * 2 ** (self.quick_deaths - 1), _LONGEST_PAUSE_SECONDS) if self.quick_deaths else 0.0
        self._not_before = time.monotonic() + pause
        return f"{self.name} {describe_status(status)}; starting it again" + (f" in {pause:g} seconds" if pause else "")

    def end_former_groups(self, *, at_once: bool = False) -> None:
        """Kills what outlived its program and its grace."""
        for group in [g for g in self._former_groups if at_once or time.monotonic() > g[1]]:
            for process_id in processes.list_group(group[0], self.data_dir):
                processes.signal_process(process_id, signal.SIGKILL)
            self._former_groups.remove(group)

    def stop(self, pause: Pause) -> None:
        """Asks it to end, waits for its grace time, then kills what is left of its group."""
        if self.process is not None:
            processes.signal_process(self.process.pid, signal.SIGTERM)
            processes.wait_for_exit(self.process, self.grace_seconds, pause)
            processes.signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.end_former_groups(at_once=True)

    def _lived(self) -> float:
        return time.monotonic() - self._started_at


def describe_status(status: int) -> str:
    """How a program ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
