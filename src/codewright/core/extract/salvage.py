"""Code out of text that is not all code: prose around it, lines that do not parse, an end that was cut off.

Every line is read a bounded number of times.
"""

import ast
import re
from collections.abc import Iterator

from codewright.core.extract.characters import has_strange_characters, with_plain_characters
from codewright.core.extract.program import Piece, Program
from codewright.core.extract.python_pieces import first_error, parse_python, read_python
from codewright.core.extract.task import Task, read_program, read_sound

_CONTINUES = re.compile(r"(?:else|elif|except|finally|case)\b|[)\]}]")
_TRIPLE = re.compile(r'"""|\'\'\'')
_LEFT_OUT = "lines that are no code left out"
_CUTS = 3
"""How often a definition is shortened to the line before its first error."""

_CODE_LINE = {
    "bash": r"#!|function\b|[\w-]+[ \t]*\(\)|set\b|declare\b|local\b|source\b|[A-Za-z_]\w*=",
    "c": r"#\s*\w|typedef\b|struct\b|enum\b|union\b|static\b|/\*|//",
    "csharp": r"using\b|namespace\b|public\b|private\b|internal\b|protected\b|static\b|class\b|struct\b|record\b|\[\w|/\*|//",
    "go": r"package\b|import\b|func\b|type\b|var\b|const\b|/\*|//",
    "java": r"package\b|import\b|public\b|private\b|protected\b|static\b|final\b|abstract\b|class\b|interface\b|enum\b|"
    r"record\b|@\w|/\*|//",
    "javascript": r"import\b|export\b|async\b|function\b|const\b|let\b|var\b|class\b|module\b|/\*|//|['\"]use strict",
    "php": r"<\?php|namespace\b|use\b|function\b|class\b|interface\b|trait\b|const\b|\$\w+|abstract\b|final\b|/\*|//",
    "rust": r"#!?\[|use\b|extern\b|pub\b|fn\b|struct\b|enum\b|impl\b|trait\b|const\b|static\b|mod\b|type\b|macro_rules|"
    r"async\b|unsafe\b|/\*|//",
}
_CODE_LINE["typescript"] = (
    rf"{_CODE_LINE['javascript']}|interface\b|type\b|enum\b|declare\b|abstract\b|namespace\b"
)
_CODE_LINE["cpp"] = rf"{_CODE_LINE['c']}|using\b|namespace\b|template\b|class\b"
_STARTS = {language: re.compile(rf"[ \t]*(?:{pattern})") for language, pattern in _CODE_LINE.items()}
"""How a line of code begins where nothing before it was code; C's functions are told by their shape."""


def reread(code: str, task: Task) -> tuple[Program, str] | None:
    """Read code with its indentation taken off or its odd characters put right; None if it is still no program for the task."""
    for text, how in _readings(code, task.language):
        program = read_sound(text, task.language)
        if program is not None and defines(program, task):
            return program, how
    return None


def salvaged(code: str, task: Task) -> tuple[Program, str] | None:
    """Leave out lines that are no code; None if the rest is no program for the task."""
    if has_strange_characters(code):
        code = with_plain_characters(code, task.language)
    if task.language == "python":
        program = read_python(_python_lines(code, task))
        return (program, _LEFT_OUT) if program is not None and defines(program, task) else None
    part = read_program(code_lines(code, task.language), task.language)
    if part is None or not defines_code(part, task):
        return None
    if not part.broken:
        return part, _LEFT_OUT
    sources = (part.source(piece) for piece in _whole_pieces(part, task))
    whole = read_sound("\n\n".join(sources) + "\n", task.language)
    if whole is not None and defines_code(whole, task):
        return whole, _LEFT_OUT
    # Grammars do not know everything.
    return part, "does not parse"


def _whole_pieces(program: Program, task: Task) -> Iterator[Piece]:
    """Yield the pieces that parse, but not what is left of a line that does not."""
    hosts = program.hosts(task.name) if task.name else []
    left_out = -1
    for piece in program.pieces:
        beside = left_out >= 0 and "\n" not in program.text[left_out : piece.start]
        if piece in hosts or (piece.kind not in {"broken", "run"} and piece.sound and not beside):
            left_out = -1
            yield piece
        else:
            left_out = piece.end


def defines(program: Program, task: Task) -> bool:
    """Tell whether a program is what the task wants: defines the entry point, or anything where none is named."""
    return bool(program.hosts(task.name)) if task.name else program.defines_anything()


_KEYWORDS = r"(?:def|defp|defun|define|function|func|fun|fn|sub|proc|let|val|var|local|class|object|module|struct|type|interface)"


_NO_TYPES = frozenset({"return", "else", "new", "throw", "await", "case", "print", "echo"})
_HEAD_ENDS = re.compile(rf"(?<!\w){_KEYWORDS}[\s(]+(?:[\w.:]+[.:])?\Z")
_VALUE_BEGINS = re.compile(r"\s*(?:<-|::|=(?!=)|\(\s*\)\s*\{)")


def seems_to_define(code: str, task: Task) -> int:
    """Tell from its lines whether code defines the entry point, where no parser can: 0 no, 1 perhaps, 2 surely."""
    if not task.name or task.name not in code:
        return 0
    return max((_heads(line, task) for line in code.split("\n") if task.name in line), default=0)


def _heads(line: str, task: Task) -> int:
    """Tell whether a line is the head of the definition: behind a keyword, before its value, or behind a type."""
    found = task.word.search(line)
    if found is None:
        return 0
    before, behind = line[: found.start()], line[found.end() :]
    if _HEAD_ENDS.search(before) or (not before.strip() and _VALUE_BEGINS.match(behind)):
        return 2
    words = before.split()
    typed = bool(words) and words[0] not in _NO_TYPES and not any(mark in before for mark in "=.;()\"'")
    if not typed or not behind.lstrip().startswith("("):
        return 0
    return 2 if line.rstrip().endswith("{") else int(line.rstrip().endswith(")"))


