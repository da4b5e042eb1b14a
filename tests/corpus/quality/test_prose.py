"""Measurements of prose on tiny texts, worked out by hand."""

import math

import pytest

from codewright.core.errors import ConfigError
from tests.corpus.quality.measured import values_of, verdict_of

PROSE = """Filters drop what nobody should learn from.
Each measurement looks at one property of a text.
Bounds say which values are usual, and whatever lies outside is dropped.
A file may break several bounds at once; all of them are listed.
Nothing here depends on machines, clocks or the order of arrival.
When somebody asks why their favourite page went missing, there is an answer.
Short notes rarely pass, since fifty words are wanted.
Lists of links, tables full of numbers and repeated lines go as well.
Good prose has many different words, ends its sentences and seldom shouts.
That is all.
"""


def prose(content: str, **options: object) -> dict[str, float | None]:
    return values_of(content, "text", "a.txt", **options)


def test_words_and_sentences() -> None:
    found = prose("One two. Three four!\nFive?\n")
    assert found["num_words"] == 5
    assert found["num_lines"] == 2
    assert found["num_chars"] == 27
    assert found["num_sentences"] == 3
    assert found["mean_word_length"] == 19 / 5
    assert found["entropy_unigram"] == pytest.approx(math.log(5), abs=1e-8)
    assert prose("")["num_sentences"] == 0
    assert prose("no end")["num_sentences"] == 1


def test_entropy_of_words_that_repeat() -> None:
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert prose("a a a b")["entropy_unigram"] == pytest.approx(expected, abs=1e-8)
    assert prose("")["entropy_unigram"] is None


def test_capitals_and_brackets_are_shares_of_raw_words() -> None:
    assert prose("AB c D_ , 12")["frac_words_all_caps"] == 2 / 5
    assert prose("【 a 】 b")["frac_words_full_bracket"] == 2 / 4


def test_line_ends_and_starts() -> None:
    found = prose("and so on...\nmore…)] \nplain\n• item\n")
    assert found["frac_lines_end_with_readmore"] == 2 / 4
    assert found["frac_lines_start_with_bullet"] == 1 / 4
    assert prose("")["frac_lines_end_with_readmore"] is None


def test_repeated_lines_by_number_and_by_characters() -> None:
    found = prose("abc\n abc\n\nlonger line\n")
    assert found["frac_lines_dupe_lines"] == pytest.approx(2 / 3, abs=1e-8)
    assert found["frac_chars_dupe_lines"] == pytest.approx(6 / 17, abs=1e-8)
    assert prose("\n\n")["frac_lines_dupe_lines"] is None


def test_links_and_tags() -> None:
    # (http://a) 10 of 17 characters, <b> 3.
    assert prose("(http://a) x <b> ")["frac_chars_hyperlink_html_tag"] == pytest.approx(13 / 17, abs=1e-8)
    # Up to the last parenthesis of the run; not without one; a tag ends on its line.
    assert prose("(https://a)b)c")["frac_chars_hyperlink_html_tag"] == pytest.approx(13 / 14, abs=1e-8)
    assert prose("(https://ab <c\n>")["frac_chars_hyperlink_html_tag"] == 0


def test_characters() -> None:
    found = prose("a1 \ufffd{\n")
    assert found["frac_chars_alphabet"] == 1 / 4
    assert found["frac_chars_digital"] == 1 / 4
    assert found["frac_chars_whitespace"] == pytest.approx(2 / 6, abs=1e-8)
    assert found["frac_chars_replacement_symbols"] == pytest.approx(1 / 6, abs=1e-8)
    assert found["frac_chars_curly_bracket"] == pytest.approx(1 / 6, abs=1e-8)
    assert prose("0xab 0xag")["frac_chars_hex_words"] == pytest.approx(4 / 9, abs=1e-8)


def test_letters_are_counted_in_english_only() -> None:
    assert prose("abc", lang="de")["frac_chars_alphabet"] is None
    assert verdict_of("1 2 3", "text", lang="de").fired.keys().isdisjoint({"qsc_doc_frac_chars_alphabet"})


def test_languages_whose_words_need_dictionaries_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"lang zh: words would need jieba"):
        verdict_of("x", "text", lang="zh")


def test_prose_is_kept_or_lists_why_not() -> None:
    kept = verdict_of(PROSE, "text")
    assert kept.rule_set == "text/en"
    assert kept.keep, kept.fired
    dropped = verdict_of("\n".join(["same line here"] * 12), "text")
    assert not dropped.keep
    assert dropped.fired["qsc_doc_frac_lines_dupe_lines"] == (1.0, "> 0.6")
