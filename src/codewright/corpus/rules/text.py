"""Rules for every language: shape of the text, nothing of its syntax."""

from codewright.core.records import Document
from codewright.corpus.filtering import rule


@rule(
    high=1000,
    source="Codex, arXiv 2107.03374, section 3.1: longest line over 1000; opc_data_filtering: the same",
)
def max_chars_line(doc: Document) -> float | None:
    """Longest line, in characters."""
    return max(map(len, doc.content.splitlines()), default=0)


@rule(high=100, source="Codex, arXiv 2107.03374, section 3.1: mean line length over 100 characters")
def mean_chars_line(doc: Document) -> float | None:
    """Mean line length, in characters."""
    lines = doc.content.splitlines()
    return sum(map(len, lines)) / len(lines) if lines else None


@rule(low=0.25, source="StarCoder, arXiv 2305.06161, section 3: fewer than 25 % alphabetic characters")
def frac_chars_alphabet(doc: Document) -> float | None:
    """Share of letters among all characters."""
    if not doc.content:
        return None
    if doc.content.isascii():
        data = doc.content.encode("ascii")
        return (len(data) - len(data.translate(None, _ASCII_LETTERS))) / len(data)
    return sum(map(str.isalpha, doc.content)) / len(doc.content)


_ASCII_LETTERS = bytes([*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)])


@rule(low=0.1, source="ours: below it lie generated tables and data pasted many times over")
def frac_lines_distinct(doc: Document) -> float | None:
    """Share of distinct lines among the non-blank ones; not applicable below 50 lines."""
    lines = [line for line in map(str.strip, doc.content.splitlines()) if line]
    return len(set(lines)) / len(lines) if len(lines) >= 50 else None
