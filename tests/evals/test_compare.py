"""Comparisons: against published p values, enumeration of everything, and what the words say."""

import io
import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from codewright.core.errors import ConfigError
from codewright.core.io import read_json, write_json
from codewright.evals.compare import (
    EXACT,
    PERMUTED,
    Comparison,
    compare_folders,
    compare_values,
    exact_mcnemar,
    format_p,
    print_comparison,
)
from tests.evals.evaluation_folder import make_evaluation, model, single


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        # Agresti's approval ratings; R: exact2x2::mcnemar.exact, binom.test(86, 236)
        (86, 150, 3.716e-05),
        # mlxtend's and statsmodels' test data [[101, 121], [59, 33]]
        (121, 59, 4.4344492637555101e-06),
        # Fagerland et al. 2013 (BMC Med Res Methodol 13:91), airway hyper-responsiveness: 1 against 7
        (1, 7, 0.0703125),
        (0, 5, 0.0625),
        (0, 6, 0.03125),
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_against_published_values(only_a: int, only_b: int, p: float) -> None:
    assert exact_mcnemar(only_a, only_b) == pytest.approx(p, rel=2e-4)
    assert exact_mcnemar(only_b, only_a) == exact_mcnemar(only_a, only_b)


@pytest.mark.parametrize("n", range(1, 11))
def test_mcnemar_against_all_ways_the_coins_can_fall(n: int) -> None:
    falls = [abs(2 * sum(coins) - n) for coins in itertools.product((0, 1), repeat=n)]
    for only_a in range(n + 1):
        extreme = sum(fall >= abs(2 * only_a - n) for fall in falls)
        assert exact_mcnemar(only_a, n - only_a) == pytest.approx(extreme / 2**n, abs=1e-12)


def test_mcnemar_of_thousands_does_not_overflow() -> None:
    assert exact_mcnemar(3000, 3100) == pytest.approx(0.2049, abs=1e-3)  # normal: z = 99 / sqrt(6100)


def values(text: str) -> np.ndarray:
    return np.array([int(mark) for mark in text], dtype=np.float64)


def test_the_permutation_test_against_all_signs() -> None:
    rng = random.Random(3)
    a = np.array([rng.randrange(11) / 10 for _ in range(12)])
    b = np.array([rng.randrange(8) / 10 for _ in range(12)])
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, a - b, strict=True)))
        for signs in itertools.product((1, -1), repeat=12)
    ]
    exact = sum(one >= abs((a - b).sum()) - 1e-9 for one in sums) / len(sums)
    found = compare_values(a, b)
    assert found.test == PERMUTED
    assert found.p == pytest.approx(exact, abs=0.02)
    assert 0.01 < exact < 0.99, "an example that can tell right from wrong"


def test_the_paired_bootstrap_against_one_draw_after_the_other() -> None:
    rng = random.Random(5)
    a = [rng.randrange(11) / 10 for _ in range(50)]
    b = [min(1.0, max(0.0, one - 0.1 + rng.randrange(-3, 4) / 10)) for one in a]
    found = compare_values(np.array(a), np.array(b))
    pairs = list(zip(a, b, strict=True))
    means = sorted(sum(x - y for x, y in rng.choices(pairs, k=50)) / 50 for _ in range(20_000))
    assert (found.low, found.high) == pytest.approx((means[500], means[19_500]), abs=0.006)
    # Unpaired it would be far wider: the tasks are the same, and that is what pairing is for.
    unpaired = sorted((sum(rng.choices(a, k=50)) - sum(rng.choices(b, k=50))) / 50 for _ in range(5000))
    assert found.high - found.low < 0.6 * (unpaired[4875] - unpaired[125])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_swapping_the_two_turns_the_sign_and_nothing_else(pairs: list[tuple[bool, bool]]) -> None:
    a, b = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    one, other = compare_values(a, b), compare_values(b, a)
    assert one.difference == -other.difference
    assert one.p == other.p
    assert one.low <= one.difference <= one.high
    assert one.test == EXACT


