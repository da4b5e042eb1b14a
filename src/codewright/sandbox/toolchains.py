"""Languages of the sandbox: one TOML each in `languages/`; the file name is the key.

Keys: runner (`python` or `command`), file (default name of a program), compile and run (commands; `{file}` stands for the
program's file), needs (programs looked for in the folders the sandbox shows), hello (prints hello).
"""

import functools
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean

_FOLDER = Path(__file__).with_name("languages")

SANDBOX_PATH = "/usr/local/bin:/usr/bin:/bin"
"""PATH inside; also where toolchains are looked for outside."""


@dataclass(frozen=True)
class Language:
    """How programs of one language are compiled and run."""

    name: str
    runner: str
    file: str
    compile: tuple[str, ...]
    run: tuple[str, ...]
    needs: tuple[str, ...]
    hello: str

    def missing(self) -> list[str]:
        """List the programs its toolchain lacks here."""
        return [program for program in self.needs if shutil.which(program, path=SANDBOX_PATH) is None]


def list_languages() -> list[str]:
    """List the languages that have a TOML, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@functools.cache
def load_language(name: str) -> Language:
    """Read a language's TOML. Raises ConfigError for a language without one or without its toolchain."""
    known = list_languages()
    if name not in known:
        raise ConfigError(
            f"the sandbox does not run language '{name}'{did_you_mean(name, known)}; it runs: {', '.join(known)}"
        )
    data: dict[str, Any] = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    language = Language(
        name=name,
        runner=data["runner"],
        file=data["file"],
        compile=tuple(data["compile"]),
        run=tuple(data["run"]),
        needs=tuple(data["needs"]),
        hello=data["hello"],
    )
    missing = language.missing()
    if missing:
        raise ConfigError(
            f"language '{name}': toolchain not installed, {', '.join(missing)} not found in {SANDBOX_PATH}"
        )
    return language
