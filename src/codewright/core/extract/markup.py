"""The shape of a chat answer: what the model thought aloud, and its fenced blocks. One pass over the lines.

Fences follow CommonMark (section 4.5 of its specification) with what models add to it: fences that are never closed, that begin
or end in the middle of a line, that are opened again before they were closed, blocks inside a Markdown block.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_THOUGHT = r"think|thinking|thought|thoughts|reasoning"
_OPENING = re.compile(rf"[ \t]*(?:<(?:\w+:)?({_THOUGHT})>|\[(THINK)\])", re.IGNORECASE)
_END = rf"(?:</(?:\w+:)?(?:{_THOUGHT})>|\[/THINK\])"
_CLOSING = re.compile(rf"(?<![\"'`/]){_END}|{_END}(?![\"'/]|`(?!``))", re.IGNORECASE)
"""Not where it is quoted: code may be about such tags."""

_ANY = re.compile(rf"</?(?:\w+:)?(?:{_THOUGHT})>|\[/?THINK\]", re.IGNORECASE)
_LEAD = re.compile(r"[ \t>\u200b\ufeff]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?")
_RUN = re.compile(r"`{3,}|~{3,}")
_TAG = re.compile(r"[\w+#-]+")
_TAGGED = re.compile(r"\{?\.?[\w+#-]*[^\n`]*\Z")
_AFTER_CLOSE = re.compile(r"[ \t\u200b]*(?:\Z|[<.,;:*)\]])")
_NESTING = frozenset({"markdown", "md", "mdx"})
_BLANK = " \t>*/#-"
"""What a line of a comment may begin with; a fence behind it is part of the comment."""
_SPACES = " \t>\u200b\ufeff"

TAGS = {
    "bash": frozenset({"bash", "sh", "shell", "zsh"}),
    "c": frozenset({"c", "h"}),
    "cpp": frozenset({"cpp", "c++", "cc", "cxx", "hpp"}),
    "csharp": frozenset({"csharp", "c#", "cs"}),
    "go": frozenset({"go", "golang"}),
    "java": frozenset({"java"}),
    "javascript": frozenset({"javascript", "js", "node", "nodejs", "jsx", "mjs"}),
    "julia": frozenset({"julia", "jl"}),
    "kotlin": frozenset({"kotlin", "kt"}),
    "lua": frozenset({"lua"}),
    "perl": frozenset({"perl", "pl"}),
    "php": frozenset({"php"}),
    "python": frozenset({"python", "py", "python3", "py3", "python2", "ipython", "pycon"}),
    "r": frozenset({"r"}),
    "racket": frozenset({"racket", "rkt", "scheme"}),
    "ruby": frozenset({"ruby", "rb"}),
    "rust": frozenset({"rust", "rs"}),
    "scala": frozenset({"scala"}),
    "swift": frozenset({"swift"}),
    "typescript": frozenset({"typescript", "ts", "tsx"}),
}
"""codewright's language names -> what models write behind a fence."""

_NO_CODE = frozenset({"text", "txt", "plaintext", "plain", "output", "console", "terminal", "json", "yaml", "xml", "html", "css", "sql", "diff", "stdout", "makefile", "dockerfile", "toml", "ini", "csv", "markdown", "md", "latex", "math", "mermaid"})  # fmt: skip
_NEAR = ({"c", "cpp"}, {"javascript", "typescript"})
_OTHER = {tag: language for language, tags in TAGS.items() for tag in tags}


@dataclass(frozen=True)
class Block:
    """One fenced block. code: without the fence's own indentation. tag: the first word behind the fence, in lower case.

    first, last: its lines in `Markup.lines`, last exclusive, fences not included. closed: whether its end was seen.
    """

    code: str
    tag: str
    first: int
    last: int
    closed: bool

    def rank(self, language: str) -> int:
        """Say how likely its tag makes it: 3 the language itself, 2 no tag or an unknown one, 1 another language or none."""
        if self.tag in TAGS.get(language, {language}):
            return 3
        other = _OTHER.get(self.tag)
        if other is None:
            return 1 if self.tag in _NO_CODE else 2
        return 2 if any({language, other} <= near for near in _NEAR) else 1


@dataclass(frozen=True)
class Markup:
    """An answer without what was thought aloud, as lines and blocks. unfinished: a thought was never closed."""

    lines: tuple[str, ...]
    blocks: tuple[Block, ...]
    unfinished: bool

    @property
    def text(self) -> str:
        """Return it as one text, fences included."""
        return "\n".join(self.lines)

    def outside(self) -> str:
        """Return it with its fences left out, but not what stands between them."""
        fences = {line for block in self.blocks for line in (block.first - 1, block.last)}
        return "\n".join(line for number, line in enumerate(self.lines) if number not in fences)


def read_markup(response: str) -> Markup:
    """Read an answer; lines end in a line feed afterwards, whatever they ended in before."""
    text = response.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    text, unfinished = _without_thoughts(text)
    lines = tuple(text.split("\n"))
    return Markup(lines, tuple(_blocks(lines)) if "```" in text or "~~~" in text else (), unfinished)


# ------------------------------------------------------------------------------------------------------------ fences


@dataclass
class _Open:
    """A fence that is open. start: the first line of its content."""

    mark: str
    length: int
    indent: int
    quoted: bool
    tag: str
    start: int


