"""Measurements of code and data in any language, with the bounds of the rule set `others`; files of languages change some."""

from codewright.corpus.quality.kernels import encoded
from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.python_tree import comment_tokens
from codewright.corpus.quality.text_view import (
    HEAD_CHARS,
    TextView,
    covered_share,
    lines_with,
    share,
    top_share,
)

_SOURCE = f"{OPC}, rule sets of code"

_NOTICES = ("generate", "autogen", "do not edit")
"""What generated files say of themselves; the reference's five longer phrases hold one of these."""

_PROMPTS = ("your code here", "fixme", "todo")

_ENCODED_CHARS = 1024
"""A single run of encoded data longer than this condemns a file, as does half of its characters (the same repository)."""


@measure(low=30, source=_SOURCE)
def qsc_code_num_words(view: TextView) -> float | None:
    """Normalised words."""
    return view.repeats.words


@measure(low=50, source=_SOURCE)
def qsc_code_num_chars(view: TextView) -> float | None:
    """Characters."""
    return view.counts.chars


@measure(low=2, high=10, source=_SOURCE)
def qsc_code_mean_word_length(view: TextView) -> float | None:
    """Characters a normalised word."""
    return share(view.repeats.chars, view.repeats.words)


@measure(source=_SOURCE)
def qsc_code_frac_words_unique(view: TextView) -> float | None:
    """Share of distinct words."""
    return share(view.repeats.distinct, view.repeats.words)


@measure(high=0.2, source=_SOURCE)
def qsc_code_frac_chars_top_2grams(view: TextView) -> float | None:
    """Share of words' characters in the commonest pair of words."""
    return top_share(view, 2)


@measure(high=0.18, source=_SOURCE)
def qsc_code_frac_chars_top_3grams(view: TextView) -> float | None:
    """The same for three words."""
    return top_share(view, 3)


@measure(high=0.16, source=_SOURCE)
def qsc_code_frac_chars_top_4grams(view: TextView) -> float | None:
    """The same for four words."""
    return top_share(view, 4)


@measure(high=0.8, source=_SOURCE)
def qsc_code_frac_chars_dupe_5grams(view: TextView) -> float | None:
    """Share of words' characters covered by five words that occur again."""
    return covered_share(view, 5)


@measure(high=0.7, source=_SOURCE)
def qsc_code_frac_chars_dupe_6grams(view: TextView) -> float | None:
    """The same for six words."""
    return covered_share(view, 6)


@measure(high=0.7, source=_SOURCE)
def qsc_code_frac_chars_dupe_7grams(view: TextView) -> float | None:
    """The same for seven words."""
    return covered_share(view, 7)


@measure(high=0.7, source=_SOURCE)
def qsc_code_frac_chars_dupe_8grams(view: TextView) -> float | None:
    """The same for eight words."""
    return covered_share(view, 8)


@measure(high=0.7, source=_SOURCE)
def qsc_code_frac_chars_dupe_9grams(view: TextView) -> float | None:
    """The same for nine words."""
    return covered_share(view, 9)


@measure(high=0.6, source=_SOURCE)
def qsc_code_frac_chars_dupe_10grams(view: TextView) -> float | None:
    """The same for ten words."""
    return covered_share(view, 10)


@measure(high=0.01, source=_SOURCE)
def qsc_code_frac_chars_replacement_symbols(view: TextView) -> float | None:
    """Share of U+FFFD, which stands for what could not be decoded."""
    return share(view.counts.replacements, view.counts.chars)


@measure(high=0.2, source=_SOURCE)
def qsc_code_frac_chars_digital(view: TextView) -> float | None:
    """Share of digits among visible characters; 1 if there are none."""
    return share(view.counts.digits, view.visible) if view.visible else 1


@measure(high=0.5, source=_SOURCE)
def qsc_code_frac_chars_whitespace(view: TextView) -> float | None:
    """Share of white space; 1 for an empty text."""
    return share(view.counts.spaces, view.counts.chars) if view.content else 1


@measure(high=3_000_000, source=_SOURCE)
def qsc_code_size_file_byte(view: TextView) -> float | None:
    """Bytes on disk."""
    return view.size_bytes


