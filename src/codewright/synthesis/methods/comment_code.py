"""`comment_code`: functions of the corpus with the documentation comment above them; no teacher.

Magicoder's paper fine-tunes on such pairs, taken from the documents its seeds come from, and compares them with
OSS-Instruct (arXiv 2312.02120, section 5.2). The user turn is the comment, the assistant turn the function. Nothing is
executed, so rows carry no verdict. All bounds are ours, set by reading what they let through.
"""

import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from codewright.core.config import Share, strict
from codewright.core.records import Document, Message, Origin, Reject, Sample
from codewright.core.text import one_line
from codewright.synthesis.doc_comments import description, is_directive, plain_comment
from codewright.synthesis.functions import SYNTAXES, Documented, documented_functions
from codewright.synthesis.verify import Run

SEEDS = "documents"

Positive = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Options:
    """Which pairs are worth a row, and how the question reads."""

    per_document: Positive = 4
    """Most rows of one file, drawn by the seed: a large file must not outweigh many small ones."""
    signature: bool = True
    """Whether the question states the function's signature."""
    min_words: Positive = 6
    """Fewest words of the description, tag lines left out."""
    max_words: Positive = 250
    """Most words of the whole comment."""
    min_letters: Share = 0.65
    """Least share of ASCII letters among the description's characters that are no blanks."""
    min_lines: Positive = 3
    """Fewest lines of the function."""
    max_lines: Positive = 60
    """Most lines of the function."""
    min_tokens: Positive = 25
    """Fewest tokens of the function, as its grammar counts them."""
    max_tokens: Positive = 600
    """Most tokens of the function."""
    max_chars: Positive = 3000
    """Most characters of the function, and of the comment: a single string may be a file of its own."""


@dataclass(frozen=True)
class Pair:
    """A function with its comment as text, and what of that describes it."""

    function: Documented
    comment: str
    description: str


