"""The compiled loops against the definitions written plainly, on texts that hypothesis makes."""

import math
import re
import unicodedata
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.corpus.quality import kernels, warm_up
from codewright.corpus.quality.characters import (
    ASCII_FOLD,
    DELETED,
    fold_for,
    kinds_for,
    normalised,
    points_of,
    text_of,
)
from codewright.corpus.quality.comment_kernel import mark
from codewright.corpus.quality.javascript import _keywords
from codewright.corpus.quality.literals import c_functions, literals
from codewright.corpus.quality.python_lines import statements
from codewright.corpus.quality.splitting import split_by_syntax
from codewright.corpus.quality.text_view import TextView, lines_of

TEXTS = st.text(st.sampled_from("ab AB_1\n\t.,'\"\\x0é\u2009ß\ufffd{}(*)\x1c\x00Σﬁ\uff0c"), max_size=60)
CODE = st.text(st.sampled_from("ab (*)\n'\"x \\"), max_size=60)
PIECES = st.lists(
    st.sampled_from(["int ", "f", "(", ")", " ", "*", "\n", "a b(", ";", "9"]), max_size=14
).map("".join)
TOKENS = re.compile(r"\w+|[^\w\s]+")


def view(text: str) -> TextView:
    return TextView(text, "a", "c", "en", 0, frozenset(), split_by_syntax)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_counts(text: str) -> None:
    found = view(text).counts
    lines = lines_of(text)
    assert found.chars == len(text)
    assert found.spaces == sum(map(str.isspace, text))
    assert found.digits == sum(map(str.isdigit, text))
    assert found.letters == sum(map(str.isalpha, text))
    assert (found.lines, found.longest) == (len(lines), max(map(len, lines), default=0))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_words_and_repeats(text: str) -> None:
    clean = "".join(char for char in text if char not in DELETED)
    clean = re.sub(r"[!-/:-@\[-`{-~\u2009\uff0c]", " ", clean)
    words = TOKENS.findall(unicodedata.normalize("NFKC", clean.lower()))
    found = view(text).repeats
    assert (found.words, found.chars, found.distinct) == (len(words), sum(map(len, words)), len(set(words)))
    counts = Counter(words).values()
    assert math.isclose(
        found.entropy, -sum(c / len(words) * math.log(c / len(words)) for c in counts), abs_tol=1e-9
    )
    for width in (2, 3, 4):
        grams = Counter(tuple(words[i : i + width]) for i in range(len(words) - width + 1))
        best, count = max(grams.items(), key=lambda item: item[1], default=((), 0))
        assert found.top[width - 2] == (sum(map(len, best)) * count if count > 1 else 0)
    for width in range(5, 11):
        grams = Counter(tuple(words[i : i + width]) for i in range(len(words) - width + 1))
        marked = {
            place
            for i in range(len(words) - width + 1)
            if grams[tuple(words[i : i + width])] > 1
            for place in range(i, i + width)
        }
        assert found.covered[width - 5] == sum(len(words[place]) for place in marked)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_repeats_of_few_words(words: list[str]) -> None:
    found = view(" ".join(words)).repeats
    for width in range(5, 11):
        grams = Counter(tuple(words[i : i + width]) for i in range(len(words) - width + 1))
        repeated = [i for i in range(len(words) - width + 1) if grams[tuple(words[i : i + width])] > 1]
        assert found.covered[width - 5] == len({i + k for i in repeated for k in range(width)})


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_code_lines(text: str) -> None:
    points = points_of(text)
    room = points.copy()
    length, lines, repeats = kernels.squeeze(points, kinds_for(text), room)
    expected = [line for line in lines_of(text) if line.strip()]
    assert text_of(room[:length]) == "".join(expected)
    keys = Counter("".join(line.split()) for line in expected)
    assert lines == len(expected)
    assert repeats == sum(count for key, count in keys.items() if count > 1 and len(key) > 1 and key != "},")


