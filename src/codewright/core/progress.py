"""Progress bars and summary tables, on stderr so that stdout stays for results."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

Advance = Callable[..., None]
"""advance(steps=1, note=""): move the bar on and, where given, show a short note such as the current loss."""

LiveText = str | Callable[[], str]
"""A value in a table that changes."""


class Reporter:
    """Where long work tells what it is doing; `quiet` keeps it silent (tests, workers)."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True, quiet=quiet, highlight=False, emoji=False)

    @contextlib.contextmanager
    def bar(self, label: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Show one bar while the block runs; `done` is what an earlier, killed run had finished already."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        # In a log file a bar is only blank lines.
        hidden = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=hidden) as progress:
            task = progress.add_task(label, total=total, completed=done, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                progress.advance(task, steps)
                if note:
                    progress.update(task, note=note)

            yield advance

    @contextlib.contextmanager
    def live(self, title: str) -> Iterator[Callable[[Mapping[str, LiveText]], None]]:
        """Show a table of names and values that changes while the block runs; yields what shows new values.

        A value that is a function is asked for its text each time the table is drawn; without text its line is left out.
        In a log file, where nothing can be overwritten, only the last values are printed.
        """
        last: dict[str, LiveText] = {}

        def drawn() -> Table:
            table = Table(title=title, title_justify="left", show_header=False)
            for name, value in last.items():
                if text := value if isinstance(value, str) else value():
                    table.add_row(Text(name), Text(text, justify="right"))
            return table

        shown = Live(get_renderable=drawn, console=self.console, refresh_per_second=4, transient=True)
        with shown if self.console.is_terminal else contextlib.nullcontext():
            yield last.update
        if last:
            self.console.print(drawn())

    def say(self, text: str) -> None:
        """Print one line (rich markup allowed)."""
        self.console.print(text)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; columns whose cells are all numbers are right-aligned."""
        table = Table(title=title, title_justify="left")
        for index, name in enumerate(header):
            numeric = all(row[index][:1].isdigit() or row[index] in {"", "-"} for row in rows)
            table.add_column(name, justify="right" if numeric and rows else "left")
        for row in rows:
            table.add_row(*map(Text, row))  # cells are data: brackets in them are no markup
        self.console.print(table)
