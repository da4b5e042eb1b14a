"""LeetCode's contest set: its asserts judge answers in a process of their own; its examples stand in for solutions."""

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.languages import DATA

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import leetcode
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.judging import failures, judge_all
from tests.sandbox.needs import published

LEETCODE = load_benchmark("leetcode")
FILE = DATA / "benchmarks" / "leetcode_contest.jsonl.gz"

STATEMENT = """
You get a list of numbers and a flag. Return the numbers in order, largest first if the flag is set.


Example 1:


Input: numbers = [2, 3, 1], falling = true
Output: [3, 2, 1]
Explanation: the largest comes first.

Example 2:

[a picture]

Input: numbers = [], falling = false
Output: []


Constraints:

0 <= numbers.length
"""
ROW = {
    "task_id": "weekly-1-order",
    "url": "https://example.org/order",
    "title": "order",
    "meta": {"title": "Order", "difficulty": "Easy"},
    "prompt": f'"""{STATEMENT}"""\nclass Solution:\n    def order(self, numbers: List[int], falling: bool) -> List[int]:\n        ',
    "test": """
my_solution = Solution()

test_input = { "numbers": [2, 3, 1], "falling": True }
assert my_solution.order(**test_input) == [3, 2, 1]

test_input = { "numbers": [], "falling": False }
assert my_solution.order(**test_input) == []

test_input = { "numbers": [5, 4], "falling": False }
assert my_solution.order(**test_input) == [4, 5]
""",
    "start_time": 1705804200,
}
GOOD = "class Solution:\n    def order(self, numbers, falling):\n        return sorted(numbers, reverse=falling)\n"


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    write_jsonl(tmp_path / "contest.jsonl", [ROW])
    (problem,) = LEETCODE.problems(str(tmp_path / "contest.jsonl"))
    return problem


def verdicts_of(problem: Problem, *solutions: str) -> list[tuple[str, bool]]:
    pairs = [(problem, LEETCODE.answer(problem, solution, "chat")) for solution in solutions]
    return [(one.status, one.forgeable) for one in judge_all(LEETCODE, pairs)]


# ------------------------------------------------------------------------------------------------------------ our rows


def test_a_row_becomes_a_problem(problem: Problem) -> None:
    assert (problem.task_id, problem.entry_point, problem.language) == ("weekly-1-order", "order", "python")
    assert problem.meta["difficulty"] == "Easy" and problem.meta["start_time"] == "1705804200"
    (message,) = LEETCODE.chat(problem)
    assert STATEMENT.strip() in message.content and "def order(self, numbers: List[int]" in message.content
    assert LEETCODE.text(problem).endswith("-> List[int]:\n")


def test_answers_are_judged_in_a_process_of_their_own(problem: Problem) -> None:
    wrong = GOOD.replace("reverse=falling", "reverse=True")
    mute = "class Solution:\n    pass\n"
    leaving = GOOD + "import os\nos._exit(0)\n"
    comparing = (
        "class Same(list):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n\n\n"
        "class Solution:\n    def order(self, numbers, falling):\n        return Same()\n"
    )
    found = verdicts_of(problem, GOOD, wrong, mute, leaving)
    assert [status for status, _ in found] == ["passed", "failed", "error", "exited_early"]
    assert not any(forgeable for _, forgeable in found)
    # What is no plain data is judged in one process, and the verdict says that it could be forged.
    assert verdicts_of(problem, comparing) == [("passed", True)]


def test_what_leetcode_has_at_hand_needs_no_import(problem: Problem) -> None:
    uses = (
        "class Solution:\n    @cache\n    def _key(self, number: Optional[int]) -> int:\n        return math.floor(number)\n\n"
        "    def order(self, numbers: List[int], falling: bool) -> List[int]:\n"
        "        heapq.heapify(numbers)\n        return sorted(Counter(numbers), key=self._key, reverse=falling)\n"
    )
    future = f"from __future__ import annotations\n{GOOD}"
    assert verdicts_of(problem, uses, future) == [("passed", False)] * 2