def test_few_discordant_tasks_are_no_difference_whatever_the_bootstrap_thinks() -> None:
    found = compare_values(values("1" * 5 + "0" * 159), values("0" * 164))
    assert found.low > 0
    assert found.p == 0.0625
    assert not found.is_distinguishable


def test_comparisons_are_repeatable() -> None:
    a, b = values("1101" * 20) * 0.5, values("0101" * 20)
    assert compare_values(a, b) == compare_values(a, b)
    assert compare_values(a, b, seed=1) != compare_values(a, b, seed=2)


def pair(tmp_path: Path, a: str, b: str, **facts: object) -> Comparison:
    left = make_evaluation(tmp_path / "a", single(a))
    right = make_evaluation(tmp_path / "b", single(b), **({"answers": model("model-b")} | facts))
    (found,) = compare_folders(left, right)
    return found


def test_a_clear_difference_in_words(tmp_path: Path) -> None:
    found = pair(tmp_path, "0" * 30 + "1" * 70, "1" * 85 + "0" * 15)
    (column,) = found.columns
    assert (column.a, column.b, column.paired.difference) == (0.7, 0.85, -0.15)
    assert (column.mcnemar.only_a, column.mcnemar.only_b) == (15, 30)
    assert column.paired.p == pytest.approx(exact_mcnemar(15, 30), rel=1e-5)
    assert column.is_distinguishable
    assert column.sentence.startswith("model-b is better than model-a by 15.0 points (95 % interval ")
    low, high = column.sentence.split("interval ")[1].split(",")[0].split(" to ")
    assert 0 < float(low) < 15 < float(high)
    assert column.sentence.endswith(f"{format_p(column.paired.p)})")


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("1100", "1100", "not distinguishable: model-a and model-b pass the same on all 4 tasks"),
        ("1100", "0011", "not distinguishable: model-a and model-b pass as many tasks (95 % interval -100.0 to 100.0, p = 1)"),
        ("1110", "1010", "not distinguishable: model-a is 25.0 points ahead of model-b (95 % interval "),
        ("1010", "1110", "not distinguishable: model-b is 25.0 points ahead of model-a (95 % interval 0.0 to "),
    ],
)  # fmt: skip
def test_no_difference_in_words(tmp_path: Path, a: str, b: str, words: str) -> None:
    (column,) = pair(tmp_path, a, b).columns
    assert column.sentence.startswith(words)
    assert not column.is_distinguishable


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "p < 0.001"),
        (0.0104, "p = 0.01"),
        (0.04996, "p = 0.04996"),
        (0.0501, "p = 0.05"),
        (1.0, "p = 1"),
    ],
)
def test_p_stays_on_its_side(p: float, text: str) -> None:
    assert format_p(p) == text


def test_tasks_that_flipped_are_named_in_both_directions(tmp_path: Path) -> None:
    (column,) = pair(tmp_path, "110010", "101110").columns
    assert [flip.task_id for flip in column.better_a] == ["bench/1"]
    assert [flip.task_id for flip in column.better_b] == ["bench/2", "bench/3"]


def test_several_answers_a_task_go_by_their_rates(tmp_path: Path) -> None:
    rng = random.Random(1)
    a = {f"t/{at}": [rng.random() < 0.7 for _ in range(10)] for at in range(40)}
    b = {f"t/{at}": [rng.random() < 0.3 for _ in range(5)] for at in range(40)}
    left = make_evaluation(tmp_path / "a", a)
    right = make_evaluation(tmp_path / "b", b, answers=model("model-b"))
    (found,) = compare_folders(left, right)
    (column,) = found.columns
    assert column.paired.test == PERMUTED
    assert column.mcnemar.basis == "the first answer of each task"
    firsts = [(a[key][0], b[key][0]) for key in a]
    assert (column.mcnemar.only_a, column.mcnemar.only_b) == (
        firsts.count((True, False)),
        firsts.count((False, True)),
    )
    assert column.is_distinguishable
    assert "answers a task differs: 10 for model-a, 5 for model-b" in found.warnings
    widths = [abs(flip.a - flip.b) for flip in column.better_a]
    assert widths == sorted(widths, reverse=True)


