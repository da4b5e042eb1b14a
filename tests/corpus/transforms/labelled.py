"""The labelled set: made secrets and look-alikes, planted into real files that every machine with Python and this project has.

Hosts are Python's own library and headers and the packages installed beside it; contents are never stored. The same seed plants
the same texts; which files they go into depends on what is installed.
"""

import os
import random
import re
import site
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codewright.core.rng import rng_for
from tests.corpus.transforms.made_lookalikes import LOOKALIKES
from tests.corpus.transforms.made_secrets import FIRST, MAKERS, WORDS

PER_SECRET = 16
PER_LOOKALIKE = 20
PLANTED_A_FILE = 5
_LARGEST = 40_000
_ENOUGH = 40
"""Bytes of a host at most, and hosts of a language."""


@dataclass(frozen=True)
class Planted:
    """kind, whether it is a secret; offset and length of the secret, or of the whole line that looks like one; number of its line."""

    kind: str
    secret: bool
    offset: int
    length: int
    line: int


@dataclass(frozen=True)
class Labelled:
    path: str
    language: str
    content: str
    planted: tuple[Planted, ...]


HOSTS = {
    "python": (".py",), "c": (".h", ".c"), "javascript": (".js", ".mjs"), "shell": (".sh", "activate"), "ini": (".def", ".ini", ".cfg", ".toml"),
    "yaml": (".yaml", ".yml"), "xml": (".xml", ".html"), "text": (".txt", ".md"),
}  # fmt: skip
"""Language -> file names that end so; where there are none, text files take their place."""

ASSIGNED = {
    "python": ['{name} = "{value}"', "{name} = '{value}'", '{NAME}: str = "{value}"', '    "{name}": "{value}",', 'client = Client({name}="{value}")', "os.environ['{NAME}'] = '{value}'", 'config["{name}"] = "{value}"'],
    "c": ['#define {NAME} "{value}"', 'static const char *{name} = "{value}";', 'std::string {name}("{value}");', 'const char {name}[] = "{value}";'],
    "javascript": ['const {camel} = "{value}";', "  {camel}: '{value}',", "process.env.{NAME} = '{value}';", 'options.{camel} = `{value}`;', '"{camel}": "{value}",'],
    "shell": ["export {NAME}={value}", '{NAME}="{value}"', "{NAME}='{value}'", "tool --{dashed} {value}", "tool --{dashed}={value} --verbose"],
    "ini": ["{name} = {value}", "{name}={value}", '{name} = "{value}"'],
    "yaml": ["{name}: {value}", '  {camel}: "{value}"', "  - {dashed}: '{value}'", "{NAME}: {value}"],
    "xml": ["<{name}>{value}</{name}>", '<add key="{camel}" value="{value}" />', '<property name="{camel}" value="{value}"/>'],
    "text": ["{NAME}={value}", "{name}: {value}"],
}  # fmt: skip

FREE = {
    "python": ["# {value}", 'value = "{value}"', "print('{value}')"],
    "c": ["/* {value} */", 'puts("{value}");', "// see {value} for it"],
    "javascript": ["// {value}", 'const it = "{value}";', "fetch(`{value}`)"],
    "shell": ["# {value}", "echo {value}", 'VALUE="{value}"'],
    "ini": ["value = {value}", "; {value}"],
    "yaml": ["- {value}", "value: {value}", 'value: "{value}"'],
    "xml": ["<!-- {value} -->", "<it>{value}</it>"],
    "text": ["{value}", "It is {value} now."],
}

NAMES = {
    "aws_secret_key": ["aws_secret_access_key", "aws_secret_key", "secret_access_key"],
    "azure_storage_key": ["storage_account_key", "azure_storage_key"],
    "generic_key": ["api_key", "secret_key", "auth_token", "client_secret", "access_token", "app_secret", "encryption_key", "jwt_secret", "apikey", "signing_key", "webhook_secret", "service_token"],
    "password": ["password", "db_password", "passwd", "admin_pwd", "user_pass", "smtp_password", "mysql_root_password", "passphrase"],
}  # fmt: skip


def _line(kind: str, value: str, language: str, rng: random.Random) -> str:
    """Put a secret into a line of a language, as it would stand there."""
    if kind in NAMES and not (kind == "azure_storage_key" and rng.random() < 0.6):
        return _assigned(rng.choice(NAMES[kind]), value, language, rng)
    if kind in AROUND:
        return AROUND[kind](value, language, rng)
    name = rng.choice(["token", "api_key", "secret", "credentials", "x"])
    return _assigned(name, value, language, rng) if rng.random() < 0.5 else _free(value, language, rng)


def _framed(value: str, _: str, rng: random.Random) -> str:
    name = rng.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
    return f"-----BEGIN {name}-----\n{value}\n-----END {name}-----"


def _webhook(value: str, language: str, rng: random.Random) -> str:
    return _free(f"https://hooks.slack.com/services/{value}", language, rng)


def _login(value: str, language: str, rng: random.Random) -> str:
    user = rng.choice([*FIRST, "app", "svc-deploy"])
    host = f"{rng.choice(WORDS)}.{rng.choice(['internal', 'prod.net', 'io'])}"
    scheme = rng.choice(["postgresql", "mysql", "https", "redis", "mongodb+srv", "amqp", "ftp"])
    return _free(f"{scheme}://{user}:{value}@{host}:{rng.randrange(80, 9999)}/x", language, rng)


