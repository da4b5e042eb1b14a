"""Charts as inline SVG: pure functions from numbers to markup, coloured by the page's CSS classes.

Horizontal places are percentages, so a chart fills its box at any width and its text keeps its size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from codewright.core.html import compact, number, percent, visible

LEFT, WIDTH = 15.0, 82.0
"""Where the plot begins and how wide it is, in percent of the chart; the rest is for tick labels."""
TOP, HEIGHT, BELOW = 10, 170, 40
"""The plot's place in pixels, and the room for the x axis below it."""

MAX_POINTS = 600
"""Points drawn per line: more than any screen shows apart at this size."""
MAX_HOVERS = 60
"""Points with a tooltip; closer together they cannot be hit."""

SMALLEST_SEGMENT = 0.4
"""Percent of a bar that even one row gets, so that nothing lost is invisible."""

Point = tuple[float, float]
Format = Callable[[float], str]


@dataclass(frozen=True)
class Segment:
    """One piece of a stacked bar; `css` is the class that colours it."""

    label: str
    value: int
    css: str


def element(name: str, *children: str, **attributes: object) -> Markup:
    """Build one SVG element; text and attribute values are escaped. `class_` and `text_anchor` lose or turn their `_`."""
    shown = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), visible(str(value)))
        for key, value in attributes.items()
    )
    inner = Markup("").join(
        escape(child if isinstance(child, Markup) else visible(child)) for child in children
    )
    return Markup("<{}{}>{}</{}>").format(Markup(name), shown, inner, Markup(name))  # noqa: S704 - names are ours