def plain_literals(text: str) -> tuple[int, int, int]:
    across = re.findall(r"'''(.*?)'''|\"\"\"(.*?)\"\"\"|'(.*?)'|\"(.*?)\"", text, re.S)
    within = re.findall(r"'''((?s:.*?))'''|\"\"\"((?s:.*?))\"\"\"|'(.*?)'|\"(.*?)\"", text)
    lines = [line for groups in across for line in "".join(groups).split("\n")]
    contents = ["".join(groups) for groups in within]
    words = [word for content in contents for word in content.split() if len(word) > 20]
    return (
        sum(len(TOKENS.findall(line)) > 20 for line in lines),
        sum(map(len, contents)),
        sum(len(word) for word in words if not re.search(r"https?://\S", word)),
    )


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from(["'", '"', "'''", '"""', "\n", "a ", "a . " * 11, "w" * 21, "http://", "https://x"]), max_size=14).map("".join)
)  # fmt: skip
def test_literals(text: str) -> None:
    assert tuple(literals(points_of(text), kinds_for(text)).tolist()) == plain_literals(text)


@settings(max_examples=500, deadline=None)
@given(PIECES)
def test_heads_of_functions_in_c(text: str) -> None:
    pattern = r"\b(?:[A-Za-z_]\w*\s*\**\s+)+\*?\s*[A-Za-z_]\w*\([^)]*\)\s*"
    assert c_functions(points_of(text), kinds_for(text)) == len(re.findall(pattern, text))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["0x", "12", "aF", ",", " ", "\n", "g", "\\x", "\\u12ab", "0", "_"]), max_size=60
    ).map("".join)
)
def test_encoded_data_and_hexadecimal_words(text: str) -> None:
    runs = re.findall(r"[A-Za-z0-9+/=\n]{64,}", text)
    runs += [found.group() for found in re.finditer(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s)){8,}", text)]
    runs += re.findall(r"(?:\\u[0-9a-fA-F]{4}){8,}", text)
    total, longest = kernels.encoded(points_of(text), kinds_for(text))
    assert (total, longest) == (sum(map(len, runs)), max(map(len, runs), default=0))
    words = re.findall(r"\b0[xX][0-9a-fA-F]+\b", text)
    assert kernels.hex_words(points_of(text), kinds_for(text)) == sum(map(len, words))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("Az0+/=\n"), st.integers(1, 130), st.sampled_from(["", " ", "-", "é"])),
        max_size=5,
    )
)
def test_runs_of_base64(runs: list[tuple[str, int, str]]) -> None:
    text = "".join(char * times + after for char, times, after in runs)
    expected = re.findall(r"[A-Za-z0-9+/=\n]{64,}", text)
    total, longest = kernels.encoded(points_of(text), kinds_for(text))
    assert (total, longest) == (sum(map(len, expected)), max(map(len, expected), default=0))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=0x3100), max_size=12))
def test_characters_folded_one_by_one_are_what_the_whole_text_becomes(text: str) -> None:
    points = points_of(text)
    fold = fold_for(points)
    if fold is not None:
        one_by_one = "".join(chr(fold[point]) for point in points if fold[point] != 0xFF)
        assert one_by_one == normalised(points)


def test_which_characters_are_not_folded_one_by_one() -> None:
    for text in ("e\u0301", "\u03a3", "\u0130", "\u1112\u1161", "\ufb01", "\uff21", "\xff"):
        assert fold_for(points_of(text)) is None, text
    for text in ("", "a", "é", "\xb5", "\u0416", "\u2500\u2192\u2009"):
        assert fold_for(points_of(text)) is not None, text


@settings(max_examples=200, deadline=None)
@given(CODE)
def test_nothing_is_lost_or_made_up_when_comments_are_split_off(text: str) -> None:
    for language in ("python", "c", "javascript", "shell", "lua", "nobody knows"):
        found = TextView(text, "a", language, "en", 0, frozenset(), split_by_syntax).parts
        rest = text.strip("\n") + "\n"
        assert sorted(text_of(found.code) + found.comments) == sorted(rest)


def test_warming_up_compiles_what_judging_needs() -> None:
    warm_up()
    used = (
        kernels.count,
        kernels.words,
        kernels.ngrams,
        kernels.squeeze,
        kernels.hex_words,
        kernels.encoded,
        literals,
        c_functions,
        mark,
        statements,
        _keywords,
    )
    assert all(function.signatures for function in used)  # type: ignore[attr-defined]


def test_the_two_ways_to_normalise_are_one_for_ascii() -> None:
    every = "".join(map(chr, range(128)))
    folded = "".join(chr(point) for point in ASCII_FOLD.tolist() if point != 0xFF)
    assert normalised(points_of(every)) == folded
