"""Licence headers: what goes, what stays, in every language whose comments are known."""

import ast
import sysconfig
from pathlib import Path

import pytest
import tree_sitter_c
from tree_sitter import Language, Parser

from codewright.core.languages import known_languages
from codewright.corpus.transforms import Options, comments, transform
from codewright.corpus.transforms.comments import languages_with_syntax, syntax_of
from codewright.corpus.transforms.edits import apply
from codewright.corpus.transforms.headers import header_edits

NOTICE = [
    "Copyright (c) 2019, The Widget Authors. All rights reserved.",
    "",
    "Licensed under the Apache License, Version 2.0 (the License);",
    "you may not use this file except in compliance with the License.",
    "Unless required by applicable law or agreed to in writing, software is",
    "distributed WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.",
]
CODE = "x y z 1\nsecond line 2\n"

COMMONEST = """python javascript typescript java c cpp csharp go rust php ruby kotlin swift scala dart r julia lua perl shell powershell html css scss less xml yaml toml
    ini sql plpgsql haskell ocaml elixir erlang clojure groovy objective-c matlab fortran pascal ada vhdl verilog systemverilog lisp:common/lisp scheme f# vue svelte
    makefile cmake dockerfile hcl solidity protocol/buffer graphql nix zig d nim crystal tcl awk assembly cuda glsl hlsl tex markdown vim/script emacs/lisp batchfile cobol
    prolog racket apex svg terraform/template""".split()  # noqa: SIM905


def removed(text: str, language: str) -> str:
    edits = header_edits(text, language)
    done = apply(text, edits)
    assert header_edits(done, language) == []
    return done


def test_each_language_has_one_family_and_a_name_that_linguist_knows() -> None:
    names = [" ".join(name.split()) for _, group in comments._FAMILIES for name in group.split(",")]
    assert len(names) == len(set(names))
    assert set(names) <= set(known_languages())
    families = [syntax for syntax, _ in comments._FAMILIES]
    assert len(families) == len(set(families))


def test_the_commonest_languages_are_known() -> None:
    named = [name.split(":")[-1].replace("/", " ") for name in COMMONEST]
    assert len(named) >= 60
    assert [name for name in named if syntax_of(name) is None] == []


@pytest.mark.parametrize("language", languages_with_syntax())
def test_a_header_goes_in_every_syntax_of_every_language(language: str) -> None:
    syntax = syntax_of(language)
    assert syntax is not None
    for marker in (*syntax.line, *syntax.first_column):
        header = "".join(f"{marker} {line}".rstrip() + "\n" for line in NOTICE)
        assert removed(f"{header}\n{CODE}", language) == CODE, marker
    for opener, closer in (*syntax.block, *syntax.own_line):
        lines = [line.replace("(", "").replace(")", "") if closer == ")" else line for line in NOTICE]
        header = "\n".join([opener, *(f"   {line}".rstrip() for line in lines), closer]) + "\n"
        assert removed(f"{header}\n{CODE}", language) == CODE, opener


@pytest.mark.parametrize("language", [None, "json", "csv", "text", "jupyter notebook", "no such language"])
def test_files_of_unknown_syntax_stay(language: str | None) -> None:
    text = "".join(f"# {line}\n" for line in NOTICE) + CODE
    assert header_edits(text, language) == []


HEADER_C = "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in NOTICE) + " */\n"
HEADER_HASH = "".join(f"# {line}".rstrip() + "\n" for line in NOTICE)
HEADER_XML = "<!--\n" + "\n".join(NOTICE) + "\n-->\n"