def test_a_continuation_of_the_prompt_is_an_answer(problem: Problem) -> None:
    taken = LEETCODE.extract(
        problem, "        return sorted(numbers, reverse=falling)\n\nprint(1)\n", "completion"
    )
    (verdict,) = judge_all(LEETCODE, [(problem, LEETCODE.answer(problem, taken.solution))])
    assert verdict.passed


def test_examples_are_read_and_compared_with_the_tests(problem: Problem) -> None:
    first, second = leetcode.examples(problem)
    assert (first.inputs, first.output) == ({"numbers": [2, 3, 1], "falling": True}, [3, 2, 1])
    assert (second.inputs, second.output) == ({"numbers": [], "falling": False}, [])
    assert leetcode.check_examples(problem) == []
    other = replace(problem, tests=problem.tests.replace("[3, 2, 1]\n\n", "[1, 2, 3]\n\n"))
    assert leetcode.check_examples(other) == ["example 1 says [3, 2, 1], its test [1, 2, 3]"]
    fewer = replace(problem, tests=problem.tests.replace('"numbers": [],', '"numbers": [0],'))
    assert leetcode.check_examples(fewer) == ["example 2 is not among the tests"]
    none = replace(problem, prompt=problem.prompt.replace("Input:", "Given:"))
    assert leetcode.check_examples(none) == ["no example"]


def test_the_doctor_runs_the_examples(problem: Problem) -> None:
    other = replace(problem, tests=problem.tests.replace("[3, 2, 1]\n\n", "[1, 2, 3]\n\n"))
    fewer = replace(problem, tests=problem.tests.replace('"numbers": [],', '"numbers": [0],'))
    none = replace(problem, prompt=problem.prompt.replace("Input:", "Given:"))
    pairs = [(one, LEETCODE.references(one)[0]) for one in (problem, other, fewer, none)]
    found = judge_all(LEETCODE, pairs)
    assert [one.status for one in found] == ["passed", "failed", "error", "error"]
    assert "not among the tests" in found[2].detail and "no example" in found[3].detail
    assert LEETCODE.reference_kind == "published examples"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"test": None}, "'test' is missing or not text"),
        ({"prompt": "class Solution:\n"}, "is not a statement in quotes"),
        ({"prompt": '"""a"""\nclass Solution:\n    def one(self:\n'}, "holds no Python after its statement"),
        ({"prompt": '"""a"""\nclass Solution:\n    x = 1\n    if x:\n'}, "has 0 methods"),
    ],
)
def test_other_rows_are_refused_in_one_line(tmp_path: Path, change: dict[str, str], why: str) -> None:
    write_jsonl(tmp_path / "other.jsonl", [ROW, {**ROW, "task_id": "2", **change}])
    with pytest.raises(ConfigError, match=f"other.jsonl, line 2: .*{why}"):
        LEETCODE.problems(str(tmp_path / "other.jsonl"))


def test_double_and_empty_files_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "double.jsonl", [ROW, ROW])
    with pytest.raises(ConfigError, match="'weekly-1-order' stands there twice"):
        LEETCODE.problems(str(tmp_path / "double.jsonl"))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ConfigError, match="holds no problem"):
        LEETCODE.problems(str(tmp_path / "empty.jsonl"))


def test_what_cannot_be_read_is_named(problem: Problem) -> None:
    with pytest.raises(DataError, match="example 1 cannot be read"):
        leetcode.examples(replace(problem, prompt=problem.prompt.replace("[3, 2, 1]", "[3, 2")))
    with pytest.raises(DataError, match="line 5 of its test cannot be read"):
        leetcode.expectations(replace(problem, tests=problem.tests.replace("[3, 2, 1]\n\n", "tops()\n\n")))


# --------------------------------------------------------------------------------------------------- the published file

