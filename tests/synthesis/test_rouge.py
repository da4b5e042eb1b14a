"""ROUGE-L as `rouge-score` defines it, and the most similar of many texts, compared with the plain algorithm."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.synthesis.rouge import Texts, rouge_l, words_of


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by the table of all prefixes."""
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for at, other in enumerate(second, 1):
            row.append(above[at - 1] + 1 if one == other else max(above[at], row[-1]))
        above = row
    return above[-1]


def f_measure(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the harmonic mean of the common share of both."""
    found = common(first, second)
    return 2 * found / (len(first) + len(second)) if found else 0.0


@pytest.mark.parametrize(
    ("first", "second", "score"),
    [
        # The example of google-research/rouge, README.md: precision 5/9, recall 5/8.
        ("The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log.", 10 / 17),
        ("the cat sat on the mat", "a cat was sitting on the mat", 8 / 13),  # cat, on, the, mat
        ("a b c d", "d c b a", 2 / 8),
        ("Sort it!", "sort, it", 1.0),
        ("one two three", "four five", 0.0),
        ("", "anything", 0.0),
        ("", "", 0.0),
        ("排序", "排序", 0.0),  # no words in the sense of rouge-score
        ("x y", "x x x x y", 4 / 7),
    ],
)
def test_scores_computed_by_hand(first: str, second: str, score: float) -> None:
    assert rouge_l(first, second) == pytest.approx(score)
    assert rouge_l(second, first) == pytest.approx(score)


def test_words_are_runs_of_ascii_letters_and_digits() -> None:
    assert words_of("C++-Code: x_1, ÄTNA `f(2)`!") == ["c", "code", "x", "1", "tna", "f", "2"]


def test_the_bound_itself_counts_whatever_binary_fractions_make_of_it() -> None:
    for tens in range(1, 16):
        texts = Texts()
        texts.add(" ".join(f"w{number}" for number in range(10 * tens)))
        query = " ".join(f"w{number}" if number < 7 * tens else f"x{number}" for number in range(10 * tens))
        assert texts.nearest(query, 0.7) == (0, 0.7)
        assert texts.nearest(query, 0.700001) is None
        assert texts.nearest(query + " more", 0.7) is None


def test_the_first_of_the_most_similar_is_found_and_texts_can_be_added_later() -> None:
    texts = Texts()
    assert texts.nearest("merge two sorted lists") is None
    texts.add("reverse a list in place")
    texts.add("merge two sorted arrays")
    texts.add("merge two sorted files")
    assert texts.nearest("merge two sorted lists") == (1, 0.75)
    texts.add("please merge two sorted lists")
    assert texts.nearest("merge two sorted lists") == (3, pytest.approx(8 / 9))
    assert texts.nearest("merge two sorted lists", 0.9) is None
    assert len(texts) == 4


word_lists = st.integers(2, 12).flatmap(
    lambda size: st.lists(st.integers(0, size).map(lambda number: f"w{number}"), max_size=150)
)


@settings(max_examples=150, deadline=None)
@given(
    query=word_lists,
    others=st.lists(word_lists, max_size=5),
    least=st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]),
)
def test_the_search_is_the_plain_algorithm(query: list[str], others: list[list[str]], least: float) -> None:
    texts = Texts()
    for other in others:
        texts.add(" ".join(other))
    scores = [f_measure(query, other) for other in others]
    best = max(scores, default=0.0)
    found = texts.nearest(" ".join(query), least)
    if best == 0.0 or best < least:
        assert found is None
    else:
        assert found == (scores.index(best), best)
