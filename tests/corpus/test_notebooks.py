"""Notebooks become scripts that their language can parse."""

import ast
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.corpus.decoding import Undecodable
from codewright.corpus.notebooks import to_script


def notebook(*cells: tuple[str, str], language: str | None = None) -> str:
    metadata = {"language_info": {"name": language}} if language else {}
    made = [
        {"cell_type": kind, "source": source.splitlines(keepends=True), "outputs": ["x"]}
        for kind, source in cells
    ]
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": made})


def test_cells_come_in_order_with_percent_marks_and_without_outputs() -> None:
    script = to_script(
        notebook(("markdown", "# Title\n\ntext"), ("code", "x = 1\nx"), ("raw", "a\n"), ("code", "  \n"))
    )
    assert script.language == "python"
    assert script.text == "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1\nx\n\n# %% [raw]\n# a\n"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("!pip install a \\\n  b\nx = 1", "# !pip install a \\\n#   b\nx = 1"),
        ("pip install a", "# pip install a"),
        ("files = !ls *.py\nprint(files)", "# files = !ls *.py\nprint(files)"),
        ("t = %timeit -o f()", "# t = %timeit -o f()"),
        ("if x:\n    !ls\n    %cd ..", "if x:\n    pass  # !ls\n    pass  # %cd .."),
        ("len?", "# len?"),
        ("?len\nx.y??", "# ?len\n# x.y??"),
        ("%%time\nf()", "# %%time\nf()"),
        ("%%bash\nls -l\n\necho $x", "# %%bash\n# ls -l\n#\n# echo $x"),
        ("%%writefile a.py\nx = 1", "# %%writefile a.py\n# x = 1"),
        ("s = '''\n%not magic\n!nor this\n'''", "s = '''\n%not magic\n!nor this\n'''"),
        ("y = (a\n% b)\nz = a != b", "y = (a\n% b)\nz = a != b"),
        ("await f()", "await f()"),
    ],
)
def test_what_only_ipython_understands_is_commented_out(cell: str, expected: str) -> None:
    script = to_script(notebook(("code", cell)))
    assert script.text == f"# %%\n{expected}\n"
    ast.parse(script.text)


@pytest.mark.parametrize(
    ("said", "language", "marker"),
    [
        ("R", "r", "# %%"),
        ("julia", "julia", "# %%"),
        ("C++17", "cpp", "// %%"),
        (".net-csharp", "csharp", "// %%"),
        ("javascript", "javascript", "// %%"),
        ("haskell", "haskell", "-- %%"),
        ("OCaml", "ocaml", "(* %% *)"),
        ("bash", "shell", "# %%"),
        ("ir", "r", "# %%"),
        ("nobody's language", "nobody's language", "# %%"),
        ("MATLAB", "matlab", "% %%"),
        ("python3", "python", "# %%"),
    ],
)
def test_other_kernels_get_their_own_comments(said: str, language: str, marker: str) -> None:
    script = to_script(notebook(("markdown", "say *) it"), ("code", "f x"), language=said))
    assert script.language == language
    assert f"\n{marker}\nf x\n" in script.text
    assert all(line.startswith(marker[:2].strip()) for line in script.text.split("\n\n")[0].splitlines())
    assert "say *) it *)" not in script.text  # would end OCaml's comment early


@pytest.mark.parametrize(
    ("language", "cell", "expected"),
    [
        ("julia", "]add CSV\nx = 1", "# ]add CSV\nx = 1"),
        ("rust", ":dep rand\nlet x = 1;", "// :dep rand\nlet x = 1;"),
        ("r", "%%time\nx <- 1", "# %%time\nx <- 1"),
        ("matlab", "% a comment\nx = 1", "% a comment\nx = 1"),
    ],
)
def test_their_magics_are_commented_out_too(language: str, cell: str, expected: str) -> None:
    assert to_script(notebook(("code", cell), language=language)).text.endswith(f"%%\n{expected}\n")


def test_format_3_has_worksheets_headings_and_input() -> None:
    old: dict[str, Any] = {
        "nbformat": 3,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["Part"]},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": "x = 1",
                        "outputs": [{"text": "no"}],
                    },
                ]
            }
        ],
    }
    script = to_script(json.dumps(old))
    assert script.language == "python"
    assert script.text == "# %% [markdown]\n# ## Part\n\n# %%\nx = 1\n"


def test_pictures_in_prose_are_outputs_by_another_way() -> None:
    script = to_script(notebook(("markdown", f"![a](data:image/png;base64,{'QUJD' * 100})")))
    assert script.text == "# %% [markdown]\n# ![a](data:image/png;base64,...)\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"cells": {}}',
        '{"cells": [1]}',
        '{"cells": [{"cell_type": "code", "source": 1}]}',
        '{"cells": [{"source": "x"}]}',
        '{"worksheets": 1}',
        "[" * 100_000,
    ],
)
def test_broken_notebooks_are_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Undecodable) as refused:
        to_script(text)
    assert refused.value.reason == "broken_notebook"
    assert "\n" not in refused.value.detail


cell = st.tuples(st.sampled_from(["code", "markdown", "raw"]), st.text())


@settings(deadline=None)
@given(st.lists(cell), st.sampled_from([None, "R", "ocaml", "julia", "C++"]))
def test_any_cells_make_a_script_that_can_be_stored(
    cells: list[tuple[str, str]], language: str | None
) -> None:
    script = to_script(notebook(*cells, language=language))
    assert "\0" not in script.text
    script.text.encode("utf-8")


@settings(deadline=None)
@given(st.lists(st.text()))
def test_prose_never_breaks_python(cells: list[str]) -> None:
    prose = [("markdown", source) for source in cells]
    script = to_script(notebook(*prose, ("code", "%magic\nx = 1")))
    ast.parse(script.text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "worksheets", "metadata", "cell_type", "source", "language"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.one_of(json_values.map(json.dumps), st.text()))
def test_any_text_is_a_notebook_or_refused(value: str) -> None:
    try:
        to_script(value)
    except Undecodable as error:
        assert error.reason == "broken_notebook"
