"""Measurements of Rust: ours. The reference judges it as `others`.

Bounds come from 542 files of 10 code lines and more of crates that Debian ships.
"""

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import TextView, share

_QUERY = """
    (function_item) @function
    [(use_declaration) (mod_item !body) (extern_crate_declaration)] @import
    [(struct_item) (enum_item) (union_item) (trait_item) (type_item)] @type
    [(field_declaration) (function_signature_item) (enum_variant) (const_item)] @bare
"""


def _counts(view: TextView) -> dict[str, int] | None:
    return view.captured("rust", _QUERY)


@measure(low=1, parses=True, source="ours: 16 of 542 files do not parse")
def qsc_coderust_cate_ast(view: TextView) -> float | None:
    """Whether the file parses."""
    return _counts(view) is not None


@measure(high=0.2, parses=True, source="ours: the 99th percentile is 0.21")
def qsc_coderust_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions with a body, a code line."""
    counts = _counts(view)
    return None if counts is None else share(counts.get("function", 0), view.code.lines)


@measure(high=0.4, parses=True, source="ours: the 98th percentile is 0.36")
def qsc_coderust_frac_lines_import(view: TextView) -> float | None:
    """Uses, modules in other files and extern crates, a code line."""
    counts = _counts(view)
    return None if counts is None else share(counts.get("import", 0), view.code.lines)


@measure(high=0.85, parses=True, source="ours: the 98th percentile is 0.83")
def qsc_coderust_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, types, fields, variants, constants and signatures, a code line."""
    counts = _counts(view)
    return None if counts is None else share(sum(counts.values()), view.code.lines)


@measure(high=0.15, source="ours: the 99th percentile is 0.12")
def qsc_coderust_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `print!` or `println!`."""
    return view.code.share_of_lines("print!", "println!")
