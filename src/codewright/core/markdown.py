"""What all cards in Markdown share: a Jinja environment, filters that make any text harmless, the hub's words for sizes."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from codewright.core.html import compact, number, percent, visible
from codewright.core.text import human_bytes, human_seconds

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
    made.filters |= {
        "number": number, "compact": compact, "percent": percent, "bytes": human_bytes, "seconds": human_seconds,
        "plain": plain, "fenced": fenced,
    }  # fmt: skip
    return made


def plain(text: str) -> str:
    """Escape what Markdown would take for more than text; one line."""
    shown = re.sub(r"\s+", " ", visible(text)).strip()
    return re.sub(r"([\\`*_{}\[\]<>|#~$&!])", r"\\\1", shown)


def fenced(text: str, language: str = "") -> str:
    """Wrap a text into a code fence that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    word = language if re.fullmatch(r"[a-z0-9+-]+", language) else ""
    return f"{fence}{word}\n{visible(text)}\n{fence}"