async def make(
    seed: Document, ask: Any, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield at most `per_document` rows of one file, and why its other documented functions give none."""
    if seed.language not in SYNTAXES:
        return
    found = pairs_of(seed, options)
    good = [item for item in found if isinstance(item, Pair)]
    drawn = {id(pair) for pair in rng.sample(good, min(options.per_document, len(good)))}
    for item in found:
        if isinstance(item, Reject):
            yield item
        elif id(item) in drawn:
            yield _row(item, seed, options)
        else:
            yield Reject("over_per_document", item.function.name)


def pairs_of(document: Document, options: Options) -> list[Pair | Reject]:
    """List the documented functions of a file in its order, each usable or with the reason why not."""
    functions = documented_functions(document.content, document.language)
    if isinstance(functions, str):
        return [Reject(functions, document.path)]
    pairs = []
    for function in functions:
        text = plain_comment(function.comment, document.language)
        pairs.append(Pair(function, text, description(text)))
    times = Counter(pair.description.casefold() for pair in pairs)
    result: list[Pair | Reject] = []
    for pair in pairs:
        shared = times[pair.description.casefold()] > 1
        reason = _unfit(pair, document, shared, options)
        result.append(Reject(reason, one_line(pair.function.name)) if reason else pair)
    return result


def _row(pair: Pair, seed: Document, options: Options) -> Sample:
    function, title = pair.function, SYNTAXES[seed.language].title
    what = f"method of `{function.owner}`" if function.owner else "function"
    request = f"Write the {title} {what} that this documentation comment describes.\n\n{pair.comment}"
    if options.signature:
        request += f"\n\nIts signature:\n\n```{seed.language}\n{function.signature}\n```"
    first, last = function.lines
    return Sample.make(
        (Message("user", request), Message("assistant", function.code)),
        task="write",
        method="comment_code",
        language=seed.language,
        form="chat",
        origin=Origin(seeds=(seed.id,), place=f"lines {first}-{last}"),
    )


_TEST_NAME = re.compile(r"(?:test|Test|bench|Bench)(?:[A-Z_\d].*)?|.*(?:_test|Test|Tests|_spec)")
_TEST_MARK = re.compile(
    r"#\[(?:\w+::)*(?:test|bench)\b|[@\[](?:Test|Fact|Theory|TestMethod|ParameterizedTest)\b|@pytest\."
)
_TEST_PATH = re.compile(r"(?:^|/)(?:tests?|__tests__)/|(?:^|/)test_[^/]*$|[._-](?:test|spec|tests)\.\w+$|Tests?\.(?:java|cs|php)$", re.IGNORECASE)  # fmt: skip

_LICENCE = re.compile(
    r"\bcopyright\b|\bSPDX-|\ball rights reserved\b|\blicen[sc]ed under\b|\(c\) ?(?:19|20)\d\d|\bpermission is hereby\b",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"@generated\b|\bauto(?:matically)?[- ]?generated\b|\bdo not (?:edit|modify)\b|\bcode generated by\b"
    r"|\bthis (?:file|code|class|method|function) (?:is|was|has been) generated\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|TBD|WIP)\b")
_ELSEWHERE = re.compile(r"\{?@?inherit[dD]oc\b|^\s*(?:see|same as|refer to|like|as above|ditto)\b[^.\n]*\.?\s*$", re.IGNORECASE)  # fmt: skip
"""Comments whose words stand somewhere else."""

_ACCESSOR = re.compile(r"(?:get|set|is|has)(?:[A-Z_]\w*)?")
_FORWARD_TOKENS, _ACCESSOR_TOKENS = 12, 20
"""A single statement of so few tokens hands something on: `this.x = x;` has six, `return f(this.x, y);` eleven."""

_CODE_LINE = re.compile(r".*[;{]\s*|\s*[})\]]+[;,]?\s*|\s*(?:#include|#define|import|return|if|for|while)\b.*[:({>;\\]\s*|\s*\w+ [+\-*/]?= .*")  # fmt: skip
_VERBATIM_CHARS = 20
"""A line of code so long in a comment is no accident."""

_WORDS = """
a an and any are as at be been but by can do does each for from given has have if in into is it its may must no not of on only
or otherwise should than that the their then there they this to up used was when where whether which while will with you
"""
_ENGLISH = frozenset(_WORDS.split())
_SAYS_NOTHING = _ENGLISH | {
    "function",
    "method",
    "return",
    "returns",
    "get",
    "gets",
    "set",
    "sets",
    "value",
    "object",
    "class",
}


def _unfit(pair: Pair, document: Document, shared: bool, options: Options) -> str | None:
    """Return why a function and its comment make no good row; the reasons in the order they are looked for."""
    function, comment, said = pair.function, pair.comment, pair.description
    words = re.findall(r"[^\W\d_]{2,}", said)
    lines = function.code.count("\n")
    accessor = bool(_ACCESSOR.fullmatch(function.name))
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("syntax_error", lambda: not function.intact),
        ("entry_point", lambda: function.name in {"main", "Main"}),
        ("test_function", lambda: _is_test(function, document.path)),
        ("empty_body", lambda: function.statements == 0),
        ("trivial_body", lambda: function.statements == 1 and function.body_tokens <= (_ACCESSOR_TOKENS if accessor else _FORWARD_TOKENS)),
        ("function_too_short", lambda: lines < options.min_lines or function.tokens < options.min_tokens),
        ("function_too_long", lambda: lines > options.max_lines or function.tokens > options.max_tokens or len(function.code) > options.max_chars),
        ("directive_comment", lambda: not comment and is_directive(function.comment, document.language)),
        ("licence_comment", lambda: _LICENCE.search(comment)),
        ("generated_comment", lambda: _GENERATED.search(comment)),
        ("unfinished_comment", lambda: _UNFINISHED.search(comment)),
        ("inherited_comment", lambda: _ELSEWHERE.search(said)),
        ("only_tags", lambda: not words),
        ("commented_code", lambda: _is_code(said)),
        ("comment_too_short", lambda: len(words) < options.min_words),
        ("not_english", lambda: _letters(said) < options.min_letters or not _reads_english(words)),
        ("comment_too_long", lambda: len(comment.split()) > options.max_words or len(comment) > options.max_chars),
        ("comment_repeats_code", lambda: _repeats(comment, words, function)),
        ("shared_comment", lambda: shared),
    )  # fmt: skip
    return next((reason for reason, holds in checks if holds()), None)


def _is_test(function: Documented, path: str) -> bool:
    if _TEST_PATH.search(path) or _TEST_MARK.search(function.header):
        return True
    return bool(_TEST_NAME.fullmatch(function.name))


def _is_code(said: str) -> bool:
    """Tell whether a comment is code put aside: it begins with code, and half of it is. Examples come behind words."""
    code = [bool(_CODE_LINE.fullmatch(line)) for line in said.split("\n") if line.strip()]
    return bool(code) and code[0] and 2 * sum(code) >= len(code)


def _letters(said: str) -> float:
    """Return the share of ASCII letters among the characters that are no blanks; indented lines are examples."""
    dense = "".join("".join(line.split()) for line in said.split("\n") if not line.startswith("    "))
    return sum(one.isascii() and one.isalpha() for one in dense) / max(1, len(dense))


def _reads_english(words: list[str]) -> bool:
    return any(word.lower() in _ENGLISH for word in words)


def _repeats(comment: str, words: list[str], function: Documented) -> bool:
    """Tell whether a comment says no more than the signature, or quotes the code."""
    named = {
        _stem(part) for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", f"{function.owner} {function.signature}")
    }
    told = {_stem(word) for word in words if word.lower() not in _SAYS_NOTHING}
    if told <= named:
        return True
    code = {" ".join(line.split()) for line in function.code.split("\n")}
    quoted = (" ".join(line.split()) for line in comment.split("\n"))
    return any(len(line) >= _VERBATIM_CHARS and line in code for line in quoted)


def _stem(word: str) -> str:
    return word.lower().removesuffix("s")
