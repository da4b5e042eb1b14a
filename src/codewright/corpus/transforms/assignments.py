"""Passwords and keys told by the name they are given: `db_password = "..."`, `api-key: ...`, `--token ...`."""

import functools
import re
from typing import NamedTuple

from codewright.core.languages.facts import language_named
from codewright.corpus.transforms.edits import Found
from codewright.corpus.transforms.lookalikes import (
    is_identifier,
    is_password,
    is_placeholder,
    is_telling,
    looks_random,
)

CONFIGURATION = frozenset([
    "alpine abuild", "apacheconf", "batchfile", "crontab", "curl config", "desktop", "dockerfile", "dotenv", "editorconfig", "fish",
    "git config", "haproxy", "hcl", "http", "hurl", "ini", "java properties", "makefile", "markdown", "nginx", "npm config",
    "oasv2-yaml", "oasv3-yaml", "option list", "powershell", "restructuredtext", "rpm spec", "shell", "shellsession", "ssh config",
    "tcsh", "text", "toml", "wget config", "yaml",
])  # fmt: skip
"""Languages in which what is assigned often stands without quotes."""


AT_A_HIT = ("_LEFT", "_VALUE", "_IN_TEXT", "_WORD", "_TAG")
"""Patterns that are matched in the text itself, not in a piece of it: their length has a bound."""

_LEFT = re.compile(r"[A-Za-z0-9_.-]{0,40}\Z")
_PASSWORD_NAME = re.compile(
    r"(?:^|[_.\W\d]|(?<=[a-z])(?=P)|^[A-Za-z]{1,8}(?=(?i:passw|pwd)))(?:(?i:pass(?:w(?:or)?d|phrase|code)?|pwd|passw)(?:s|\d+)?)(?:$|[_.-]|(?<=[a-z])(?=[A-Z])|(?i:hash)$)"
)
_NOT_A_PASSWORD = re.compile(
    r"(?:label|name|field|title|text|hint|placeholder|prompt|msg|message|error|help|type|regex|pattern|rule|length|min|max|policy|column|col|input|form|url|path|file|dir|expired?|"
    r"required|strength|validator|algorithm|hasher|encoder|id|count|link|page|button|reset|icon|class|selector|xpath|locator|mode|format|visible|manager|store|prefix|suffix|option|attr|"
    r"param|property|prop|attribute|callback|func|function|cls|template|view|token|changed|generator|salt|rounds|source|provider|helper|info|mask|char|chars)s?$",
    re.IGNORECASE,
)
_KEY_NAME = re.compile(
    r"(?:secret|token|credentials?|api[ _.-]?keys?|(?:access|account|admin|aes|api|app|application|auth|authorization|bot|client|consumer|crypt|crypto|customer|data|decrypt(?:ion)?|deploy|dev|developer"
    r"|enc|encrypt(?:ion)?|hmac|jwt|license|master|merchant|private|priv|prod|project|rest|rpc|secret|secure|security|server|service|session|shared|sign(?:ing)?|signature|sdk|ssh|storage"
    r"|stripe|user|web|webhook|write|bearer|x|[a-z]+_?api)[_.-]?key|auth(?:orization)?)"
    r"(?:[_.-]?(?:access)?[_.-]?(?:keys?|tokens?|value|val|string|str|base64|b64|hex|default|prod|production|dev|staging|live|test|v?\d+|key_base|raw|plain|secret|header|primary|"
    r"secondary|root|admin|base))*$",
    re.IGNORECASE,
)
_NOT_A_KEY = re.compile(
    r"public|publish|pub[_-]?key|foreign|tokeni[sz]|csrf|xsrf|next|page|cursor|continuation|sync|cancel|token_?type|stop|pad|eos|bos|unk|site[_-]?key|cache|sha\d*|digest|hash|checksum|fingerprint|commit|"
    r"etag|integrity|uuid|guid|author$|nonce",
    re.IGNORECASE,
)

_VALUE = re.compile(
    r"""
    (?P<rest>[\w-]{0,40}+)
    (?P<close>\\?["'`]?(?:\[\d{0,6}\])?+[\])}]{0,2}+)
    (?: [ \t]{0,8}+: [ \t]{0,4}+[A-Za-z_&*][\w.<>\[\], |?&*:']{0,40}? [ \t]{0,8}(?==[ \t]{0,8}[^=>\s]) | [ \t]{1,4}string[ \t]{1,4}(?==) | \?? )      # a type
    (?P<op> [ \t]{0,40}+(?: [:?+.|]?={1,3}>? | !={1,2} | <- | -> | :=? | => | , | \( | > | (?<=[ \t])value[ \t]{0,4}= ) [ \t]{0,40}+ | [ \t]{1,8}+(?=["']) | [ \t]{1,4}+ )
    (?: \(? [A-Za-z_][\w.:]{0,40}[!]?\( [ \t]{0,8}(?=[bBrRuUfL@$]{0,2}\\?["'`]) )?                                  # a call around it
    (?: (?P<prefix>[bBrRuUfL@$]{0,2})(?P<quote>\\?(?:["'`]|&quot;)) (?:(?:Bearer|Basic|Token|token)[ ])? (?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\n])){1,600}+)
      | (?:(?:Bearer|Basic|Token|token)[ ])? (?P<bare>[^\s"'`]{4,600}) )
    """,
    re.VERBOSE,
)
"""From an anchor's end: the rest of the name, what closes it, what assigns, and the value. Every repetition has an upper bound."""

