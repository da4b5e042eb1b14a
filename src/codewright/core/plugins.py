"""Plugins are files: the file name is the key in YAML, on the command line and in reports.

A folder is listed without importing anything in it, so a missing extra hurts only whoever asks for that plugin.
"""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean

_USUAL = "train,eval"


def list_plugins(package: str) -> list[str]:
    """List the plugin keys of a package such as `codewright.synthesis.methods`, sorted, importing none of them."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no plugin folder {package}")
    names: set[str] = set()
    for folder in spec.submodule_search_locations:
        names.update(path.stem for path in Path(folder).glob("*.py") if not path.stem.startswith("_"))
    return sorted(names)


def load_plugin(package: str, key: str) -> ModuleType:
    """Import one plugin. Raises ConfigError for an unknown key (with the nearest) or a missing extra (with the remedy)."""
    known = list_plugins(package)
    kind = package.rsplit(".", 1)[-1].rstrip("s")
    if key not in known:
        raise ConfigError(f"no {kind} named '{key}'{did_you_mean(key, known)}; there are: {', '.join(known)}")
    try:
        return importlib.import_module(f"{package}.{key}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("codewright"):
            raise
        raise ConfigError(
            f"{kind} '{key}' needs the package '{error.name}', which is not installed: "
            f"pip install 'codewright[{extra_with(error.name or '')}]'"
        ) from None


def extra_with(module: str) -> str:
    """Return the extra of codewright, as pip takes it, that brings a package, given by its import name.

    `train,eval`, which most need, where these have it, and where none names it: it comes with another package then.
    """
    from importlib.metadata import metadata  # only who lacks a package waits for these

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(module.split(".", maxsplit=1)[0])
    about = metadata("codewright")
    requirements = [Requirement(line) for line in about.get_all("Requires-Dist", [])]
    found = [
        extra
        for extra in about.get_all("Provides-Extra", [])
        for one in requirements
        if one.marker and one.marker.evaluate({"extra": extra}) and canonicalize_name(one.name) == wanted
    ]
    return _USUAL if not found or {"train", "eval"} & set(found) else found[0]
