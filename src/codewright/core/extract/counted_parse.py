"""A tree-sitter parse that is given up after so many steps: counted, not timed, so the same text always has the same answer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

_STEPS, _BYTES_A_STEP = 20_000, 4
"""A parse is given up after so many reports of progress and one for so many bytes: ten times what ordinary and minified files
take (50 bytes a report and more, counted over npm's packages), for error recovery can take long."""

_CHUNK = 65_536
"""Bytes handed to the parser at a time."""


def parse_counted(parser: "Parser", data: bytes) -> "Tree | None":
    """Parse UTF-8, with errors or without; None for what takes too many steps. The parser can be used again."""
    left = _STEPS + len(data) // _BYTES_A_STEP

    def too_long(_offset: int, _has_error: bool) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        return parser.parse(lambda offset, _: data[offset : offset + _CHUNK], progress_callback=too_long)
    except ValueError:  # what py-tree-sitter 0.26 raises for a parse that was given up
        parser.reset()
        return None
