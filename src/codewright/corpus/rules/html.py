"""Measurements of HTML, and bounds where they differ from those of code."""

from codewright.corpus.quality.markup import text_length
from codewright.corpus.quality.measures import OPC, Bounds, measure
from codewright.corpus.quality.text_view import TextView, share

_SOURCE = f"{OPC}, rule set html"

BOUNDS = {
    **{f"qsc_code_frac_chars_dupe_{words}grams": Bounds(high=0.6) for words in range(5, 10)},
    "qsc_code_frac_chars_comments": Bounds(),
    "qsc_code_frac_lines_long_string": Bounds(),
    "qsc_code_frac_chars_string_length": Bounds(),
    "qsc_code_frac_chars_long_word_length": Bounds(),
    "qsc_code_frac_lines_prompt_comments": Bounds(),
    "qsc_code_frac_lines_assert": Bounds(),
}


@measure(low=1, source=_SOURCE)
def qsc_codehtml_cate_ast(view: TextView) -> float | None:
    """Whether the file parses: HTML's parsers take anything."""
    text_length(view)
    return 1


@measure(low=0.2, source=_SOURCE)
def qsc_codehtml_frac_words_text(view: TextView) -> float | None:
    """Share of characters that are text, not tags, scripts or styles (of characters, despite the name)."""
    return share(text_length(view), view.counts.chars)


@measure(low=100, source=_SOURCE)
def qsc_codehtml_num_chars_text(view: TextView) -> float | None:
    """Characters of text."""
    return text_length(view)