SOLUTIONS = {
    "weekly-contest-381-minimum-number-of-pushes-to-type-word-ii": (
        "class Solution:\n    def minimumPushes(self, word: str) -> int:\n"
        "        counts = sorted(Counter(word).values(), reverse=True)\n"
        "        return sum(count * (place // 8 + 1) for place, count in enumerate(counts))\n",
        ("reverse=True", "reverse=False"),
    ),
    "weekly-contest-378-check-if-bitwise-or-has-trailing-zeros": (
        "class Solution:\n    def hasTrailingZeros(self, nums: List[int]) -> bool:\n"
        "        return sum(number % 2 == 0 for number in nums) > 1\n",
        ("> 1", "> 2"),
    ),
    "biweekly-contest-118-find-words-containing-character": (
        "class Solution:\n    def findWordsContaining(self, words: List[str], x: str) -> List[int]:\n"
        "        return [place for place, word in enumerate(words) if x in word]\n",
        ("enumerate(words)", "enumerate(words, 1)"),
    ),
    "weekly-contest-357-faulty-keyboard": (
        "class Solution:\n    def finalString(self, s: str) -> str:\n        typed = ''\n        for letter in s:\n"
        "            typed = typed[::-1] if letter == 'i' else typed + letter\n        return typed\n",
        ("== 'i'", "== 'j'"),
    ),
    "weekly-contest-354-sum-of-squares-of-special-elements": (
        "class Solution:\n    def sumOfSquares(self, nums: List[int]) -> int:\n"
        "        return sum(n * n for place, n in enumerate(nums, 1) if len(nums) % place == 0)\n",
        ("n * n", "n"),
    ),
    "weekly-contest-358-double-a-number-represented-as-a-linked-list": (
        "class Solution:\n    def doubleIt(self, head: Optional[ListNode]) -> Optional[ListNode]:\n"
        "        if head.val > 4:\n            head = ListNode(0, head)\n        node = head\n        while node:\n"
        "            carried = bool(node.next and node.next.val > 4)\n"
        "            node.val = node.val * 2 % 10 + carried\n            node = node.next\n        return head\n",
        ("> 4:\n", "> 5:\n"),
    ),
    "biweekly-contest-110-insert-greatest-common-divisors-in-linked-list": (
        "class Solution:\n    def insertGreatestCommonDivisors(self, head):\n        node = head\n"
        "        while node.next:\n            node.next = ListNode(math.gcd(node.val, node.next.val), node.next)\n"
        "            node = node.next.next\n        return head\n",
        ("math.gcd", "min"),
    ),
}
"""Solutions of ours, and what to change to make them wrong."""


@pytest.mark.shared_data
def test_right_solutions_pass_and_wrong_ones_fail() -> None:
    problems = {one.task_id: one for one in LEETCODE.problems(str(published(FILE)))}
    right = [
        (problems[name], LEETCODE.answer(problems[name], code, "chat"))
        for name, (code, _) in SOLUTIONS.items()
    ]
    assert failures(judge_all(LEETCODE, right)) == {}
    wrong = [
        (problems[name], LEETCODE.answer(problems[name], code.replace(*change), "solution"))
        for name, (code, change) in SOLUTIONS.items()
    ]
    found = judge_all(LEETCODE, wrong)
    assert {one.status for one in found} == {"failed"}
    assert not any(one.forgeable for one in found)


@pytest.mark.languages
@pytest.mark.shared_data
def test_all_published_examples_are_among_the_tests_and_agree_with_them() -> None:
    problems = LEETCODE.problems(str(published(FILE)))
    assert len(problems) == 180 and len({one.task_id for one in problems}) == 180
    assert sum(len(leetcode.examples(problem)) for problem in problems) == 445
    assert {
        problem.task_id: leetcode.check_examples(problem)
        for problem in problems
        if leetcode.check_examples(problem)
    } == {}
    assert failures(judge_all(LEETCODE, [(one, LEETCODE.references(one)[0]) for one in problems[::6]])) == {}
    assert content_sha256(FILE) == LEETCODE.sources[0].sha256


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
def test_all_published_examples_pass_without_a_chance_to_forge() -> None:
    problems = LEETCODE.problems(str(published(FILE)))
    found = judge_all(LEETCODE, [(one, LEETCODE.references(one)[0]) for one in problems])
    assert failures(found) == {} and not any(one.forgeable for one in found)
