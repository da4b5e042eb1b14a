"""Where a Hugging Face model comes from, a folder here or the hub, and what tells its weights apart from others."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from codewright.core.errors import ConfigError
from codewright.core.text import one_line

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_TIMEOUT_S = 10.0
_FAST = "tokenizer.json"
_TOKENIZERS = (_FAST, "tokenizer.model", "vocab.json")
_WEIGHTS = ("*.safetensors", "*.bin")
_SETTINGS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "chat_template.jinja",
)
_BLOCKS, _BLOCK_BYTES = 16, 1 << 16


@dataclass(frozen=True)
class HfSource:
    """What from_pretrained is to load. commit: of the hub's; remote: path is an id, of which files have still to come."""

    path: str
    commit: str | None = None
    remote: bool = False

    def options(self) -> dict[str, object]:
        """Return the keywords for from_pretrained."""
        return {"revision": self.commit} if self.remote else {"local_files_only": True}

    def identity(self) -> str:
        """Return the hub's commit, or a hash of the folder's files.

        Of a weight file its size and 1 MiB in even steps count: training changes every block, and 1 MiB is read at once.
        """
        return self.commit or _hash_folder(Path(self.path))


def find_source(rest: str) -> HfSource:
    """Find a folder, the `model` folder inside a training stage's, or a hub id with or without @revision.

    A hub that cannot be reached is replaced by its cache here. Raises ConfigError when there is no model, in one line.
    """
    folder = Path(rest)
    if folder.exists():
        if not (folder / "config.json").is_file() and (folder / "model" / "config.json").is_file():
            folder = folder / "model"
        return _check_folder(folder)
    return _ask_hub(*_hub_name(rest))


def _check_folder(folder: Path) -> HfSource:
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder}: not a model folder, it has no config.json")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ConfigError(
            f"{folder}: not a model folder, it has no tokenizer.json; save the tokenizer beside the weights"
        )
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        raise ConfigError(f"{folder}: not a model folder, it has no weights (*.safetensors)")
    return HfSource(str(folder))


def find_tokenizer(rest: str) -> Path:
    """Find tokenizer.json: the file, one in a folder or in its `model` folder, or that of a hub id with or without @revision.

    A hub that cannot be reached is replaced by its cache here. Raises ConfigError when there is none, in one line.
    """
    place = Path(rest)
    if place.exists():
        found = [place] if place.is_file() else [place / _FAST, place / "model" / _FAST]
        if here := [path for path in found if path.is_file()]:
            return here[0]
        raise ConfigError(
            f"tokenizer {rest}: no {_FAST} in it; save_pretrained of transformers' AutoTokenizer makes one"
        )
    name, revision = _hub_name(rest)
    try:
        return _from_hub(name, revision, _FAST)
    except _UnreachableError as error:
        why = str(error)
    try:
        return Path(hf_hub_download(name, _FAST, revision=revision, local_files_only=True))
    except Exception:  # not in the cache
        raise ConfigError(_nowhere(rest, why)) from None


class _UnreachableError(Exception):
    """The hub did not answer, for the reason that is its message."""


def _ask_hub(name: str, revision: str | None) -> HfSource:
    try:
        return HfSource(name, _from_hub(name, revision, "config.json").parent.name, remote=True)
    except _UnreachableError as error:
        why = str(error)
    try:
        cached = snapshot_download(name, revision=revision, local_files_only=True)
    except Exception:  # not in the cache, or only in part
        raise ConfigError(_nowhere(_asked(name, revision), why)) from None
    return replace(_check_folder(Path(cached)), commit=Path(cached).name)


def _hub_name(rest: str) -> tuple[str, str | None]:
    name, _, revision = rest.partition("@")
    if not _HUB_ID.fullmatch(name):
        raise ConfigError(
            f"{rest}: no such folder, and no id of the hub either, which looks like organisation/name"
        )
    return name, revision or None


def _asked(name: str, revision: str | None) -> str:
    return f"{name}@{revision}" if revision else name


def _nowhere(asked: str, why: str) -> str:
    return f"{asked}: no such folder here, not in the hub's cache, and the hub cannot be reached ({why})"


def _from_hub(name: str, revision: str | None, file: str) -> Path:
    """Download one file. Raises ConfigError for what the hub refuses or does not have, _UnreachableError without an answer."""
    asked = _asked(name, revision)
    try:
        # This says within seconds that there is no hub; the download tries for most of a minute.
        HfApi().model_info(name, revision=revision, timeout=_HUB_TIMEOUT_S)
        return Path(hf_hub_download(name, file, revision=revision))
    except GatedRepoError:
        raise ConfigError(
            f"{asked}: the hub gives this model only to those who accepted its terms; do, and set HF_TOKEN"
        ) from None
    except RepositoryNotFoundError:
        raise ConfigError(
            f"{asked}: no such folder here, and the hub has no such model, or shows it only with HF_TOKEN set"
        ) from None
    except RevisionNotFoundError:
        raise ConfigError(f"{asked}: the hub has no revision '{revision}' of this model") from None
    except RemoteEntryNotFoundError:
        raise ConfigError(f"{asked}: the hub has this, but no {file} in it") from None
    except Exception as error:  # no network, HF_HUB_OFFLINE, a proxy: each raises a kind of its own
        raise _UnreachableError(one_line(error, 120)) from None


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    weights = [path for pattern in _WEIGHTS for path in folder.glob(pattern)]
    settings = [path for name in _SETTINGS if (path := folder / name).is_file()]
    for path in sorted({*weights, *settings}):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for number in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK_BYTES) * number // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()
