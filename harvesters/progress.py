"""Showing how far a harvest is: a bar on a terminal, plain lines anywhere else; always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from discovery.model.source import Counts

_EVERY: Final = 5.0
"""Seconds between two plain lines: a log is read by people too."""


class Progress(Protocol):
    """Told how a run goes; it never decides anything."""

    def begin(self, title: str, total: int | None) -> None:
        """Begin with what is harvested, and how many elements there may be."""
        ...

    def advance(self, counts: Counts) -> None:
        """Say what the run has done so far."""
        ...

    def end(self, message: str) -> None:
        """Say how it ended."""
        ...


class Lines:
    """Writes a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._title = ""
        self._total: int | None = None
        self._started = self._last = time.monotonic()

    def begin(self, title: str, total: int | None) -> None:
        """Begin a run."""
        self._title, self._total = title, total
        self._started = self._last = time.monotonic()

    def advance(self, counts: Counts) -> None:
        """Write how many have come, at most every few seconds."""
        moment = time.monotonic()
        if moment - self._last < _EVERY:
            return
        self._last = moment
        rate = counts.seen / (moment - self._started)
        of = f" of about {self._total}" if self._total else ""
        left = (
            f", {(self._total - counts.seen) / rate:.0f} s left"
            if self._total and rate and self._total > counts.seen
            else ""
        )
        self._write(f"{self._title}: {counts.seen}{of} ({rate:.0f}/s{left})")

    def end(self, message: str) -> None:
        """Write how it ended."""
        # A run may end before it knows what it is about; whoever began it says so anyway.
        self._write(f"{self._title}: {message}" if self._title else message)

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class Bar:
    """Draws a bar with rate and remaining time."""

    def __init__(self, stream: TextIO) -> None:
        # Rich takes a while to import, and most runs have no terminal.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            ProgressColumn,
            SpinnerColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed or task.finished_speed or 0:.0f}/s", style="progress.data.speed")

        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, title: str, total: int | None) -> None:
        """Draw the empty bar."""
        from rich.progress import TaskID

        if self._task is not None:
            self._bar.remove_task(TaskID(self._task))
        self._task = self._bar.add_task(title, total=total)
        self._bar.start()

    def advance(self, counts: Counts) -> None:
        """Draw how many have come."""
        from rich.progress import TaskID

        if self._task is not None:
            self._bar.update(TaskID(self._task), completed=counts.seen)

    def end(self, message: str) -> None:
        """Take the bar away and leave one line."""
        self._bar.stop()
        self._bar.console.print(message, markup=False, highlight=False)


def progress(stream: TextIO = sys.stderr) -> Progress:
    """Return what fits the stream: a bar on a terminal, else lines."""
    return Bar(stream) if stream.isatty() else Lines(stream)
