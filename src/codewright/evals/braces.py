"""Blocks in languages with braces: where they end, and a source without some of them.

A lexer, no parser: answers of models are often cut off, and it has to do for languages that nothing here can parse.
Braces in strings, characters and comments do not count.
"""

import re
from collections.abc import Iterator

_COMMENTS = r"//[^\n]*|/\*.*?\*/"
_LINE_STRINGS = r'""".*?"""|"(?:\\.|[^"\\\n])*"'
_USUAL = rf"{_COMMENTS}|{_LINE_STRINGS}|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
_SKIPPED = {
    "bash": r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|(?<!\S)\#[^\n]*""",
    "csharp": rf'@"(?:""|[^"])*"|{_USUAL}',
    # A lone quote is a lifetime.
    "rust": rf"""{_COMMENTS}|r(?P<hashes>\#*)".*?"(?P=hashes)|"(?:\\.|[^"\\])*"|'(?:\\[^'\n]*|[^'\\\n])'""",
}


def braces(source: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield every brace that counts: its position, and 1 where it opens, -1 where it closes."""
    token = re.compile(rf"(?:{_SKIPPED.get(language, _USUAL)})|(?P<brace>[{{}}])", re.DOTALL)
    for found in token.finditer(source):
        if found["brace"]:
            yield found.start(), 1 if found["brace"] == "{" else -1


def count_open(source: str, language: str) -> int:
    """Count the blocks that are still open at the end."""
    return sum(step for _, step in braces(source, language))


def find_close(source: str, language: str, opened: int = 0) -> int | None:
    """Find the brace that closes the last of the blocks that are open: `opened` before the source, then the source's own."""
    depth, begun = opened, opened > 0
    for position, step in braces(source, language):
        depth += step
        begun = begun or step > 0
        if begun and depth <= 0:
            return position
    return None


def without_blocks(source: str, language: str, header: re.Pattern[str]) -> str:
    """Take out every block whose head this expression finds, from there to the brace that closes it."""
    while found := header.search(source):
        close = find_close(source[found.start() :], language)
        # A head without a block, or with one that is cut off: all that follows belongs to it.
        end = len(source) if close is None else found.start() + close + 1
        source = source[: found.start()] + source[end:]
    return source
