"""What a transform changed: edits of a text, and how two rounds of them become one."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa


class Found(NamedTuple):
    """A span of a text, what it is, and which detector says so."""

    kind: str
    detector: str
    begin: int
    end: int


@dataclass(frozen=True)
class Edit:
    """One replaced span. offset, length: in characters of the original. A secret is not in here, only where it was.

    kind: `header`, `email`, `ip_address`, `key` or `password`; detector: which pattern found it. text: of a header what was
    removed, with what is secret or personal in it replaced as well; empty for the others.
    """

    kind: str
    detector: str
    offset: int
    length: int
    replacement: str
    text: str = ""

    @property
    def end(self) -> int:
        """Return the offset behind the span."""
        return self.offset + self.length


AUDIT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("kind", pa.string()),
        ("detector", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("text", pa.large_string()),
    ]
)
"""One row an edit: `id` and `path` of the document before it was transformed, then the fields of `Edit`; null where no text is."""


def audit_rows(document_id: str, path: str, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """Make the audit rows of one document."""
    return [
        {
            "id": document_id,
            "path": path,
            "kind": edit.kind,
            "detector": edit.detector,
            "offset": edit.offset,
            "length": edit.length,
            "text": edit.text or None,
        }
        for edit in edits
    ]


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Replace the spans; edits are sorted and do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += (text[at : edit.offset], edit.replacement)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def combine(first: Sequence[Edit], second: Sequence[Edit], between: str) -> list[Edit]:
    """Make one list of edits of the original out of two rounds, the second of which edited `between`, what the first had made.

    Where edits of the second round touch replacements of the first, they become one.
    """
    if not first or not second:
        return list(second or first)
    places: list[int] = []  # where each first edit's replacement begins in `between`, and where it ends
    ends: list[int] = []
    shift = 0
    for edit in first:
        places.append(edit.offset + shift)
        ends.append(places[-1] + len(edit.replacement))
        shift += len(edit.replacement) - edit.length
    spans = [(low, high, False, edit) for low, high, edit in zip(places, ends, first, strict=True)]
    spans += [(edit.offset, edit.end, True, edit) for edit in second]
    combined: list[Edit] = []
    for group in _touching(spans):
        later = [edit for _, _, is_later, edit in group if is_later]
        if not later:
            combined.append(group[0][3])
            continue
        low, high = group[0][0], max(span[1] for span in group)
        inside = [replace(edit, offset=edit.offset - low) for edit in later]
        start = _original(first, places, ends, bisect_right(places, low) - 1, low)
        end = _original(first, places, ends, bisect_left(places, high) - 1, high)
        replacement, text = apply(between[low:high], inside), "".join(span[3].text for span in group)
        combined.append(
            replace(later[0], offset=start, length=end - start, replacement=replacement, text=text)
        )
    return combined


_Span = tuple[int, int, bool, Edit]


def _touching(spans: list[_Span]) -> Iterator[list[_Span]]:
    """Yield groups of spans that overlap, in order."""
    group: list[_Span] = []
    high = 0
    for span in sorted(spans, key=lambda span: span[:3]):
        if group and span[0] >= high:
            yield group
            group = []
        high = max(high, span[1]) if group else span[1]
        group.append(span)
    if group:
        yield group


def _original(first: Sequence[Edit], places: list[int], ends: list[int], number: int, at: int) -> int:
    """Map a position to the original; `number` is the first round's edit that it is behind of, or at the beginning of."""
    if number < 0:
        return at
    edit = first[number]
    if at == places[number] and edit.replacement:
        return edit.offset
    return edit.end + max(at - ends[number], 0)
