"""Every rule for a shared extension decides about a small file, and every language can be named."""

import pytest

from codewright.core.languages import identify, known_languages
from codewright.core.languages.facts import load_facts
from codewright.core.languages.steps import LOOK_AT, TABLE, rules_of
from tests.core.languages import snippets_code, snippets_data

SNIPPETS = {**snippets_data.SNIPPETS, **snippets_code.SNIPPETS}


def name_for(key: str) -> str:
    return f"src/file{key}" if key.startswith(".") else key


@pytest.mark.parametrize("key", sorted(TABLE))
def test_every_rule_decides_about_a_small_file(key: str) -> None:
    rules = rules_of(key)
    decided = []
    for language, content in SNIPPETS[key]:
        found = identify(name_for(key), content)
        assert (found.language, found.step) == (language, "content"), (content, found)
        decided.append(next(at for at, rule in enumerate(rules) if rule.search(content, f"\n{content}")))
    assert sorted(decided) == list(range(len(rules)))


@pytest.mark.parametrize("key", sorted(TABLE))
def test_without_a_sign_the_fallback_is_named_and_the_reason_given(key: str) -> None:
    fallback = TABLE[key].fallback
    found = identify(name_for(key), "")
    assert found == (fallback, "fallback" if fallback else "none", f"{key}: {TABLE[key].why}")


def test_every_shared_or_guarded_extension_has_its_line() -> None:
    facts = load_facts()
    shared = {
        key for keys in (facts.extensions, facts.filenames) for key, owners in keys.items() if len(owners) > 1
    }
    assert set(TABLE) == shared | set(facts.guarded)


def test_every_language_of_a_shared_extension_can_be_named() -> None:
    facts = load_facts()
    for key, row in TABLE.items():
        named = {language for language, *_ in row.rules} | ({row.fallback} if row.fallback else set())
        owners = facts.extensions.get(key) or facts.filenames[key]
        assert set(owners) <= named <= set(known_languages()), key


def test_only_the_beginning_is_looked_at() -> None:
    late = "/* words */\n" * (LOOK_AT // 12 + 1) + "template <typename T>\n"
    assert identify("a.h", late).language == "c"
    assert identify("a.h", late[-LOOK_AT:]).language == "cpp"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    assert identify("a.m", f"% comment{end}function y = f(x){end}").language == "matlab"
    assert identify("a.h", f"/* a */{end}class A{end}{{{end}}};{end}").language == "cpp"


def test_a_byte_order_mark_hides_nothing() -> None:
    assert identify("a.ts", '\ufeff<?xml version="1.0"?>').language == "xml"
    assert identify("a", "\ufeff#!/bin/sh").language == "shell"