@pytest.mark.parametrize(
    ("language", "prelude", "header"),
    [
        ("python", "#!/usr/bin/env python3\n", HEADER_HASH), ("python", "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n", HEADER_HASH), ("python", "\ufeff", HEADER_HASH),
        ("python", '"""What it does.\n\nAnd how.\n"""\n\n', HEADER_HASH), ("ruby", "# frozen_string_literal: true\n\n", HEADER_HASH), ("php", "<?php\n", HEADER_C),
        ("php", "#!/usr/bin/php\n<?php\n\n", HEADER_C), ("xml", '<?xml version="1.0" encoding="UTF-8"?>\n', HEADER_XML), ("html", "<!DOCTYPE html>\n", HEADER_XML),
        ("javascript", "'use strict';\n\n", HEADER_C), ("c", "#pragma once\n\n", HEADER_C), ("c", "#ifndef A_H\n#define A_H\n\n", HEADER_C), ("css", '@charset "utf-8";\n', HEADER_C),
        ("batchfile", "@echo off\n", "".join(f"REM {line}\n" for line in NOTICE)), ("yaml", "---\n", HEADER_HASH), ("shell", "#!/bin/sh\n", HEADER_HASH),
    ],
)  # fmt: skip
def test_what_must_stand_first_stays(language: str, prelude: str, header: str) -> None:
    done = removed(prelude + header + "\n" + CODE, language)
    assert done in {prelude + CODE, prelude + "\n" + CODE}
    assert header_edits(prelude + CODE, language) == []


@pytest.mark.parametrize(
    ("language", "text", "rest"),
    [
        ("python", "# Copyright 2020 Widgets\n# Licensed under MIT\n\n# The fast path of the parser.\n# See grammar.md.\nx = 1\n", "# The fast path of the parser.\n# See grammar.md.\nx = 1\n"),
        ("python", "# widget.py - parse widgets\n#\n# Copyright 2020 Widgets,\n#   Gadgets and others\n#\nx = 1\n", "# widget.py - parse widgets\nx = 1\n"),
        ("python", "# Copyright 2020 Widgets\n# This module parses widgets.\nx = 1\n", "# This module parses widgets.\nx = 1\n"),
        ("c", "/* Copyright (C) 2020 W.\n   Permission is hereby granted, free of charge,\n   to anybody. */\n\n/* Widgets. */\nint x;\n", "/* Widgets. */\nint x;\n"),
        ("c", "/* Parse widgets.\n   Copyright (C) 2020 W.\n\n   You should have received a copy of the GNU General Public License. */\n\nint x;\n", "/* Parse widgets. */\n\nint x;\n"),
        ("c", "/*\n * Copyright 2020 W.\n *\n * Parses widgets.\n */\nint x;\n", "/*\n * Parses widgets.\n */\nint x;\n"),
        ("c", "/*! widget v1 | (c) W Foundation | w.org/license */int x;\n", "int x;\n"),
        ("java", "/**\n * Parses.\n *\n * @author Ann\n * @copyright 2020 W\n * @license MIT\n */\nclass X {}\n", "/**\n * Parses.\n *\n * @author Ann\n */\nclass X {}\n"),
        ("go", "// Copyright 2020 The W Authors. All rights reserved.\n// Use of this source code is governed by a BSD-style\n// license.\n\n//go:build linux\n\n// Package w parses.\npackage w\n",
         "//go:build linux\n\n// Package w parses.\npackage w\n"),
        ("rust", "// SPDX-License-Identifier: MIT\n//! Parses widgets.\nfn x() {}\n", "//! Parses widgets.\nfn x() {}\n"),
        ("javascript", "// @flow\n// Copyright (c) 2020 W\n/* eslint-disable no-console */\nx()\n", "// @flow\n/* eslint-disable no-console */\nx()\n"),
        ("shell", "#!/bin/sh\n# Copyright 2020 W\n# shellcheck disable=SC2086\necho\n", "#!/bin/sh\n# shellcheck disable=SC2086\necho\n"),
        ("python", "# Copyright 2020 W\n", ""),
        ("c", "// Copyright 2020 W\r\n// All rights reserved\r\n\r\nint x;\r\n", "int x;\r\n"),
        ("haskell", "{-# LANGUAGE GADTs #-}\n{- Copyright 2020 W\n   All rights reserved -}\nmain = x\n", "{-# LANGUAGE GADTs #-}\n{- Copyright 2020 W\n   All rights reserved -}\nmain = x\n"),
    ],
)  # fmt: skip
def test_only_what_is_about_rights_goes(language: str, text: str, rest: str) -> None:
    assert removed(text, language) == rest


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "x = 1\n# Copyright 2020 W\n"),
        ("python", 'LICENSE = "Copyright 2020 W"\n'),
        ("python", '"""Copyright 2020 W. Licensed under MIT."""\n'),
        ("python", "# Checks that each file begins with a license header.\nx = 1\n"),
        ("python", "# Draw the copyright sign on the map.\nx = 1\n"),
        ("python", "# Ask for permission before writing.\nx = 1\n"),
        ("c", "// Copyright 2020 W \\\nint hidden;\nint x;\n"),
        ("c", "/* Copyright 2020 W\nint x;\n"),
        ("html", "<!--[if IE]><p>Copyright 2020 W</p><![endif]-->\n<p>\n"),
        ("sql", "/*! Copyright 2020 W */ SELECT 1;\n"),
        ("pascal", "{$COPYRIGHT Copyright 2020 W}\nbegin end.\n"),
        ("php", "#[Copyright(2020)]\nclass X {}\n"),
        ("rust", '#![doc = "Copyright 2020 W"]\nfn x() {}\n'),
        ("c", "// int x;\rint y; // Copyright 2020 W\r"),
    ],
)
def test_code_and_other_comments_stay(language: str, text: str) -> None:
    assert header_edits(text, language) == []


