"""Bounds of the rule set for shell scripts, where they differ from those of code."""

from codewright.corpus.quality.measures import Bounds

BOUNDS = {
    "qsc_code_frac_lines_long_string": Bounds(),
    "qsc_code_frac_chars_string_length": Bounds(),
    "qsc_code_frac_lines_assert": Bounds(),
}
"""Source: OpenCoder-llm/opc_data_filtering, rule set shell."""
