"""Any text is safe to print; numbers read well."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from codewright.core.html import clip, compact, environment, number, percent, visible


def test_hidden_and_reordering_characters_become_visible() -> None:
    shown = visible("a\x00b\x1b[31m\x7f\x85\u202e\u2066\ufeff\u200b\ud800\U000e0041c")
    assert shown.isprintable()
    assert shown.startswith("a⟨U+0000⟩b⟨U+001B⟩[31m")
    shown.encode("utf-8")


def test_plain_text_emoji_and_other_scripts_stay_as_they_are() -> None:
    text = "def f():\n\treturn '👩‍💻 שלום 日本語 é'\n"
    assert visible(text) == text
    assert visible("a\r\nb") == "a\nb"
    assert visible("a\rb") == "a⟨U+000D⟩b"


def test_clip_says_how_much_is_left_out() -> None:
    assert clip("abc", 3).left_out == 0
    assert (clip("abcdef", 4).text, clip("abcdef", 4).left_out) == ("abcd", 2)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1234567, "1,234,567"), (3.0, "3"), (0.30004, "0.3"), (1234.56, "1,235"), (3e-05, "3e-05")],
)
def test_number(value: float, shown: str) -> None:
    assert number(value) == shown


def test_percent_never_rounds_to_nothing_or_all() -> None:
    shown = [percent(share).replace("\u00a0", " ") for share in (0, 0.0004, 0.1234, 0.99999, 1)]
    assert shown == ["0.0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100.0 %"]


def test_compact() -> None:
    assert [compact(value) for value in (0, 950, 120_000, 1_200_000, 3e9)] == [
        "0",
        "950",
        "120k",
        "1.2M",
        "3G",
    ]


def test_environment_escapes_what_is_printed_and_refuses_unknown_names() -> None:
    made = environment("codewright.report")
    text = made.from_string("{{ x }}|{{ y }}").render(x="<b>\x07\ud800", y=Markup("<i>"))
    assert text == "&lt;b&gt;⟨U+0007⟩⟨U+D800⟩|<i>"
    with pytest.raises(UndefinedError):
        made.from_string("{{ missing }}").render()
