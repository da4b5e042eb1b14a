"""Mail and IP addresses of somebody, and those that are nobody's: placeholders, private networks, versions."""

import ipaddress
import re

_LOCAL = re.compile(r"[A-Za-z0-9_%+](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_%+-])?\Z")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}(?P<tld>[A-Za-z]{2,12})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)

_TLDS = frozenset(
    """
    com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel asia cat
    academy agency app art berlin blog build business care center chat city click cloud club codes company computer consulting cool design dev digital
    directory email energy engineer engineering engineers events expert express family finance foundation fun fyi games global gmbh group guru health
    help host hosting house institute international io jobs land legal life link live london love ltd management market marketing media network news
    ngo ninja one online page paris partners photo photography plus productions project pub report rocks run school science security services shop
    site social software solutions space store studio support systems team tech technology today tools top training university ventures video vip wiki
    work works world wtf xyz zone
    ac ad ae af ag ai al am ao aq ar as at au aw az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cy
    cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gy hk hm hn hr ht hu id ie il im in
    iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx
    my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr st
    su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
    """.split()  # noqa: SIM905
)
"""IANA's country domains, and of the generic ones those in use for mail; `foo@Bar.baz` of a program is thereby none."""

_NOBODYS_DOMAINS = re.compile(
    r"""(?:.*\.)?(?:example|test|invalid|localhost|local)(?:\.[a-z]{2,3}){0,2} | (?:.*\.)?example[\w-]*\.\w+ | (?:[\w-]+\.)*(?:your|my|some|any|other|fake|a|the)-?
        (?:domain|company|site|email|mail|host|server|org|app|project|website)(?:name)?\.[\w.]+
      | (?:[\w-]+\.)?(?:foo|bar|baz|foobar|qux|abc|xyz|xxx|aaa|bbb|ccc|x|y|z|a|b|c|d|e|domain|domain\d|email|company|host|server|mail|site|address|somewhere|nowhere|acme|dummy|fake|sample|blah
        |test\d?|testing|tests|website|provider|mydomain|example\d|hostname|place|there|here|wherever|nobody|organization|org|user|no|none|noreply|spam)\.(?:com|org|net|edu|info|co\.uk|io|dev|invalid|de|ru|fr|us|tld|co)
      | (?:.*\.)?(?:openssh|libssh|ssh)\.(?:com|org) | lysator\.liu\.se | users\.noreply\.github\.com | (?:.*\.)?iam\.gserviceaccount\.com | (?:.*\.)?(?:noreply|no-reply)\..* """,
    re.VERBOSE,
)
"""Domains kept for documents (RFC 2606, RFC 6761), those that people make up, and SSH's names of algorithms (RFC 4251, section 6)."""

_NOBODYS_LOCALS = frozenset(
    """
    git hg svn cvs bzr anonymous anon nobody noreply no-reply donotreply do-not-reply mailer-daemon this super self return break continue user username
    your.name your.email your-email youremail yourname your_email you me.you name email first.last firstname.lastname foo bar foobar john.doe jane.doe
    johndoe janedoe someone somebody example sample fake dummy pass password passwd test.user testuser test test1 test2 user1 user2 user.name abc xyz xxx
    """.split()  # noqa: SIM905
)
_MESSAGE = re.compile(r"(?i:message-id|references|in-reply-to)\W{1,9}\Z")
"""Behind these a name of a mail follows, not of a mailbox."""

_CALLS = frozenset("([")
_SIGILS = frozenset("$@}&")
"""Behind the name of a function or list, before that of a variable."""

_QUOTES = " \t\r\n\"'`<>()[]{},;"

AT_A_HIT = ("_LOCAL", "_DOMAIN", "_QUAD", "_GROUPS", "_MESSAGE")
"""Patterns that are matched in the text itself, not in a piece of it: their length has a bound."""


