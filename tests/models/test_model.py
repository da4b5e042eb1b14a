"""Finding a backend by its spec."""

import subprocess
import sys
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.models.model import Reply, Sampling, open_model


def test_an_unknown_backend_is_named_with_its_neighbour() -> None:
    with pytest.raises(ConfigError, match=r"no backend named 'hff' \(did you mean 'hf'\?\)"):
        open_model("hff:anything")


@pytest.mark.parametrize("prefix", ["", "hf:"])
def test_a_folder_without_a_model_is_one_line(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ConfigError, match="not a model folder") as caught:
        open_model(f"{prefix}{tmp_path}")
    assert "\n" not in str(caught.value)


def test_the_contract_imports_nothing_heavy() -> None:
    code = "import codewright.models.model, codewright.train.config, sys; print({'torch', 'transformers'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_values_are_plain() -> None:
    assert Sampling() == Sampling(512, 0.0, 1.0, 0, ())
    assert Reply("a", "stop", 1, 2).text == "a"
