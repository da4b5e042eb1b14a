"""Each step of naming a language, their order, and that no text upsets them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codewright.core.languages import identify, known_languages, language_of
from codewright.core.languages.facts import load_facts
from codewright.core.languages.steps import TABLE


@pytest.mark.parametrize(
    ("path", "content", "language", "step"),
    [
        ("a/Makefile", "# -*- python -*-\n", "makefile", "file name"),
        ("CMakeLists.txt", "", "cmake", "file name"),
        ("a/b.py", "#!/bin/sh\n", "python", "extension"),
        ("b.JS", "/* -*- Mode: C++; tab-width: 2 -*- */\n", "javascript", "extension"),
        ("view.blade.php", "<?hh\n", "blade", "extension"),
        ("a.tar.py", "", "python", "extension"),
        ("a.h", "// -*- C++ -*-\nint f();\n", "cpp", "modeline"),
        ("a.h", "/* -*- mode: objc; tab-width: 4 -*- */\n", "objective-c", "modeline"),
        ("a.h", "// -*- mode: python -*-\nint f();\n", "c", "fallback"),
        ("a.h", "/* -*- Mode: C -*- */\nnamespace a {\n", "cpp", "content"),
        ("a.t", "# vim: set ft=raku :\nok 1;\n", "raku", "modeline"),
        ("a.pl", "foo.\n\n% vim:sw=4:filetype=prolog\n", "prolog", "modeline"),
        ("script", "#!/bin/sh\n# -*- tcl -*-\nexec tclsh\n", "tcl", "modeline"),
        ("script", "#!/usr/bin/env python3.11\n", "python", "shebang"),
        ("script", "#!/usr/bin/env -S LC_ALL=C perl -w\n", "perl", "shebang"),
        ("script.in", "#! /bin/bash -e\n", "shell", "shebang"),
        ("a.pl", "#!/usr/bin/swipl\n", "prolog", "shebang"),
        ("a.t", "#!/bin/sh\n", "shell", "shebang"),
        ("a.t", "#!/usr/bin/env lua\n", "terra", "shebang"),
        ("run.cgi", "#!/usr/bin/python\nprint(1)\n", "python", "shebang"),
        ("a.h", "class A {\n", "cpp", "content"),
        ("a.h", "int f(void);\n", "c", "fallback"),
        ("a.service", "key = value\n", None, "none"),
        ("notes.xyz", "words\n", None, "none"),
        ("script", "#!\n", None, "none"),
        ("script", "#!/usr/bin/env\n", None, "none"),
        ("LICENCE-notes", "words\n", None, "none"),
        ("", "", None, "none"),
    ],
)
def test_the_first_step_that_speaks_decides(path: str, content: str, language: str | None, step: str) -> None:
    found = identify(path, content)
    assert (found.language, found.step) == (language, step), found


def test_what_decided_is_shown() -> None:
    assert identify("x/Rakefile", "").detail == "Rakefile"
    assert identify("a.PY", "").detail == ".py"
    assert identify("a.h", "\n  template <class T> f();\n").detail == ".h with 'template <'"
    assert identify("s", "#!/bin/sh -e\n").detail == "#!/bin/sh -e"
    assert ".xyz" in identify("a.xyz", "").detail


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.c", "c"), ("a.cc", "cpp"), ("a.cu", "cuda"), ("a.cs", "csharp"), ("a.R", "r"), ("a.h", "c"), ("a.sh", "shell"),
        ("a.bash", "shell"), ("a.pyx", "cython"), ("a.pl", "perl"), ("a.ts", "typescript"), ("a.tsx", "tsx"), ("a.sql", "sql"),
        ("a.php", "php"), ("a.rs", "rust"), ("a.html", "html"), ("a.mjs", "javascript"), (".py", None), ("a", None), ("a.xyz", None),
    ],
)  # fmt: skip
def test_by_name_alone(path: str, language: str | None) -> None:
    assert language_of(path) == language


def test_names() -> None:
    known = known_languages()
    assert len(known) >= 607  # as many as RefineCode names (arXiv 2411.04905, appendix)
    assert {"cpp", "csharp", "shell", "objective-c", "f#", "common lisp"} <= set(known)
    assert not {"c++", "c#", "C"} & set(known)


NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from([f"a{key}" for key in sorted(load_facts().extensions)] + sorted(load_facts().filenames)),
)
PIECES = st.sampled_from(
    [
        "-*- ",
        " -*-",
        "mode: ",
        "vim: ",
        "ft=",
        "#!",
        "/usr/bin/env ",
        "\n",
        "\r",
        "(*",
        "{",
        "@",
        ":- ",
        "\\",
        "  ",
        "C++",
        "a",
        "\0",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(st.one_of(PIECES, st.text(max_size=10)), max_size=60).map("".join)
)


@given(NAMES, TEXTS)
def test_any_text_gets_the_same_known_answer_twice(path: str, content: str) -> None:
    found = identify(path, content)
    assert found == identify(path, content)
    assert found.language is None or found.language in known_languages()
    assert (found.language is None) == (found.step == "none")
    assert found.detail and "\n" not in found.detail


@given(
    st.sampled_from(sorted(key for key in TABLE if key.startswith("."))),
    st.text(max_size=200),
    st.text(max_size=200),
)
def test_folders_decide_nothing(key: str, content: str, folder: str) -> None:
    assert identify(f"{folder}/a{key}", content) == identify(f"a{key}", content)
