"""Rule sets, bounds, gates, crashes, document types."""

import dataclasses
import importlib.util
from collections import Counter

import pytest

from codewright.core.errors import ConfigError
from codewright.corpus.quality import RuleBook, measurements, rule_sets
from codewright.corpus.quality.doc_types import doc_type_of
from codewright.corpus.quality.measures import REFERENCE_SETS, Bounds
from tests.corpus.quality.measured import verdict_of

GOOD = '''"""Sums and products."""

from functools import reduce


def total(values):
    """Add up numbers."""
    result = 0
    for value in values:
        result += value
    return result


def product(factors):
    """Multiply numbers."""
    if not factors:
        return 1
    return reduce(lambda left, right: left * right, factors)


def spread(numbers):
    """Measure how far numbers lie apart."""
    ordered = sorted(numbers)
    middle = total(ordered) / len(ordered)
    distances = [abs(number - middle) for number in ordered]
    if max(distances) > 100:
        raise ValueError("too far")
    print("spread", distances[0], distances[-1])
    while distances and distances[-1] == 0:
        distances.pop()
    return distances
'''


def test_there_are_as_many_rules_as_in_the_reference() -> None:
    live = {name: sum(bool(rule.bounds) for rule in one.rules) for name, one in rule_sets().items()}
    assert {name: live[name] for name in REFERENCE_SETS} == {
        "text/en": 26, "text/zh": 26, "code/others": 31, "code/data": 28, "code/shell": 28, "code/sql": 31, "code/python": 39,
        "code/cpp": 36, "code/c": 36, "code/csharp": 35, "code/go": 35, "code/html": 28, "code/java": 35, "code/javascript": 36,
    }  # fmt: skip
    of_reference = {rule.name for name in REFERENCE_SETS for rule in rule_sets()[name].rules if rule.bounds}
    assert len(of_reference) == 98
    by_family = Counter(name.split("_")[1] for name in of_reference)
    ours = {name for name in rule_sets() if name not in REFERENCE_SETS}
    assert ours == {
        "code/typescript", "code/rust", "code/php", "code/ruby", "code/kotlin", "code/swift",
        "code/lua",
    }  # fmt: skip
    assert by_family == {"doc": 27, "code": 32, "codepython": 8, "codec": 5, "codecpp": 5, "codejavascript": 5, "codego": 5,
                         "codecsharp": 4, "codejava": 4, "codehtml": 3}  # fmt: skip


def test_eight_rules_are_gated() -> None:
    gated = {item.name for item in measurements() if item.gated and f"code/{item.file}" in REFERENCE_SETS}
    assert len(gated) == 8
    assert "qsc_codego_cate_testfile" in gated


def test_every_measurement_states_its_source_and_what_it_is() -> None:
    for item in measurements():
        assert item.source
        assert item.function.__doc__
        assert item.name.startswith("qsc_")


def test_bounds() -> None:
    bounds = Bounds(low=2, high=10)
    assert [bounds.broken_by(value) for value in (1.9, 2, 10, 10.1)] == ["< 2", "", "", "> 10"]
    assert Bounds(equal=1).broken_by(1) == "= 1"
    assert str(bounds) == "< 2 or > 10"
    assert not Bounds()
    assert str(Bounds()) == "-"


def test_a_good_file_is_kept_with_all_measurements() -> None:
    verdict = verdict_of(GOOD)
    assert verdict.keep, verdict.fired
    assert (verdict.doc_type, verdict.rule_set) == ("code", "code/python")
    assert len(verdict.measurements) == 40
    assert not verdict.crashed


def test_every_rule_that_fires_is_listed_with_value_and_bound() -> None:
    verdict = verdict_of("import a\npass\n")
    assert not verdict.keep
    assert verdict.fired["qsc_code_num_lines"] == (2, "< 10")
    assert verdict.fired["qsc_codepython_frac_lines_import"] == (0.5, "> 0.3")
    assert verdict.fired["qsc_codepython_frac_lines_pass"] == (0.5, "> 0.05")


