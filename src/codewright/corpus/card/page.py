"""Writes `card.md` and `card.html` into a corpus's folder, from what its stages left there; nothing is fetched.

Equal corpora give equal cards but for the seconds their stages took.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from codewright.core.errors import ConfigError
from codewright.core.html import environment
from codewright.core.io import write_text
from codewright.core.manifest import Counts, Dataset
from codewright.core.markdown import markdown_environment, size_category
from codewright.corpus.card.examples import audited, kept_examples, largest_clusters, lost_reasons
from codewright.corpus.card.steps import Amount, language_rows, steps_of

CARD_NAMES = ("card.md", "card.html")

_PACKAGE = "codewright.corpus.card"
_LANGUAGES = 20
"""Named one by one; the others share a row."""
_KEPT, _CLUSTERS, _LICENSES = 6, 10, 12
_EXAMPLES = 2
"""Files shown of each reason."""


@dataclass(frozen=True)
class Built:
    """A corpus in its folder, and what its manifest says or is going to say of it."""

    folder: Path
    name: str
    config: Mapping[str, Any]
    seed: int
    counts: Counts
    details: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a finished one. Raises ConfigError when the folder holds something else, DataError when it is damaged."""
        made = Dataset(folder).manifest
        if made.stage != "corpus.build" or made.counts is None:
            raise ConfigError(f"{folder}: made by {made.stage}; a card is of what `corpus build` made")
        return cls(folder, made.id, made.config, made.seed, made.counts, made.details)


def write_card(corpus: Built) -> None:
    """Write both forms of the card."""
    page = _gather(corpus)
    html = environment(_PACKAGE).get_template("card.html.j2").render(page)
    write_text(corpus.folder / "card.html", html)
    write_text(
        corpus.folder / "card.md", markdown_environment(_PACKAGE).get_template("card.md.j2").render(page)
    )


def _gather(corpus: Built) -> dict[str, Any]:
    folder, counts, details, seed = corpus.folder, corpus.counts, corpus.details, corpus.seed
    steps = steps_of(details["stages"])
    final = steps[-1]
    lost = lost_reasons(folder / "dropped", seed, _EXAMPLES)
    bad = lost_reasons(folder / "quarantine", seed, _EXAMPLES)
    largest = [row_name for row_name, _ in language_rows(steps, _KEPT)][:_KEPT]
    licenses = sorted(details["documents_by_license"].items(), key=lambda item: (-item[1], item[0]))
    transform = details["stages"].get("transform", {})
    return {
        "name": corpus.name,
        "found": Amount(counts.rows_in, details["bytes_read"]),
        "final": final.total,
        "heldout": details["documents_heldout"],
        "steps": steps,
        "languages": language_rows(steps, _LANGUAGES),
        "language_count": len(final.languages),
        "lost": lost,
        "bad": bad,
        "clusters": largest_clusters(folder / "dropped", _CLUSTERS),
        "changed": transform.get("documents_changed", 0),
        "transformed": transform.get("counts", {}).get("in", 0),
        "edits": audited(folder / "audit"),
        "licenses": licenses[:_LICENSES],
        "license_count": len(licenses),
        "more_licenses": sum(count for _, count in licenses[_LICENSES:]),
        "kept": kept_examples(folder, largest, seed),
        "seconds": sum(step.seconds for step in steps),
        "settings": json.dumps(dict(corpus.config), indent=2, sort_keys=True, ensure_ascii=False),
        "seed": seed,
        "size_category": size_category(final.total.documents),
        "tokenizer": corpus.config.get("tokenizer"),
    }
