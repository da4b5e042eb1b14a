"""How a line of the tables `shared_code.py` and `shared_data.py` is written."""

from typing import NamedTuple


class Row(NamedTuple):
    """An extension that several languages share: the first rule that matches decides, else the fallback."""

    fallback: str | None
    why: str
    """Why the fallback is what is left, or the commonest."""
    rules: tuple[tuple[str, ...], ...]
    """(language, pattern, then words of which each match holds one, if that is so). `^` and `$` in patterns are those of lines; a
    pattern that begins with `\\n` sees an empty line before the text: it stands for `^` and is found many times as fast."""


def row(fallback: str | None, why: str, *rules: tuple[str, ...]) -> Row:
    """Write a line of a table."""
    return Row(fallback, why, rules)
