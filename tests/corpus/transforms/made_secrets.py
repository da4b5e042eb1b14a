"""Secrets of 24 kinds, made from the shapes their providers document, never from the patterns that look for them.

Nothing here is a secret: each one is drawn at run time from a seeded generator, and none is written down in the repository.
"""

import base64
import json
import random
import string
from collections.abc import Callable

LETTERS = string.ascii_letters
DIGITS = string.digits
BASE62 = LETTERS + DIGITS
URLSAFE = BASE62 + "-_"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + DIGITS


def draw(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def b64(rng: random.Random, count: int) -> str:
    return base64.b64encode(rng.randbytes(count)).decode()


def aws_access_key(rng: random.Random) -> str:
    # 20 characters: a four-letter prefix, then base32.
    return rng.choice(["AKIA", "AKIA", "ASIA"]) + draw(rng, string.ascii_uppercase + "234567", 16)


def aws_secret_key(rng: random.Random) -> str:
    return b64(rng, 30)  # 40 characters of base64


def github_token(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return "github_pat_" + draw(rng, BASE62, 22) + "_" + draw(rng, BASE62, 59)
    return rng.choice(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]) + draw(rng, BASE62, 36)


def gitlab_token(rng: random.Random) -> str:
    return rng.choice(["glpat-", "gldt-", "glrt-", "glptt-"]) + draw(rng, URLSAFE, rng.choice([20, 20, 26]))


def slack_token(rng: random.Random) -> str:
    team, user = draw(rng, DIGITS, rng.choice([11, 12, 13])), draw(rng, DIGITS, 12)
    if rng.random() < 0.5:
        return f"xoxb-{team}-{user}-{draw(rng, BASE62, 24)}"
    return f"xoxp-{team}-{user}-{draw(rng, DIGITS, 13)}-{draw(rng, HEX, 32)}"


def slack_webhook(rng: random.Random) -> str:
    return f"T{draw(rng, UPPER, rng.choice([8, 10]))}/B{draw(rng, UPPER, rng.choice([8, 10]))}/{draw(rng, BASE62, 24)}"


def stripe_key(rng: random.Random) -> str:
    return rng.choice(["sk_live_", "rk_live_", "sk_test_"]) + draw(rng, BASE62, rng.choice([24, 99]))


def google_key(rng: random.Random) -> str:
    return "AIza" + "Sy" + draw(rng, URLSAFE, 32) + draw(rng, BASE62, 1)


def openai_key(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return "sk-" + draw(rng, BASE62, 20) + "T3Blbk" + "FJ" + draw(rng, BASE62, 20)
    return "sk-" + rng.choice(["proj-", "svcacct-", "admin-"]) + draw(rng, URLSAFE, 73) + draw(rng, BASE62, 1)


def anthropic_key(rng: random.Random) -> str:
    return "sk-ant-" + rng.choice(["api03-", "admin01-"]) + draw(rng, URLSAFE, 93) + "AA"


def huggingface_token(rng: random.Random) -> str:
    return "hf_" + draw(rng, LETTERS, 34)


def npm_token(rng: random.Random) -> str:
    return "npm_" + draw(rng, BASE62, 36)


def pypi_token(rng: random.Random) -> str:
    # A macaroon: version, identifier of the site, then what is signed; all in URL-safe base64.
    head = b"\x02\x01\x08pypi.org\x02"
    return "pypi-" + base64.urlsafe_b64encode(head + rng.randbytes(120)).decode().rstrip("=")


def jwt(rng: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": draw(rng, DIGITS, 9), "iat": rng.randrange(15 * 10**8, 17 * 10**8)}
    signature = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{signature}"


def private_key(rng: random.Random) -> str:
    body = b64(rng, rng.choice([120, 320, 610]))
    return "\n".join(body[at : at + 64] for at in range(0, len(body), 64))


def sendgrid_key(rng: random.Random) -> str:
    return f"SG.{draw(rng, URLSAFE, 22)}.{draw(rng, URLSAFE, 42)}{draw(rng, BASE62, 1)}"


def twilio_key(rng: random.Random) -> str:
    return "SK" + draw(rng, HEX, 32)


def azure_storage_key(rng: random.Random) -> str:
    return b64(rng, 64)  # 88 characters, two of them padding


def generic_key(rng: random.Random) -> str:
    return rng.choice(
        [
            lambda: draw(rng, HEX, rng.choice([32, 40, 64])),
            lambda: draw(rng, BASE62, rng.choice([20, 24, 32, 40, 48])),
            lambda: draw(rng, string.ascii_lowercase + DIGITS, rng.choice([24, 32, 40])),
            lambda: b64(rng, rng.choice([24, 33, 48])),
            lambda: draw(rng, URLSAFE, 43),
        ]
    )()


def credential(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return draw(rng, BASE62, rng.choice([32, 40]))
    return base64.b64encode(f"{rng.choice(FIRST)}:{password(rng)}".encode()).decode()


FIRST = [
    "anna", "boris", "chen", "dilip", "elena", "farid", "grace", "hiro", "ines", "jonas", "katya", "liam", "marta", "nils",
    "olga", "pedro", "quentin", "rosa", "sven", "tariq",
]  # fmt: skip
LAST = [
    "abbott", "bergmann", "castillo", "dubois", "eriksen", "ferrari", "gupta", "haddad", "ivanov", "johansson", "kowalski",
    "lindqvist", "moreau", "novak", "okafor", "petrov",
]  # fmt: skip
WORDS = [
    "autumn", "bicycle", "cactus", "dolphin", "ember", "falcon", "glacier", "harbor", "indigo", "jasmine", "kettle",
    "lantern", "meadow", "nectar", "orchid", "pebble", "quartz",
]  # fmt: skip


def password(rng: random.Random) -> str:
    """What people choose, and what machines draw for them."""
    word, other = rng.choice(WORDS), rng.choice(WORDS)
    leet = str.maketrans("aeiost", "43105+")
    return rng.choice(
        [
            lambda: word.capitalize() + str(rng.randrange(1950, 2030)) + rng.choice("!?#$"),
            lambda: word + str(rng.randrange(100, 10_000)),
            lambda: word.translate(leet).capitalize() + rng.choice("!@#%&*") + str(rng.randrange(10)),
            lambda: draw(rng, BASE62, rng.choice([10, 12, 16])) + rng.choice(DIGITS),
            lambda: (
                draw(rng, BASE62 + "!#%*+-=?@^_~", rng.choice([12, 16, 20]))
                + rng.choice(DIGITS)
                + rng.choice(LETTERS)
            ),
            lambda: f"{word}-{other}-{rng.randrange(10, 100)}x",
            lambda: word.capitalize() + rng.choice("!@#$&*") + other + str(rng.randrange(100)),
        ]
    )()


def url_password(rng: random.Random) -> str:
    """A login's password has no characters that URLs give a meaning to."""
    return "".join(char for char in password(rng) if char not in "/@#?%:&") + draw(rng, DIGITS, 1)


def email(rng: random.Random) -> str:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    local = rng.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}{rng.randrange(70, 99)}",
            f"{last}_{first}",
            f"{first}+{rng.choice(WORDS)}",
            last,
        ]
    )
    place = rng.choice(
        [
            "gmail.com",
            "hotmail.com",
            "gmx.de",
            "yahoo.co.jp",
            "proton.me",
            f"{last}.org",
            f"cs.{last}.edu",
            f"{rng.choice(WORDS)}-{last}.io",
            f"{last}.{rng.choice(['fr', 'it', 'pl', 'com.br', 'dev'])}",
        ]
    )
    return f"{local}@{place}"


def ipv4(rng: random.Random) -> str:
    # First numbers of blocks that registries have given to somebody, none of them with a special use inside.
    first = rng.choice(
        [
            5,
            13,
            18,
            23,
            31,
            34,
            37,
            46,
            52,
            62,
            77,
            81,
            93,
            104,
            128,
            134,
            139,
            151,
            160,
            176,
            185,
            194,
            199,
            207,
            212,
            217,
        ]
    )
    return f"{first}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def ipv6(rng: random.Random) -> str:
    first = rng.choice(["2a00", "2a01", "2a03", "2a0f", "2600", "2607", "2400", "2409", "2804"])
    rest = [f"{rng.randrange(1, 65536):x}" for _ in range(7)]
    form = rng.choice(["full", "short", "network"])
    if form == "full":
        return ":".join([first, *rest])
    return (
        ":".join([first, *rest[:3]])
        + "::"
        + (":".join(rest[-rng.choice([1, 2, 3]) :]) if form == "short" else "1")
    )


MAKERS: dict[str, Callable[[random.Random], str]] = {
    maker.__name__: maker
    for maker in (
        aws_access_key, aws_secret_key, github_token, gitlab_token, slack_token, slack_webhook, stripe_key, google_key, openai_key, anthropic_key,
        huggingface_token, npm_token, pypi_token, jwt, private_key, sendgrid_key, twilio_key, azure_storage_key, generic_key, credential, password,
        url_password, email, ipv4, ipv6,
    )
}  # fmt: skip