_IN_TEXT = re.compile(r"[^\s\"'`,;&<>()\[\]{}|\\]{1,600}")
_WORD = re.compile(r"\S{1,600}")
_TAG = re.compile(r"(?P<value>[^<\s]{1,600}+)\s{0,40}</(?:\w{1,40}:)?(?P<name>[\w.-]{1,80})")
_SQL = re.compile(r"\b(?:user|role|login|create|alter|with|grant)\b|\bidentified by\b", re.IGNORECASE)
_DEFINED = re.compile(r"(?:#[ ]*define|\bset|\bsetenv|\bENV|\bputenv)[ \t]+(?:-\w+[ \t]+)?$")


class _Assigned(NamedTuple):
    """What is assigned to what: the name with where it begins, what it is a name for, the operator, and the pattern's match."""

    text: str
    name: str
    start: int
    kind: str
    operator: str
    match: re.Match[str]


def find_assigned(text: str, begin: int, end: int, language: str | None) -> Found | None:
    """Return the secret that is assigned to the name around an anchor, or None."""
    found = _VALUE.match(text, end)
    if found is None:
        return None
    left = _LEFT.search(text, max(0, begin - 40), begin)
    start = left.start() if left else begin
    name = text[start:end] + found["rest"]
    kind = "password" if name.lower() == "identified by" else _kind_of_name(name)
    if kind is None:
        return None
    assigned = _Assigned(text, name, start, kind, found["op"].strip(), found)
    if found["quoted"]:
        return _quoted(assigned)
    return _in_tag(assigned) if assigned.operator == ">" else _bare(assigned, language)


def _quoted(assigned: _Assigned) -> Found | None:
    text, name, start, kind, operator, found = assigned
    if operator in {">", "->"} or ("f" in found["prefix"].lower() and "{" in found["quoted"]):
        return None
    if not operator:
        before = text[max(0, start - 60) : start].rpartition("\n")[2]
        granted = (
            name.lower() in {"password", "identified by"}
            and found["quote"] != "`"
            and _SQL.search(before + name)
        )
        if not _DEFINED.search(before) and not granted:
            return None
    sure = operator not in {",", "("} or _is_setter(text, start, name, operator)
    return _judged(kind, found["quoted"], found.start("quoted"), sure, True)


def _in_tag(assigned: _Assigned) -> Found | None:
    """Judge what stands between <password> and </password>, or <x name="password"> and its end."""
    text, name, start, kind, _, found = assigned
    value = _TAG.match(text, found.start("bare"))
    if value is None:
        return None
    closes = value["name"] == name if text[max(0, start - 1) : start] in {"<", ":"} else found["close"]
    return _judged(kind, value["value"], value.start(), True, True) if closes else None


def _bare(assigned: _Assigned, language: str | None) -> Found | None:
    """Judge a value without quotes: in configuration, behind an option, in a URL or connection string."""
    text, _, start, kind, operator, found = assigned
    if operator not in {"=", ":", ":=", ""} or (found["close"] and operator not in {":", "="}):
        return None
    before = text[max(0, start - 1) : start]
    in_pairs = before in {"&", "?", ";"} or (before in {'"', "'"} and not found["close"])
    configuration = _is_configuration(language)
    dashed = text[start] == "-" and (language is None or configuration)
    if not operator and not dashed:
        return None
    whole = not in_pairs and (dashed or configuration)
    value = (_WORD if whole else _IN_TEXT).match(text, found.start("bare"))
    core = value[0].rstrip(",;}])\\") if value and whole else value[0] if value else ""
    low = found.start("bare")
    if text[low + len(core) : low + len(core) + 1] in {"(", "["} or (whole and "(" in core):
        return None  # a call
    if not whole and not in_pairs and (kind != "key" or len(core) < 24 or "." in core):
        return None  # an expression
    return _judged(kind, core, low, whole or in_pairs, False)


@functools.cache
def _is_configuration(language: str | None) -> bool:
    return bool(language) and (language in CONFIGURATION or language_named(str(language)) in CONFIGURATION)


def _is_setter(text: str, start: int, name: str, operator: str) -> bool:
    """Tell whether a call's first argument, or what follows a quoted name, is what the name says."""
    if operator == ",":
        return (
            text[max(0, start - 2) : start - 1] == "("
            and re.match(r"[A-Z_]+\Z|.*(?:password|secret)", name) is not None
        )
    declared = text[max(0, start - 7) : start].lower() == "string "
    return declared or re.match(r"(?:set|with|use|add|put)[_A-Z]", name) is not None


@functools.lru_cache(1 << 16)
def _kind_of_name(name: str) -> str | None:
    if _NOT_A_PASSWORD.search(name):
        return "key" if _is_key_name(name) else None
    if _PASSWORD_NAME.search(name):
        return "password"
    return "key" if _is_key_name(name) else None


def _is_key_name(name: str) -> bool:
    return _KEY_NAME.search(name) is not None and _NOT_A_KEY.search(name) is None


def _judged(kind: str, value: str, low: int, sure: bool, quoted: bool) -> Found | None:
    if kind == "password":
        random = "://" not in value and is_key(value, quoted)
        good = (is_password(value, sure) and (quoted or "$" not in value[:1])) or (sure and random)
        return Found("password", "assigned_password", low, low + len(value)) if good else None
    good = is_key(value, quoted) and (
        sure or (len(value) > 19 and "_" not in value and sum(map(str.isdigit, value)) > 1)
    )
    return Found("key", "assigned_key", low, low + len(value)) if good else None


def is_key(value: str, quoted: bool) -> bool:
    """Tell whether a value given to a name for keys may be one: drawn at random, no placeholder, UUID, path or expression."""
    if not 16 <= len(value) <= 500 or is_placeholder(value) or is_identifier(value) or is_telling(value):
        return False
    if re.search(r"[\s<>{}()\[\]\"'`\\]", value) or value.startswith(("./", "http:", "https:", "arn:")):
        return False
    if not quoted and re.match(r"[A-Za-z_]\w*\.[A-Za-z_]", value):
        return False
    return looks_random(value)
