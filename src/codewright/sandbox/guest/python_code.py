"""Compiling and executing Python source as a module, with its lines at hand for tracebacks and `inspect`.

Limits: runs in a process forked from a warm interpreter, so modules a program would import may be loaded already.
"""

import builtins
import linecache
import os
import site
import sys
import types
from collections.abc import Mapping
from typing import Any


class SourceError(Exception):
    """The source does not compile; the cause is what the compiler raised."""


def new_module(name: str) -> types.ModuleType:
    """Register an empty module, as dataclasses, pickle and typing expect to find one."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module


def compile_source(source: str, file_name: str) -> types.CodeType:
    """Compile a module. Raises SourceError for what the compiler itself refuses."""
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    try:
        return compile(source, file_name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        # ValueError: null bytes or lone surrogates; the others: nested beyond what the compiler can follow.
        raise SourceError from error


def run_source(source: str, file_name: str, namespace: dict[str, Any]) -> None:
    """Compile and execute; SourceError only for what the compiler itself refuses."""
    exec(compile_source(source, file_name), namespace)  # noqa: S102 - running untrusted code is this package's purpose


def offer_site_builtins() -> None:
    """Give programs exit(), quit(), help() and the like: what they miss where the interpreter was started with -S.

    Without -S, the .pth files of whatever is installed on the machine would run before any program.
    """
    for offer in (site.setquit, site.setcopyright, site.sethelper):
        offer()


def write_files(files: Mapping[str, str]) -> None:
    """Put files below the working folder; names were checked by the host."""
    for name, text in files.items():
        write_file(name, text.encode("utf-8", "surrogatepass"))


def write_file(name: str, content: bytes) -> None:
    """Put one file, and the folders it lies in, below the working folder."""
    folder = os.path.dirname(name)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as file:
        file.write(content)


def main_file(files: Mapping[str, str]) -> tuple[str, str]:
    """Name and text of the program itself: the first file."""
    return next(iter(files.items()))


def open_solution(files: Mapping[str, str], args: list[str]) -> tuple[str, str, dict[str, Any]]:
    """Make the place in which a solution is loaded; name and text of its file, and its namespace."""
    name, source = main_file(files)
    make_importable(files)
    sys.argv = [name, *args]
    return name, source, new_module("solution").__dict__


def make_importable(files: Mapping[str, str]) -> None:
    """Write the program's other files and let `import` find them."""
    others = dict(list(files.items())[1:])
    if others:
        write_files(others)
        sys.path.insert(0, os.getcwd())
