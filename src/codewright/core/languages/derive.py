"""Derive `linguist.json` from a copy of Linguist's YAML files.

    python -m codewright.core.languages.derive FOLDER [--out FILE]

FOLDER holds `languages.yml`, `heuristics.yml` and `VERSION`. Facts are taken (names, types, who shares what), no
regular expressions: the rules that look into files are our own, in `shared_code.py` and `shared_data.py`.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from codewright.core.errors import CodewrightError, DataError
from codewright.core.io import write_text

FILE = Path(__file__).with_name("linguist.json")

_OUR_NAMES = {"C++": "cpp", "C#": "csharp"}
"""The names users type; all others are Linguist's in lower case."""


def our_name(name: str) -> str:
    """Return our name of a language of Linguist's."""
    return _OUR_NAMES.get(name, name.lower())


def derive(folder: Path) -> dict[str, Any]:
    """Return the facts as one tree. Raises DataError when a file is missing or of another shape."""
    languages, heuristics = (_read(folder / name) for name in ("languages.yml", "heuristics.yml"))
    try:
        version = (folder / "VERSION").read_text(encoding="utf-8").strip()
        found: dict[str, Any] = {
            "linguist": version,
            "types": {our_name(name): facts["type"] for name, facts in languages.items()},
            "aliases": {
                **_who_has(languages, "aliases"),
                **{name.lower(): [ours] for name, ours in _OUR_NAMES.items()},
            },
            # Folded: extensions count in any case. File names and interpreters are what they are.
            "extensions": _who_has(languages, "extensions", fold=True),
            "filenames": _who_has(languages, "filenames"),
            "interpreters": _who_has(languages, "interpreters"),
        }
        ruled = {
            extension.lower() for block in heuristics["disambiguations"] for extension in block["extensions"]
        }
        extensions = found["extensions"]
        # Extensions of one language that Linguist believes only when the content fits: others use them too.
        found["guarded"] = sorted(name for name in ruled if len(extensions.get(name, ())) == 1)
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder}: not a copy of Linguist's data ({type(error).__name__}: {error})"
        ) from None
    return found


def _who_has(languages: Mapping[str, Any], what: str, *, fold: bool = False) -> dict[str, list[str]]:
    owners: dict[str, set[str]] = {}
    for name, facts in languages.items():
        for item in facts.get(what, []):
            owners.setdefault(item.lower() if fold else item, set()).add(our_name(name))
    return {item: sorted(names) for item, names in owners.items()}


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from None


def to_text(facts: Mapping[str, Any]) -> str:
    """Write facts as JSON with sorted keys, one entry a line, so that a new Linguist is a readable diff."""
    parts = []
    for key, value in sorted(facts.items()):
        if isinstance(value, dict):
            rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value[name])}" for name in sorted(value))
            parts.append(f"{json.dumps(key)}: {{\n{rows}\n}}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Derive the data file."""
    parser = argparse.ArgumentParser(description="Derive linguist.json from a copy of Linguist's YAML files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    try:
        write_text(arguments.out, to_text(derive(arguments.folder)))
    except CodewrightError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
