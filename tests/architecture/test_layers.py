"""The layers of ARCHITECTURE.md, enforced by reading every import, function-level ones included."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "codewright"

LAYERS = [
    {"core"},
    {"engine", "models", "sandbox"},
    {"corpus", "synthesis", "decontam", "analysis", "train", "evals", "serve", "report"},
    {"handover"},
    {
        "recipe",
        "runner",
        "results",
        "why",
        "doctor",
        "cli",
        "cli_cache",
        "cli_corpus",
        "cli_eval",
        "cli_synth",
        "__main__",
    },
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

TOP_RANK = len(LAYERS) - 1


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def imported_names(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names.append(node.module or "")
    return names


def violations(owner: str, names: list[str]) -> list[str]:
    found = []
    for name in names:
        parts = name.split(".")
        if parts[0] != "codewright" or len(parts) == 1 or parts[1] == owner:
            continue
        if RANK[owner] == TOP_RANK or RANK[parts[1]] < RANK[owner]:
            continue
        found.append(f"{owner} imports {name}")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_leftward_only(path: Path) -> None:
    owner = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert owner in RANK, f"{owner} has no layer; add it to ARCHITECTURE.md and here"
    assert violations(owner, imported_names(ast.parse(path.read_text()))) == []


def test_the_check_sees_a_sideways_import_inside_a_function() -> None:
    tree = ast.parse("def f():\n    from codewright.train import rows\n")
    assert violations("evals", imported_names(tree)) == ["evals imports codewright.train"]


def test_files_and_functions_stay_readable() -> None:
    for path in modules():
        text = path.read_text()
        assert text.count("\n") <= 450, f"{path} is too long"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 70, f"{path}: {node.name} is too long"
