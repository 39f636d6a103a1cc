from __future__ import annotations

import io
import time

import pytest

from discovery.model.source import Counts
from harvesters import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_lines_and_a_terminal_a_bar() -> None:
    assert isinstance(progress.progress(io.StringIO()), progress.Lines)
    assert isinstance(progress.progress(Terminal()), progress.Bar)


def test_lines_come_now_and_then_with_the_rate_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    lines = progress.Lines(stream)
    lines.begin("A source", 1000)
    for second in range(12):
        clock[0] = 100.0 + second
        lines.advance(Counts(seen=second * 20))
    lines.end("complete, 220 seen")
    assert stream.getvalue().splitlines() == [
        "A source: 100 of about 1000 (20/s, 45 s left)",
        "A source: 200 of about 1000 (20/s, 40 s left)",
        "A source: complete, 220 seen",
    ]


def test_lines_without_a_total_promise_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    lines = progress.Lines(stream)
    lines.begin("A source", None)
    clock[0] = 10.0
    lines.advance(Counts(seen=50))
    assert stream.getvalue() == "A source: 50 (5/s)\n"


def test_a_run_that_ends_before_it_began_says_only_how() -> None:
    stream = io.StringIO()
    progress.Lines(stream).end("failed, 0 seen: no answer")
    assert stream.getvalue() == "failed, 0 seen: no answer\n"


def test_a_bar_leaves_one_line_and_shows_titles_as_they_are() -> None:
    stream = Terminal()
    with progress.Bar(stream) as bar:
        bar.begin("[red]first[/red]", 10)
        bar.advance(Counts(seen=3))
        bar.begin("second", None)
        bar.advance(Counts(seen=5))
        bar.end("[bold]done[/bold]")
    assert "[bold]done[/bold]" in stream.getvalue()
