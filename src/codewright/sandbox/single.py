"""One program from a file, for `codewright sandbox run`."""

from collections.abc import Sequence
from pathlib import Path

from codewright.core.errors import ConfigError
from codewright.core.languages import language_of
from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import open_sandbox

_SANDBOX_NAMES = {"shell": "bash"}
"""Where the corpus's language name (Linguist's) and the sandbox's toolchain differ."""


async def run_file(
    path: Path, args: Sequence[str], *, stdin: str, language: str | None, backend: str, wall_s: float
) -> Result:
    """Run a program in `script` mode.

    Raises: ConfigError when the file cannot be read as text or its language is unknown; SandboxUnavailable.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a program ({error})") from None
    named = language or language_of(path.name)
    if named is None:
        raise ConfigError(f"{path}: no language is known by this extension; give --language")
    job = Job(
        "script",
        {path.name: source},
        language=_SANDBOX_NAMES.get(named, named),
        args=tuple(args),
        stdin=stdin,
        limits=Limits(wall_s=wall_s, cpu_s=wall_s),
    )
    async with open_sandbox(backend, workers=1) as sandbox:
        return await sandbox.run(job)