def _header(value: str, language: str, rng: random.Random) -> str:
    scheme = "Bearer" if value.isalnum() and len(value) in {32, 40} else "Basic"
    return _free(f"Authorization: {scheme} {value}", language, rng)


def _connection(value: str, language: str, rng: random.Random) -> str:
    account = rng.choice(WORDS)
    return _free(
        f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={value};EndpointSuffix=core.windows.net",
        language,
        rng,
    )


def _network(value: str, language: str, rng: random.Random) -> str:
    host = f"[{value}]" if ":" in value else value
    lines = [
        f"server {value}",
        f"http://{host}:8080/",
        f"ping {value} # host",
        f"allow {value};",
        f"connect from {value} port 22",
    ]
    return rng.choice([_free(value, language, rng), *lines])


def _mail(value: str, language: str, rng: random.Random) -> str:
    lines = [
        f"@author {rng.choice(FIRST).title()} <{value}>",
        f'"email": "{value}"',
        f"mailto:{value}",
        f"Signed-off-by: X <{value}>",
    ]
    return rng.choice([_free(value, language, rng), *lines])


AROUND: dict[str, Callable[[str, str, random.Random], str]] = {
    "private_key": _framed, "slack_webhook": _webhook, "url_password": _login, "credential": _header, "azure_storage_key": _connection,
    "ipv4": _network, "ipv6": _network, "email": _mail,
}  # fmt: skip


def _free(value: str, language: str, rng: random.Random) -> str:
    return rng.choice(FREE[language]).replace("{value}", value)


def _assigned(name: str, value: str, language: str, rng: random.Random) -> str:
    template = rng.choice(ASSIGNED[language])
    camel = re.sub(r"_(\w)", lambda found: found[1].upper(), name)
    if language == "xml" and not template.startswith("<{name}"):
        value = value.replace("&", "+")
    if language == "xml":
        value = value.replace("&", "+").replace("<", "+")
    names = {"{name}": name, "{NAME}": name.upper(), "{camel}": camel, "{dashed}": name.replace("_", "-")}
    for key, text in names.items():
        template = template.replace(key, text)
    return template.replace("{value}", value)


@cache
def _hosts() -> dict[str, tuple[Path, ...]]:
    """Look for files of each language until there are enough: Python's own first, then the packages beside it."""
    found: dict[str, list[Path]] = {language: [] for language in HOSTS}
    roots = [sysconfig.get_path("include"), sysconfig.get_path("stdlib"), *site.getsitepackages()]
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name for name in folders if name not in {"site-packages", "__pycache__", "test", "torch"}
            )
            for name in sorted(names):
                language = next((one for one, endings in HOSTS.items() if name.endswith(endings)), None)
                path = Path(folder, name)
                if language and len(found[language]) < _ENOUGH and 400 < path.stat().st_size < _LARGEST:
                    found[language].append(path)
            if all(len(paths) >= _ENOUGH for paths in found.values()):
                break
    return {language: tuple(paths or found["text"]) for language, paths in found.items()}


def _host(language: str, rng: random.Random) -> tuple[str, str]:
    files = _hosts()[language]
    while True:
        path = rng.choice(files)
        try:
            return str(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def make(seed: int) -> Iterator[Labelled]:
    """Plant all secrets and look-alikes, some to a file; a label says where."""
    todo = [(kind, True, number) for kind in MAKERS for number in range(PER_SECRET)]
    todo += [(kind, False, number) for kind in LOOKALIKES for number in range(PER_LOOKALIKE)]
    rng_for(seed, "order").shuffle(todo)
    languages = list(HOSTS)
    for at in range(0, len(todo), PLANTED_A_FILE):
        rng = rng_for(seed, "file", at)
        language = languages[at // PLANTED_A_FILE % len(languages)]
        path, content = _host(language, rng)
        lines = content.splitlines(keepends=True)
        # Lines of their own, away from the edges and from each other.
        places = sorted(rng.sample(range(1, max(len(lines), 30), 2), min(PLANTED_A_FILE, len(todo) - at)))
        yield _planted(
            path, language, lines, list(zip(places, todo[at : at + PLANTED_A_FILE], strict=True)), seed
        )


def _planted(
    path: str, language: str, lines: list[str], items: list[tuple[int, tuple[str, bool, int]]], seed: int
) -> Labelled:
    pieces: list[str] = []
    labels: list[Planted] = []
    size = done = row = 0
    for place, (kind, secret, number) in items:
        before = "".join(lines[done:place])
        before += "" if not before or before.endswith("\n") else "\n"
        done = place
        rng = rng_for(seed, kind, number)
        value = MAKERS[kind](rng) if secret else LOOKALIKES[kind](rng)
        line = _line(kind, value, language, rng) if secret else value
        value = _escaped(value, line)
        size += len(before)
        row += before.count("\n")
        offset = line.rindex(value)
        labels.append(Planted(kind, secret, size + offset, len(value), row + 1 + line.count("\n", 0, offset)))
        pieces += (before, line + "\n")
        size += len(line) + 1
        row += line.count("\n") + 1
    pieces.append("".join(lines[done:]))
    return Labelled(path, language, "".join(pieces), tuple(labels))


def _escaped(value: str, line: str) -> str:
    """Return the value as it stands in its line."""
    return value if value in line else value.replace("&", "+").replace("<", "+")
