"""Languages of the sandbox: one TOML each in `languages/`; the file name is the key.

Keys: runner (`python` or `command`), file (default name of a program), compile and run (commands), needs (programs looked
for in the folders the sandbox shows), hello (prints hello), install (apt and npm packages that bring the toolchain), env,
limits (floors, see `floor_limits`), root (command that prints where a toolchain outside those folders lives), cache (files and
commands that fill a folder once, see `toolchain_cache.py`), server (see `ServerRecipe`), etc (names in /etc, with wildcards, that it reads), files (what
lies beside every program), own_main, unit_tests and tests (see `TestRule`).

In commands, env, files and rules `{file}` and `{stem}` are the program's file with and without its extension, `{heap_mib}`
the heap a runtime may claim, `{here}` the working folder, `{cache}` the language's cache, `{mark}` see `TestRule`. A part of
compile that begins with `{if REGEX}` stands only for programs with a file in which the expression is found.
"""

import functools
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean
from codewright.sandbox.guest.commands import fill_in
from codewright.sandbox.job import Limits

_FOLDER = Path(__file__).with_name("languages")

SANDBOX_PATH = "/usr/local/bin:/usr/bin:/bin"
"""PATH inside; also where toolchains are looked for outside."""

_HEAP_SHARE = 2
"""A runtime may claim this many times `tree_bytes` as its heap, so that the watchdog's `memory_limit` comes before the
runtime's own error: a generation that is full says so long before the whole heap is used."""

_ROOT_ANSWER_S = 20.0

_RULES = ("own_main", "unit_tests", "tests")
"""Keys of a TOML's test rules; the first that fits holds."""


@dataclass(frozen=True)
class TestRule:
    """How tests are added to a program.

    marker: the rule holds only for tests that contain it. file: name the program's file gets. begin, end: source before and
    after the tests. files: more files, the language's own among them. compile, run: other commands. A rule with `{mark}` in
    it creates the file of that name after the last test; a program that ends with 0 without it has left early.
    """

    __test__ = False  # pytest would take the name for a test class

    marker: str = ""
    file: str = ""
    begin: str = ""
    end: str = ""
    files: Mapping[str, str] | None = None
    compile: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None

    @property
    def marks(self) -> bool:
        """True if an early exit can be told from an end."""
        return any("{mark}" in text for text in (self.begin, self.end, *(self.files or {}).values()))


@dataclass(frozen=True)
class CacheRecipe:
    """What fills a language's cache: files, then commands in that folder. wants: paths without which there is none."""

    files: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]
    wants: tuple[str, ...]


@dataclass(frozen=True)
class ServerRecipe:
    """A compiler that stays warm (`guest/compile_server.py`). start: its command; options: of each compilation."""

    start: tuple[str, ...]
    options: tuple[str, ...]


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
    install: Mapping[str, tuple[str, ...]]
    env: Mapping[str, str]
    limits: Mapping[str, int]
    root: tuple[str, ...]
    etc: tuple[str, ...]
    cache: CacheRecipe | None
    server: ServerRecipe | None
    files: Mapping[str, str]
    rules: tuple[TestRule, ...]

    def missing(self) -> list[str]:
        """List the programs its toolchain lacks here."""
        path = search_path(self)
        return [program for program in self.needs if shutil.which(program, path=path) is None]

    def rule_for(self, tests: str) -> TestRule:
        """Return how these tests are added; without tests none is, only the language's files."""
        fitting = [rule for rule in self.rules if tests and rule.marker in tests]
        return fitting[0] if fitting else TestRule(files=self.files)

    def floor_limits(self, limits: Limits) -> Limits:
        """Raise limits that the toolchain itself would break; resident memory, time and output stay as asked.

        The floor of `address_space_bytes` is what the runtime reserves beside its heap.
        """
        floors = dict(self.limits)
        if "address_space_bytes" in floors:
            floors["address_space_bytes"] += _HEAP_SHARE * limits.tree_bytes
        return replace(limits, **{name: max(getattr(limits, name), floor) for name, floor in floors.items()})

    def fill(self, parts: Sequence[str], file: str, limits: Limits) -> list[str]:
        """Put the host's values into a command."""
        values = {
            "{heap_mib}": str(_HEAP_SHARE * limits.tree_bytes >> 20),
            "{stem}": str(PurePosixPath(file).with_suffix("")),
            "{file}": file,
        }
        return [fill_in(part, values) for part in parts]


@dataclass(frozen=True)
class ToolchainState:
    """One line of the report for `doctor`. missing: programs not found; install: how to get them."""

    language: str
    present: bool
    missing: tuple[str, ...]
    install: str


