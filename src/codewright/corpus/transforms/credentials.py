"""Passwords in the logins of URLs, credentials in HTTP headers, and private keys between PEM's lines."""

import base64
import binascii
import re

from codewright.corpus.transforms.assignments import is_key
from codewright.corpus.transforms.edits import Found
from codewright.corpus.transforms.lookalikes import is_placeholder, is_telling

AT_A_HIT = ("_LOGIN", "_EXAMPLE_HOST", "_SCHEME", "_PEM_BEGIN")
"""Patterns that are matched in the text itself, not in a piece of it: their length has a bound."""

_EXAMPLE_HOST = re.compile(
    r"(?:[\w-]{1,63}\.){0,8}(?:example\.(?:com|org|net)\b|(?:example|test|invalid)\b(?!\.))"
)
_VARIABLE = re.compile(r"^%[0-9A-Fa-f]{2}|^\$\w|\$[A-Z]{3}|\{|%\(|%s|\+\s*$")
_FORMAT = re.compile(r"[{}$()<>*\[\]]|^%\d*[a-zA-Z]$")
_LOGIN = re.compile(r"(?P<user>[^\s:/@\"'`<>\\]{0,64}):(?P<password>[^\s/@\"'`<>\\]{1,128})@(?=[\w\[.-])")


def find_login(text: str, end: int) -> Found | None:
    """Return the password of a URL's login, `://` ending at `end`, or None."""
    found = _LOGIN.match(text, end)
    if found is None or found["user"] == "scott" or _EXAMPLE_HOST.match(text, found.end()):
        return None
    span = found.span("password")
    return Found("password", "url_login", *span) if _is_real(found["user"], found["password"]) else None


def _is_real(user: str, password: str) -> bool:
    """Tell whether a login's password is one, not a placeholder, a variable or what manuals write."""
    if (
        len(password) < 4
        or is_telling(password)
        or is_placeholder(password)
        or is_placeholder(f"{user}:{password}")
    ):
        return False
    if password.lower() in {user.lower(), user.lower() * 2} or _VARIABLE.search(password):
        return False
    if password.isalpha() and len(password) < 8:
        return False
    if password.isdigit() and len(password) < 6:
        return False
    return any(map(str.isdigit, password)) or not _FORMAT.search(password)


# ---------------------------------------------------------------------------------------------------- HTTP and PEM

_SCHEME = re.compile(r"[A-Za-z0-9._~+/=-]{8,4000}+")


def find_authorization(text: str, begin: int, end: int) -> Found | None:
    """Return the credentials behind `Bearer ` or `Basic `, or None."""
    found = _SCHEME.match(text, end)
    if found is None:
        return None
    basic = text[begin:end].lower().startswith("basic")
    good = _is_basic(found[0]) if basic else is_key(found[0], False)
    return Found("key", "authorization", *found.span()) if good else None


def _is_basic(value: str) -> bool:
    """Tell whether a value is user and password in base64 (RFC 7617, section 2)."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return False
    return (
        bool(colon and password)
        and f"{user}{password}".isprintable()
        and user != password
        and not is_placeholder(password)
    )


_PEM_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----\Z")
_PEM_LONGEST = 20_000
"""Characters between the lines of a PEM key; RSA of 16,384 bits has 12,700."""

_PEM_PART = re.compile(r"(?<!\\)[A-Za-z0-9+/=]{16,}(?:(?:\\[nrt]|[\s\"'`,;+\\#*>|])+[A-Za-z0-9+/=]{4,})*")


def find_pem(text: str, end: int) -> Found | None:
    """Return the body of a private key in PEM form, whose first line ends at `end`, or None; its two lines stay."""
    if _PEM_BEGIN.search(text, max(0, end - 64), end) is None:
        return None
    stop = text.find("-----", end, end + _PEM_LONGEST)
    part = _PEM_PART.search(text, end, stop) if stop >= 0 and text.startswith("-----END", stop) else None
    if part is None or len(part[0]) < 40 or len(set(part[0])) < 12:
        return None
    return Found("key", "private_key", *part.span())
