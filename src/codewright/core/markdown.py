"""What all cards in Markdown share: a Jinja environment, filters that make any text harmless, the hub's words for sizes."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from codewright.core.html import FORMATS, visible

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
"""Source: huggingface.co/docs/hub/datasets-cards, `size_categories`."""


def size_category(rows: int) -> str:
    """Return what the hub calls a dataset of so many rows."""
    return next((name for most, name in _SIZES if rows < most), "n>100M")


def markdown_environment(package: str) -> Environment:
    """Make the Jinja environment over a package's `templates` folder. An unknown name is an error."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=False,  # noqa: S701 - not HTML; `plain` makes any text harmless
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {**FORMATS, "plain": plain, "fenced": fenced}
    return made


def plain(text: str) -> str:
    """Escape what Markdown would take for more than text; one line."""
    shown = re.sub(r"\s+", " ", visible(text)).strip()
    return re.sub(r"([\\`*_{}\[\]<>|#~$&!])", r"\\\1", shown)


def fenced(text: str, language: str = "") -> str:
    """Wrap any text for a card: what is invisible in it is shown, and no language can be more than a word."""
    return fence(visible(text), language if re.fullmatch(r"[a-z0-9+-]+", language) else "")


def fence(text: str, language: str = "") -> str:
    """Wrap a text, as it is, into a code fence that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}{language}\n{text}\n{mark}"
