"""Licence and copyright headers: which lines of the comments at a file's top are about nothing else.

Only comments before the first code are looked at, behind what must stand first (`_PRELUDE`). A comment falls into paragraphs;
those of a notice or of terms of use go, what describes the file and what speaks to tools stays. Code is never touched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from codewright.corpus.transforms.comments import Syntax, syntax_of
from codewright.corpus.transforms.edits import Edit, apply, combine
from codewright.corpus.transforms.legal import DIRECTIVE, HINTS, NOTICE, PROSE, WEAK

_TOP = 65_536
_LAST = 44_000
"""Characters that are looked at, and at which code must have begun; the longest licence text people paste, the GPL's, has 35,000."""

_LONG_LINE = 1000
"""Characters of a comment's line that are judged."""

_MOST_COMMENTS = 200
_ROUNDS = 8
"""Comments before the first code, and times that a removal may uncover another header: with more, a file is left alone."""

_PRELUDE = re.compile(
    r"""\A\ufeff | \A\#!(?!\[)[^\n]* | <\?(?:php|hh|=)?(?=\s) | <\?xml\b[^>]{0,500}\?> | <!doctype\b[^>]{0,500}>
      | (['"])use[ ]strict\1;? | \#pragma[ ]once\b[^\n]* | \#[ ]*ifndef[ ]+(\w+)[ \t]*\r?\n\s*\#[ ]*define[ ]+\2[ \t]*(?=[\r\n])
      | @charset[ ]"[^"\n]{0,40}"; | %YAML[^\n]* | ---[ \t]*(?=[\r\n]) | @?echo[ ]off\b[^\n]* | \#lang[ ][^\n]* | ;;;?[ ]*-\*-[^\n]*-\*-[^\n]*""",
    re.VERBOSE | re.IGNORECASE,
)
"""What may stand before a header; it stays."""

_DOCSTRING = re.compile(
    r"[rRuU]?(?P<quotes>\"\"\"|''')(?s:(?:\\.|(?!(?P=quotes))[^\\]){0,20000}?)(?P=quotes)"
)
"""The string that describes a Python module; the header may stand below it."""

_DESCRIBED = frozenset({"python", "cython", "starlark"})
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")
_SPACE = re.compile(r"[\s\ufeff]*")
_BLANK = re.compile(r"[ \t\f\v]*")
_BLANK_LINES = re.compile(r"(?:[ \t\f\v]*(?:\r\n|\n|\r))+")
_DECORATION = re.compile(r"[\s*#|;:~!/%=+\"'><{}()_.\\-]*")
_WORDS = re.compile(r"[^\W_]")
_SENTENCE = re.compile(r"[.!?:;|][ ]+")
_NOT_DONE = re.compile(r"(?:,|\band|\bby|\bof|&|-)\W*$", re.IGNORECASE)


@dataclass
class _Line:
    """A line of a comment: the span that goes if it goes, and where its text begins and ends without marker and decoration."""

    low: int
    high: int
    begin: int
    end: int
    text: str
    """Lower case, folded."""
    raw: str


@dataclass
class _Comment:
    """A run of comment lines, or one comment over several lines: low to high is all of it."""

    low: int
    high: int
    lines: list[_Line] = field(default_factory=list)


def header_edits(content: str, language: str | None) -> list[Edit]:
    """Find what is to be removed at the top of a file, until nothing is; a language of unknown syntax has nothing."""
    syntax = syntax_of(language)
    if syntax is None:
        return []
    edits: list[Edit] = []
    top = content[:_TOP]
    for _ in range(_ROUNDS):
        comments = _comments(top, len(content) > _TOP, syntax, language in _DESCRIBED)
        found = _one_round(top, comments)
        if not found:
            return edits
        edits = combine(edits, found, top)
        top = apply(top, found)
    return []


def _one_round(top: str, comments: list[_Comment]) -> list[Edit]:
    if not comments:
        return []
    lower = top[comments[0].low : comments[-1].high].lower()
    if not any(hint in lower for hint in HINTS):
        return []
    spans: list[tuple[int, int]] = []
    for comment in comments:
        spans += _removals(comment, top)
    return [Edit("header", "header", low, high - low, "", top[low:high]) for low, high in _joined(spans)]


# ---------------------------------------------------------------------------------------------------- finding comments


