"""What looks like a secret and is none: placeholders, lookups, names, hashes, test vectors. Lists and bounds are ours."""

import itertools
import re

_PLACEHOLDER = re.compile(
    r"""<[^<>]{1,60}> | \$\{ | \$\( | \{\{ | %\(\w+\) | (?<!\w)%[sdrv@q](?!\w) | \#\{ | \\\( | ^\{[\w.!:\[\]]*\}$ | ^%\w+%$ | ^\$[A-Z_]{2} | \$\w+/
      | ^[$@:&\#]\w+$ | \.\.\.|…|\*{3}|x{4}|X{4}|•{3}|_{4} | \b(?:environ|getenv|process\.env|env\.|ENV\[)""",
    re.VERBOSE,
)

_WORDS = frozenset(
    """
    abc abcd admin administrator adm any aaa asdf bar bat baz bearer blah bob alice bogus changeit changeme changethis clear client correct correcthorse
    database db default demo dev dummy empty enter example fake false field foo foobar form generate getenv guest hello here hidden host hunter
    incorrect input insert insertme invalid key letmein local localhost login me mock my mypass mypassword mypasswd mysecret myuser name new nil no none
    null old oldpass newpass newpassword oldpassword ok p pass passphrase passwd password passw pw pwd pwds placeholder plain postgres prod production
    public put qwerty random read redacted removed replace required root sa sample scott secret secretkey secretpassword secretpass set some something
    somepass somepassword string super supersecret sys system tbd temp temporary test testing tester testpass testpassword testsecret text the tiger tmp
    this to todo token topsecret true type undefined unknown unset user username userpass usr valid value web with word world wrong wrongpass
    wrongpassword x xx xxx y yes you your yourpassword yourtoken yoursecret zzz apikey api access auth app service account id replaceme notreal
    not real really credentials creds cred private some_password confirm verify hash hashed encrypted encoded field1 mail email basic plaintext raw
    safe secure passcode pin code rest data file path url uri json xml yaml mysql redis mongo mongodb rabbitmq oracle elastic
    anonymous anoncvs cvs guests proxy proxypass proxyuser minio minioadmin kafka kibana grafana jenkins docker vagrant ubuntu pi toor
    """.split()  # noqa: SIM905
)
"""Words of which placeholders are made; also the passwords that databases' images and manuals use, which everybody knows."""

_TECHNICAL = re.compile(
    r"(?:sha|md|aes|rsa|des|utf|base|ascii|latin|oauth|saml|pbkdf|argon|bcrypt|scrypt|pkcs|x|http|tls|ssl|ipv|http|ntlm|v|version|hs|rs|es|ps|ed|secp|ec|win|java|python|py|php|i|u|f|e|int|uint|float|double|h|s|p|t|b|k|c|d|line|page|step|part|section|room|item|group|level|mp|web|w|r|q|n|m|a|z|vp|arm|amd|linux|cuda|gpu|cpu)"
    r"-?\d{1,4}[a-z]{0,3}"
)
"""Names of techniques and counted things that end in a number."""

_TELLING = re.compile(
    r"example|placeholder|changeme|change[_-]?this|dummy|redacted|replace[_-]?(?:me|with|this)|your[_-]|insert[_-]|notasecret|not[_-]?a[_-]?(?:real|secret)"
    r"|sample|fake|mock|s3cr3tp?@?s?s?|lorem|deadbeef|feedface|cafebabe|foobar|abcdefg|gfedcba|qwerty|123456|654321|012345|abc123|password",
    re.IGNORECASE,
)
_UUID = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?", re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)")
_PATH = re.compile(
    r"[~.]{0,2}/|[A-Za-z]:\\|[a-z][a-z0-9+.-]*://|\\\\|.*\.(?:py|js|ts|json|ya?ml|txt|pem|crt|cer|key|html?|php|xml|png|svg|css|java|go|rb|cfg|conf|ini|toml|env|md|jks|p12|pfx|sql|db|log)$"
)
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[0-7]{3}|[abfnrtv0])")
_PIECES = re.compile(r"[A-Za-z]+|\d+")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SPOKEN = re.compile(
    r"(?=[A-Za-z][a-z]{3})[A-Z]?(?:[b-df-hj-np-tv-xz]{0,3}[aeiouy]{1,2}){1,8}[b-df-hj-np-tv-xz]{0,2}(?![a-z])"
)
_LONG_WORD = re.compile(r"(?i)(?=[a-z]{12})(?:[^aeiou\W\d_]{0,3}[aeiou]{1,2}){4}")
"""Twelve letters with vowels among them as words have them."""

