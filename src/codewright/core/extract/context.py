"""What the prompt gave and the answer left out: imports, helpers, the class around a method."""

import re
from collections.abc import Iterable
from functools import lru_cache

from codewright.core.extract.grammar import find_nodes, parse_tree
from codewright.core.extract.markup import read_markup
from codewright.core.extract.program import Piece, Program, insert, reach, remove
from codewright.core.extract.python_pieces import DOCUMENTATION, STAR, indented, inner_imports
from codewright.core.extract.task import Task, has_grammar, read_program, read_sound
from codewright.core.extract.tree_names import go_imports, rust_imports

_OPENERS, _CLOSER = ('"{"', '"${"', '"#{"'), '"}"'
_ALL_OF_THEM = frozenset({"c", "cpp", "csharp", "java", "php"})
"""Here an import that is not needed costs nothing."""


def brace_steps(text: str, language: str) -> list[tuple[int, int]]:
    """List the braces that the grammar sees as (offset in UTF-8 bytes, 1 or -1); strings and comments have none."""
    tree = parse_tree(text.encode("utf-8", "replace"), language)
    if tree is None:
        return []
    found = find_nodes(tree.root_node, language, *_OPENERS, _CLOSER)
    return [(one.start_byte, -1 if one.type == "}" else 1) for one in found if not one.is_missing]


def open_blocks(text: str, language: str) -> int:
    """Count the blocks that are still open at the end."""
    return sum(step for _, step in brace_steps(text, language))


def prompt_code(task: Task) -> str:
    """Return the code of the prompt: itself, or a fenced block of it; empty where there is none."""
    return _given(task.prompt, task.language, task.name)[0]


def complete_prompt(task: Task) -> Program | None:
    """Read the prompt's code with an empty body where its last function is open; None if it is no code."""
    return _given(task.prompt, task.language, task.name)[1]


@lru_cache(maxsize=512)  # a problem is answered many times
def _given(prompt: str, language: str, name: str) -> tuple[str, Program | None]:
    if not prompt.strip() or not has_grammar(language):
        return "", None
    blocks = [block.code for block in read_markup(prompt).blocks if block.code.strip()]
    read = [
        (code, program)
        for code in (prompt, *reversed(blocks))
        if (program := _complete(code, language)) is not None
    ]
    hosting = [pair for pair in read if name and pair[1].hosts(name)]
    return next(iter(hosting or read), ("", None))


def _complete(code: str, language: str) -> Program | None:
    for text in _completed(code, language):
        program = read_sound(text, language)
        if program is not None and program.pieces:
            return program
    return None


def _completed(code: str, language: str) -> Iterable[str]:
    yield code
    if language == "python":
        last = next(line for line in reversed(code.split("\n")) if line.strip())
        indent = last[: len(last) - len(last.lstrip())]
        yield f"{code.rstrip()}\n{indent}    pass\n"
        yield f"{code.rstrip()}\n{indent}pass\n"
        return
    depth = open_blocks(code, language)
    yield code + "\n}" * depth
    yield code + "\n:\n" + "}" * depth  # a shell function cannot be empty
    yield code + "{\n}" + "\n}" * open_blocks(code + "{}", language)


# ------------------------------------------------------------------------------------------------- adding what is missing


def with_context(program: Program, task: Task) -> str:
    """Return a solution with what the prompt holds and the solution does not: helpers, and the imports they need."""
    given = complete_prompt(task)
    if (
        given is None
        or not program.hosts(task.name)
        or (program.broken and program.language not in _ALL_OF_THEM)
    ):
        return program.text
    if program.broken:  # what it defines is not known for certain
        lacking = (
            piece for piece in given.pieces if piece.kind == "import" and not piece.binds <= program.bound
        )
        return insert(program, [given.source(piece) for piece in lacking], [])
    if program.language in {"java", "csharp"}:
        program = _in_class(program, given, task)
    elif program.language == "python":
        program = _in_python_class(program, given, task)
    hosts = given.hosts(task.name)
    pieces = [*inner_imports(given, hosts), *given.pieces] if program.language == "python" else given.pieces
    missing = [piece for piece in pieces if piece not in hosts and _is_missing(piece, program)]
    if not missing:
        return program.text
    needed = _needed(missing, program)
    names = frozenset(name for piece in [*program.pieces, *needed] for name in piece.uses)
    imports = [
        line
        for piece in missing
        if piece.kind in {"import", "header"}
        for line in _import_lines(given.source(piece), piece, program, names)
    ]
    others = [given.source(piece) for piece in needed]
    return insert(program, imports, others) if imports or others else program.text


