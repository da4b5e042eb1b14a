"""Documented functions of a source file by tree-sitter: each with its comment as written, its signature and its text.

Bounded work whatever the text: files are small, a parse is given up after so many steps, and nothing recurses.
"""

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codewright.synthesis.parsing import parse_bounded

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Syntax:
    """What a documented function looks like in a language; node types are those of its grammar.

    doc: which comments above a function document it. marker: what stands in every text that has such a comment.
    grammar: key and entry of `GRAMMARS`.
    """

    title: str
    functions: frozenset[str]
    doc: re.Pattern[str]
    marker: re.Pattern[bytes]
    grammar: str
    entry: str = ""
    largest: int = 200_000


_ANY = re.compile(r"")
_STARRED = re.compile(r"/\*\*(?![*/])")
_SLASHED = re.compile(r"///(?!/)|/\*\*(?![*/])")

_BLOCK, _LINE_OR_BLOCK = re.compile(rb"/\*\*"), re.compile(rb"//[/!]?|/\*")
_HASH = re.compile(rb"^[ \t]*#", re.MULTILINE)
_LINE_OF_QUOTE = re.compile(rb"^[ \t]*[rRuU]?[\"']", re.MULTILINE)

_SCRIPT = frozenset(
    [
        "function_declaration",
        "generator_function_declaration",
        "method_definition",
        "function_expression",
        "generator_function",
        "arrow_function",
    ]
)
_METHODS = frozenset({"method_declaration", "constructor_declaration"})
_DEFINITION = frozenset({"function_definition"})

SYNTAXES = {
    "c": Syntax("C", _DEFINITION, _ANY, _LINE_OR_BLOCK, "c"),
    "cpp": Syntax("C++", _DEFINITION, _ANY, _LINE_OR_BLOCK, "cpp"),
    "csharp": Syntax("C#", _METHODS | {"local_function_statement"}, _SLASHED, _LINE_OR_BLOCK, "csharp"),
    "go": Syntax("Go", frozenset({"function_declaration", "method_declaration"}), _ANY, _LINE_OR_BLOCK, "go"),
    "java": Syntax("Java", _METHODS, _STARRED, _BLOCK, "java"),
    "javascript": Syntax("JavaScript", _SCRIPT, _STARRED, _BLOCK, "javascript"),
    "php": Syntax("PHP", _DEFINITION | {"method_declaration"}, _STARRED, _BLOCK, "php"),
    "python": Syntax("Python", _DEFINITION, _ANY, _LINE_OF_QUOTE, "python"),
    "rust": Syntax("Rust", frozenset({"function_item"}), _SLASHED, _LINE_OR_BLOCK, "rust"),
    # core/extract/grammar.py has the measurement behind the bound: tree-sitter-bash looks far ahead.
    "shell": Syntax("Bash", _DEFINITION, _ANY, _HASH, "bash", largest=16_384),
    "tsx": Syntax("TypeScript", _SCRIPT, _STARRED, _BLOCK, "typescript", entry="language_tsx"),
    "typescript": Syntax("TypeScript", _SCRIPT, _STARRED, _BLOCK, "typescript"),
}
"""codewright's language names -> what is looked for. `largest` is in bytes, ours: longer files are data or generated."""

_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
_BETWEEN = frozenset({"attribute_item", "decorator"})
"""Stand as siblings between a comment and its function, and belong to the function."""

_CONTAINERS = frozenset(
    [
        "class_definition",
        "class_declaration",
        "abstract_class_declaration",
        "class",
        "class_specifier",
        "struct_specifier",
        "struct_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "trait_declaration",
        "impl_item",
        "trait_item",
    ]
)
_VALUE_FIELD = {
    "decorated_definition": "definition",
    "export_statement": "declaration",
    "assignment_expression": "right",
    "variable_declarator": "value",
    "public_field_definition": "value",
    "field_definition": "value",
    "linkage_specification": "body",
}
_ONE_CHILD = frozenset({"lexical_declaration", "variable_declaration", "expression_statement"})
_DEEPEST_WRAPPER = 6

_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")

_MOST_TOKENS = 4_000
"""Where counting the tokens of a function ends."""


