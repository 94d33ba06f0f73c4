"""Counters of rate limits in the memory of this process.

The storage that comes with ``limits`` looks through all its keys a hundred times a second in threads of its own;
with a thousand callers that costs more than their requests. This one forgets old windows as new ones begin.
"""

import threading
import time

from limits.storage import Storage

SWEEP_EVERY_S = 60.0


class WindowStorage(Storage):  # type: ignore[misc, unused-ignore]
    """Fixed windows only: a count and an end (seconds since the epoch) for each key."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - the registry of limits reads a list

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._windows: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._next_sweep = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` in the key's window, which lasts ``expiry`` seconds from its first count."""
        now = time.time()
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._sweep(now)
            self._windows[key] = (count + amount, end)
        return count + amount

    def _sweep(self, now: float) -> None:
        if now >= self._next_sweep:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._next_sweep = now + SWEEP_EVERY_S

    def get(self, key: str) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)
