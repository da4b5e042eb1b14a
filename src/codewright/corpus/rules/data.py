"""Bounds of the rule set for data formats, where they differ from those of code."""

from codewright.corpus.quality.measures import Bounds

BOUNDS = {
    "qsc_code_num_chars": Bounds(low=50, high=5000),
    "qsc_code_frac_words_unique": Bounds(low=0.4),
    "qsc_code_frac_lines_long_string": Bounds(),
    "qsc_code_frac_chars_string_length": Bounds(),
    "qsc_code_frac_lines_prompt_comments": Bounds(),
    "qsc_code_frac_lines_assert": Bounds(),
}
"""Source: OpenCoder-llm/opc_data_filtering, rule set data."""
