"""A program as its top-level pieces: what each one is, which names it binds and which it needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Kind = Literal["header", "import", "definition", "binding", "run", "main", "test", "broken"]
"""header: has to stay first (package clause, PHP tag, __future__). import: brings names from elsewhere. definition: function,
class, type. binding: gives a name a value. run: does something. main: runs only when the file is the program. test: tests
beside the code. broken: does not parse."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One top-level item of a program, with the comments, decorators and attributes that stand right above it.

    start, end: character offsets, end exclusive. binds: names it gives to the program. methods: functions inside its classes,
    name and offsets. stubs: those of binds and members that have no body to speak of. shows: it only prints or asserts.
    key: names a header apart from its spelling. sound: all of it parses.
    """

    start: int
    end: int
    kind: Kind
    read_uses: Callable[[], frozenset[str]] = field(repr=False)
    binds: frozenset[str] = frozenset()
    methods: tuple[tuple[str, int, int], ...] = ()
    stubs: frozenset[str] = frozenset()
    shows: bool = False
    key: str = ""
    sound: bool = True

    @cached_property
    def members(self) -> frozenset[str]:
        """Collect the names of its methods."""
        return frozenset(name for name, _, _ in self.methods)

    @property
    def mains(self) -> list[tuple[int, int]]:
        """List the offsets of the `main` methods inside its classes."""
        return [(start, end) for name, start, end in self.methods if name in {"main", "Main"}]

    @cached_property
    def uses(self) -> frozenset[str]:
        """Collect the names of the program that it needs; for a function, not its own locals where that is known."""
        return self.read_uses()


@dataclass(frozen=True)
class Program:
    """Source text and its pieces in order. broken: some of it is not in the language, or not in what we know of it."""

    text: str
    language: str
    pieces: tuple[Piece, ...]
    broken: bool

    @cached_property
    def bound(self) -> frozenset[str]:
        """Collect every name that it binds at top level."""
        return frozenset(name for piece in self.pieces for name in piece.binds)

    def source(self, piece: Piece) -> str:
        """Return the text of a piece."""
        return self.text[piece.start : piece.end]

    def hosts(self, name: str) -> list[Piece]:
        """List the pieces that define a name: at top level, else inside their classes."""
        kinds = _DEFINING if self.language in _VALUES_CAN_BE_CALLED else _DEFINING - {"binding"}
        top = [piece for piece in self.pieces if name in piece.binds and piece.kind in kinds]
        return top or [piece for piece in self.pieces if name in piece.members]

    def defines_anything(self) -> bool:
        """Tell whether there is a function, class or type in it."""
        return any(piece.kind == "definition" and piece.binds for piece in self.pieces)

    def live(self, roots: Iterable[Piece]) -> set[Piece]:
        """Collect pieces that the roots need, themselves included, through any number of steps."""
        roots = list(roots)
        return reach(roots, self.pieces).union(roots)


def reach(roots: Iterable[Piece], offered: Iterable[Piece]) -> set[Piece]:
    """Collect those of the offered pieces that the roots need, through any number of steps."""
    binders: dict[str, list[Piece]] = {}
    for piece in offered:
        for name in piece.binds:
            binders.setdefault(name, []).append(piece)
    found: set[Piece] = set()
    waiting = list(roots)
    while waiting:
        for name in waiting.pop().uses:
            fresh = [piece for piece in binders.pop(name, ()) if piece not in found]
            found.update(fresh)
            waiting += fresh
    return found


_DEFINING = frozenset({"definition", "binding", "main"})
_VALUES_CAN_BE_CALLED = frozenset({"python", "javascript", "typescript"})


def remove(program: Program, dropped: Iterable[Piece], spans: Iterable[tuple[int, int]] = ()) -> str:
    """Return the text without some pieces and spans: whole lines where nothing else stands on them.

    Behind the last piece that stays, nothing stays.
    """
    gone = set(dropped)
    cuts = sorted([*((piece.start, piece.end) for piece in gone), *spans])
    text = program.text
    kept = [piece for piece in program.pieces if piece not in gone]
    if gone and kept and program.pieces[-1] in gone:
        last = max(piece.end for piece in kept)
        tail = text.find("\n", last)
        nearest = min((piece.start for piece in gone if piece.start >= last), default=len(text))
        text = text[: min(nearest, tail if tail >= 0 else len(text))].rstrip() + "\n"
    parts, at = [], 0
    for start, end in cuts:
        if start >= len(text) or end > len(text):
            break
        line, stop = text.rfind("\n", 0, start) + 1, _line_end(text, end)
        behind = text[end:stop].strip(" \t;")
        alone = not text[line:start].strip() and (not behind or behind.startswith(("#", "//")))
        filler = "" if alone or program.language != "python" else "pass"
        cut = (max(line, at), min(stop + 1, len(text))) if alone else (start, end)
        parts += [text[at : cut[0]], filler]
        at = max(at, cut[1])
    return "".join([*parts, text[at:]])


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return found if found >= 0 else len(text)


def insert(program: Program, imports: list[str], others: list[str]) -> str:
    """Return the text with imports behind its header and other sources before its first piece that is no import."""
    text = program.text
    headers = [piece.end for piece in program.pieces if piece.kind == "header"]
    rest = [piece.start for piece in program.pieces if piece.kind not in {"header", "import"}]
    top = _line_end(text, headers[-1]) + 1 if headers else 0
    below = max(min(rest, default=len(text)), top)
    joint = "\n" if program.language == "python" else ""
    parts = [text[:top]]
    if headers and not parts[0].endswith("\n"):
        parts.append("\n")
    parts += ["\n".join(imports), "\n" if imports else "", text[top:below]]
    if imports and others and not text[top:below].strip():
        parts.append(joint + joint)
    if others:
        parts += [
            "" if below == top or text[:below].endswith("\n") else "\n",
            f"\n\n{joint}".join(others),
            f"\n\n{joint}",
        ]
    return "".join([*parts, text[below:]])
