"""Measurements of prose: the rule sets text/en and text/zh."""

import re
from collections import Counter

from codewright.corpus.quality.kernels import hex_words
from codewright.corpus.quality.measures import OPC, Bounds, measure
from codewright.corpus.quality.text_view import TextView, covered_share, share, top_share

_SOURCE = f"{OPC}, rule sets text/en and text/zh"

_READ_MORE = (
    "...", "…", "全文", "详情", "详细", "更多", "المزيد", "تفاصيل", "اقرأ المزيد", "もっと", "詳細", "もっと読む",
)  # fmt: skip
"""Endings of lines that break off (the same repository)."""

_BULLETS = tuple(
    map(
        chr,
        [
            0x2022, 0x2023, 0x2043, 0x204C, 0x204D, 0x2219, *range(0x25A0, 0x25B0), *range(0x25C6, 0x25CC), 0x25CF, *range(0x25D0, 0x25D7),
            0x25D8, 0x25D9, *range(0x25E2, 0x25E7), 0x25EF, 0x2611, 0x2612, 0x29BE, 0x2B1B, 0x2B1C, 0x2B1E, 0x2B1F, 0x2B24,
        ],
    )
)  # fmt: skip
"""Characters that list items begin with (the same repository)."""

_STOPS = ".!?\u3002\uff01\uff1f\u061f"
_SENTENCE = re.compile(rf"\b[^{_STOPS}]+[{_STOPS}]*")
_WORDS = re.compile(r"\w+|[^\w\s]+")
_LINK = re.compile(r"\(https?://(?=\S)")
_SPACE = re.compile(r"\s")
_TAG = re.compile(r"<[^>\n]*+>?")


def _zh(low: float | None = None, high: float | None = None) -> dict[str, Bounds]:
    return {"text/zh": Bounds(low, high)}


@measure(low=50, source=_SOURCE)
def qsc_doc_num_words(view: TextView) -> float | None:
    """Normalised words."""
    return view.repeats.words


@measure(low=50, source=_SOURCE)
def qsc_doc_num_chars(view: TextView) -> float | None:
    """Characters."""
    return view.counts.chars


@measure(low=10, source=_SOURCE)
def qsc_doc_num_lines(view: TextView) -> float | None:
    """Lines."""
    return view.counts.lines


@measure(equal=1, source=_SOURCE)
def qsc_doc_num_sentences(view: TextView) -> float | None:
    """Stretches between full stops, question and exclamation marks."""
    return sum(1 for _ in _SENTENCE.finditer(view.content))


@measure(low=3, high=10, source=_SOURCE, per_set=_zh(1.3, 10))
def qsc_doc_mean_word_length(view: TextView) -> float | None:
    """Characters a normalised word."""
    return share(view.repeats.chars, view.repeats.words)


@measure(low=3, source=_SOURCE)
def qsc_doc_entropy_unigram(view: TextView) -> float | None:
    """Entropy of the distribution of normalised words, in nats."""
    return round(view.repeats.entropy, 8) if view.repeats.words else None


@measure(high=0.5, source=_SOURCE, per_set=_zh())
def qsc_doc_frac_words_all_caps(view: TextView) -> float | None:
    """Share of words in capitals."""
    words = _WORDS.findall(view.content)
    return share(sum(map(str.isupper, words)), len(words))


@measure(source=_SOURCE, per_set=_zh(high=0.1))
def qsc_doc_frac_words_full_bracket(view: TextView) -> float | None:
    """Share of words that are a lenticular bracket."""
    words = _WORDS.findall(view.content)
    return share(sum(word in {"【", "】"} for word in words), len(words))


@measure(high=0.1, source=_SOURCE, per_set=_zh(high=0.3))
def qsc_doc_frac_lines_end_with_readmore(view: TextView) -> float | None:
    """Share of lines that end with an ellipsis or "read more"."""
    ends = sum(line.rstrip().rstrip("]】)>》").endswith(_READ_MORE) for line in view.raw_lines)
    return share(ends, view.counts.lines)


@measure(high=0.9, source=_SOURCE)
def qsc_doc_frac_lines_start_with_bullet(view: TextView) -> float | None:
    """Share of lines that begin with a bullet."""
    return share(sum(line.lstrip().startswith(_BULLETS) for line in view.raw_lines), view.counts.lines)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_lines_dupe_lines(view: TextView) -> float | None:
    """Share of non-blank lines that occur more than once, all copies counted."""
    lines = Counter(filter(None, map(str.strip, view.raw_lines)))
    return share(sum(count for count in lines.values() if count > 1), lines.total())