@dataclass(frozen=True)
class Documented:
    """A function and its comment. `comment` has its markers (a Python docstring has none); `code` has no docstring.

    header: what stands before the body, decorators and attributes included. lines: first and last, from 1.
    statements, body_tokens: of the body alone. intact: no syntax error inside.
    """

    name: str
    owner: str
    comment: str
    header: str
    signature: str
    code: str
    lines: tuple[int, int]
    statements: int
    tokens: int
    body_tokens: int
    intact: bool


def documented_functions(source: str, language: str) -> list[Documented] | str:
    """List the functions with a comment in the order of the source, or say why the file was not looked at.

    A function inside a documented function is part of it. Reasons: `file_too_large`, `file_too_slow`.
    """
    data = source.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    if len(data) > SYNTAXES[language].largest:
        return "file_too_large"
    text = _Text(data, language, [found.start() for found in SYNTAXES[language].marker.finditer(data)])
    if not text.markers:
        return []
    tree = parse_bounded(data, SYNTAXES[language].grammar, SYNTAXES[language].entry)
    if tree is None:
        return "file_too_slow"
    return sorted(_walk(tree.root_node, text), key=lambda one: one.lines)


def _walk(root: "Node", text: "_Text") -> Iterator[Documented]:
    waiting: list[tuple[Node, str]] = [(root, "")]
    while waiting:
        node, owner = waiting.pop()
        children = node.children
        for index, child in enumerate(children):
            if not child.child_count:
                continue
            function = _function_in(child, text.language)
            if function is not None:
                found = _described(children, index, function, owner, text)
                if found:
                    yield found
                elif text.has_marker(child):
                    waiting.append((child, ""))
            elif text.has_marker(child):
                waiting.append((child, _owner_name(child, text.data) if child.type in _CONTAINERS else owner))


@dataclass(frozen=True)
class _Text:
    """A file's bytes, and where something stands in them that may begin a comment."""

    data: bytes
    language: str
    markers: list[int]

    def has_marker(self, node: "Node") -> bool:
        """Tell whether there may be a comment inside: most of a file need not be looked at."""
        place = bisect_left(self.markers, node.start_byte)
        return place < len(self.markers) and self.markers[place] < node.end_byte

    def cut(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8", "surrogatepass")

    def begins_line(self, offset: int) -> bool:
        """Tell whether only blanks stand before the offset in its line."""
        return not self.data[self.data.rfind(b"\n", 0, offset) + 1 : offset].strip()

    def line_start(self, offset: int) -> int:
        """Return where the line begins, if only blanks stand before the offset; else the offset."""
        return self.data.rfind(b"\n", 0, offset) + 1 if self.begins_line(offset) else offset


def _function_in(node: "Node", language: str) -> "Node | None":
    """Return the function that a statement consists of: exported, decorated, templated or bound to a name."""
    one: Node | None = node
    functions = SYNTAXES[language].functions
    for _ in range(_DEEPEST_WRAPPER):
        if one is None or one.type in functions:
            return one
        if one.type in _VALUE_FIELD:
            one = one.child_by_field_name(_VALUE_FIELD[one.type])
        elif one.type in _ONE_CHILD and one.named_child_count == 1:
            one = one.named_child(0)
        elif one.type == "template_declaration" and one.named_child_count:
            one = one.named_child(one.named_child_count - 1)
        else:
            return None
    return None


def _described(
    children: "Sequence[Node]", index: int, function: "Node", owner: str, text: _Text
) -> Documented | None:
    """Put together what is known of a function; None where it has no comment or no body."""
    whole, first = children[index], index
    body = function.child_by_field_name("body")
    if body is None:
        return None
    while first and children[first - 1].type in _BETWEEN:
        first -= 1
    start, end = text.line_start(children[first].start_byte), whole.end_byte
    statements = [one for one in _statements(body) if one.type not in _COMMENTS]
    if text.language == "python":
        docstring = _docstring(statements, text)
        if docstring is None:
            return None
        comment, code = (
            docstring[0],
            text.cut(start, docstring[1]) + _BLANK_LINES.sub("", text.cut(docstring[2], end), 1),
        )
        statements = statements[1:]
    else:
        comment, code = _comment_above(children, first, text), text.cut(start, end)
        if not comment:
            return None
    initializers = [one.start_byte for one in function.children if one.type == "field_initializer_list"]
    head_end = min([body.start_byte, *initializers])
    sign_start = whole.start_byte if whole.type != "decorated_definition" else function.start_byte
    return Documented(
        name=_name(function, text.data) or _name(whole, text.data),
        owner=owner,
        comment=comment,
        header=text.cut(start, body.start_byte),
        signature=_dedented(text.cut(text.line_start(sign_start), head_end)).strip(),
        code=_dedented(code).rstrip() + "\n",
        lines=(children[first].start_point.row + 1, whole.end_point.row + 1),
        statements=len(statements),
        tokens=_tokens(function),
        body_tokens=sum(_tokens(one) for one in statements),
        intact=not whole.has_error,
    )


def _statements(body: "Node") -> "list[Node]":
    named = body.named_children
    return named[0].named_children if len(named) == 1 and named[0].type == "statement_list" else named


def _docstring(statements: "list[Node]", text: _Text) -> tuple[str, int, int] | None:
    """Return a Python docstring and where its lines begin and end; None where there is none on lines of its own."""
    if not statements or statements[0].type != "expression_statement":
        return None
    statement = statements[0]
    literal = statement.named_child(0)
    if statement.named_child_count != 1 or literal is None or literal.type != "string":
        return None
    start = text.line_start(statement.start_byte)
    end = text.data.find(b"\n", statement.end_byte) + 1
    alone = text.begins_line(statement.start_byte) and not text.data[statement.end_byte : end].strip()
    if not end or not alone:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text.cut(literal.start_byte, literal.end_byte))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return (value, start, end) if isinstance(value, str) else None


