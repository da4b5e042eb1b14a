"""Code out of model answers: chat answers with prose, fences and thoughts around it, and continuations of a prompt.

The first law: a correct program is never emptied and never broken. So what parses and defines the entry point is taken as it
is, apart from what only uses it, and every step that changes more is tried only after all that change less have failed.
"""

from codewright.core.extract.chat import from_chat
from codewright.core.extract.completion import from_completion
from codewright.core.extract.task import Extraction

__all__ = ["Extraction", "from_chat", "from_completion"]