def list_languages() -> list[str]:
    """List the languages that have a TOML, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def list_installed() -> list[str]:
    """List the languages whose toolchain is here, sorted."""
    return [name for name in list_languages() if not _read(name).missing()]


def load_language(name: str) -> Language:
    """Read a language's TOML. Raises ConfigError for a language without one or without its toolchain."""
    language = _read(name)
    missing = _missing(name)
    if missing:
        raise ConfigError(
            f"language '{name}': toolchain not installed, {', '.join(missing)} not found in {SANDBOX_PATH}"
            f"; install with: {_install_line(language)}"
        )
    return language


@functools.cache
def _missing(name: str) -> tuple[str, ...]:
    return tuple(_read(name).missing())


def toolchain_report() -> list[ToolchainState]:
    """Look for every language's toolchain."""
    states = []
    for name in list_languages():
        language = _read(name)
        missing = tuple(language.missing())
        states.append(ToolchainState(name, not missing, missing, _install_line(language)))
    return states


def install_command(languages: Sequence[str]) -> list[list[str]]:
    """Return the commands that install these languages' toolchains. Raises ConfigError for an unknown language."""
    packages: dict[str, list[str]] = {"apt": [], "npm": []}
    for name in languages:
        for source, names in _read(name).install.items():
            packages[source] += [package for package in names if package not in packages[source]]
    commands = []
    if packages["apt"]:
        commands.append(["apt-get", "install", "--yes", "--no-install-recommends", *packages["apt"]])
    if packages["npm"]:
        commands.append(["npm", "install", "--global", *packages["npm"]])
    return commands


def _install_line(language: Language) -> str:
    return " && ".join(" ".join(command) for command in install_command([language.name]))


@functools.cache
def _read(name: str) -> Language:
    known = list_languages()
    if name not in known:
        raise ConfigError(
            f"the sandbox does not run language '{name}'{did_you_mean(name, known)}; it runs: {', '.join(known)}"
        )
    data: dict[str, Any] = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    files = data.get("files", {})
    return Language(
        name=name,
        runner=data["runner"],
        file=data["file"],
        compile=tuple(data["compile"]),
        run=tuple(data["run"]),
        needs=tuple(data["needs"]),
        hello=data["hello"],
        install={source: tuple(packages) for source, packages in data.get("install", {}).items()},
        env=data.get("env", {}),
        limits=data.get("limits", {}),
        root=tuple(data.get("root", ())),
        etc=tuple(data.get("etc", ())),
        cache=_cache_recipe(data["cache"]) if "cache" in data else None,
        server=ServerRecipe(tuple(data["server"]["start"]), tuple(data["server"]["options"]))
        if "server" in data
        else None,
        files=files,
        rules=tuple(_test_rule(data[key], files) for key in _RULES if key in data),
    )


def _test_rule(data: dict[str, Any], files: Mapping[str, str]) -> TestRule:
    return TestRule(
        marker=data.get("marker", ""),
        file=data.get("file", ""),
        begin=data.get("begin", ""),
        end=data.get("end", ""),
        files={**files, **data.get("files", {})},
        compile=tuple(data["compile"]) if "compile" in data else None,
        run=tuple(data["run"]) if "run" in data else None,
    )


def _cache_recipe(data: dict[str, Any]) -> CacheRecipe:
    return CacheRecipe(
        files=data.get("files", {}),
        commands=tuple(tuple(command) for command in data["commands"]),
        wants=tuple(data.get("wants", ())),
    )


def search_path(language: Language) -> str:
    """Return the folders of the host that hold, or appear inside as, the language's programs."""
    root = find_root(language.name)
    return SANDBOX_PATH if root is None else f"{SANDBOX_PATH}:{root / 'bin'}"


@functools.cache
def find_root(name: str) -> Path | None:
    """Ask a toolchain outside the folders the sandbox shows where it lives; None where there is none or no need.

    A folder that holds the user's home is never taken: all below it would appear inside.
    """
    language = _read(name)
    if not language.root or all(shutil.which(program, path=SANDBOX_PATH) for program in language.needs):
        return None
    program = shutil.which(language.root[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *language.root[1:]], capture_output=True, text=True, timeout=_ROOT_ANSWER_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # a broken toolchain is one that is not installed
    root = Path(done.stdout.strip()).resolve()
    if Path.home().resolve().is_relative_to(root):
        return None
    return root if all((root / "bin" / program).is_file() for program in language.needs) else None


def outside_roots() -> dict[str, Path]:
    """Find the toolchains that the sandbox has to be shown: language to folder."""
    found = {name: find_root(name) for name in list_languages()}
    return {name: root for name, root in found.items() if root is not None}


def settings_of_toolchains() -> list[str]:
    """List what toolchains read in /etc and the sandbox therefore shows: names relative to it."""
    patterns = sorted({pattern for name in list_languages() for pattern in _read(name).etc})
    return [
        str(path.relative_to("/etc")) for pattern in patterns for path in sorted(Path("/etc").glob(pattern))
    ]