def _comments(top: str, cut: bool, syntax: Syntax, described: bool) -> list[_Comment]:
    """Return the comments before the first code; none if there are too many, or if they may go on where the text was cut."""
    at = 0
    comments: list[_Comment] = []
    while len(comments) < _MOST_COMMENTS:
        at = _SPACE.match(top, at).end()  # type: ignore[union-attr]
        prelude = _PRELUDE.match(top, at)
        if prelude is None and described:
            prelude, described = _DOCSTRING.match(top, at), False
        if prelude:
            at = prelude.end()
            continue
        comment = _line_run(top, at, syntax) or _block(top, at, syntax)
        if comment is None:
            opened = any(top.startswith(opener, at) for opener, _ in (*syntax.block, *syntax.own_line))
            return [] if cut and (opened or at > _LAST) else comments
        comments.append(comment)
        at = comment.high
    return []


def _line_run(top: str, at: int, syntax: Syntax) -> _Comment | None:
    """Read comment lines one below the other, small enclosed comments that fill their line included."""
    start = top.rfind("\n", 0, at) + 1
    if top[start:at].strip(" \t\r"):
        start = at  # a prelude stands before it on its line
    lines: list[_Line] = []
    first, at = start, start
    while at < len(top):
        begin = _BLANK.match(top, at).end()  # type: ignore[union-attr]
        found = _LINE_END.search(top, begin)
        stop, following = (found.start(), found.end()) if found else (len(top), len(top))
        inner = _line_comment(top, begin, (begin == at and at != first) or begin == at == start, stop, syntax)
        if inner is None:
            break
        lines.append(_line(top, at, following, *inner))
        at = following
    return _Comment(first, at, lines) if lines else None


def _line_comment(
    top: str, begin: int, in_first_column: bool, stop: int, syntax: Syntax
) -> tuple[int, int] | None:
    """Return where a comment line's text begins and ends, or None where the line is none."""
    if top.startswith(syntax.code, begin):
        return None
    for opener, closer in (*syntax.own_line, *syntax.block):
        if top.startswith(opener, begin):
            return _within_line(top, begin, stop, opener, closer, syntax)
    for marker in syntax.line:
        if top.startswith(marker, begin) or (marker.endswith(" ") and top[begin:stop] == marker.rstrip()):
            # A backslash draws the next line in, which may look like code to whoever reads on.
            goes_on = syntax.continued and top[begin:stop].endswith("\\")
            return None if goes_on else (min(begin + len(marker), stop), stop)
    return (begin + 1, stop) if in_first_column and top.startswith(syntax.first_column, begin) else None


def _within_line(  # noqa: PLR0917
    top: str, begin: int, stop: int, opener: str, closer: str, syntax: Syntax
) -> tuple[int, int] | None:
    """Return the same for an enclosed comment that fills its line."""
    if (opener, closer) in syntax.own_line or (syntax.nested and top.count(opener, begin, stop) > 1):
        return None
    inner = begin + len(opener)
    end = top.find(closer, inner, stop)
    return (inner, end) if end >= 0 and not top[end + len(closer) : stop].strip() else None


def _block(top: str, at: int, syntax: Syntax) -> _Comment | None:
    """Read one comment that does not end on its line, or after which code stands."""
    if top.startswith(syntax.code, at):
        return None
    for opener, closer in (*syntax.own_line, *syntax.block):
        if not top.startswith(opener, at):
            continue
        own_line = (opener, closer) in syntax.own_line
        inner = at + len(opener)
        end = _closing(top, inner, opener, closer, syntax.nested, own_line)
        if end is None:
            return None
        low = top.rfind("\n", 0, at) + 1
        low = at if top[low:at].strip() else low
        behind = _BLANK.match(top, end + len(closer)).end()  # type: ignore[union-attr]
        found = _LINE_END.match(top, behind)
        comment = _Comment(low, found.end() if found else behind)
        begin = inner
        while begin <= end:
            found = _LINE_END.search(top, begin, end)
            stop, following = (found.start(), found.end()) if found else (end, end)
            first, last = begin == inner, not found
            span = (begin, stop) if first or last else (begin, following)
            comment.lines.append(_line(top, *span, begin, stop))
            begin = following if found else end + 1
        return comment
    return None


def _closing(  # noqa: PLR0917
    top: str, inner: int, opener: str, closer: str, nested: bool, own_line: bool
) -> int | None:
    """Return where the closing marker begins."""
    if own_line:
        found = re.compile(rf"^{re.escape(closer)}[ \t]*\r?$", re.MULTILINE).search(top, inner)
        alone = not top[inner : top.find("\n", inner)].strip() or opener == "=begin"
        return found.start() if found and alone else None
    if not nested:
        end = top.find(closer, inner)
        return end if end >= 0 else None
    depth = 1
    for found in re.compile(f"{re.escape(opener)}|{re.escape(closer)}").finditer(top, inner):
        depth += 1 if found[0] == opener else -1
        if depth == 0:
            return found.start()
    return None


