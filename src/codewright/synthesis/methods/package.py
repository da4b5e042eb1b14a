"""`package`: questions about a package, answered with its functions as their signatures have them.

Source: OpenCoder (arXiv 2411.04905), section 4.1, package-related instruction synthesis: signatures and documentation of commonly
used packages go into the prompt, since models remember those of older versions. There PyDoc reads installed packages; here the
corpus's own documents are read, so nothing is imported. What a row calls is held against the signatures, which is ours.
Limits: modules are named by their paths, so a corpus read from inside a package's own folder does not know the package's name.
"""

import ast
import inspect
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import Field

from codewright.core.config import strict
from codewright.core.extract.markup import read_markup
from codewright.core.extract.python_pieces import parse_python
from codewright.core.records import Document, Message, Origin, Reject, Sample, content_id
from codewright.core.rng import stable_hash
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, sections, unusable
from codewright.synthesis.prompting import render
from codewright.synthesis.seeding import Chosen
from codewright.synthesis.verify import Run

SEEDS = "documents"
TEACHER = True
QUESTION, ANSWER = "Question", "Answer"

_ROOTS = frozenset({"src", "lib", "python"})
"""Folders that packages stand in and that are no part of their names."""
_ASIDE = frozenset(
    {"test", "tests", "testing", "docs", "doc", "examples", "benchmarks", "setup", "conftest", "scripts"}
)
_KEEP_SIGNATURE = frozenset(
    {"contextmanager", "asynccontextmanager", "cache", "lru_cache", "set_module", "array_function_dispatch"}
)
"""Decorators under which a function is called as it is written; under any other it is left out."""


@strict
@dataclass(frozen=True)
class Options:
    """OpenCoder publishes none of these."""

    most_functions: Annotated[int, Field(gt=0)] = 5
    """A prompt shows 1 to so many functions and classes of one module, drawn evenly."""
    most_doc_chars: Annotated[int, Field(gt=0)] = 1200
    """Of each one's documentation."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    max_tokens: Annotated[int, Field(gt=0)] = 2048
    sampling_seed: int = 0
    """Of row n it is this and n."""


@dataclass(frozen=True)
class Api:
    """A public function, or a class by its constructor. header: its first line; signature: as a caller sees it."""

    name: str
    header: str
    documentation: str
    signature: inspect.Signature


def choose(documents: Iterable[Document], k: int, options: Options, seed: int) -> Chosen:
    """Take modules that have something to ask about, in an order drawn by the run's seed."""
    found: list[tuple[int, str, int]] = []
    place = -1
    for place, document in enumerate(documents):
        if module_of(document) and any(read_apis(document.content)):
            found.append((stable_hash(seed, "seeds", document.id), document.id, place))
    left_out = place + 1 - len(found)
    return Chosen([at for _, _, at in sorted(found)[:k]], {"no_public_api": left_out} if left_out else {})