def defines_code(program: Program, task: Task) -> bool:
    """Tell whether a broken text is what the task wants: a value of that name may be a line of a body."""
    hosts = program.hosts(task.name) if task.name else []
    return any(piece.kind != "binding" for piece in hosts) if task.name else program.defines_anything()


def _readings(code: str, language: str) -> Iterator[tuple[str, str]]:
    bare = without_margin(code)
    if bare != code:
        yield bare, "indentation taken off"
    if has_strange_characters(code):
        plain = with_plain_characters(code, language)
        yield plain, "characters put right"
        yield without_margin(plain), "characters put right"


def without_margin(code: str) -> str:
    """Take off the indentation of the first line, from every line that has it."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(indent) for line in lines) if indent else code


# ------------------------------------------------------------------------------------------------------------- Python


def _python_lines(code: str, task: Task) -> str:
    """Keep the top-level statements that parse, each on its own, and look like code rather than a sentence."""
    lines = _at_the_margin(code.split("\n"), task)
    kept: list[str] = []
    bound: set[str] = {"print"}
    for chunk in _chunks(lines):
        text = "\n".join(chunk).rstrip()
        program = read_python(text) or _shortened(text, task)
        if program is None or not program.pieces:
            continue
        tree = parse_python(program.text)
        if tree is None or not all(_is_code(node, bound) for node in tree.body):
            continue
        bound |= program.bound
        kept.append(program.text)
    return "\n\n".join(kept) + "\n" if kept else ""


def _at_the_margin(lines: list[str], task: Task) -> list[str]:
    """Move the lines so that the wanted definition begins at the margin."""
    head = re.compile(
        rf"([ \t]*)(?:async[ \t]+def|def|class)[ \t]+{re.escape(task.name) if task.name else ''}"
    )
    found = next((match[1] for line in lines if (match := head.match(line))), "")
    return [line.removeprefix(found) for line in lines] if found else lines


def _chunks(lines: list[str]) -> Iterator[list[str]]:
    """Group lines into what may be top-level statements: a line at the margin and those that belong to it."""
    chunk: list[str] = []
    quote = ""
    last = _last_quotes(lines)
    inner = _inner_comments(lines)
    for number, line in enumerate(lines):
        fresh = not quote and bool(line.strip()) and not line[0].isspace() and not _CONTINUES.match(line)
        fresh = fresh and number not in inner
        for found in _TRIPLE.finditer(line):
            mark = found.group()
            if quote == mark:
                quote = ""
            elif not quote and (number, found.start()) < last[mark]:
                quote = mark
        if fresh and chunk and not chunk[-1].startswith(("@", "#")):
            yield chunk
            chunk = []
        chunk.append(line)
    if chunk:
        yield chunk


def _inner_comments(lines: list[str]) -> set[int]:
    """Find comments at the margin that stand inside a function: the code below them is indented."""
    found, below = set(), False
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if line.startswith("#") and below:
            found.add(number)
        elif line.strip() and not line.startswith("#"):
            below = line[0].isspace()
    return found


def _last_quotes(lines: list[str]) -> dict[str, tuple[int, int]]:
    """Find the last place of each kind of triple quote: one that opens there never closes."""
    last = {'"""': (-1, -1), "'''": (-1, -1)}
    for number, line in enumerate(lines):
        for mark in last:
            if (place := line.rfind(mark)) >= 0:
                last[mark] = (number, place)
    return last


def _shortened(text: str, task: Task) -> Program | None:
    """Cut the wanted definition before its first error, as long as something of its body is left."""
    if not task.name or not task.word.search(text):
        return None
    for _ in range(_CUTS):
        line = first_error(text)
        if line is None:
            break
        text = "\n".join(text.split("\n")[: line - 1]).rstrip()
    program = read_python(text)
    return (
        program
        if program is not None and defines(program, task) and not program.hosts(task.name)[-1].stubs
        else None
    )


def _is_code(node: ast.stmt, bound: set[str]) -> bool:
    """Tell a statement from a sentence that happens to parse: a word, `Note: this`, a list of numbers."""
    if isinstance(node, ast.Expr):
        call = node.value
        if isinstance(call, ast.Constant):
            return isinstance(call.value, str)
        root = call.func if isinstance(call, ast.Call) else None
        while isinstance(root, ast.Attribute):
            root = root.value
        return isinstance(root, ast.Name) and root.id in bound
    return not (isinstance(node, ast.AnnAssign) and node.value is None)


# ------------------------------------------------------------------------------------------------------------- braces


def code_lines(code: str, language: str) -> str:
    """Keep the lines from the first to the last that look like code."""
    lines = code.split("\n")
    first = next((at for at, line in enumerate(lines) if _starts_code(line, language)), None)
    last = next((at for at in range(len(lines) - 1, -1, -1) if _ends_code(lines[at])), None)
    if first is None or last is None or last < first:
        return ""
    return "\n".join(lines[first : last + 1]) + "\n"


def _starts_code(line: str, language: str) -> bool:
    pattern = _STARTS.get(language)
    if pattern is not None and pattern.match(line):
        return True
    if language not in {"c", "cpp"}:
        return False
    head, paren, _ = line.partition("(")
    return (
        bool(paren) and " " in head.strip() and not head[-1:].isspace() and line.rstrip().endswith(("{", ")"))
    )


def _ends_code(line: str) -> bool:
    return line.partition("//")[0].rstrip().endswith(("}", ";", ")")) or line.lstrip().startswith(
        ("#endif", "?>")
    )