@measure(low=10, high=100_000, source=_SOURCE)
def qsc_code_num_lines(view: TextView) -> float | None:
    """Lines."""
    return view.counts.lines


@measure(high=1000, source=_SOURCE)
def qsc_code_num_chars_line_max(view: TextView) -> float | None:
    """Characters of the longest line, its LF included."""
    return view.counts.longest


@measure(low=5, high=100, source=_SOURCE)
def qsc_code_num_chars_line_mean(view: TextView) -> float | None:
    """Characters a line, LF included; 0 without lines."""
    return share(view.counts.chars, view.counts.lines) or 0


@measure(low=0.5, source=_SOURCE)
def qsc_code_frac_chars_alphabet(view: TextView) -> float | None:
    """Share of letters among visible characters; 0 if there are none."""
    return share(view.counts.letters, view.visible) or 0


@measure(high=0.8, parses=True, source=_SOURCE)
def qsc_code_frac_chars_comments(view: TextView) -> float | None:
    """Share of comments. In Python: of docstrings without their indentation, and comments without their `#`."""
    if view.language != "python":
        return share(len(view.parts.comments), view.counts.chars)
    documentation = view.python.documentation() if view.python else ""
    ours = "comments" in view.corrections
    comments = view.parts.line_comments if ours else comment_tokens(view.content)
    return share(len(f"{documentation}\n{comments.replace('#', '')}".strip()), view.counts.chars)


@measure(high=0, source=_SOURCE)
def qsc_code_cate_xml_start(view: TextView) -> float | None:
    """Whether an XML declaration stands in the first 100 characters."""
    return "<?xml version=" in view.content[:100]


@measure(high=0.7, source=_SOURCE)
def qsc_code_frac_lines_dupe_lines(view: TextView) -> float | None:
    """Share of code lines that occur more than once but for white space; lone characters and `},` do not count."""
    return share(view.code.repeats, view.code.lines) if view.content else None


@measure(high=0, source=_SOURCE)
def qsc_code_cate_autogen(view: TextView) -> float | None:
    """Whether the first 200 characters say that the file is generated."""
    head = view.content[:HEAD_CHARS].lower()
    return any(notice in head for notice in _NOTICES)


@measure(high=0.2, source=_SOURCE)
def qsc_code_frac_lines_long_string(view: TextView) -> float | None:
    """Lines of string literals with more than 20 tokens, a code line."""
    return share(view.code.literals.long_lines, view.code.lines)


@measure(high=0.6, source=_SOURCE)
def qsc_code_frac_chars_string_length(view: TextView) -> float | None:
    """Share of the code part within string literals."""
    return share(view.code.literals.chars, len(view.code.points))


@measure(high=0.4, source=_SOURCE)
def qsc_code_frac_chars_long_word_length(view: TextView) -> float | None:
    """Share of the code part in words of over 20 characters within string literals, addresses left out."""
    return share(view.code.literals.long_words, len(view.code.points))


@measure(high=0, source=_SOURCE)
def qsc_code_cate_encoded_data(view: TextView) -> float | None:
    """Whether base64, hexadecimal or escaped data runs over 1024 characters or fills half of the file."""
    total, longest = map(int, encoded(view.points, view.kinds))
    return longest > _ENCODED_CHARS or total > view.counts.chars * 0.5


@measure(high=0.4, source=_SOURCE)
def qsc_code_frac_chars_hex_words(view: TextView) -> float | None:
    """Share of the code part in hexadecimal numbers."""
    return share(view.code.hex_words, len(view.code.points))


@measure(high=0.01, source=_SOURCE)
def qsc_code_frac_lines_prompt_comments(view: TextView) -> float | None:
    """Comment lines that say TODO, FIXME or "your code here", a line of the file."""
    return share(lines_with(view.parts.comments.lower(), _PROMPTS), view.counts.lines)


@measure(high=0.4, source=_SOURCE)
def qsc_code_frac_lines_assert(view: TextView) -> float | None:
    """Share of code lines with `assert`."""
    return view.code.share_of_lines("assert", any_case=True)
