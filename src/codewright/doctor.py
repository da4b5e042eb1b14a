"""`codewright doctor`: is everything here that a recipe needs? Looks, and starts the sandbox once; installs nothing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from codewright.core.errors import BackendError
from codewright.core.text import human_bytes
from codewright.engine.local import available_cores
from codewright.recipe import Recipe
from codewright.sandbox.battery import UNISOLATED
from codewright.sandbox.cgroups import describe_limits
from codewright.sandbox.pool import check_available
from codewright.sandbox.toolchains import install_command, toolchain_report

NEEDED_DISK_BYTES = 2 << 30
NEEDED_MEMORY_BYTES = 4 << 30
"""What the quickstart recipe was measured to stay within."""

_EXTRAS = {
    "train": ("torch", "transformers", "tokenizers", "safetensors"),
    "eval": ("torch", "transformers"),
}
_SANDBOXED = frozenset({"synth", "eval.run"})


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `detail` is what was found, or how to get it. What is not required may be absent."""

    name: str
    ok: bool
    detail: str
    required: bool = True

    @property
    def state(self) -> str:
        """The word for the table."""
        if self.ok:
            return "ok"
        return "MISSING" if self.required else "not installed"


def examine(recipe: Recipe | None, out: Path) -> list[Finding]:
    """Look at everything, or only at what `recipe` needs; `out` is where the disk is measured."""
    keys = {spec.key for spec in recipe.stages} if recipe else None
    findings = [
        Finding("python", sys.version_info >= (3, 11), sys.version.split()[0]),
        Finding("cores", True, str(available_cores())),
        _memory(),
        _disk(out),
    ]
    if keys is None or keys & _SANDBOXED:
        backend = recipe.sandbox if recipe else "namespace"
        problem = check_available(backend)
        works = "it isolates nothing" if backend == UNISOLATED else f"isolation works, {describe_limits()}"
        findings.append(Finding(f"sandbox {backend}", problem is None, problem or works))
    if recipe is None:
        problem = check_available("gvisor")
        findings.append(Finding("sandbox gvisor", problem is None, problem or "works", required=False))
        findings += [
            Finding(
                f"language {item.language}",
                item.present,
                "toolchain installed" if item.present else f"codewright doctor --install {item.language}",
                required=False,
            )
            for item in toolchain_report()
        ]
    for extra, packages in _EXTRAS.items():
        if keys is None or any(key.startswith("eval.run" if extra == "eval" else "train.") for key in keys):
            missing = [name for name in packages if importlib.util.find_spec(name) is None]
            remedy = f"{', '.join(missing)} not installed: pip install 'codewright[{extra}]'"
            findings.append(Finding(f"extra [{extra}]", not missing, remedy if missing else "installed"))
    return findings


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(
        "memory", total >= NEEDED_MEMORY_BYTES, f"{human_bytes(total)} (the quickstart needs 4 GiB)"
    )


def _disk(out: Path) -> Finding:
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free >= NEEDED_DISK_BYTES,
        f"{human_bytes(free)} free at {folder} (the quickstart needs 2 GiB)",
    )


def install_toolchains(languages: list[str]) -> None:
    """Install the toolchains of languages through apt and npm, showing each command before it runs.

    Raises: ConfigError for an unknown language, BackendError when a command fails.
    """
    commands = install_command(languages)
    if any(command[0] == "apt-get" for command in commands):
        commands.insert(0, ["apt-get", "update"])  # a fresh machine has no package lists
    for command in commands:
        print("+", " ".join(command), flush=True)
        try:
            subprocess.run(command, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BackendError(
                f"doctor --install: {' '.join(command)}: {error}; run it by hand, as root"
            ) from None
