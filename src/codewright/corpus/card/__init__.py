"""The card of a corpus: what is in it, what was left out and why, as Markdown and as one self-contained HTML page."""

from codewright.corpus.card.page import CARD_NAMES, Built, write_card

__all__ = ["CARD_NAMES", "Built", "write_card"]
