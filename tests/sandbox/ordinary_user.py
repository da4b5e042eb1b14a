"""Running a command as an ordinary user when we are root, with the same interpreter, project and data.

These may lie below folders that only root can enter (a Python under /root). In a mount namespace of the command's own, such a
folder is covered by an empty one that shows nothing but what is needed. Limits: needs root, unshare(1) and setpriv(1) from
util-linux; what is needed has to be readable by others once the folders above it are.
"""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conftest import REPOSITORY

NOBODY = 65534

_SCRIPT = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$STAGE"
number=0
for place in $PLACES; do
    number=$((number + 1))
    mkdir "$STAGE/$number"
    mount --bind "$place" "$STAGE/$number"
done
for folder in $CLOSED; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
number=0
for place in $PLACES; do
    number=$((number + 1))
    mkdir -p "$place"
    mount --bind "$STAGE/$number" "$place"
done
umask 022
exec setpriv --reuid=USER --regid=USER --clear-groups -- "$@"
""".replace("USER", str(NOBODY))


def _closed_above(place: Path) -> Path | None:
    """Return the outermost folder above it that others cannot enter."""
    return next((folder for folder in reversed(place.parents) if not folder.stat().st_mode & 0o001), None)


@contextlib.contextmanager
def _owned_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ordinary-user-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, NOBODY, NOBODY)
        yield folder


def run_as_ordinary_user(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it in the repository's folder, with an empty home, and wait."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), REPOSITORY, REPOSITORY.parent / "shared"}
    hidden = {place: _closed_above(place) for place in needed if place.exists()}
    places = sorted({str(place) for place, closed in hidden.items() if closed})
    closed = sorted({str(folder) for folder in hidden.values() if folder})
    with _owned_folder() as home, tempfile.TemporaryDirectory(prefix="stage-") as stage:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "STAGE": stage,
            "PLACES": shlex.join(places),
            "CLOSED": shlex.join(closed),
        }
        start = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "as-user"]
        return subprocess.run(
            [*start, *command], env=environment, cwd=REPOSITORY, capture_output=True, text=True
        )
