"""Waiting that ends early: when a child ends, or when somebody asks the supervisor to stop."""

import os
import selectors
import signal
from pathlib import Path
from types import FrameType


class StopRequested(Exception):
    """Somebody asked us to stop."""


class StopSwitch:
    """Listens to SIGINT, SIGTERM and SIGHUP, and to the end of our parent where we depend on it."""

    def __init__(self, parent_id: int | None = None) -> None:
        self._parent_id = parent_id
        self._parent_caught_interrupts = parent_id is not None and _catches_interrupts(parent_id)
        self._is_asked = False
        self._is_stopping = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def install(self) -> None:
        """Takes over the signals."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
            signal.signal(signal.SIGHUP, self._note)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken

    def begin_stopping(self) -> None:
        """From now on ``pause`` only waits."""
        self._is_stopping = True

    def pause(self, seconds: float) -> None:
        """Waits so long, or less when a child ends.

        Raises:
            StopRequested: we are asked to stop, and have not begun to.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            if selector.select(seconds):
                os.read(self._reader, 4096)
        self._is_asked = self._is_asked or self._parent_is_ending()
        if self._is_asked and not self._is_stopping:
            raise StopRequested

    def _parent_is_ending(self) -> bool:
        """Whether our parent is gone, or waits for us to end.

        make does the latter when it alone gets a SIGINT (Ctrl-C reaches us too, `kill -INT` does not): it
        stops catching that signal and waits, without a word to us.
        """
        if self._parent_id is None:
            return False
        if os.getppid() != self._parent_id:
            return True
        return self._parent_caught_interrupts and not _catches_interrupts(self._parent_id)

    def _note(self, _signal_number: int, _frame: FrameType | None) -> None:
        self._is_asked = True


def _catches_interrupts(process_id: int) -> bool:
    """Whether a process has a handler for SIGINT, where the system tells (Linux)."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return False
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))
