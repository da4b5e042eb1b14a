"""Each rule on a text that fires it and one that does not; every rule states its source."""

import pytest

from codewright.core.records import Document
from codewright.corpus.filtering import available_rules, judge

RULES = available_rules()
GOOD = "import os\n\n\ndef name():\n    return os.getcwd()\n"


def document(content: str, language: str = "python") -> Document:
    return Document("1", content, "a.py", "repo", language)


@pytest.mark.parametrize(
    ("name", "content", "language"),
    [
        ("max_chars_line", "x = '" + "a" * 1000 + "'\n" + "y = 1\n" * 30, "python"),
        ("mean_chars_line", ("x = '" + "a" * 110 + "'\n") * 3, "python"),
        ("frac_chars_alphabet", "0x1234, 0x5678, 9999,\n" * 5, "c"),
        ("frac_lines_distinct", "x = call(1)\n" * 80, "python"),
        ("has_syntax_error", "print 'old'\n", "python"),
        ("frac_lines_pass", "class A:\n    pass\nclass B:\n    pass\n", "python"),
    ],
)
def test_rules_fire(name: str, content: str, language: str) -> None:
    fired = judge(document(content, language), RULES).fired
    assert list(fired) == [name]
    assert judge(document(GOOD, language), RULES).fired == {}


def test_python_rules_leave_other_languages_alone() -> None:
    assert judge(document("function f() { return 1; }", "javascript"), RULES).fired == {}


def test_empty_and_odd_documents_crash_no_rule() -> None:
    for content in ("", "\n", "\x00", "é", "(" * 5000, "# -*- coding: nonsense -*-\n"):
        assert judge(document(content), RULES).crashed is None


def test_every_rule_names_its_source_and_a_bound() -> None:
    for rules in RULES.values():
        for rule in rules:
            assert rule.source
            assert rule.low is not None or rule.high is not None
            assert rule.name.split("_")[0] in {"num", "frac", "mean", "max", "has", "score"}