def _pct(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Choose about `count` round numbers from at or below `low` to at or above `high`; equal ends are spread."""
    if not high > low:
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)
    raw = (high - low) / max(1, count - 1)
    size: float = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def thin(points: Sequence[Point], limit: int = MAX_POINTS) -> list[Point]:
    """Reduce points to about `limit`, keeping the lowest and highest of each stretch, so that no spike is lost."""
    if len(points) <= limit:
        return list(points)
    stretch = math.ceil(len(points) / (limit // 2))
    kept: list[Point] = []
    for start in range(0, len(points), stretch):
        part = range(start, min(start + stretch, len(points)))
        lowest, highest = (choose(part, key=lambda at: points[at][1]) for choose in (min, max))
        kept.extend(points[at] for at in sorted({lowest, highest}))
    return list(dict.fromkeys([points[0], *kept, points[-1]]))


def line_chart(
    points: Sequence[Point],
    *,
    label: str,
    x_name: str,
    y_name: str,
    format_y: Format = number,
    zero: bool = False,
) -> Markup:
    """Draw one line over round ticks. label: what a screen reader says. zero: let the y axis begin at 0."""
    x_high = max(x for x, _ in points) or 1.0
    x_ticks = [
        tick for tick in ticks(0.0, x_high) if tick <= x_high * 1.03
    ]  # a tick just beyond the end is worth it
    x_high = max(x_high, x_ticks[-1])
    y_ticks = ticks(0.0 if zero else min(y for _, y in points), max(y for _, y in points))
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def x_at(x: float) -> float:
        return LEFT + WIDTH * x / x_high

    def y_at(y: float) -> float:
        return round(TOP + HEIGHT * (1 - (y - y_low) / (y_high - y_low)), 2)

    inside = " ".join(
        f"{x / x_high * 1000:.2f},{(y_at(y) - TOP) / HEIGHT * 1000:.2f}" for x, y in thin(points)
    )
    line = element(
        "svg",
        element("polyline", points=inside, class_="curve", vector_effect="non-scaling-stroke"),
        x=_pct(LEFT), y=TOP, width=_pct(WIDTH), height=HEIGHT,
        viewBox="0 0 1000 1000", preserveAspectRatio="none", overflow="visible",
    )  # fmt: skip
    hovers = [
        element(
            "circle",
            element("title", f"{number(x)} {x_name}: {y_name} {format_y(y)}"),
            cx=_pct(x_at(x)), cy=y_at(y), r=5, class_="point",
        )
        for x, y in _every(points, MAX_HOVERS)
    ]  # fmt: skip
    axes = [*_y_axis(y_ticks, y_at, format_y), *_x_axis(x_ticks, x_at, x_name)]
    return element(
        "svg", *axes, line, *hovers, class_="chart", width="100%", height=TOP + HEIGHT + BELOW,
        role="img", aria_label=label,
    )  # fmt: skip


def _y_axis(values: Sequence[float], y_at: Format | Callable[[float], float], shown: Format) -> list[Markup]:
    parts: list[Markup] = []
    for value in values:
        y = y_at(value)
        parts.append(element("line", x1=_pct(LEFT), x2=_pct(LEFT + WIDTH), y1=y, y2=y, class_="grid"))
        parts.append(element("text", shown(value), x=_pct(LEFT - 2), y=y, dy="0.32em", text_anchor="end"))
    return parts


def _x_axis(values: Sequence[float], x_at: Callable[[float], float], name: str) -> list[Markup]:
    bottom = TOP + HEIGHT
    parts = [element("line", x1=_pct(LEFT), x2=_pct(LEFT + WIDTH), y1=bottom, y2=bottom, class_="axis")]
    for value in values:
        x = _pct(x_at(value))
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(element("text", compact(value), x=x, y=bottom + 18, text_anchor="middle"))
    parts.append(element("text", name, x=_pct(LEFT + WIDTH), y=bottom + 35, text_anchor="end"))
    return parts


def _every(points: Sequence[Point], limit: int) -> list[Point]:
    """Pick evenly, the last one included."""
    if len(points) <= limit:
        return list(points)
    return [points[round(index * (len(points) - 1) / (limit - 1))] for index in range(limit)]


def stacked_bar(segments: Sequence[Segment], label: str) -> Markup:
    """Draw one horizontal bar whose pieces are proportional to their values; empty pieces are left out."""
    shown = [segment for segment in segments if segment.value]
    total = sum(segment.value for segment in shown)
    widths = [max(SMALLEST_SEGMENT, 100 * segment.value / total) for segment in shown]
    scale = 100 / sum(widths) if widths else 1.0
    parts: list[Markup] = []
    x = 0.0
    for segment, width in zip(shown, widths, strict=True):
        tooltip = element(
            "title", f"{segment.label}: {number(segment.value)} ({percent(segment.value / total)})"
        )
        parts.append(
            element(
                "rect", tooltip, x=_pct(x), y=0, width=_pct(width * scale), height="100%", class_=segment.css
            )
        )
        x += width * scale
    return element("svg", *parts, class_="bar", width="100%", height=18, role="img", aria_label=label)


def share_bar(share: float) -> Markup:
    """Draw a thin bar that fills `share` of its box; decoration beside a number, hidden from screen readers."""
    fill = element(
        "rect", x=0, y=0, width=_pct(100 * min(1.0, max(0.0, share))), height="100%", class_="fill"
    )
    return element("svg", fill, class_="meter", width="100%", height=6, aria_hidden="true")


def whisker(share: float, low: float, high: float, label: str) -> Markup:
    """Draw a share from 0 to 1 as a dot on its interval, over the quarter lines."""
    grid = [element("line", x1=x, x2=x, y1=0, y2=24, class_="grid") for x in map(_pct, (0, 25, 50, 75, 100))]
    ends = [
        element("line", x1=x, x2=x, y1=7, y2=17, class_="whisker")
        for x in (_pct(100 * low), _pct(100 * high))
    ]
    span = element("line", x1=_pct(100 * low), x2=_pct(100 * high), y1=12, y2=12, class_="whisker")
    dot = element("circle", cx=_pct(100 * share), cy=12, r=5, class_="dot")
    # A root <title> gives the whole row a tooltip, not the few pixels of the dot alone.
    return element(
        "svg", element("title", label), *grid, span, *ends, dot,
        class_="whiskers", width="100%", height=24, role="img", aria_label=label,
    )  # fmt: skip


def share_axis(whole: int = 1) -> Markup:
    """Draw the tick labels that stand under whiskers. whole: what all is called, 1 or 100."""
    labels = [
        element("text", f"{at * whole / 100:g}", x=_pct(at), y=12, text_anchor="middle")
        for at in (0, 25, 50, 75, 100)
    ]
    return element("svg", *labels, class_="whiskers", width="100%", height=16, aria_hidden="true")
