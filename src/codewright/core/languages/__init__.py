"""Which language a file is in. Names are Linguist's in lower case, `cpp` and `csharp` for C++ and C#."""

from codewright.core.languages.facts import check_language, known_languages
from codewright.core.languages.steps import Identified, identify, language_by_name, language_of

__all__ = ["Identified", "check_language", "identify", "known_languages", "language_by_name", "language_of"]
