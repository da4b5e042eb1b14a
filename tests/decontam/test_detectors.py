"""What each detector finds, what it must not find, and what it is known to miss."""

import pytest

from codewright.core.records import Problem
from codewright.decontam.ngram import NgramIndex, words_of
from codewright.decontam.sampled import SampledIndex, squeeze

PROMPT = '''def has_close_elements(numbers, threshold):
    """ Check if in given list of numbers, are any two numbers closer to each other than
    given threshold.
    """
'''
PROBLEM = Problem("bench", "bench/0", PROMPT, "has_close_elements", "    return False\n", "assert 1")
REWRAPPED = "# check  if in\n# Given list of\n# numbers, are any two numbers CLOSER to each other\n# than given threshold."
OTHER = "def closest(values):\n    '''Return the two values of a list that lie closest to each other.'''\n"


def detectors(*problems: Problem) -> dict[str, object]:
    return {"sampled": SampledIndex(problems, seed=1).find, "ngram": NgramIndex(problems).find}


@pytest.mark.parametrize("name", ["sampled", "ngram"])
def test_verbatim_and_reindented_copies_are_found(name: str) -> None:
    find = detectors(PROBLEM)[name]
    assert find("x = 1\n\n" + PROMPT + "    return True\n") == "bench bench/0"
    assert find(PROMPT.replace("    ", "\t").replace("\n", "\r\n")) == "bench bench/0"
    assert find(OTHER) is None
    assert find("") is None


def test_rewrapped_text_is_found_by_ngram() -> None:
    assert NgramIndex([PROBLEM]).find(REWRAPPED) == "bench bench/0"


def test_sampled_draws_three_of_fifty_and_is_seeded() -> None:
    first, again, other = (SampledIndex([PROBLEM], seed=seed) for seed in (1, 1, 2))
    assert first._needles == again._needles != other._needles
    assert {len(needle) for needle in first._needles} == {50}
    assert len(first._needles) == 3
    assert all(needle in squeeze(PROMPT) for needle in first._needles)


def test_short_problems_are_matched_whole() -> None:
    short = Problem("bench", "bench/1", "Return x.", "f", "", "")
    assert SampledIndex([short]).find("please return x") is None  # case counts: the reference keeps it
    assert SampledIndex([short]).find("please: Return  x!") == "bench bench/1"
    assert NgramIndex([short]).find("please RETURN x") == "bench bench/1"
    assert NgramIndex([short]).find("return y") is None


def test_the_chat_form_counts_as_question() -> None:
    problem = Problem(
        "bench", "bench/2", "def f(x):", "f", "", "", meta={"instruction": " ".join(map(str, range(12)))}
    )
    assert NgramIndex([problem]).find("0 1 2 3 4 5 6 7 8 9") == "bench bench/2"


def test_answers_do_not_count_and_a_problem_without_words_matches_nothing() -> None:
    solution = "return [number for number in numbers if number > threshold and number < limit]"
    problem = Problem("bench", "bench/3", "???", "f", solution, "")
    for find in detectors(problem).values():
        assert find(solution) is None


def test_words() -> None:
    assert words_of("Foo_bar(x1, 'Größe')") == ["foo", "bar", "x1", "größe"]
