"""Transforms of a document's text: licence headers go, personal data and secrets become placeholders.

`transform` is a pure function; what it did is a list of edits, which is what the audit of `corpus.transform` holds. Done twice it
changes nothing more: each part is repeated until it finds nothing.
"""

from dataclasses import dataclass, field, replace

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean
from codewright.corpus.transforms.edits import Edit, apply, combine
from codewright.corpus.transforms.headers import header_edits
from codewright.corpus.transforms.redaction import PLACEHOLDERS, secret_edits

KINDS = tuple(PLACEHOLDERS)
_ROUNDS = 8
"""Times that placeholders may make something new look like a secret; two were the most ever seen."""


@dataclass(frozen=True)
class Options:
    """headers: remove licence and copyright headers. kinds: what is replaced, of `KINDS`. Raises: ConfigError for another kind."""

    headers: bool = True
    kinds: frozenset[str] = field(default_factory=lambda: frozenset(KINDS))

    def __post_init__(self) -> None:
        for kind in sorted(self.kinds - set(KINDS)):
            known = ", ".join(KINDS)
            raise ConfigError(f"transforms: no kind '{kind}'{did_you_mean(kind, KINDS)}; known: {known}")


@dataclass(frozen=True)
class Transformed:
    """The new text, and how it came from the old one; edits are sorted by offset and do not overlap."""

    content: str
    edits: tuple[Edit, ...] = ()


def transform(content: str, language: str | None, options: Options | None = None) -> Transformed:
    """Remove the header and replace personal data and secrets.

    language: as `core.languages` names it; of one whose comments are not known no header is removed. Every character of the
    original is either in the result or in one edit's span.
    """
    options = options or Options()
    edits: list[Edit] = []
    text = content
    for number in range(_ROUNDS):
        found = header_edits(text, language) if options.headers else []
        if number and not found:
            break
        removed = apply(text, found) if found else text
        secrets = _all_secrets(removed, language, options.kinds)
        if not found and not secrets:
            break
        found = [replace(edit, text=_safe(edit.text, language)) for edit in found]
        edits = combine(edits, combine(found, secrets, removed), text)
        text = apply(removed, secrets)
    return Transformed(text, tuple(edits))


def _all_secrets(text: str, language: str | None, kinds: frozenset[str]) -> list[Edit]:
    edits: list[Edit] = []
    for _ in range(_ROUNDS if kinds else 0):
        found = secret_edits(text, language, kinds)
        if not found:
            break
        edits = combine(edits, found, text)
        text = apply(text, found)
    return edits


def _safe(removed: str, language: str | None) -> str:
    """Return a removed header for the audit, with nothing personal or secret in it, whatever the options."""
    return apply(removed, _all_secrets(removed, language, frozenset(KINDS)))
