"""Prompts are Jinja templates beside the methods, `prompts/NAME.j2`: text, never HTML, and an unknown name is an error."""

import functools
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("codewright.synthesis", "prompts"),
        autoescape=False,  # noqa: S701 - prompts are plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, **values: Any) -> str:
    """Fill in a prompt. Values are printed as they are, so code in them stays code."""
    return _environment().get_template(f"{name}.j2").render(values).strip()
