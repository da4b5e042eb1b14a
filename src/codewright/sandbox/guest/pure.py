"""Which tests may run in a process that stays for the next program: those that can do nothing but compute and compare.

Judged by the names in their compiled code: nothing but builtins without side effects, methods of plain data, a few modules
of pure functions, and what the tests define themselves. Whatever is not listed makes them impure, which costs a fork, never
a verdict. Limits: says nothing about time and memory; a test that runs forever is ended by the limits.
"""

from collections.abc import Collection, Iterable
from opcode import opmap
from types import CodeType

_BUILTINS = (
    "abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format frozenset hash hex "
    "int isinstance issubclass iter len list map max min next object oct ord pow range repr reversed round set slice sorted str sum "
    "tuple type zip ArithmeticError AssertionError AttributeError Exception IndexError KeyError LookupError NameError "
    "OverflowError RecursionError RuntimeError StopIteration TypeError UnicodeError ValueError ZeroDivisionError NotImplementedError"
)
_METHODS = (
    "append extend insert remove pop clear index count sort reverse copy keys values items get setdefault update popitem fromkeys "
    "add discard union intersection difference symmetric_difference issubset issuperset isdisjoint join split rsplit splitlines "
    "strip lstrip rstrip lower upper title capitalize casefold swapcase replace startswith endswith find rfind rindex encode decode "
    "isalpha isdigit isalnum isspace isupper islower isnumeric isdecimal isidentifier istitle center ljust rjust zfill partition "
    "rpartition translate maketrans format hex fromhex bit_length is_integer as_integer_ratio conjugate real imag args"
)
_MODULES = (
    "math isclose sqrt floor ceil fabs pi e inf nan isnan isinf isfinite gcd lcm factorial comb perm exp log log2 log10 sin cos tan "
    "asin acos atan atan2 hypot degrees radians fsum prod trunc fmod dist tau isqrt "
    "typing List Dict Tuple Set FrozenSet Optional Union Any Callable Iterable Iterator Sequence Mapping TypeVar "
    "copy deepcopy"
)
_MODULE_NAMES = ("__name__", "__annotations__")
_OWN = ("check_each",)
"""Of `batch.py`: what it calls of the tests is as pure as they are."""

KNOWN = frozenset(f"{_BUILTINS} {_METHODS} {_MODULES}".split()).union(_MODULE_NAMES, _OWN)
IMPORTABLE = frozenset({"math", "typing", "copy"})

_FORBIDDEN = frozenset(
    opmap[name]
    for name in (
        "STORE_ATTR",
        "DELETE_ATTR",
        "STORE_GLOBAL",
        "DELETE_GLOBAL",
        "IMPORT_STAR",
        "LOAD_BUILD_CLASS",
        "EXTENDED_ARG",
    )
    if name in opmap
)
"""Changing objects that are not the tests' own, rebinding globals, classes, whose methods the interpreter calls unasked; and
what stands before a name's number above 255, since names are looked up by one byte below."""


def is_pure(parts: Iterable[CodeType], entry_point: str | None, loaded: Collection[str]) -> bool:
    """True if these modules can run one after the other in a process that is used again.

    entry_point: the one foreign name they may call; None lets them call any, so they are impure. loaded: names of loaded
    modules, none of which the tests may define: `typing.sys` would then look like a name of theirs.
    """
    if entry_point is None:
        return False
    defined: set[str] = set()
    used: set[str] = set()
    for code in [code for part in parts for code in _with_inner(part)]:
        operations = code.co_code[::2]
        if not _FORBIDDEN.isdisjoint(operations):
            return False
        if not IMPORTABLE.issuperset(_names_of(code, operations, _IMPORT)):
            return False
        defined.update(_names_of(code, operations, _STORE))
        used.update(code.co_names)
    defined -= IMPORTABLE
    used -= KNOWN
    used -= defined
    used.discard(entry_point)
    return not used and defined.isdisjoint(loaded)


_IMPORT, _STORE = opmap["IMPORT_NAME"], opmap["STORE_NAME"]


def _names_of(code: CodeType, operations: bytes, operation: int) -> list[str]:
    """Names that this operation is used with in this code."""
    names = []
    at = operations.find(operation)
    while at >= 0:
        names.append(code.co_names[code.co_code[2 * at + 1]])
        at = operations.find(operation, at + 1)
    return names


def _with_inner(code: CodeType) -> list[CodeType]:
    found = [code]
    for constant in code.co_consts:
        if type(constant) is CodeType:
            found += _with_inner(constant)
    return found
