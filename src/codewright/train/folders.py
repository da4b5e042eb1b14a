"""Hugging Face folders in and out: what a stage leaves in `out/model`, and one clear line when something is missing."""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from codewright.core.chat import TURN_END
from codewright.core.errors import ConfigError
from codewright.core.text import one_line

MODEL_FOLDER = "model"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer. Raises ConfigError when the folder has none, or a damaged one."""
    _require(folder, "tokenizer.json")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise ConfigError(f"{folder}: the tokenizer cannot be loaded ({one_line(error)})") from None


def load_model(folder: Path) -> Any:
    """Load a causal language model with fp32 weights. Raises ConfigError when files are missing or damaged."""
    _require(folder, "config.json")
    _require(folder, *_WEIGHTS)
    transformers_logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="float32")
    except Exception as error:  # safetensors and transformers raise kinds of their own, all for bad files
        raise ConfigError(f"{folder}: the model cannot be loaded ({one_line(error)})") from None


def save_model(folder: Path, model: Any, tokenizer: Any) -> None:
    """Write model and tokenizer anew; generation ends at the end of text or of a turn."""
    shutil.rmtree(folder, ignore_errors=True)  # what a killed writer left
    ends = [tokenizer.eos_token_id]
    if TURN_END in tokenizer.get_vocab():
        ends.append(tokenizer.convert_tokens_to_ids(TURN_END))
    model.generation_config.eos_token_id = ends
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    transformers_logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _require(folder: Path, *names: str) -> None:
    """Raise ConfigError unless the folder holds one of the files."""
    if not any((folder / name).is_file() for name in names):
        raise ConfigError(
            f"{folder}: no {names[0]} here; name the stage that trained it, or a folder that holds it"
        )