def _is_missing(piece: Piece, program: Program) -> bool:
    if piece.kind == "header":
        return piece.key != DOCUMENTATION and not any(
            other.kind == "header" and other.key == piece.key for other in program.pieces
        )
    if piece.kind == "import":
        return not piece.binds <= program.bound
    return (
        piece.kind in {"definition", "binding", "main"}
        and bool(piece.binds)
        and not piece.binds & program.bound
    )


def _needed(missing: list[Piece], program: Program) -> list[Piece]:
    """Pick helpers, since tests may call them, and the values that they or the solution use; in the prompt's order."""
    helpers = {
        piece
        for piece in missing
        if piece.kind == "main" or (piece.kind == "definition" and not piece.binds <= piece.stubs)
    }
    values = reach([*program.pieces, *helpers], (piece for piece in missing if piece.kind == "binding"))
    return [piece for piece in missing if piece in helpers or piece in values]


def _import_lines(source: str, piece: Piece, program: Program, names: frozenset[str]) -> list[str]:
    """Return the lines of an import of the prompt that the solution needs."""
    if piece.kind == "header" or program.language in _ALL_OF_THEM:
        return [source]
    if program.language not in {"go", "rust"}:
        return [source] if STAR in piece.binds or piece.binds & names else []
    tree = parse_tree(source.encode("utf-8", "replace"), program.language)
    if tree is None or not tree.root_node.named_children:
        return []
    node = tree.root_node.named_children[-1]
    if program.language == "go":
        unbound = [(name, line) for name, line in go_imports(node) if name not in program.bound]
        lines = [f"\t{line}" for name, line in unbound if name in {"_", "."} or name in names]
        return ["import (", *lines, ")"] if lines else []
    # Traits are needed without being named, and by the tests, too.
    return [f"use {path};" for name, path in rust_imports(node) if name not in program.bound]


def _in_class(program: Program, given: Program, task: Task) -> Program:
    """Put a method that stands alone into the prompt's class; add that class's other methods, since tests may call them."""
    shell = next((piece for piece in given.pieces if task.name in piece.members), None)
    if shell is None:
        return program
    known = program.bound.union(*(piece.members for piece in program.pieces))
    others = known | shell.stubs | {task.name}
    lacking = [given.text[start:end] for name, start, end in shell.methods if name not in others]
    host = next((piece for piece in program.pieces if task.name in piece.members), None)
    if host is not None:
        close = program.text.rfind("}", host.start, host.end)
        if not lacking or close < 0:
            return program
        text = f"{program.text[:close]}\n" + "\n\n".join(lacking) + f"\n{program.text[close:]}"
    else:
        inside = [
            piece for piece in program.pieces if piece.kind in {"definition", "binding"} and not piece.members
        ]
        outer = remove(program, inside).strip() if len(inside) < len(program.pieces) else ""
        opening = given.text[shell.start : min(start for _, start, _ in shell.methods)].rstrip()
        body = "\n\n".join([*lacking, *(program.source(piece) for piece in inside)])
        text = f"{outer}\n\n{opening}\n{body}\n}}\n".lstrip()
    return read_program(text, program.language) or program


_METHOD = re.compile(r"(?:async[ \t]+)?def[ \t]+\w+[ \t]*\([ \t\n]*self\b")


def _in_python_class(program: Program, given: Program, task: Task) -> Program:
    """Put methods that stand alone into the prompt's class."""
    shell = next((piece for piece in given.pieces if task.name in piece.members), None)
    methods = [
        piece for piece in program.pieces if _METHOD.search(program.source(piece)) and not piece.methods
    ]
    if shell is None or not any(task.name in piece.binds for piece in methods):
        return program
    source = given.source(shell)
    head = source[: source.index("\n", source.index("class "))].rstrip()
    body = "\n\n".join(indented(program.source(piece), "    ") for piece in methods)
    outer = remove(program, methods).strip() if len(methods) < len(program.pieces) else ""
    return read_program(f"{outer}\n\n\n{head}\n{body}\n".lstrip(), "python") or program
