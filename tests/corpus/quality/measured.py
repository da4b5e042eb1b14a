"""Judge a text in both modes and read its measurements by their short names."""

from codewright.corpus.quality import RuleBook, Verdict

BOOKS = {mode: RuleBook(mode) for mode in ("fixed", "reference")}

FAMILIES = {"text": "doc", "code": "code"}


def verdict_of(content: str, language: str = "python", name: str = "a.py", mode: str = "fixed", **options: object) -> Verdict:  # fmt: skip
    return BOOKS[mode].judge(content, name=name, language=language, **options)  # type: ignore[arg-type]


def values_of(content: str, language: str = "python", name: str = "a.py", mode: str = "fixed", **options: object) -> dict[str, float | None]:  # fmt: skip
    """Return measurements without `qsc_` and the family: `code_num_words` is `num_words`, `codec_...` is `...`."""
    measured = verdict_of(content, language, name, mode, **options).measurements
    return {key.split("_", 2)[2]: value for key, value in measured.items()}
