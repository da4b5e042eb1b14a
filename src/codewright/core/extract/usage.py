"""Leaving out what an answer shows but the task did not ask for: example calls, checks, the main program."""

import re
from collections.abc import Iterable

from codewright.core.extract.grammar import find_nodes, parse_tree
from codewright.core.extract.program import Piece, Program, remove
from codewright.core.extract.task import Task
from codewright.core.extract.tree_names import go_imports

_READS = frozenset({"input", "raw_input"})
_ENDS = frozenset({"exit", "quit"})
_RUNNERS = frozenset({"unittest", "doctest", "pytest"})
_ABOVE = re.compile(r"\A(?:[ \t]*#[^\n]*\n)+")
_CALLED = re.compile(r"(\w+)\s*\(")
_MAIN_CALL = re.compile(r"\bmain\s*\(", re.IGNORECASE)


def without_usage(program: Program, task: Task) -> str:
    """Return the source without what only uses the entry point: calls, prints, asserts, main blocks and main functions.

    Definitions, imports and values that the entry point needs stay. Unchanged where the entry point is not defined.
    """
    hosts = program.hosts(task.name) if task.name else []
    if not hosts or task.name in {"main", "Main"} or (program.broken and program.language == "python"):
        return program.text
    keeps_main = program.language != "python" and _MAIN_CALL.search(task.prompt) is not None
    if all(piece.kind in {"definition", "import", "header"} and not piece.mains for piece in program.pieces):
        return program.text
    live = program.live(hosts)
    dropped = _usage(program, hosts, live) if not program.broken else set()
    spans: list[tuple[int, int]] = []
    if not keeps_main:
        dropped |= {
            piece for piece in program.pieces if piece.kind == "main" and piece not in live and piece.sound
        }
        for piece in program.pieces if not program.broken else ():
            if piece.mains and (piece in live or not _only_runs(piece, task)):
                spans += piece.mains
            elif piece.mains:
                dropped.add(piece)
    if not dropped and not spans:
        return program.text
    text = remove(program, dropped, spans)
    return _without_idle_imports(text, dropped) if program.language == "go" else text


def _only_runs(piece: Piece, task: Task) -> bool:
    """Tell whether a class is there for its main alone."""
    return task.name not in piece.members and piece.members <= {"main", "Main"}


def _usage(program: Program, hosts: list[Piece], live: set[Piece]) -> set[Piece]:
    """Collect pieces that use the entry point, or read input, and that it does not need itself."""
    own = {name for piece in hosts for name in piece.binds | piece.members}
    tainted = _users(program, live, own | (_READS if program.language == "python" else frozenset()))
    values = {name for piece in live if piece.kind == "binding" for name in piece.binds} - own
    others = [
        piece for piece in program.pieces if piece.kind in {"run", "binding", "test"} and piece not in live
    ]
    touched: list[Piece] = []
    gone: set[str] = set()  # what dropped values were called
    for piece in others:
        if piece.uses & gone or (piece.uses & tainted and _happens(program, piece, tainted)):
            touched.append(piece)
            gone |= piece.binds
    staying = [piece for piece in touched if _configures(program, piece, own, values)]
    needed = program.live(staying)
    ending = (piece for piece in others if piece.kind == "test" or _ends_the_program(program, piece))
    return {*touched, *ending} - needed


def _users(program: Program, live: set[Piece], names: set[str]) -> set[str]:
    """Add to the names those of functions and values that use them, in any number of steps."""
    users: dict[str, list[Piece]] = {}
    for piece in program.pieces:
        if piece.kind not in {"header", "import"} and piece not in live:
            for name in piece.uses:
                users.setdefault(name, []).append(piece)
    found, waiting = set(names), list(names)
    while waiting:
        fresh = {name for piece in users.pop(waiting.pop(), ()) for name in piece.binds} - found
        found |= fresh
        waiting += fresh
    return found


def _happens(program: Program, piece: Piece, names: set[str]) -> bool:
    """Tell whether a statement does more than to give another name to something."""
    called = set(_CALLED.findall(program.source(piece)))
    return piece.kind != "binding" or program.language == "bash" or bool(called & names)


def _configures(program: Program, piece: Piece, own: set[str], values: set[str]) -> bool:
    """Tell whether a statement may change what the entry point does: fills a table of its, calls a method of its class."""
    if program.language != "python" or piece.kind != "run" or piece.shows:
        return False
    return bool(piece.uses & values) or _statement(program, piece).partition(".")[0] in own


def _ends_the_program(program: Program, piece: Piece) -> bool:
    """Tell whether a statement runs tests or leaves the interpreter."""
    if program.language != "python" or piece.kind != "run":
        return False
    return bool(piece.uses & (_RUNNERS | _ENDS)) or _statement(program, piece).startswith("sys.exit")


def _statement(program: Program, piece: Piece) -> str:
    """Return a statement of Python without the comments above it."""
    return _ABOVE.sub("", program.source(piece))


def _without_idle_imports(text: str, dropped: Iterable[Piece]) -> str:
    """Take out Go imports that only dropped functions used: Go refuses idle ones."""
    used = frozenset(name for piece in dropped for name in piece.uses)
    tree = parse_tree(text.encode("utf-8", "replace"), "go")
    if tree is None:
        return text
    data, cuts = text.encode("utf-8", "replace"), []
    for node in tree.root_node.children:
        if node.type != "import_declaration":
            continue
        rest = data[: node.start_byte] + data[node.end_byte :]
        specs = find_nodes(node, "go", "import_spec")
        idle = [
            spec
            for spec, (name, _) in zip(specs, go_imports(node), strict=True)
            if name in used and not re.search(rb"\b%s\." % re.escape(name.encode()), rest)
        ]
        targets = [node] if len(idle) == len(specs) else idle
        cuts += [(one.start_byte, one.end_byte) for one in targets]
    for start, end in reversed(cuts):
        line, stop = data.rfind(b"\n", 0, start) + 1, data.find(b"\n", end)
        alone = not data[line:start].strip() and stop >= 0 and not data[end:stop].strip()
        data = data[:line] + data[stop + 1 :] if alone else data[:start] + data[end:]
    return data.decode("utf-8", "replace")
