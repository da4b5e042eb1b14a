"""Documentation comments as plain text: without the markers of their language, and what of them is description."""

import html
import inspect
import re
from html.parser import HTMLParser

_RULE = re.compile(r"[\s*=\-_#~+/<>|.]*")
"""A line of ornament."""

_BARE_TAG = re.compile(
    r"^[ \t]*(@(?:returns|value|(?:param|typeparam|exception) \S+))[ \t]*\n[ \t]*(?=\S)", re.MULTILINE
)
"""A C# tag whose text stands in lines of its own."""

_LONGEST_XML = 20_000
"""Characters above which a comment's tags stay: html.parser takes the square of what is not closed."""

_MARKED_UP = frozenset({"python", "rust"})
"""Where lines of dashes underline headings of reStructuredText and Markdown."""

_DIRECTIVE = re.compile(
    r"\s*(?:!|/usr/bin/|go:|\+build|nolint|lint:|eslint|jshint|jslint|tslint|standard|istanbul|c8 |v8 |prettier-|global[s ]|@ts-|@flow|"
    r"@jsx|@preserve|@suppress|noinspection|shellcheck|clang-|NOLINT|LCOV_|GCOV_|coverity|pylint|noqa|type: ?ignore|mypy|pyright|"
    r"flake8|coverage|pragma|phpcs|phpstan|@phan|@psalm|@phpstan|@codeCoverageIgnore|@codingStandards|rustfmt|clippy|export [A-Z]\w*$|"
    r"vim:|-\*-|ReSharper|StyleCop|#?region|endregion)"
)
"""Lines that speak to a tool: linters, formatters, coverage, compilers, editors, shebangs."""

_TAG = re.compile(r"\s*(?:[@\\][A-Za-z]\w*|:[A-Za-z][^:\n]*:(?!:)|>>>|\[[^\]]+\]: )")
"""A line of Javadoc, JSDoc, Doxygen, PHPDoc (@param, \\return) or Sphinx (:param x:), a doctest, the target of a link."""

_BRIEF = re.compile(r"[@\\](?:brief|short|details|description|desc|summary)\b[ \t]*")
_WORD_MARK = re.compile(r"(?<!\S)[@\\](?:c|p|a|e|b|em|ref|tt) (?=\S)")
"""Doxygen's marks of the next word."""
_INLINE = re.compile(r"\{@\w+\s([^{}]*)\}")
"""Javadoc's and JSDoc's {@code x}, {@link X}."""

_HTML = re.compile(r"</?(?:p|br|b|i|em|strong|code|pre|tt|ul|ol|li|dl|dt|dd|a|h[1-6]|blockquote|div|span|table|tr|td|th)(?:\s[^<>]*)?/?>", re.IGNORECASE)  # fmt: skip
"""What Javadoc is written with. Other words in angle brackets are types."""

_WITH_HTML = frozenset({"java", "javascript", "typescript", "tsx", "php", "c", "cpp"})


def plain_comment(comment: str, language: str) -> str:
    """Take a comment's markers away: `/** * */`, `///`, `#`, XML and HTML tags, lines for tools. Tag lines stay as text."""
    text = comment if language == "python" else _unmarked(comment)
    if language == "csharp":
        text = _without_xml(text)
    elif language in _WITH_HTML:
        text = html.unescape(_HTML.sub("", _INLINE.sub(r"\1", text)))
    text = _WORD_MARK.sub("", _BRIEF.sub("", text))
    lines = [line.rstrip() for line in inspect.cleandoc(text).split("\n")]
    kept = [line for line in lines if not _DIRECTIVE.match(line)]
    if language not in _MARKED_UP:
        kept = ["" if _RULE.fullmatch(line) else line for line in kept]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def is_directive(comment: str, language: str) -> bool:
    """Tell whether a comment holds lines for tools."""
    text = comment if language == "python" else _unmarked(comment)
    return any(_DIRECTIVE.match(line) for line in text.split("\n"))


def description(text: str) -> str:
    """Return what a plain comment says in words: no tag lines and doctests, each up to the next blank line, no fenced code."""
    kept: list[str] = []
    skipping = fenced = False
    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            skipping = bool(_TAG.match(line)) or (skipping and bool(line.strip()))
            kept += [] if skipping else [line]
    return "\n".join(kept).strip()


def _unmarked(comment: str) -> str:
    """Take the markers of blocks and lines away; the indentation behind them stays."""
    if not comment.startswith("/*"):
        return "\n".join(re.sub(r"^\s*(?:/{2,}!?<?|#+) ?", "", line) for line in comment.split("\n"))
    parts = re.split(r"\*/[ \t]*\n\s*/\*", comment.removeprefix("/*").removesuffix("*/"))
    return "\n".join(_block_lines(part) for part in parts)


def _block_lines(inside: str) -> str:
    lines = re.sub(r"^[*!]+<?", "", inside).split("\n")
    starred = all(line.lstrip().startswith(("*", "|")) for line in lines[1:] if line.strip())
    if starred:
        lines[1:] = [re.sub(r"^\s*[*|]+ ?", "", line) for line in lines[1:]]
    lines[0] = lines[0].strip()
    return "\n".join(_unboxed(line) for line in lines)


def _unboxed(line: str) -> str:
    """Take the right side of a box of stars away."""
    bare = line.rstrip().rstrip("*")
    return bare.rstrip() if bare[-1:].isspace() else line.rstrip()


def _without_xml(text: str) -> str:
    if len(text) > _LONGEST_XML:
        return text
    reader = _XmlDoc()
    reader.feed(text)
    reader.close()
    return _BARE_TAG.sub(r"\1 ", "".join(reader.parts))


class _XmlDoc(HTMLParser):
    """C#'s documentation tags as text: references by their names, parameters as @param lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {key: value or "" for key, value in attrs}
        if tag in {"param", "typeparam", "exception"}:
            self.parts.append(f"@{tag} {of.get('name') or _cref(of.get('cref', ''))} ")
        elif tag in {"returns", "value"}:
            self.parts.append(f"@{tag} ")
        elif tag in {"see", "seealso", "paramref", "typeparamref"}:
            self.parts.append(of.get("name") or of.get("langword") or _cref(of.get("cref", "")))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _cref(reference: str) -> str:
    return re.sub(r"^[A-Z]:", "", reference)