def _line(top: str, low: int, high: int, begin: int, stop: int) -> _Line:
    begin = _DECORATION.match(top, begin, stop).end()  # type: ignore[union-attr]
    if begin > low and top[begin - 1] == "(":
        begin -= 1  # of (c)
    raw = top[begin:stop].rstrip("*#|;/ \t\r\f\v")
    words = raw[:_LONG_LINE]
    return _Line(low, high, begin, stop, " ".join(words.lower().split()) if _WORDS.search(words) else "", raw)


# ------------------------------------------------------------------------------------------------------- what goes


def _removals(comment: _Comment, top: str) -> list[tuple[int, int]]:
    lines = comment.lines
    goes = [False] * len(lines)
    paragraphs = list(_paragraphs(lines))
    sure = [_judge(lines, paragraph, goes) for paragraph in paragraphs]
    for number, paragraph in enumerate(paragraphs):
        # A licence's own paragraphs that none of the phrases knows.
        between = not sure[number] and any(sure[:number]) and any(sure[number + 1 :])
        if between and len({word[0] for word in WEAK.finditer(_joined_text(lines, paragraph))}) > 1:
            for at in paragraph:
                goes[at] = True
    if not any(goes):
        return []
    if all(gone or not line.text for gone, line in zip(goes, lines, strict=True)):
        return [(comment.low, _and_blank_lines(top, comment))]
    for at, line in enumerate(lines):  # blank lines that a removed paragraph leaves
        closing = at == len(lines) - 1 and line.high < comment.high
        if not line.text and not line.raw.strip() and not closing and _beside_removed(lines, goes, at):
            goes[at] = True
    spans = [(line.low, line.high) for line, gone in zip(lines, goes, strict=True) if gone]
    if goes[-1] and lines[-1].high < comment.high:  # the closing marker moves up to what stays
        last = max(at for at, gone in enumerate(goes) if not gone and lines[at].text)
        high = lines[-1].high
        spans[-1] = (lines[last].begin + len(lines[last].raw), high - (top[high - 1] == " "))
    return spans


def _paragraphs(lines: list[_Line]) -> Iterator[range]:
    """Yield runs of lines with words, none of which speaks to a tool."""
    begin = None
    for at, line in enumerate(lines):
        inside = bool(line.text) and not DIRECTIVE.search(line.text)
        if inside and begin is None:
            begin = at
        elif not inside and begin is not None:
            yield range(begin, at)
            begin = None
    if begin is not None:
        yield range(begin, len(lines))


def _joined_text(lines: list[_Line], paragraph: range) -> str:
    return " ".join(lines[at].text for at in paragraph)


def _judge(lines: list[_Line], paragraph: range, goes: list[bool]) -> bool:
    """Mark the lines of a paragraph that go; tell whether there are any."""
    text = _joined_text(lines, paragraph)
    prose = PROSE.search(text)
    notices = [at for at in paragraph if NOTICE.search(lines[at].text)]
    if prose:
        sentence = max((found.end() for found in _SENTENCE.finditer(text, 0, prose.start())), default=0)
        at, offset = paragraph.start, 0
        while at < paragraph.stop - 1 and offset < sentence and offset + len(lines[at].text) < prose.start():
            offset += len(lines[at].text) + 1
            at += 1
        for number in range(min([at, *notices]), paragraph.stop):
            goes[number] = True
    for at in notices:
        goes[at] = True
        following = at + 1
        while following < paragraph.stop and _continues(lines[at], lines[following], lines[following - 1]):
            goes[following] = True
            following += 1
    return bool(prose or notices)


def _continues(notice: _Line, line: _Line, before: _Line) -> bool:
    """Tell whether a line below a notice still belongs to it: it is indented further, or the line above is unfinished."""
    return bool(_NOT_DONE.search(before.text)) or line.begin - line.low > notice.begin - notice.low + 1


def _beside_removed(lines: list[_Line], goes: list[bool], at: int) -> bool:
    """Tell whether the text above a blank line goes, or, at a comment's end, whether nothing is left below."""
    above = next((goes[number] for number in range(at - 1, -1, -1) if lines[number].text), None)
    below = next((goes[number] for number in range(at + 1, len(lines)) if lines[number].text), None)
    return bool(above) or (
        bool(below) and not any(lines[n].text and not goes[n] for n in range(at, len(lines)))
    )


def _and_blank_lines(top: str, comment: _Comment) -> int:
    """Return where a removal of a whole comment ends: behind the blank lines below it, if it filled its lines."""
    if top[comment.high - 1 : comment.high] not in {"\n", "\r", "\u2028", "\u2029"}:
        return comment.high
    blank = _BLANK_LINES.match(top, comment.high)
    return blank.end() if blank else comment.high


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if low >= high:
            continue
        if joined and joined[-1][1] >= low:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