def test_base_and_plus_are_compared_as_well(tmp_path: Path) -> None:
    a = {f"t/{at}": [(True, at < 30)] for at in range(40)}
    b = {f"t/{at}": [(True, at < 10)] for at in range(40)}
    left, right = (make_evaluation(tmp_path / name, one) for name, one in (("a", a), ("b", b)))
    (found,) = compare_folders(left, right)
    base, plus = found.columns
    assert (base.column, base.is_distinguishable) == ("base", False)
    assert (plus.column, plus.is_distinguishable, plus.paired.difference) == ("plus", True, 0.5)
    assert f"model-a ({left}) is better than model-a ({right}) by 50.0 points" in plus.sentence


def test_other_tasks_are_refused_by_name_unless_asked(tmp_path: Path) -> None:
    left = make_evaluation(tmp_path / "a", single("110100", offset=0))
    right = make_evaluation(tmp_path / "b", single("1001", offset=1))
    with pytest.raises(
        ConfigError, match=r"a has 2 that .*b has not \(bench/0, bench/5\); --common .* 4 tasks"
    ):
        compare_folders(left, right)
    (found,) = compare_folders(left, right, common_only=True)
    assert (found.tasks, found.coverage) == (4, "4 of 6 tasks")
    assert found.columns[0].a == 0.5
    other = make_evaluation(tmp_path / "c", single("11", offset=100))
    for common_only in (False, True):
        with pytest.raises(ConfigError, match="not the same tasks"):
            compare_folders(left, other, common_only=common_only)


def test_other_benchmarks_are_refused(tmp_path: Path) -> None:
    for run, benchmarks in (("a", ("x", "y")), ("b", ("y", "z")), ("c", ("w",))):
        for name in benchmarks:
            make_evaluation(tmp_path / run / name, single("1011"), benchmark=name)
    with pytest.raises(
        ConfigError, match="not the same benchmarks: .*a holds x, y; .*b holds y, z. --common"
    ):
        compare_folders(tmp_path / "a", tmp_path / "b")
    found = compare_folders(tmp_path / "a", tmp_path / "b", common_only=True)
    assert [one.benchmark for one in found] == ["y"]
    with pytest.raises(ConfigError, match="not the same benchmarks"):
        compare_folders(tmp_path / "a", tmp_path / "c", common_only=True)


@pytest.mark.parametrize(
    ("facts", "warning"),
    [
        ({"data": {"sha256": "cd" * 32, "release": "published"}}, "data (sha256) differs: abab"),
        ({"data": {"sha256": "ab" * 32, "release": "v0.1.0"}}, "release differs: published for model-a, v0.1.0 for model-b"),
        ({"prompt_style": {"form": "completion"}}, "prompt style differs: form chat for model-a, form completion for"),
        ({"limits": {"cpu_s": "1", "slowness": 1.0}}, "limits differs: cpu_s 4 x slowness"),
        ({"isolation": "gvisor"}, "isolation differs: namespace for model-a, gvisor for model-b"),
        ({"answers": model("model-b", temperature=0.8)}, "temperature differs: 0.2 for model-a, 0.8 for model-b"),
        ({"forced": "3 of 4 fail"}, "the score of model-b is forced: 3 of 4 fail"),
    ],
)  # fmt: skip
def test_what_was_not_the_same_is_said(tmp_path: Path, facts: dict[str, object], warning: str) -> None:
    same = {"answers": model("model-b", temperature=0.2)}
    assert pair(tmp_path / "same", "1100", "1010", **same).warnings == []
    slower = {**same, "limits": {"cpu_s": "4 x slowness + 10 x the reference's", "slowness": 1.7}}
    assert pair(tmp_path / "slower", "1100", "1010", **slower).warnings == []
    found = pair(tmp_path / "other", "1100", "1010", **(same | facts)).warnings
    assert len(found) == 1
    assert found[0].startswith(warning)


