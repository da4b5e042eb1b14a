"""Where compiled code is kept, and that there need be no such place."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from codewright.core.compiling import compiled

@compiled
def add(a, b):
    return a + b

print(add(2, 3))
"""


def run(program: Path, cache: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(cache)
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compiled_code_is_kept_in_the_cache_folder_if_there_is_one(tmp_path: Path) -> None:
    program = tmp_path / "sources" / "program.py"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    assert run(program, tmp_path / "cache") == "5\n"
    assert list((tmp_path / "cache" / "codewright" / "numba").rglob("*.nbi"))
    (tmp_path / "file").write_text("")
    assert run(program, tmp_path / "file") == "5\n"
    assert [path.name for path in program.parent.iterdir()] == ["program.py"]
