"""How the seed tells how far it is: a bar in a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Reporter(Protocol):
    """Hears about the seed's progress. What it raises stops the seed where it is."""

    def say(self, text: str) -> None:
        """A sentence for the person who waits."""
        ...

    def begin(self, title: str, total: int) -> None:
        """A stretch of work of ``total`` steps begins; the one before is over."""
        ...

    def advance(self, steps: int = 1) -> None:
        """So many more steps of the stretch are done."""
        ...


@contextmanager
def show_progress(echo: Callable[[str], None], *, is_terminal: bool) -> Iterator[Reporter]:
    """A reporter for a terminal, or for a log that ``echo`` writes."""
    if not is_terminal:
        yield Lines(echo)
        return
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console()) as progress:
        yield Bars(progress)


class Bars:
    """One bar a stretch of work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False)

    def begin(self, title: str, total: int) -> None:
        self._task = self._progress.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        if self._task is not None:
            self._progress.advance(self._task, steps)


class Lines:
    """A line at each fifth of a stretch of work."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self._title = ""
        self._total = 0
        self._done = 0

    def say(self, text: str) -> None:
        self._echo(text)

    def begin(self, title: str, total: int) -> None:
        self._title, self._total, self._done = title, total, 0

    def advance(self, steps: int = 1) -> None:
        before, self._done = self._done, self._done + steps
        if before * 5 // self._total != self._done * 5 // self._total:
            self._echo(f"  {self._title}: {self._done:,} of {self._total:,}")
