"""What the rules for Python ask of a file: whether Python's own parser takes it, and counts of statements.

The parser says so without making a tree, which costs more than parsing; the counts come from `python_lines`. Where that is not sure,
a tree is made, and its statements are walked: no expression holds what is counted.
"""

import ast
import inspect
import io
import tokenize
import unicodedata
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from codewright.corpus.quality.characters import points_of
from codewright.corpus.quality.python_lines import CLASS, DOCSTRINGS, FACTS, FUNCTION, MODULE, statements
from codewright.corpus.quality.syntax_trees import uncollected


@dataclass
class PythonFacts:
    """Counts over a whole file (quality rules, section 6.1)."""

    functions: int = 0
    """Plain `def`, nested ones too, without `async def`."""
    simple_functions: int = 0
    """Those whose body is one `return`."""
    classes: int = 0
    class_variables: int = 0
    """Bare names assigned directly in the body of a class that is in no other class."""
    variables: bool = False
    """Whether any name is assigned, looped over or a parameter."""
    docstrings: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Cleaned, with the name of what they document, by kind: class, function, module."""

    def documentation(self) -> str:
        """Join the docstrings: of classes, functions, the module, each by name."""
        kinds = ("class", "function", "module")
        return "\n".join(text for kind in kinds for _, text in sorted(self.docstrings.get(kind, [])))


_NO_FEATURE = "codewright_wants_no_code"
_ONLY_PARSE = f"from __future__ import {_NO_FEATURE}\n"
"""Before a text, it makes the compiler stop when all has been parsed and before anything is made of it."""


def python_facts(content: str) -> PythonFacts | None:
    """Parse and count; None where Python's parser refuses, for nesting too deep as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files hold invalid escapes; the verdict is all we want
        return (_from_lines(content) or _from_tree(content)) if _parses(content) else None


def _parses(content: str) -> bool:
    """Tell whether Python's parser takes a text; what it takes may still be nested too deep for a tree."""
    try:
        compile(_ONLY_PARSE + content, "", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno == 1 and _NO_FEATURE in str(error.msg)
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


_KINDS = {MODULE: "module", CLASS: "class", FUNCTION: "function"}


def _from_lines(content: str) -> PythonFacts | None:
    """Count in a text that parses; None for not sure."""
    found, rows = np.zeros(FACTS, np.int64), np.empty((content.count(":") + 1, 5), np.int64)
    if not statements(points_of(content), rows, found):
        return None
    functions, simple, classes, class_variables, variables, docstrings = found[: DOCSTRINGS + 1].tolist()
    facts = PythonFacts(functions, simple, classes, class_variables, variables > 0)
    for kind, low, high, start, end in rows[:docstrings].tolist():
        text = inspect.cleandoc(_literal(content[start:end]))
        if text:
            name = content[low:high]
            name = name if name.isascii() else unicodedata.normalize("NFKC", name)  # as the parser does
            facts.docstrings.setdefault(_KINDS[kind], []).append((name, text))
    return facts


def _literal(source: str) -> str:
    """Return the text of one or more string literals."""
    if "\\" not in source:
        for quote in (source[:3], source[:1]):
            if quote in _QUOTES and source.find(quote, len(quote)) == len(source) - len(quote):
                return source[len(quote) : -len(quote)]
    return str(ast.literal_eval(f"({source})"))


_QUOTES = frozenset(['"""', "'''", '"', "'"])


def _from_tree(content: str) -> PythonFacts | None:
    with uncollected():  # looking for cycles takes half of the time
        try:
            return _count(ast.parse(content))  # the tree is gone before the collector is back
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


_LEAVES = frozenset(
    {
        ast.Expr, ast.Return, ast.Import, ast.ImportFrom, ast.AnnAssign, ast.AugAssign, ast.Pass, ast.Raise, ast.Delete,
        ast.Assert, ast.Global, ast.Nonlocal, ast.Break, ast.Continue,
    }
)  # fmt: skip
"""Statements that hold no others and nothing that is counted, but for `Assign`."""


def _count(tree: ast.Module) -> PythonFacts:
    facts = PythonFacts()
    _note(facts, "module", "", tree)
    classes = _walk(facts, list(tree.body))
    for node in classes:
        facts.class_variables += sum(map(_bare_names, node.body))
    while classes:
        facts.classes += len(classes)
        inside: list[ast.stmt] = []
        for node in classes:
            _note(facts, "class", node.name, node)
            inside += node.body
        classes = _walk(facts, inside)
    return facts


def _walk(facts: PythonFacts, waiting: list[ast.stmt]) -> list[ast.ClassDef]:
    """Count in statements and what stands in them; returns the classes met, which are not entered."""
    classes: list[ast.ClassDef] = []
    while waiting:
        node: Any = waiting.pop()
        kind = type(node)
        if kind in _LEAVES:
            continue
        if kind is ast.Assign:
            facts.variables = facts.variables or _bare_names(node) > 0
        elif kind is ast.ClassDef:
            classes.append(node)
        else:
            if kind is ast.FunctionDef:
                facts.functions += 1
                facts.simple_functions += len(node.body) == 1 and isinstance(node.body[0], ast.Return)
                facts.variables = facts.variables or bool(node.args.args)
                _note(facts, "function", node.name, node)
            elif kind is ast.For:
                facts.variables = facts.variables or isinstance(node.target, ast.Name)
            for part in ("body", "orelse", "finalbody"):
                waiting += getattr(node, part, ())
            for part in ("handlers", "cases"):
                for branch in getattr(node, part, ()):
                    waiting += branch.body
    return classes


def _bare_names(node: ast.stmt) -> int:
    if isinstance(node, ast.Assign):
        return sum(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _note(
    facts: PythonFacts, kind: str, name: str, node: ast.FunctionDef | ast.ClassDef | ast.Module
) -> None:
    """Keep a docstring."""
    if node.body and isinstance(node.body[0], ast.Expr):
        text = ast.get_docstring(node)
        if text:
            facts.docstrings.setdefault(kind, []).append((name, text))


def comment_tokens(content: str) -> str:
    """Join the comments that Python's tokenizer finds; empty where it fails."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(content).readline)
        return "".join(token.string for token in tokens if token.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return ""