def _opens(line: str, number: int) -> _Open | None:
    """Tell whether a line opens a fence, alone or behind words."""
    runs = list(_RUN.finditer(line)) if "```" in line or "~~~" in line else []
    if len(runs) != 1:
        return None
    run, info = runs[0], line[runs[0].end() :]
    lead = _LEAD.match(line)
    fresh = lead is not None and lead.end() == run.start()
    if run.group()[0] == "`" and not _TAGGED.match(info):
        return None
    words = info.strip(" \t{}.")
    if not fresh and (run.group()[0] == "~" or (words and not _TAG.fullmatch(words))):
        return None
    tag = _TAG.match(words)
    before = line[: run.start()] if fresh else ""
    return _Open(
        run.group()[0],
        len(run.group()),
        len(before),
        ">" in before,
        tag.group().lower() if tag else "",
        number + 1,
    )


def _closes(line: str, fence: _Open) -> str | None:
    """Return what a line still adds to an open fence when it closes it, else None."""
    if fence.mark * 3 not in line:
        return None
    bare = line.lstrip(_SPACES)
    indent = len(line) - len(bare)
    run = len(bare) - len(bare.lstrip(fence.mark))
    if run >= fence.length and indent <= fence.indent + 3 and _AFTER_CLOSE.match(bare[run:]):
        return ""
    ending = line.rstrip()
    code = ending.rstrip(fence.mark)
    if code.strip(_BLANK) and len(ending) - len(code) == fence.length and fence.mark * 3 not in code:
        return code
    return None


def _blocks(lines: tuple[str, ...]) -> Iterator[Block]:
    around: list[_Open] = []  # Markdown blocks that hold others
    fence: _Open | None = None
    for number, line in enumerate(lines):
        if fence is None or (around and fence is around[-1]):
            holder = fence
            if holder is not None and _closes(line, holder) == "":
                around.pop()
                fence = around[-1] if around else None
                continue
            opened = _opens(line, number)
            if opened is not None:
                fence = opened
                if opened.tag in _NESTING:
                    around.append(opened)
            elif holder is None and (inline := _inline(line, number)) is not None:
                yield inline
            continue
        rest = _closes(line, fence)
        if rest is not None:
            yield _block(lines, fence, number, rest, closed=True)
            fence = around[-1] if around else None
            continue
        again = _opens(line, number)
        if again is not None and _begins_anew(line, again, fence):
            yield _block(lines, fence, number, "", closed=False)
            fence = again
    if fence is not None and fence not in around:
        yield _block(lines, fence, len(lines), "", closed=False)


def _begins_anew(line: str, again: _Open, fence: _Open) -> bool:
    """Tell whether a fence inside an open one is the next block's, the open one never having been closed."""
    alike = again.mark == fence.mark and again.length >= fence.length and again.indent <= fence.indent + 3
    return alike and bool(again.tag) and line.lstrip(_SPACES).startswith(again.mark)


def _block(lines: tuple[str, ...], fence: _Open, last: int, rest: str, *, closed: bool) -> Block:
    inside = [*lines[fence.start : last], *([rest] if rest else [])]
    if fence.quoted:
        inside = [re.sub(r"^[ \t]*>[ \t]?", "", line) for line in inside]
    elif fence.indent:
        inside = [_unindent(line, fence.indent) for line in inside]
    return Block("\n".join(inside), fence.tag, fence.start, last, closed)


def _inline(line: str, number: int) -> Block | None:
    """Return the block of a line that holds both of its fences."""
    bare = line.strip(_SPACES)
    if not (bare.startswith("```") and bare.endswith("```") and len(bare) > 6 and "```" not in bare[3:-3]):
        return None
    word, _, rest = bare[3:-3].partition(" ")
    known = word.lower() in _OTHER and rest
    return Block(
        rest if known else bare[3:-3], word.lower() if known else "", number + 1, number, closed=True
    )


def _unindent(line: str, width: int) -> str:
    """Take up to this many spaces or tabs off a line."""
    at = 0
    while at < width and at < len(line) and line[at] in " \t":
        at += 1
    return line[at:]


# ---------------------------------------------------------------------------------------------------------- thoughts


@dataclass
class _Thoughts:
    """What is kept of an answer while its thoughts are taken out, and where thoughts end that nobody opened."""

    kept: list[str] = field(default_factory=list)
    length: int = 0
    ends: list[int] = field(default_factory=list)
    maybe: list[int] = field(default_factory=list)  # inside a fence that may never close

    def keep(self, line: str) -> None:
        self.kept.append(line)
        self.length += len(line)


def _without_thoughts(text: str) -> tuple[str, bool]:
    """Take thoughts out: return the rest, and whether one was never closed."""
    if not _ANY.search(text):
        return text, False
    found, fence, at, unfinished = _Thoughts(), None, 0, False
    while at < len(text):
        stop = text.find("\n", at) + 1 or len(text)
        line = text[at:stop]
        opening = _OPENING.match(line) if fence is None else None
        if opening is not None:
            closing = _CLOSING.search(text, at + opening.end())
            if closing is None:
                unfinished = True
                break
            at = closing.end()
            continue
        ends = [found.length + one.end() for one in _CLOSING.finditer(line)] if "/" in line else []
        if fence is None:
            found.ends += ends
            fence, found.maybe = _opens(line.rstrip("\n"), 0), []
        else:
            found.maybe += ends
            again = _opens(line.rstrip("\n"), 0)
            if _closes(line.rstrip("\n"), fence) is not None:
                fence = None
            elif again is not None and again.tag:  # the fence was never closed
                found.ends += found.maybe
                fence, found.maybe = again, []
        found.keep(line)
        at = stop
    rest = "".join(found.kept)
    ends = found.ends + (found.maybe if fence is not None else [])
    return rest[max(ends, default=0) :], unfinished