def test_bounds_can_be_overridden_in_part() -> None:
    book = RuleBook(
        overrides={"qsc_code_num_lines": {"low": 100}, "qsc_code_mean_word_length": {"low": None}}
    )
    rules = {rule.name: rule.bounds for rule in book.sets["code/python"].rules}
    assert rules["qsc_code_num_lines"] == Bounds(100, 100_000)
    assert rules["qsc_code_mean_word_length"] == Bounds(None, 10)
    verdict = book.judge(GOOD, name="a.py", language="python")
    assert set(verdict.fired) == {"qsc_code_num_lines"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"qsc_code_num_line": {"low": 1}}, r"no measurement named 'qsc_code_num_line' \(did you mean 'qsc_code_num_lines'\?\)"),
        ({"qsc_code_num_lines": {"lo": 1}}, r"unknown bound 'lo' \(did you mean 'low'\?\)"),
        ({"qsc_code_num_lines": {"low": "1"}}, "low must be a number or null, got '1'"),
        ({"qsc_code_num_lines": {"low": True}}, "low must be a number or null, got True"),
        ({"qsc_code_num_lines": 3}, "expected bounds such as"),
    ],
)  # fmt: skip
def test_wrong_overrides_are_explained(overrides: dict[str, dict[str, float]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RuleBook(overrides=overrides)


def test_a_package_that_reference_mode_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pygments" else there(name))
    RuleBook()
    with pytest.raises(ConfigError, match=r"'pygments': pip install 'codewright\[reference\]'"):
        RuleBook("reference")


def test_an_unknown_mode_is_explained() -> None:
    with pytest.raises(ConfigError, match=r"no 'refernce' \(did you mean 'reference'\?\)"):
        RuleBook("refernce")


def gated(book: RuleBook, doc_id: str) -> bool:
    content = GOOD.replace("result", "x") + "".join(
        f"\n\nclass Name{c}:\n    {c}: int\n" for c in "abcdefghijklmnop"
    )
    verdict = book.judge(content, name="a.py", language="python", doc_id=doc_id)
    name = "qsc_codepython_score_lines_no_logic"
    assert (name in verdict.fired) != (name in verdict.spared)
    return name in verdict.fired


def test_gates_are_drawn_from_the_id_and_the_seed() -> None:
    book = RuleBook(seed=1)
    drawn = [gated(book, str(number)) for number in range(200)]
    assert drawn == [gated(book, str(number)) for number in range(200)]
    assert 0.7 < sum(drawn) / 200 < 0.9
    assert drawn != [gated(RuleBook(seed=2), str(number)) for number in range(200)]
    reference = RuleBook("reference")
    assert all(gated(reference, str(number)) for number in range(20))


def crashing(book: RuleBook, name: str) -> RuleBook:
    def crash(view: object) -> float:
        raise ZeroDivisionError("by hand")

    one = book.sets["code/python"]
    rules = tuple(
        dataclasses.replace(rule, function=crash) if rule.name == name else rule for rule in one.rules
    )
    book.sets["code/python"] = dataclasses.replace(one, rules=rules)
    return book


def test_a_crash_loses_one_rule_only() -> None:
    verdict = crashing(RuleBook(), "qsc_code_num_words").judge("x\n", name="a.py", language="python")
    assert verdict.crashed == {"qsc_code_num_words": "ZeroDivisionError: by hand"}
    assert verdict.measurements["qsc_code_num_words"] is None
    assert len(verdict.measurements) == 40
    assert "qsc_code_num_lines" in verdict.fired


def test_a_crash_in_reference_mode_gives_up_the_rest_of_its_group() -> None:
    book = crashing(RuleBook("reference"), "qsc_code_num_chars")
    measured = book.judge("x\n", name="a.py", language="python").measurements
    assert list(measured)[:3] == ["qsc_code_num_words", "qsc_code_num_chars", "qsc_codepython_cate_ast"]
    assert len(measured) == 2 + 8


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("python", "code"), ("html", "code"), ("json", "data"), ("css", "data"), ("sql", "code"), ("markdown", "text"), ("tex", "text"),
        ("roff manpage", "excluded"), ("csv", "excluded"), ("jupyter notebook", "excluded"), ("gerber image", "excluded"),
        ("no such", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_document_types(language: str | None, kind: str) -> None:
    assert doc_type_of(language) == kind
    verdict = RuleBook().judge(GOOD, name="a", language=language)
    assert verdict.doc_type == kind
    if kind in {"excluded", "unknown"}:
        assert (verdict.keep, verdict.rule_set, verdict.measurements) == (False, None, {})


def test_languages_may_be_named_otherwise() -> None:
    for language, rule_set in (
        ("c++", "code/cpp"),
        ("C#", "code/csharp"),
        ("golang", "code/go"),
        ("sh", "code/shell"),
    ):
        assert RuleBook().judge(GOOD, name="a", language=language).rule_set == rule_set


def test_the_reference_misspells_an_exclusion() -> None:
    assert doc_type_of("gerber image", reference=True) == "data"


@pytest.mark.parametrize(
    ("language", "fixed", "reference"),
    [
        ("c", "code/c", "code/c"), ("json", "code/data", "code/data"), ("perl", "code/others", "code/others"),
        ("bash", "code/shell", "code/shell"), ("markdown", "text/en", "text/en"), ("css", "code/data", "code/data"),
        ("tsx", "code/typescript", "code/others"), ("rust", "code/rust", "code/others"),
    ],
)  # fmt: skip
def test_rule_sets_of_languages(language: str, fixed: str, reference: str) -> None:
    assert RuleBook().judge(GOOD, name="a", language=language).rule_set == fixed
    assert RuleBook("reference").judge(GOOD, name="a", language=language).rule_set == reference


def test_corrections_can_be_asked_for_one_by_one() -> None:
    content = "// a\nmessage B {\n" + "".join(f"  int32 name{c} = {c};\n" for c in "1234567890") + "}\n"
    only = RuleBook("reference", corrections=["comments"])
    book = RuleBook("reference")
    name = "qsc_code_frac_chars_comments"
    assert book.judge(content, name="a.proto", language="protocol buffer").measurements[name] == 1
    corrected = only.judge(content, name="a.proto", language="protocol buffer").measurements[name]
    assert corrected == pytest.approx(4 / len(content), abs=1e-8)
    assert RuleBook().corrections >= {"comments", "javascript", "names", "gates", "guards", "types"}
    with pytest.raises(ConfigError, match=r"no 'comment' \(did you mean 'comments'\?\)"):
        RuleBook(corrections=["comment"])


def test_without_completeness_the_verdict_is_the_same_and_nothing_is_parsed_in_vain() -> None:
    book = RuleBook()
    for content in (GOOD, GOOD + "\npass\n" * 9, "import a\npass\n"):
        whole = book.judge(content, name="a.py", language="python", doc_id="1")
        quick = book.judge(content, name="a.py", language="python", doc_id="1", complete=False)
        assert quick.keep == whole.keep
        assert quick.measurements.items() <= whole.measurements.items()
        if whole.keep:
            assert quick == whole
        else:
            assert "qsc_codepython_cate_ast" not in quick.measurements
