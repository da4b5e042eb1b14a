"""What all HTML pages share: a Jinja environment that makes any text safe and visible, number formats, base CSS.

Pages are single files: no script, no font, no image and no request leaves them; `CSP` forbids it to the browser too.
"""

import re
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from codewright.core.text import human_bytes, human_seconds

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""`data:` is for the empty icon, without which browsers ask a server for one."""

CLIP_CHARS = 4000
"""About four screens of code; what is longer is cut, with a note, so that a page stays small whatever rows hold."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Control characters, direction marks, invisible separators and tags, lone surrogates. Joiners stay: emoji need them."""


def visible(text: str) -> str:
    """Replace characters that are invisible, reorder what follows or cannot be encoded by a readable stand-in.

    Source: Boucher & Anderson 2021 (arXiv 2111.00169): direction marks make code read otherwise than it runs.
    """
    # Unicode has pictures for some of them, but few fonts do.
    return _HIDDEN.sub(lambda found: f"\u27e8U+{ord(found.group()):04X}\u27e9", text.replace("\r\n", "\n"))


@dataclass(frozen=True)
class Clipped:
    """The start of a text and how many characters were left out behind it."""

    text: str
    left_out: int


def clip(text: str, limit: int = CLIP_CHARS) -> Clipped:
    """Cut a text for display."""
    return Clipped(text[:limit], max(0, len(text) - limit))


def number(value: float) -> str:
    """Format with thousands separators; fractions with up to four significant digits."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def compact(value: float) -> str:
    """Format for axes and tiles, e.g. `950`, `120k`, `1.2M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Format a share, e.g. `12.3 %`; what is not nothing never reads as 0, what is not all never as 100."""
    if 0 < share < 0.001:
        return "<\u00a00.1\u00a0%"
    if 0.999 < share < 1:
        return ">\u00a099.9\u00a0%"
    return f"{share * 100:.1f}\u00a0%"


def signed_percent(change: float) -> str:
    """Format a relative change, e.g. `+5.1 %`."""
    return f"{change * 100:+.1f}\u00a0%".replace("-", "\u2212")


FORMATS = {
    "number": number, "compact": compact, "percent": percent, "bytes": human_bytes, "seconds": human_seconds,
}  # fmt: skip
"""Filters that all pages and cards have."""


def environment(package: str) -> Environment:
    """Make the Jinja environment over a package's `templates` folder.

    Whatever is printed passes `visible` and is escaped; only Markup is trusted. An unknown name is an error.
    """
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.filters |= {**FORMATS, "signed_percent": signed_percent, "clip": clip}
    made.globals |= {"BASE_CSS": Markup(BASE_CSS), "CSP": CSP}  # noqa: S704 - our own constant
    return made


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


BASE_CSS = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f4f6f8; --line: #d5dbe1; --grid: #e4e8ec;
  --ink: #14191f; --muted: #545e6a; --accent: #0a5fa5; --accent-soft: #dcebf8;
  --good: #12683f; --good-soft: #dff3e8; --bad: #b3261e; --bad-soft: #fbe5e2; --warn: #85560a; --warn-soft: #faeccd;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161b; --raised: #1a2027; --line: #343d47; --grid: #262e37;
    --ink: #e6eaee; --muted: #9fabb7; --accent: #70b6f3; --accent-soft: #17324a;
    --good: #56c493; --good-soft: #14362a; --bad: #f28b82; --bad-soft: #45211f; --warn: #e3b45c; --warn-soft: #3b2e14;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 var(--sans); }
.page { max-width: 74rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1, h2, h3, h4 { line-height: 1.25; margin: 0; overflow-wrap: anywhere; text-wrap: balance; }
h1 { font-size: clamp(1.7rem, 1.2rem + 2vw, 2.4rem); letter-spacing: -0.02em; }
h2 { font-size: 1.45rem; letter-spacing: -0.01em; }
h3 { font-size: 1.1rem; }
h4 { font-size: 0.95rem; }
p { margin: 0.5rem 0; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.muted { color: var(--muted); }
.note { color: var(--muted); font-size: 0.9rem; max-width: 46rem; }
code, .mono { font-family: var(--mono); font-size: 0.875em; overflow-wrap: anywhere; unicode-bidi: isolate; }
.scroll { overflow-x: auto; max-width: 100%; position: relative; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 0.4rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 1.2rem 0.35rem 0; border-top: 1px solid var(--grid); }
th:last-child, td:last-child { padding-right: 0; }
thead td { border-top: 0; }
thead th { color: var(--muted); font-weight: 500; border-top: 0; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 400; }
tfoot th, tfoot td { border-top: 1px solid var(--muted); font-weight: 600; }
.num { text-align: right; white-space: nowrap; }
pre {
  margin: 0; padding: 0.65rem 0.8rem; background: var(--raised); border-radius: 6px; max-height: 24rem; overflow: auto;
  font: 0.82rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4;
  direction: ltr; unicode-bidi: isolate;
}
summary { cursor: pointer; }
details > pre, details > .scroll { margin-top: 0.5rem; }
.tag {
  display: inline-block; max-width: 100%; padding: 0.05rem 0.5rem; border-radius: 4px; background: var(--raised);
  color: var(--muted); font-size: 0.8rem; font-weight: 400; overflow-wrap: anywhere;
}
.tag.good { background: var(--good-soft); color: var(--good); }
.tag.bad { background: var(--bad-soft); color: var(--bad); }
.tag.warn { background: var(--warn-soft); color: var(--warn); }
@media (max-width: 40rem) { .page { padding: 1.5rem 1rem 3rem; } }
@media print { .page { max-width: none; padding: 0; } pre { max-height: none; } article { break-inside: avoid; } }
"""
