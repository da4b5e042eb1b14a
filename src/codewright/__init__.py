"""codewright: build your own code LLM end to end.

Raw code becomes a clean corpus, the corpus verified instruction data, the data a trained model, and
the model trustworthy scores. Importing this package imports nothing heavy; start at `codewright.cli`.
"""

__version__ = "0.1.0"
