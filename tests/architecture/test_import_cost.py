"""`import codewright` and reading a recipe load nothing heavy."""

import subprocess
import sys


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return {name.split(".")[0] for name in output.split()}


def test_importing_the_package_loads_only_the_package() -> None:
    assert loaded_after("import codewright") - loaded_after("") == {"codewright"}


def test_reading_a_recipe_loads_no_torch() -> None:
    code = "from pathlib import Path\nfrom codewright.recipe import load_recipe\nload_recipe(Path('recipes/quickstart.yaml'))"
    assert not loaded_after(code) & {"torch", "transformers", "tokenizers"}