async def make(
    seed: Document, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield one row, or why there is none."""
    module = module_of(seed)
    apis = list(read_apis(seed.content))
    count = rng.randint(
        1, min(options.most_functions, len(apis))
    )  # so that a module that comes again asks anew
    shown = sorted(rng.sample(apis, count), key=apis.index)
    entries = [
        {"header": one.header, "documentation": one.documentation[: options.most_doc_chars]} for one in shown
    ]
    prompt = render("package", module=module, entries=entries)
    reply = await ask(prompt, Sampling(options.max_tokens, options.temperature, seed=options.sampling_seed))
    if (why := unusable(reply)) is not None:
        yield why
        return
    parts = sections(reply.text, (QUESTION, ANSWER))
    if parts is None:
        yield Reject("unparsable", "not one question and one answer under their headings")
        return
    used = uses(parts[ANSWER], module.split(".")[0], shown)
    if isinstance(used, Reject):
        yield used
        return
    yield Sample.make(
        (Message("user", parts[QUESTION]), Message("assistant", parts[ANSWER])),
        task="write",
        method="package",
        language="python",
        form="chat",
        origin=Origin((seed.id,), f"{module}: {', '.join(used)}", prompt_hash=content_id(prompt)),
    )


def module_of(document: Document) -> str:
    """Return the dotted name that a document is imported by, `requests.api`; empty where it is none for the public."""
    path = PurePosixPath(document.path)
    if document.language != "python" or path.suffix != ".py":
        return ""
    parts = [*path.parts[:-1], *([] if path.stem == "__init__" else [path.stem])]
    while parts and parts[0] in _ROOTS:
        parts.pop(0)
    public = all(one.isidentifier() and one[0] != "_" and one not in _ASIDE for one in parts)
    named_as_test = any(one.startswith("test_") or one.endswith("_test") for one in parts)
    return ".".join(parts) if public and not named_as_test else ""


def read_apis(source: str) -> Iterator[Api]:
    """Yield a module's documented public functions and classes whose signatures are what stands there."""
    tree = parse_python(source)
    for node in tree.body if tree else []:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        documentation = ast.get_docstring(node)
        if node.name.startswith("_") or not documentation or not _keeps_signature(node):
            continue
        made = node
        if isinstance(node, ast.ClassDef):
            made = next(
                (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"),
                node,
            )
        if isinstance(made, ast.ClassDef):
            continue  # its constructor is another class's
        signature = _signature(made.args, bound=made is not node)
        if signature is not None:
            yield Api(node.name, _header(node, made), documentation, signature)


def _keeps_signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    called = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return all(ast.unparse(one).rpartition(".")[2] in _KEEP_SIGNATURE for one in called)


def _header(node: ast.AST, made: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = ast.unparse(made.args)
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}({arguments.removeprefix('self').removeprefix(', ')})"
    word = "async def" if isinstance(made, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(made.returns)}" if made.returns else ""
    return f"{word} {made.name}({arguments}){returns}"


def _signature(arguments: ast.arguments, *, bound: bool) -> inspect.Signature | None:
    """Build a signature; bound: without its first parameter. None where there is no first one."""
    kinds = inspect.Parameter
    named = [*arguments.posonlyargs, *arguments.args]
    optional = len(named) - len(arguments.defaults)
    found = [
        kinds(
            one.arg,
            kinds.POSITIONAL_ONLY if place < len(arguments.posonlyargs) else kinds.POSITIONAL_OR_KEYWORD,
            default=kinds.empty if place < optional else None,
        )
        for place, one in enumerate(named)
    ]
    if bound and not found:
        return None
    found = found[bound:]
    if arguments.vararg:
        found.append(kinds(arguments.vararg.arg, kinds.VAR_POSITIONAL))
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(kinds(one.arg, kinds.KEYWORD_ONLY, default=kinds.empty if default is None else None))
    if arguments.kwarg:
        found.append(kinds(arguments.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(found)


def uses(answer: str, package: str, apis: Iterable[Api]) -> list[str] | Reject:
    """Return which of the functions an answer calls, sorted; a Reject where it calls none, or one as it cannot be called."""
    blocks = [block.code for block in read_markup(answer).blocks]
    if not blocks:
        return Reject("no_code", "the answer holds no fenced block")
    known = {one.name: one for one in apis}
    trees = [tree for tree in map(parse_python, blocks) if tree is not None]
    if not trees:
        return Reject("syntax_error", "no block of the answer parses as Python")
    bound = {name: full for tree in trees for name, full in _imported(tree)}
    found: set[str] = set()
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        full = _dotted(call.func, bound)
        name = full.rpartition(".")[2]
        if full.split(".")[0] != package or name not in known:
            continue
        if (wrong := _misfit(call, known[name].signature)) is not None:
            return Reject("wrong_call", f"{known[name].header}: {wrong}"[:300])
        found.add(name)
    return sorted(found) or Reject("api_not_used", f"calls none of {', '.join(known)}"[:300])


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what imports bind, and what that is in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, bound: dict[str, str]) -> str:
    """Return what a called expression is in full, `requests.api.get`; empty where no import tells."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in bound:
        return ""
    return ".".join([bound[node.id], *reversed(names)])


def _misfit(call: ast.Call, signature: inspect.Signature) -> str | None:
    """Say why a call does not fit a signature; what is unpacked may be anything."""
    unpacked = any(isinstance(one, ast.Starred) for one in call.args) or any(
        one.arg is None for one in call.keywords
    )
    positional = [one for one in call.args if not isinstance(one, ast.Starred)]
    named = {one.arg: None for one in call.keywords if one.arg is not None}
    bind = signature.bind_partial if unpacked else signature.bind
    try:
        bind(*positional, **named)
    except TypeError as error:
        return str(error)
    return None
