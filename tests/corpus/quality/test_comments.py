"""Comments by our own syntax: what is a comment in which language, and where pygments agrees."""

import pytest

from codewright.corpus.quality.comment_syntax import has_own_syntax, syntax_of
from codewright.corpus.quality.splitting import split_by_syntax, split_like_reference
from codewright.corpus.quality.text_view import Parts, TextView


def parts(content: str, language: str, *, reference: bool = False) -> Parts:
    split = split_like_reference if reference else split_by_syntax
    return TextView(content, "a", language, "en", 0, frozenset(), split).parts


@pytest.mark.parametrize(
    ("language", "content", "comments"),
    [
        ("c", 'a; // b \\\nc\nd = "// no"; /* e */ f\n', "// b \\\nc\n/* e */"),
        ("c", "char a = '\"'; // b\n", "// b\n"),
        ("c", "a /* never closed\nb\n", "/* never closed\nb\n"),
        ("cpp", 'a = R"(// no)"; // b\n', "// b\n"),
        ("csharp", 'a = @"\\"; // b\n', "// b\n"),
        ("python", "#!x\n'''doc'''\na = '''no'''  # b\n  r\"\"\"doc\"\"\"\n", "#!x'''doc'''# b\"\"\"doc\"\"\""),
        ("python", "a = '#'\nb = \"\"\"\n# no\n\"\"\"\n", ""),
        ("javascript", "a = /'\\/[/]/; // b\nc = d / e / f; // g\n", "// b// g"),
        ("javascript", "a = `\n// no`; /* b */\n", "/* b */"),
        ("typescript", "const a: string = 'b'; // c\n", "// c"),
        ("go", "a := `//\\`; // b\n", "// b"),
        ("rust", "fn f<'a>(x: &'a str) { '\"' } // b\n/* c /* d */ e */\n", "// b\n/* c /* d */ e */"),
        ("shell", "a=${#b} c#d # e\ncat <<EOF\n# no\nEOF\nf 'g\n# no'\n", "# e\n"),
        ("ruby", "=begin\na\n=end b\nc # d\n\"#{e}\"\n", "=begin\na\n=end b# d"),
        ("perl", "$a = 1\n  = 2;\n=pod\n\nb\n\n=cut\n# c\n", "=pod\n\nb\n\n=cut# c"),
        ("lua", "a --[[ b\nc ]] d -- e\nf = [[\n-- no]]\n", "--[[ b\nc ]]-- e"),
        ("lua", "a --[==[ b ]] c\n]==] d\nf = [=[\n-- no ]] ]=] -- e\ng = h[i[1]] -- j\n", "--[==[ b ]] c\n]==]-- e-- j"),
        ("kotlin", "a /* b /* c */ d */ e // f\ng = \"\"\"\\\"\"\" // h\ni = '\"' // j\n", "/* b /* c */ d */// f// h// j"),
        ("kotlin", 'a = """\n// no "b"\n""" // c\nd = "\\"// no" // e\n', "// c// e"),
        ("swift", 'a /* b /* c */ d */ e\nf = #"\\"# // g\nh = """\n// no "i" \\"""\n""" // j\n', "/* b /* c */ d */// g// j"),
        ("swift", 'a = #"""\n"b" // no\n"""# // c\nd = ##"e "# // no"## // f\n', "// c// f"),
        ("sql", "select '--', 'it''s' -- a\n/* b */\n", "-- a\n/* b */"),
        ("haskell", "a {- b {- c -} d -} e -- f\n", "{- b {- c -} d -}-- f"),
        ("html", "a <!-- b --> c\n", "<!-- b -->"),
        ("vue", "<a>\n<!-- b -->\n// c\nd // e\n", "<!-- b -->// c"),
        ("batchfile", "REM a\n@rem b\n:: c\nremove d\ne rem f\n", "REM a@rem b:: c"),
        ("vim script", "\" a\nlet b = \"c\"\n", '" a'),
        ("emacs lisp", "(a \";\" ?b) ; c\n", "; c"),
        ("fortran free form", "a = '!' ! b\n", "! b"),
        ("protocol buffer", "a = 1; // b\n/* c */\n", "// b/* c */"),
        ("motorola 68k assembly", "a: mov #1, b ; c\n# d\n", "; c# d"),
        ("yaml", "a: b#c # d\n", "# d"),
        ("json", '{"a": "// no"}\n', ""),
        ("nobody knows", "# a\nb # c\n// d\n-- e\n/* f\ng */\nh\n", "# a// d-- e/* f\ng */"),
    ],
)  # fmt: skip
def test_comments(language: str, content: str, comments: str) -> None:
    found = parts(content, language)
    assert found.comments == comments
    left = "".join(map(chr, found.code))
    assert sorted(left + comments) == sorted(content)


@pytest.mark.parametrize(
    ("language", "content"),
    [
        ("python", 'def f():\n    """Doc."""\n    a = "# no"  # yes\n\n\n# b\n'),
        ("c", '#include <a>\n/* a */ int b; // c\nchar *d = "/* no */";\n'),
        ("javascript", "// a\nvar b = '//'; /* c */\nvar d = /[/]'/.e;\n"),
        ("java", "/** a */\nclass B { char c = '\"'; } // d\n"),
        ("go", "// a\npackage b // c\nvar d = `//`\n"),
        ("shell", "#!/bin/sh\n# a\necho \"# no\" # b\nc=$#\n"),
        ("sql", "-- a\nselect 1 /* b */ from c;\n"),
        ("rust", "/// a\nfn b<'c>() {} // d\n"),
        ("php", "<?php\n// a\n# b\n/* c */ $d = '//';\n"),
        ("ruby", "# a\nb = '#' # c\n"),
        ("lua", "-- a\nb = '--' --[[ c ]]\n"),
        ("yaml", "# a\nb: 'c # no' # d\n"),
        ("makefile", "# a\nb: c\n\td\n"),
        ("css", "/* a */\nb { c: d }\n"),
        ("json", '{"a": 1}\n'),
    ],
)  # fmt: skip
def test_both_modes_agree_where_the_reference_has_a_lexer(language: str, content: str) -> None:
    ours, theirs = parts(content, language), parts(content, language, reference=True)
    assert ours.comments == theirs.comments
    assert ours.code.tolist() == theirs.code.tolist()


def test_the_reference_takes_all_after_a_comment_for_comments_and_we_do_not() -> None:
    content = "// a\nmessage B {\n  int32 c = 1;\n}\n"
    assert parts(content, "protocol buffer", reference=True).comments == content
    assert parts(content, "protocol buffer").comments == "// a"


def test_line_comments_are_told_from_doc_strings() -> None:
    found = parts('"""Doc."""\na  # b\n', "python")
    assert found.line_comments == "# b"


def test_ends_of_the_text_are_as_pygments_leaves_them() -> None:
    assert "".join(map(chr, parts("\ufeff\n\na\n\n", "c").code)) == "a\n"
    assert "".join(map(chr, parts("", "c").code)) == "\n"


def test_syntaxes_are_well_formed() -> None:
    assert has_own_syntax("python")
    assert has_own_syntax("diff")
    assert not has_own_syntax("nobody knows")
    assert len(syntax_of("diff")) == 0
    table = syntax_of("python")
    assert table.shape == (5, 20)
    assert (table[:, 2] > 0).all()
