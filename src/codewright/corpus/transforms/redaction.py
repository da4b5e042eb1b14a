"""Personal data and secrets in a text: the anchors of all detectors, and which detector looks at what."""

import functools
from collections.abc import Callable

from codewright.corpus.transforms.assignments import find_assigned
from codewright.corpus.transforms.automaton import Anchor, Automaton, Check, build_automaton
from codewright.corpus.transforms.contacts import find_email, find_ipv4, find_ipv6
from codewright.corpus.transforms.credentials import find_authorization, find_login, find_pem
from codewright.corpus.transforms.edits import Edit, Found
from codewright.corpus.transforms.lookalikes import is_telling
from codewright.corpus.transforms.providers import PROVIDERS, Provider
from codewright.corpus.transforms.scanning import Hit, find_hits

PLACEHOLDERS = {"email": "<EMAIL>", "ip_address": "<IP_ADDRESS>", "key": "<KEY>", "password": "<PASSWORD>"}
"""What stands for a secret, by kind: the placeholders of StarCoder (arXiv 2305.06161, section 4.3)."""

_NAMES = (
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "auth",
    "authorization",
)
_BEHIND = ("key",)

Detector = Callable[[str, Hit, str | None], Found | None]


def _email(text: str, hit: Hit, _: str | None) -> Found | None:
    span = find_email(text, hit.begin, hit.end)
    return Found("email", "email", *span) if span else None


def _ipv4(text: str, hit: Hit, _: str | None) -> Found | None:
    span = find_ipv4(text, hit.begin)
    return Found("ip_address", "ipv4", *span) if span else None


def _ipv6(text: str, hit: Hit, _: str | None) -> Found | None:
    span = find_ipv6(text, hit.begin)
    return Found("ip_address", "ipv6", *span) if span else None


def _assigned(text: str, hit: Hit, language: str | None) -> Found | None:
    return find_assigned(text, hit.begin, hit.end, language)


def _login(text: str, hit: Hit, _: str | None) -> Found | None:
    return find_login(text, hit.end)


def _authorization(text: str, hit: Hit, _: str | None) -> Found | None:
    return find_authorization(text, hit.begin, hit.end)


def _pem(text: str, hit: Hit, _: str | None) -> Found | None:
    return find_pem(text, hit.end)


def _by_shape(provider: Provider) -> Detector:
    def detect(text: str, hit: Hit, _: str | None) -> Found | None:
        found = provider.pattern.match(text, max(0, hit.begin - provider.before))
        if found is None:
            return None
        group = "secret" if "secret" in provider.pattern.groupindex else 0
        secret = found[group]
        body = secret[hit.end - hit.begin :] if group == 0 and not provider.before else secret
        if is_telling(body) or len(set(body)) < 6:
            return None
        return Found("key", provider.name, found.start(group), found.end(group))

    return detect


@functools.cache
def plan() -> tuple[Automaton, tuple[tuple[Detector, ...], ...]]:
    """Return the automaton of all anchors, and the detectors of each."""
    detectors: dict[Anchor, Detector] = {Anchor("@", Check.EMAIL): _email, Anchor(":", Check.IPV6): _ipv6}
    detectors |= {Anchor(f".{'0' * digits}.", Check.IPV4): _ipv4 for digits in (1, 2, 3)}
    detectors |= {Anchor("://", Check.URL): _login}
    detectors |= {Anchor(name, Check.NAME): _assigned for name in _NAMES}
    detectors |= {Anchor(name, Check.COMPOUND): _assigned for name in _BEHIND}
    detectors |= {Anchor(scheme, Check.TOKEN, 8): _authorization for scheme in ("bearer ", "basic ")}
    detectors |= {Anchor(f"private key{block}-----", Check.INSIDE, 0): _pem for block in ("", " block")}
    detectors[Anchor("identified by", Check.NAME)] = _assigned
    by_text: dict[str, tuple[Anchor, list[Detector]]] = {
        anchor.text: (anchor, [detect]) for anchor, detect in detectors.items()
    }
    for provider in PROVIDERS:
        for text in provider.anchors:
            check = Check.INSIDE if provider.inside else Check.TOKEN
            anchor, several = by_text.setdefault(text, (Anchor(text, check, provider.run), []))
            if provider.run < anchor.run:
                by_text[text] = (Anchor(text, check, provider.run), several)
            several.append(_by_shape(provider))
    return build_automaton([anchor for anchor, _ in by_text.values()]), tuple(
        tuple(several) for _, several in by_text.values()
    )


def secret_edits(text: str, language: str | None, kinds: frozenset[str]) -> list[Edit]:
    """Find personal data and secrets of some kinds, in order and without overlaps."""
    automaton, detectors = plan()
    found: list[Found] = []
    for hit in find_hits(text, automaton):
        for detect in detectors[hit.anchor]:
            one = detect(text, hit, language)
            if one is not None and one.kind in kinds:
                found.append(one)
                break
    return [
        Edit(one.kind, one.detector, one.begin, one.end - one.begin, PLACEHOLDERS[one.kind])
        for one in _without_overlaps(found)
    ]


def _without_overlaps(found: list[Found]) -> list[Found]:
    """Keep of spans that overlap the one found by its shape, else the longer one."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one.begin, one.end)):
        if not kept or kept[-1].end <= one.begin:
            kept.append(one)
        elif _weight(one) > _weight(kept[-1]):
            kept[-1] = one
    return kept


def _weight(one: Found) -> tuple[bool, int]:
    return one.kind in {"key", "password"} and not one.detector.startswith("assigned"), one.end - one.begin