def find_email(text: str, begin: int, end: int) -> tuple[int, int] | None:
    """Return the span of the address around an @, or None if there is none, or nobody's."""
    domain = _DOMAIN.match(text, end)
    stop = begin - 1 if text[begin - 1] == "\\" else begin
    local = _LOCAL.search(text, max(0, stop - 64), stop)
    if domain is None or local is None or not _is_mail_domain(domain[0], domain["tld"]):
        return None
    name = local[0].lower().lstrip("'")
    start = stop - len(name)
    common = domain["tld"].lower() in {"com", "org", "net", "edu", "de"}
    # Too short is x@y.to, of a matrix product; %s@ is a format.
    if len(name) < (1 if common else 2) or name.startswith("%") or name in _NOBODYS_LOCALS:
        return None
    if text[domain.end() : domain.end() + 1] in _CALLS or text[max(0, start - 1) : start] in _SIGILS:
        return None
    named = _MESSAGE.search(text, max(0, start - 30), start)
    return None if named or _in_url(text, start) else (start, domain.end())


def _is_mail_domain(domain: str, tld: str) -> bool:
    if tld.lower() not in _TLDS or not (tld.islower() or tld.isupper()):
        return False
    if tld.lower() in {"py", "sh", "md"} and domain.count(".") < 2:  # a file's name
        return False
    return _NOBODYS_DOMAINS.fullmatch(domain.lower()) is None


def _in_url(text: str, start: int) -> bool:
    """Tell whether the address is a URL's user and host."""
    low = start
    while low > max(0, start - 200) and text[low - 1] not in _QUOTES:
        low -= 1
    scheme = text.rfind("://", low, start)
    return scheme >= 0 and not any(char in "/?#" for char in text[scheme + 3 : start])


# ------------------------------------------------------------------------------------------------------ IP addresses

_QUAD = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}")
_GROUPS = re.compile(r"(?=200[123]:|2(?:[48cC]0|6[0-3]|[aA][01]).:)[0-9A-Fa-f:]{6,39}")
"""Only blocks of IPv6 that IANA has given out (registry "IPv6 Global Unicast Address Assignments")."""

_VERSION = re.compile(
    r"(?:version|\bver\b|\brev(?:ision)?\b|release|assembly|build|firmware|driver|chrome|firefox|safari|opera|edge/|gecko|mozilla|agent|oid\b|section|chapter|\brfc|\bsdk|\bdll\b"
    r"|\bpkg|package|\bspec\b|\bv8\b|\buv\b|zlib|openssl|requires?\b|depends|upgrade|update|patch|[=~!<>^]=|~>)[^\n]{0,30}$|\bv[. ]?$|[a-z][/-]$",
    re.IGNORECASE,
)
_VERSION_HINTS = (
    "ver", "rev", "release", "assembly", "build", "firmware", "chrome", "firefox", "safari", "opera", "edge", "gecko", "mozilla", "agent", "oid", "section", "chapter",
    "rfc", "sdk", "dll", "pkg", "package", "spec", "v8", "uv", "zlib", "openssl", "requir", "depends", "upgrade", "update", "patch", "=", "~>", "v", "/", "-",
)  # fmt: skip
_NETWORK_HINTS = (
    "ip", "addr", "host", "server", "dns", "ping", "ssh", "scp", "inet", "gateway", "proxy", "peer", "remote", "client", "listen", "bind", "connect", "endpoint", "node",
    "url", "subnet", "cidr", "whitelist", "allow", "deny", "resolver", "from", "to", "route", "a ", "://", "@", "//",
)  # fmt: skip
_NETWORK = re.compile(
    r"(?:\b|_)(?:ip|ipv4|ips|addr|address|host|hosts|hostname|server|servers|dns|nameserver|ping|ssh|scp|inet|gateway|proxy|peer|remote|client|listen|bind|connect|endpoint|node|url"
    r"|subnet|cidr|whitelist|allow|deny|resolver)(?:s|\b|_)|\b(?:from|to|route|A)\s+[\"'(\[]?$|https?://|@$|//$",
    re.IGNORECASE,
)
_NUMBERS_AROUND = re.compile(r"(?:^|[\s,])-?(?:\d*\.)?\d+(?:\.\d+)?[a-zA-Z]?[\s,-]*$")
_KNOWN = frozenset(
    """
    8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 1.1.1.2 1.1.1.3 9.9.9.9 9.9.9.10 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4
    8.26.56.26 8.20.247.20 64.6.64.6 64.6.65.6 77.88.8.8 77.88.8.1 94.140.14.14 94.140.15.15 114.114.114.114 223.5.5.5 223.6.6.6 119.29.29.29 1.2.3.4
    2.3.4.5 4.3.2.1 5.6.7.8 1.2.4.8 12.34.56.78 123.123.123.123 11.22.33.44 123.45.67.89 1.1.1.0 1.1.1.4 3.3.3.3 4.4.4.4 5.5.5.5 6.6.6.6 7.7.7.7 2.2.2.2
    2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe 2620:fe::9
    """.split()  # noqa: SIM905
)
"""Resolvers that everybody uses, and the addresses of whom nothing better comes to mind."""
_GOES_ON = re.compile(r"\d|\.\d|-[A-Za-z0-9]|[+^]")
"""Behind a version's fourth number more may follow."""