@measure(high=0.5, source=_SOURCE)
def qsc_doc_frac_chars_dupe_lines(view: TextView) -> float | None:
    """The same by characters."""
    lines = Counter(filter(None, map(str.strip, view.raw_lines)))
    repeated = sum(len(line) * count for line, count in lines.items() if count > 1)
    return share(repeated, sum(len(line) * count for line, count in lines.items()))


@measure(high=0.01, source=_SOURCE)
def qsc_doc_frac_chars_replacement_symbols(view: TextView) -> float | None:
    """Share of U+FFFD, which stands for what could not be decoded."""
    return share(view.counts.replacements, view.counts.chars)


@measure(high=0.5, source=_SOURCE)
def qsc_doc_frac_chars_hyperlink_html_tag(view: TextView) -> float | None:
    """Share of characters in links in parentheses and in tags."""
    tags = sum(len(tag) for tag in _TAG.findall(view.content) if tag.endswith(">"))
    return share(_link_chars(view.content) + tags, view.counts.chars)


def _link_chars(text: str) -> int:
    """Add up links `(http://...)`, each as long as its run of non-blanks has a closing parenthesis."""
    total = at = 0
    end = close = -1  # of the run of non-blanks at hand: its end, its last parenthesis
    while found := _LINK.search(text, at):
        if found.end() > end:
            space = _SPACE.search(text, found.end())
            end = space.start() if space else len(text)
            close = text.rfind(")", found.end(), end)
        if close > found.end():
            total += close + 1 - found.start()
            at = close + 1
        else:
            at = found.end()
    return total


@measure(high=0.4, source=_SOURCE)
def qsc_doc_frac_chars_hex_words(view: TextView) -> float | None:
    """Share of characters in hexadecimal numbers."""
    return share(int(hex_words(view.points, view.kinds)), view.counts.chars)


@measure(low=0.5, source=_SOURCE)
def qsc_doc_frac_chars_alphabet(view: TextView) -> float | None:
    """Share of letters among visible characters; of English only."""
    if view.lang != "en":
        return None
    return share(view.counts.letters, view.visible) or 0


@measure(high=0.2, source=_SOURCE)
def qsc_doc_frac_chars_digital(view: TextView) -> float | None:
    """Share of digits among visible characters; 1 if there are none."""
    return share(view.counts.digits, view.visible) if view.visible else 1


@measure(high=0.5, source=_SOURCE)
def qsc_doc_frac_chars_whitespace(view: TextView) -> float | None:
    """Share of white space; 1 for an empty text."""
    return share(view.counts.spaces, view.counts.chars) if view.content else 1


@measure(high=0.2, source=_SOURCE)
def qsc_doc_frac_chars_top_2grams(view: TextView) -> float | None:
    """Share of words' characters in the commonest pair of words."""
    return top_share(view, 2)


@measure(high=0.18, source=_SOURCE)
def qsc_doc_frac_chars_top_3grams(view: TextView) -> float | None:
    """The same for three words."""
    return top_share(view, 3)


@measure(high=0.16, source=_SOURCE)
def qsc_doc_frac_chars_top_4grams(view: TextView) -> float | None:
    """The same for four words."""
    return top_share(view, 4)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_5grams(view: TextView) -> float | None:
    """Share of words' characters covered by five words that occur again."""
    return covered_share(view, 5)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_6grams(view: TextView) -> float | None:
    """The same for six words."""
    return covered_share(view, 6)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_7grams(view: TextView) -> float | None:
    """The same for seven words."""
    return covered_share(view, 7)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_8grams(view: TextView) -> float | None:
    """The same for eight words."""
    return covered_share(view, 8)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_9grams(view: TextView) -> float | None:
    """The same for nine words."""
    return covered_share(view, 9)


@measure(high=0.6, source=_SOURCE)
def qsc_doc_frac_chars_dupe_10grams(view: TextView) -> float | None:
    """The same for ten words."""
    return covered_share(view, 10)


@measure(source=f"{OPC}: measured there, without a bound")
def qsc_doc_frac_words_unique(view: TextView) -> float | None:
    """Share of distinct words."""
    return share(view.repeats.distinct, view.repeats.words)


@measure(source=f"{OPC}: measured there, without a bound")
def qsc_doc_frac_chars_curly_bracket(view: TextView) -> float | None:
    """Share of curly brackets: code and templates among prose."""
    return share(view.counts.curly, view.counts.chars)
