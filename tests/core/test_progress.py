"""What long work shows while it runs."""

import io
import time

from rich.console import Console

from codewright.core.progress import Reporter


def test_values_of_a_table_may_change_by_themselves_and_lines_without_text_are_left_out() -> None:
    out = io.StringIO()
    trouble = ""
    with Reporter(Console(file=out, width=60)).live("teacher") as show:
        show({"rows": "", "replies": "7 asked for", "waiting": lambda: trouble})
        trouble = "for the server"
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["│", "replies", "│", "7", "asked", "for", "│"] in lines
    assert ["│", "waiting", "│", "for", "the", "server", "│"] in lines
    assert "rows" not in out.getvalue()


def test_on_a_terminal_they_change_while_nothing_else_does() -> None:
    out = io.StringIO()
    said = ["one"]
    with Reporter(Console(file=out, width=60, force_terminal=True)).live("teacher") as show:
        show({"replies": lambda: said[0]})
        said[0] = "two"
        deadline = time.monotonic() + 30
        while "two" not in out.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "two" in out.getvalue()