def test_what_belongs_to_a_model_is_no_difference_of_prompt_style(tmp_path: Path) -> None:
    styles = [{"form": "chat", "weights": name, "chat_template": {"sha256": name}} for name in ("x", "y")]
    left = make_evaluation(tmp_path / "a", single("10"), prompt_style=styles[0])
    other = {"answers": model("model-b", temperature=0.2), "prompt_style": styles[1]}
    right = make_evaluation(tmp_path / "b", single("10"), **other)
    assert compare_folders(left, right)[0].warnings == []
    again = make_evaluation(tmp_path / "c", single("10"), prompt_style=styles[1])
    (warning,) = compare_folders(left, again)[0].warnings
    assert warning.startswith("prompt style differs: chat_template sha256 x, form chat, weights x for")


def test_partial_and_forgeable_are_said(tmp_path: Path) -> None:
    left = make_evaluation(tmp_path / "a", single("1100"), of=164, forgeable=True)
    right = make_evaluation(tmp_path / "b", single("1010"), answers=model("model-b", temperature=0.2))
    (found,) = compare_folders(left, right)
    assert found.coverage == "4 of 164 tasks"
    assert found.warnings == [
        "model-a is partial: 4 of 164 tasks",
        "2 passes of model-a could have been forged",
    ]


def printed(found: Comparison) -> str:
    out = io.StringIO()
    print_comparison(found, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_the_printed_comparison_says_it_all(tmp_path: Path) -> None:
    left = make_evaluation(tmp_path / "a", single("1" * 60 + "0" * 40), of=164)
    right = make_evaluation(tmp_path / "b", single("0" * 30 + "1" * 10 + "0" * 60), answers=model("model-b"))
    (found,) = compare_folders(left, right)
    text = printed(found)
    assert "bench: 100 of 164 tasks, pass@1 in percent" in text
    assert found.columns[0].sentence in text
    assert "note: model-a is partial: 100 of 164 tasks" in text
    assert "bench/0, bench/1," in text
    assert "and 30 more (--json lists all)" in text
    assert "better in model-b" not in text


def test_printing_several_answers_states_the_basis_of_mcnemar(tmp_path: Path) -> None:
    left = make_evaluation(tmp_path / "a", {"x": [True, False], "y": [True, True]})
    right = make_evaluation(
        tmp_path / "b", {"x": [False, False], "y": [True, True]}, answers=model("model-b")
    )
    text = printed(compare_folders(left, right)[0])
    assert "exact McNemar on the first answer of each task: p = 1 (1 against 0)" in text
    assert "better in model-a: x (0.5 against 0)" in text


def test_names_from_files_cannot_steer_the_terminal(tmp_path: Path) -> None:
    left = make_evaluation(tmp_path / "a", {"[red]t\x1b[31m\u202e": [True], "u": [True]})
    right = make_evaluation(
        tmp_path / "b", {"[red]t\x1b[31m\u202e": [False], "u": [True]}, answers=model("[bold]m\x1b]0;x\x07")
    )
    text = printed(compare_folders(left, right)[0])
    assert "[red]t" in text
    assert "[bold]m" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_as_json_it_holds_every_task(tmp_path: Path) -> None:
    found = pair(tmp_path, "1" * 60 + "0" * 40, "0" * 100)
    tree = json.loads(json.dumps(found.as_dict()))
    assert len(tree["columns"][0]["better_a"]) == 60
    assert tree["columns"][0]["paired"]["test"] == EXACT
    assert tree["columns"][0]["is_distinguishable"] is True


def test_a_forced_score_of_either_side_is_said(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "a", single("10"))
    scores = read_json(folder / "scores.json")
    write_json(folder / "scores.json", scores | {"forced": "more than 2 % fail"})
    (found,) = compare_folders(folder, folder)
    assert len(found.warnings) == 2