def test_fixed_form_fortran_is_told_from_free_form() -> None:
    text = "C     Copyright 2020 W\n      CALL X\n"
    assert removed(text, "fortran") == "      CALL X\n"
    assert header_edits(text, "fortran free form") == []


def test_the_removed_text_is_kept_without_what_is_personal() -> None:
    text = "# Copyright 2020 Ann Petrov <ann.petrov@gmail.com>\nx = 1\n"
    done = transform(text, "python")
    assert done.content == "x = 1\n"
    (edit,) = done.edits
    assert (edit.kind, edit.offset, edit.length, edit.replacement) == ("header", 0, text.index("x"), "")
    assert edit.text == "# Copyright 2020 Ann Petrov <<EMAIL>>\n"


def test_secrets_below_a_header_have_offsets_of_the_original() -> None:
    text = "# Copyright 2020 W\n\nmail = 'ann.petrov@gmail.com'\n"
    done = transform(text, "python")
    assert done.content == "mail = '<EMAIL>'\n"
    assert [text[edit.offset : edit.end] for edit in done.edits[1:]] == ["ann.petrov@gmail.com"]


def test_headers_stay_when_they_are_not_asked_for() -> None:
    text = "# Copyright 2020 W\nx = 1\n"
    assert transform(text, "python", Options(headers=False)).content == text


@pytest.mark.parametrize(
    "piece",
    [
        "/* (c) 2020 */",
        "# Copyright 2020 W\n",
        "#\n",
        "/*",
        "//\n",
        "\n",
        "-*-",
        "<!-- ",
        "# " + "a" * 90_000 + "\n",
    ],
)
@pytest.mark.parametrize("language", ["c", "python", "haskell"])
def test_endless_headers_come_back_and_twice_is_once(piece: str, language: str) -> None:
    text = piece * (150_000 // len(piece)) + "\nx = 1\n"
    removed(text, language)


def python_files() -> list[Path]:
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def test_no_code_of_pythons_library_goes() -> None:
    changed = 0
    for path in python_files()[::2]:
        text = path.read_text(encoding="utf-8")
        done = removed(text, "python")
        changed += done != text
        if done != text:
            assert ast.dump(ast.parse(done)) == ast.dump(ast.parse(text)), path
    assert changed >= 5


def test_no_code_goes_with_headers_put_over_it() -> None:
    for path in python_files()[1::8]:
        text = path.read_text(encoding="utf-8")
        done = removed(HEADER_HASH + "\n" + text, "python")
        assert ast.dump(ast.parse(done)) == ast.dump(ast.parse(text)), path
        assert "Licensed under the Apache License" not in done[:400]


def test_no_code_of_c_headers_goes() -> None:
    parser = Parser(Language(tree_sitter_c.language()))

    def leaves(text: str) -> list[bytes]:
        found: list[bytes] = []
        todo = [parser.parse(text.encode()).root_node]
        while todo:
            node = todo.pop()
            if node.type != "comment" and not node.children and node.text:
                found.append(node.text.strip())
            todo += [] if node.type == "comment" else reversed(node.children)
        return found

    for path in sorted(Path(sysconfig.get_path("include")).glob("*.h"))[:60]:
        text = path.read_text(encoding="utf-8")
        assert leaves(removed(HEADER_C + text, "c")) == leaves(text), path