_OIDS = ("2.5.4.", "2.5.29.", "1.3.6.1", "1.2.840.", "0.9.2342.")
"""Object identifiers of X.500, of certificates and of the internet begin so."""

_LINE = 100


def find_ipv4(text: str, begin: int) -> tuple[int, int] | None:
    """Return the span of the address whose first dot is at `begin`, or None if it is no one's or a version."""
    start = begin
    while start > max(0, begin - 3) and text[start - 1].isdigit():
        start -= 1
    found = _QUAD.match(text, start)
    if found is None or _GOES_ON.match(text, found.end()) or found[0].startswith(_OIDS) or found[0] in _KNOWN:
        return None
    end, octets = found.end(), [int(part) for part in found[0].split(".")]
    network = octets[3] == 0 and text[end : end + 1] == "/"
    if max(octets) > 255 or network or not _is_somebodys(found[0]):
        return None
    before = text[max(0, start - _LINE) : start].rpartition("\n")[2]
    return (start, end) if _is_no_version(text, before, end, octets) else None


def _is_no_version(text: str, before: str, end: int, octets: list[int]) -> bool:
    """Tell a host's address from a version, a numbered section or a row of decimals, by its size and by the words before it."""
    # Of the addresses at large 99 % have two parts above 31; of versions and sections, which begin low, hardly any.
    large = sum(octet > 31 for octet in octets)
    context = before[-50:]
    network = _says(context, _NETWORK_HINTS, _NETWORK)
    if _says(context, _VERSION_HINTS, _VERSION):
        return network and large > 1 and octets[0] > 9
    if network:
        return large > 0
    glued = before.endswith(("-", "+", "_", "/")) and not before.endswith("//")
    return large >= 2 + (octets[0] < 10) and not glued and not _among_numbers(text, before, end)


def _says(context: str, hints: tuple[str, ...], pattern: re.Pattern[str]) -> bool:
    """Search for words before an address; plain searches first, since addresses come in long lists."""
    lower = context.lower()
    return any(hint in lower for hint in hints) and pattern.search(context) is not None


def _among_numbers(text: str, before: str, end: int) -> bool:
    """Tell whether the quad is one of a row of numbers written tightly, as in the paths of drawings."""
    if before[-1:].isalpha() or before[-1:] == "-" or _DECIMAL_AFTER.match(text[end : end + 20]):
        return True
    token = before.rsplit(maxsplit=1)[-1] if before[-1:].isspace() and before.strip() else ""
    return _DECIMAL.fullmatch(token) is not None and not _QUAD.fullmatch(token.strip(","))


_DECIMAL = re.compile(r"-?[\d.,-]*\d[\d.,-]*[a-zA-Z]?")
_DECIMAL_AFTER = re.compile(r"[a-zA-Z-]?[\s,]?-?\d*\.\d+(?!\.\d+\.\d)")


def find_ipv6(text: str, begin: int) -> tuple[int, int] | None:
    """Return the span of the address whose first colon is at `begin`, or None if it is none, or no one's."""
    found = _GROUPS.match(text, begin - 4)
    if found is None:
        return None
    span = found[0].rstrip(":") + ("::" if found[0].endswith("::") else "")
    end = found.start() + len(span)
    after = text[end : end + 1]
    whole = span.count(":") == 7 or ("::" in span and span.count(":") > 1)
    network = after == "/" and span.endswith("::")
    if not whole or network or after.isalnum() or after == "_" or span.lower() in _KNOWN:
        return None
    return (found.start(), end) if _is_somebodys(span) else None


def _is_somebodys(address: str) -> bool:
    """Tell whether an address is a host's on the internet: not private, loopback, multicast, or kept for documents."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and parsed in _6BONE:
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


_6BONE = ipaddress.ip_network("3ffe::/16")
"""Given back to IANA (RFC 3701); only examples are left in it."""
