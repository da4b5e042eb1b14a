"""Bounds of the rule set for SQL, where they differ from those of code."""

from codewright.corpus.quality.measures import Bounds

BOUNDS = {"qsc_code_frac_chars_digital": Bounds(high=0.3)}
"""Source: OpenCoder-llm/opc_data_filtering, rule set sql."""
