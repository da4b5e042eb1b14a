"""An append-only JSON Lines file of finished work: what was killed reads it and does the rest.

The first row says what the work was, so that nobody goes on with somebody else's. A row that a kill has cut off is dropped.
Rows are handed to the kernel at once, which is enough against SIGKILL; a machine that loses power may lose the last seconds.
Limit: one writer.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError


class Journal:
    """Open one, read `rows`, `append` what gets done, `remove` it at the end."""

    def __init__(self, path: Path, work: Mapping[str, Any]) -> None:
        """work: what is being done, plain JSON. Raises ConfigError if the file is of other work, naming what differs."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        found = [row for row in map(_read, lines) if row is not None]
        self._file = path.open("ab")
        if len(found) > 1:  # a header alone is nobody's work yet
            self._check(found[0], work)
            self._file.truncate(sum(len(line) + 1 for line in lines))
        else:
            self._file.truncate(0)
            self.append([dict(work)])
        self.rows: list[dict[str, Any]] = found[1:]

    def _check(self, found: Mapping[str, Any], work: Mapping[str, Any]) -> None:
        said = json.loads(json.dumps(work))
        differs = sorted(
            name
            for name in {*found, *said}
            if found.get(name) != said.get(name) or (name in found) != (name in said)
        )
        if differs:
            self._file.close()
            what = "; ".join(f"{name} was {found.get(name)!r}, is {said.get(name)!r}" for name in differs[:3])
            raise ConfigError(
                f"{self._path.parent.parent}: holds an unfinished run with other settings ({what}); "
                "finish it with those, or give another --out"
            )

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write finished rows."""
        for row in rows:
            self._file.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Stop writing; the file stays."""
        self._file.close()

    def remove(self) -> None:
        """Remove it: the work is done and written elsewhere."""
        self.close()
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # other journals may lie beside it
            self._path.parent.rmdir()


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
