"""Charts are well-formed XML, hold every number that matters, and stand no chance of breaking out of the page."""

from xml.etree import ElementTree

import pytest

from codewright.report.charts import (
    MAX_POINTS,
    Segment,
    element,
    line_chart,
    share_bar,
    stacked_bar,
    thin,
    ticks,
    whisker,
)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 399_360), (0.52, 1.73), (1e-5, 3e-3), (5, 5), (0, 0), (-2, -1), (-3.3, -3.3), (1e9, 1e12)],
)
def test_ticks_cover_the_range_in_few_rising_steps(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert found == sorted(set(found))
    assert 2 <= len(found) <= 8


def test_ticks_are_round() -> None:
    assert ticks(0, 400_000) == [0, 100_000, 200_000, 300_000, 400_000]
    assert ticks(0, 0.003) == [0, 0.001, 0.002, 0.003]


def test_thin_keeps_ends_order_and_spikes() -> None:
    points = [(float(x), 1.0) for x in range(20_000)]
    points[7777] = (7777.0, 99.0)
    points[7778] = (7778.0, -99.0)
    kept = thin(points)
    assert len(kept) <= MAX_POINTS + 2
    assert {points[0], points[-1], (7777.0, 99.0), (7778.0, -99.0)} <= set(kept)
    assert kept == sorted(kept)


def test_elements_escape_text_attributes_and_control_characters() -> None:
    made = element("text", "<script>\x1b\u202e", class_='"><b')
    assert "<script>" not in made
    assert "\x1b" not in made
    assert "\u202e" not in made
    assert ElementTree.fromstring(made).get("class") == '"><b'


def test_line_chart_survives_one_point_a_flat_line_and_zero_tokens() -> None:
    for points in ([(0.0, 0.0)], [(3072.0, 2.5)], [(1.0, 2.0), (2.0, 2.0)]):
        svg = line_chart(points, label="<loss>", x_name="tokens", y_name="loss")
        assert "nan" not in svg
        ElementTree.fromstring(svg)


def test_line_chart_has_a_tooltip_for_the_last_point() -> None:
    svg = line_chart([(float(x), 1 / x) for x in range(1, 1001)], label="", x_name="tokens", y_name="loss")
    titles = [title.text for title in ElementTree.fromstring(svg).iter("title")]
    assert titles[-1] == "1,000 tokens: loss 0.001"


def test_stacked_bar_fills_its_box_and_names_every_piece_that_is_not_empty() -> None:
    pieces = [Segment("kept", 1_000_000, "kept"), Segment("rare", 1, "drop-0"), Segment("none", 0, "drop-1")]
    root = ElementTree.fromstring(stacked_bar(pieces, "bar"))
    widths = [float(rect.attrib["width"].rstrip("%")) for rect in root]
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert min(widths) > 0.3
    assert ["kept" in (rect[0].text or "") for rect in root] == [True, False]
    assert not list(ElementTree.fromstring(stacked_bar([], "nothing")))


def test_whisker_and_share_bar_place_by_percent() -> None:
    dot = ElementTree.fromstring(whisker(0.25, 0.1, 0.4, "a")).find("circle")
    assert dot is not None
    assert dot.get("cx") == "25%"
    assert 'width="100%"' in share_bar(7.0)