_NUMBERED = re.compile(r"[A-Za-z_-]+\d{0,2}")
_NUMERIC = re.compile(r"[\d.:,/+ -]*")
_CODE = re.compile(r"[()\[\]{}<>|;=]|::|->|\\[dwsbnrtu]|^[a-z]+\.[a-z]", re.IGNORECASE)


def is_placeholder(value: str) -> bool:
    """Tell whether a value only stands where a secret would be."""
    if _PLACEHOLDER.search(value) or len(set(value)) < 4:
        return True
    words = [word.lower() for piece in _PIECES.findall(value) for word in _CAMEL.findall(piece)]
    return all(word in _WORDS for word in words) if words else _in_sequence(value)


def is_telling(value: str) -> bool:
    """Tell whether words or runs of keys in a value say that it is no real one; for values long enough not to hold them by chance."""
    return _TELLING.search(value) is not None or _repeats(value)


def is_identifier(value: str) -> bool:
    """Tell whether a value is a UUID: those name things."""
    return _UUID.fullmatch(value) is not None


def _in_sequence(value: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(value)}
    return (
        steps <= {1, 0}
        or steps <= {-1, 0}
        or value in "12345678901234567890"
        or value in "09876543210987654321"
    )


def _repeats(value: str) -> bool:
    """Tell whether a value is a few characters over and over, or mostly one."""
    n = len(value)
    period = (value + value).find(value, 1)
    return period <= n // 2 or max(map(value.count, set(value))) > n // 2


def is_password(value: str, sure: bool) -> bool:
    """Tell whether a value given to a name for passwords may be one, not a placeholder, name, path, format or pattern.

    sure: something is plainly assigned; else, as in a list of arguments, a word with a number behind it does not do.
    """
    value = _ESCAPE.sub("", value)
    if not 4 <= len(value) <= 128 or not value.isprintable() or any(map(str.isspace, value)):
        return False
    if (
        is_placeholder(value)
        or is_telling(value)
        or is_identifier(value)
        or _PATH.match(value)
        or "://" in value
    ):
        return False
    if _NUMERIC.fullmatch(value):
        return sure and value.isdigit() and len(value) > 5 and not _in_sequence(value)
    if not any(map(str.isalpha, value)):
        return False
    symbols = any(char in "!@#$%^&*?~+" for char in value.rstrip("!?:*"))
    if any(map(str.isdigit, value)):
        return _is_mixed(value, symbols, sure)
    return (
        symbols
        and len(value) > 7
        and value[0] not in "@#$&%*?"
        and "@" not in value[1:-4]
        and not _CODE.search(value)
    )


def _is_mixed(value: str, symbols: bool, sure: bool) -> bool:
    """Judge a value of letters and digits."""
    if (_CODE.search(value) and not symbols) or _TECHNICAL.fullmatch(value.lower()):
        return False
    if _NUMBERED.fullmatch(value):  # hunter2 may be one, field_2 is not
        return sure and value[-1].isdigit() and "_" not in value and "-" not in value
    return sure or symbols or looks_random(value)


def looks_random(value: str) -> bool:
    """Tell whether a value is drawn by a machine, judging by how often letters and digits, small and capital, take turns.

    Of two characters of random base62 .62 differ so, of base36 .40, of hexadecimal .47; in names it is below .2. Bounds
    are two standard deviations below the random ones at 20 characters.
    """
    core = value.rstrip("=")
    digits = sum(map(str.isdigit, core))
    if _HEX.fullmatch(core):
        body = core.removeprefix("0x")
        return len(body) >= 20 and len(set(body)) >= 6 and 0 < digits < len(body) and _turns(body) > 0.2
    if len(core) < 16 or len(set(core)) < 8 or _is_of_words(core):
        return False
    if any(map(str.islower, core)) and any(map(str.isupper, core)):
        spoken = sum(map(len, _SPOKEN.findall(core)))
        long = len(core) > 19 and _turns(core) > 0.42
        return 2 * spoken <= len(core) and (long or (digits > 0 and _turns(core) > 0.33))
    return 2 < digits < len(core) and _turns(core) > 0.18 and not _LONG_WORD.search(core)


def _is_of_words(core: str) -> bool:
    """Tell whether a value falls into many short pieces, or several of its pieces are words."""
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", core) if piece]
    words = [
        piece
        for piece in pieces
        if len(piece) > 3 and piece.isalpha() and (piece.islower() or piece.istitle())
    ]
    return len(words) > 1 or not pieces or (len(pieces) > 2 and len(core) / len(pieces) < 6)


def _turns(value: str) -> float:
    """Return the share of neighbours that are of different classes: small letter, capital, digit, other."""
    classes = [char.islower() + 2 * char.isupper() + 3 * char.isdigit() for char in value]
    return sum(a != b for a, b in itertools.pairwise(classes)) / max(len(value) - 1, 1)