def _comment_above(children: "Sequence[Node]", index: int, text: _Text) -> str:
    """Return the documentation comment that ends right above a node; line comments in a row are one comment."""
    doc = SYNTAXES[text.language].doc
    row = children[index].start_point.row
    taken: list[str] = []
    for node in (children[place] for place in range(index - 1, -1, -1)):
        if node.type not in _COMMENTS or not text.begins_line(node.start_byte):
            break
        comment = text.cut(node.start_byte, node.end_byte).rstrip()
        if node.start_point.row + comment.count("\n") + 1 < row:
            break
        row = node.start_point.row
        if taken and not _one_comment(comment, taken[-1]):
            break
        if doc.match(comment):
            taken.append(comment)
        elif taken:
            break
    return "\n".join(reversed(taken))


def _one_comment(above: str, below: str) -> bool:
    """Tell whether two comments without a line between them are parts of one: lines, or blocks of one line each."""
    if "\n" in above + below:
        return False
    return above.startswith("/*") == below.startswith("/*")


def _owner_name(node: "Node", data: bytes) -> str:
    named = node.child_by_field_name("name") or node.child_by_field_name("type")
    return _short_text(named, data) if named else ""


def _name(node: "Node", data: bytes) -> str:
    """Return what a declaration is called, or nothing."""
    one = node
    for _ in range(_DEEPEST_WRAPPER):
        fields = (one.child_by_field_name(field) for field in ("name", "declarator", "left", "declaration"))
        below = next((found for found in fields if found), None)
        if below is None and one.type in _ONE_CHILD:
            below = one.named_child(0)
        if below is None:
            return _short_text(one, data)
        one = below
    return ""


def _short_text(node: "Node", data: bytes) -> str:
    text = data[node.start_byte : node.end_byte].decode("utf-8", "replace")
    return text if re.fullmatch(r"[^\s(){};`]{1,80}", text) else ""


def _tokens(node: "Node") -> int:
    """Count leaves, comments left out, up to a bound."""
    waiting, found = [node], 0
    while waiting and found < _MOST_TOKENS:
        one = waiting.pop()
        if one.child_count:
            waiting += one.children
        elif one.type not in _COMMENTS:
            found += 1
    return found


def _dedented(code: str) -> str:
    """Take the first line's indentation from every line that has it: strings may hold lines that do not."""
    indent = code[: len(code) - len(code.lstrip(" \t"))]
    return "\n".join(line.removeprefix(indent) for line in code.split("\n")) if indent else code
