"""Which licence a repository is under, as an SPDX expression, and whether that is allowed.

Evidence: licence texts (`license_texts.py`), what package metadata declares, and SPDX tags. Names and expressions are
checked and spelt by `packaging`, the reference for PEP 639.
"""

import json
import re
import tomllib
from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from codewright.corpus.kinds import vendored
from codewright.corpus.license_texts import read_text

_BLUE_OAK = """
0BSD AAL Adobe-2006 ADSL AFL-1.1 AFL-1.2 AFL-2.0 AFL-2.1 AFL-3.0 Afmparse AMDPLPA AML AMPAS ANTLR-PD
ANTLR-PD-fallback Apache-1.0 Apache-1.1 Apache-2.0 APAFML Artistic-1.0 Artistic-1.0-cl8
Artistic-1.0-Perl Artistic-2.0 Bahyph Barr bcrypt-Solar-Designer Beerware blessing BlueOak-1.0.0 Borceux
BSD-1-Clause BSD-2-Clause BSD-2-Clause-Darwin BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD
BSD-2-Clause-Patent BSD-2-Clause-Views BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear
BSD-3-Clause-HP BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-No-Nuclear-License-2014
BSD-3-Clause-No-Nuclear-Warranty BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause
BSD-4-Clause-Shortened BSD-4-Clause-UC BSD-Source-Code BSL-1.0 bzip2-1.0.5 bzip2-1.0.6 CC0-1.0 CECILL-B
CFITSIO check-cvs ClArtistic Clips CNRI-Jython CNRI-Python CNRI-Python-GPL-Compatible Condor-1.1
Crossword CrystalStacker Cube curl diffmark DOC DSDP ECL-1.0 ECL-2.0 EFL-1.0 EFL-2.0 eGenix Entessa Fair
FSFAP FSFUL FSFULLR FTL fwlw Giftware GLWTPL hdparm HPND HPND-export-US HPND-Fenneberg-Livingston
HPND-sell-regexpr HTMLTIDY IBM-pibs ICU IJG IJG-short ImageMagick Info-ZIP Intel Intel-ACPI ISC Jam
JasPer-2.0 Kazlib Leptonica Libpng libpng-2.0 libtiff Linux-OpenIB LPL-1.0 LPL-1.02 LPPL-1.3c
LZMA-SDK-9.22 McPhee-slideshow MirOS MIT MIT-0 MIT-advertising MIT-CMU MIT-enna MIT-feh
MIT-Modern-Variant MIT-open-group MIT-testregex MIT-Wu MITNFA mpich2 MS-PL MTLL MulanPSL-1.0
MulanPSL-2.0 Multics Mup NAIST-2003 NASA-1.3 Naumen NBPL-1.0 NCSA Net-SNMP NetCDF Newsletr NICTA-1.0
NIST-Software NLPL NRL NTP NTP-0 OFFIS OGL-Canada-2.0 OGTSL OLDAP-1.1 OLDAP-1.2 OLDAP-1.3 OLDAP-1.4
OLDAP-2.0 OLDAP-2.0.1 OLDAP-2.1 OLDAP-2.2 OLDAP-2.2.1 OLDAP-2.2.2 OLDAP-2.3 OLDAP-2.4 OLDAP-2.5
OLDAP-2.6 OLDAP-2.7 OLDAP-2.8 OML OpenSSL PHP-3.0 PHP-3.01 Plexus PostgreSQL PSF-2.0 psutils Python-2.0
python-ldap Qhull Rdisc RSA-MD Ruby Saxpath SGI-B-2.0 SHL-0.5 SMLNJ snprintf Spencer-86 Spencer-94
Spencer-99 SSH-short SunPro SWL Symlinks TCL TCP-wrappers TU-Berlin-1.0 TU-Berlin-2.0 UCAR
Unicode-DFS-2015 Unicode-DFS-2016 UnixCrypt Unlicense UPL-1.0 Vim VSL-1.0 W3C W3C-19980720 W3C-20150513
Wsuipa WTFPL X11 Xerox Xfig XFree86-1.1 xinetd xlock Xnet xpp XSkat Zed Zend-2.0 Zlib
zlib-acknowledgement ZPL-1.1 ZPL-2.0 ZPL-2.1
"""
PERMISSIVE = frozenset(_BLUE_OAK.split())
"""Licences that ask for little more than notices. Source: Blue Oak Council, license list version 15 (npm package
@blueoak/list 15.0.0), ratings Model to Lead."""

_LONGEST_NAME = 2000
"""Characters above which a name or expression is prose."""

_DEEPEST = 3
"""Folders above a file that still speaks for the whole: `name-1.0/name.dist-info/licenses/LICENSE`."""

_HEAD = 4096
"""Characters of a source file in which its SPDX tag stands, below a copyright list if need be."""

_LICENSE_FILE = re.compile(
    r"(?:[a-z0-9]+[-_.])?(?:licen[cs]es?|copying|unlicense)(?:[-_.][a-z0-9.+_-]*)?", re.IGNORECASE
)
_NOT_LICENSE = re.compile(
    r"third.?party|notice|header|template|\.(?!txt|md|rst|mit|bsd|apache|gpl|lgpl|lesser|lib|mpl|isc|python)[a-z]{1,6}$",
    re.IGNORECASE,
)

_METADATA = frozenset(
    {"package.json", "composer.json", "bower.json", "metadata", "pkg-info", "pyproject.toml", "cargo.toml"}
)

_NAMES = {
    "Apache-2.0": "apache, apache 2, apache 2 0, apache2, apache2 0, apache software, apache software 2 0, asl 2 0, al2, apachev2",
    "Artistic-1.0-Perl": "artistic, artistic 1",
    "Artistic-1.0-Perl OR GPL-1.0-or-later": "perl, perl 5, perl_5, same as perl",
    "Artistic-2.0": "artistic 2, artistic 2 0",
    "BSD-2-Clause": "2 clause bsd, bsd 2, bsd 2 clause, bsd2, simplified bsd, bsd simplified, freebsd",
    "BSD-3-Clause": "3 clause bsd, bsd 3, bsd 3 clause, bsd3, new bsd, bsd new, modified bsd, revised bsd, bsd revised",
    "BSD-4-Clause": "4 clause bsd, bsd 4 clause, original bsd",
    "BSL-1.0": "boost, boost software, boost software 1 0, boost software 1 0 bsl 1 0",
    "CC0-1.0": "cc0, cc 0, cc0 1 0 universal, cc0 1 0 universal cc0 1 0 public domain dedication",
    "EPL-1.0": "epl 1, eclipse public 1 0, eclipse public 1 0 epl 1 0",
    "EPL-2.0": "epl 2, eclipse public 2 0, eclipse public 2 0 epl 2 0",
    "HPND": "historical permission notice and disclaimer, historical permission notice and disclaimer hpnd",
    "ISC": "isc iscl",
    "MIT": "expat, mit expat, mit x11",
    "MIT-0": "mit no attribution, mit no attribution mit 0",
    "MIT-CMU": "cmu, cmu mit cmu",
    "MPL-1.1": "mpl 1 1, mozilla public 1 1, mozilla public 1 1 mpl 1 1",
    "MPL-2.0": "mpl, mpl 2, mpl 2 0, mpl2, mpl2 0, mozilla public 2 0, mozilla public 2 0 mpl 2 0",
    "PSF-2.0": "psf, psfl, python software foundation",
    "Unlicense": "unlicense unlicense",
    "UPL-1.0": "universal permissive upl",
    "Zlib": "zlib libpng",
    "ZPL-2.1": "zpl, zope public",
    "LicenseRef-Proprietary": "unlicensed, proprietary, commercial, other proprietary, all rights reserved",
}
"""Names that metadata is full of, without case, punctuation and words that say nothing. Source: PyPI's classifiers, npm's and
Debian's short names."""

_SPOKEN = {name: spdx for spdx, names in _NAMES.items() for name in names.split(", ")}
_FILLERS = frozenset({"the", "license", "licence", "licenses", "version", "v", "osi", "approved"})

_NAMED_FILE = re.compile(
    r"(?:licen[cs]e|copying)[-_.](?:apache|asl|mit|bsd|boost|zlib|mpl|unlicense|isc|cc0|gpl)", re.IGNORECASE
)
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+() \t:-]+)")
_GNU_ID = re.compile(r"\b((?:A|L)?GPL-\d\.\d|GFDL-1\.\d)(\+)?(?![-\w.])")


def is_license_file(path: str) -> bool:
    """Tell whether a path's name is that of a licence text."""
    name = path.rpartition("/")[2]
    return bool(_LICENSE_FILE.fullmatch(name)) and not _NOT_LICENSE.search(name)


def is_metadata_file(path: str) -> bool:
    """Tell whether `from_metadata` reads this file."""
    return path.rpartition("/")[2].lower() in _METADATA or path.lower().endswith("debian/copyright")


def normalized(name: str) -> str | None:
    """Spell a licence's name or expression as SPDX does; None for what no licence is called, or is called by several."""
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME:
        return None
    spdx = _known(name)
    if spdx:
        return _modern(spdx)
    parts = re.split(
        r"(?i)(?:, ?)? (and|or) (?!later|newer|above|any)|/|\|+", name.replace(" and/or ", " or ")
    )
    spoken = [_spoken(part) for part in parts[::2]] if len(parts) > 1 else []
    if spoken and all(spoken):
        operators = [(word or "or").upper() for word in parts[1::2]]
        words = [word for pair in zip(spoken, [*operators, ""], strict=True) for word in pair if word]
        return " ".join(f"({word})" if word not in operators and " " in word else word for word in words)
    return _spoken(name)


def _modern(expression: str) -> str:
    """Replace the deprecated GNU ids: alone they meant exactly that version, with `+` also later ones."""
    return _GNU_ID.sub(lambda found: f"{found[1]}-{'or-later' if found[2] else 'only'}", expression)


def _spoken(name: str) -> str | None:
    """Spell one licence's name, as SPDX or people write it."""
    words = re.sub(r"[^a-z0-9+_]+", " ", name.lower()).split()
    key = " ".join(re.sub(r"^v(?=\d)", "", word) for word in words if word not in _FILLERS)
    if key in _SPOKEN:
        return _SPOKEN[key]
    spdx = _known(name) or _known(re.sub(r"(?<=\d) (?=\d)", ".", key).replace(" ", "-"))
    if spdx is None and len(key) < 100 and re.search(r"gpl|gnu .*public", key):
        spdx = _gnu(key)
    return _modern(spdx) if spdx else None


def _known(name: str) -> str | None:
    """Return an expression in SPDX's own spelling, or None when it is none."""
    try:
        return canonicalize_license_expression(name)
    except (InvalidLicenseExpression, RecursionError, MemoryError):
        return None


def _gnu(key: str) -> str | None:
    """Build the id of a GNU licence from how people write it, e.g. `gnu lesser general public 2 1 or later lgpl 2 1+`."""
    kinds = {"AGPL": "affero|agpl", "LGPL": "lesser|library|lgpl", "GPL": ""}
    kind = next(kind for kind, words in kinds.items() if re.search(words, key))
    version = re.search(r"(?<!\d)(\d)(?: (\d))?(?!\d)", key)
    if version is None:
        return {"AGPL": "AGPL-3.0-or-later", "LGPL": "LGPL-2.0-or-later", "GPL": "GPL-1.0-or-later"}[kind]
    ending = "or-later" if re.search(r"\+|later|newer|above", key) else "only"
    return _known(f"{kind}-{version[1]}.{version[2] or 0}-{ending}")


def spdx_tag(text: str) -> str | None:
    """Return what the `SPDX-License-Identifier:` tags in a source file's head say, all of them holding, or None."""
    return _all_of(normalized(found[1].rstrip(" -:")) for found in _TAG.finditer(text, 0, _HEAD))


def _all_of(expressions: Iterable[str | None]) -> str | None:
    """Join expressions that hold together; without repetitions, in alphabetic order."""
    known = sorted({expression for expression in expressions if expression})
    if len(known) < 2:
        return known[0] if known else None
    return " AND ".join(f"({one})" if " OR " in one else one for one in known)


def allowed(expression: str, permitted: AbstractSet[str]) -> bool:
    """Tell whether an SPDX expression can be satisfied with the permitted licence ids; what is no expression cannot.

    `A OR B` needs one of them, `A AND B` both. `A WITH exception` and `A+` are satisfied by A, since they only add rights;
    so is `-or-later` by the same licence's `-only`.
    """
    spelt = normalized(expression)
    return spelt is not None and _either(deque(re.findall(r"[()]|[^\s()]+", spelt)), permitted)


def _either(tokens: deque[str], permitted: AbstractSet[str]) -> bool:
    """Evaluate what is joined by OR; tokens are those of a well-formed expression and are used up."""
    holds = _both(tokens, permitted)
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        holds = _both(tokens, permitted) or holds
    return holds


def _both(tokens: deque[str], permitted: AbstractSet[str]) -> bool:
    holds = _one(tokens, permitted)
    while tokens and tokens[0] == "AND":
        tokens.popleft()
        holds = _one(tokens, permitted) and holds
    return holds


def _one(tokens: deque[str], permitted: AbstractSet[str]) -> bool:
    name = tokens.popleft()
    if name == "(":
        holds = _either(tokens, permitted)
        tokens.popleft()
        return holds
    forms = {name, name.removesuffix("+"), name.replace("-or-later", "-only")}
    if tokens and tokens[0] == "WITH":
        tokens.popleft()
        forms.add(f"{name} WITH {tokens.popleft()}")
    return not forms.isdisjoint(permitted)


def from_metadata(path: str, text: str) -> str | None:
    """Return the SPDX expression that a package's metadata file declares, or None; broken files declare nothing.

    Read are package.json, composer.json, bower.json, pyproject.toml, Cargo.toml, Python's METADATA and PKG-INFO, and Debian's
    copyright (DEP-5), of which the paragraph for all files (`Files: *`) counts.
    """
    name = path.rpartition("/")[2].lower()
    try:
        if name.endswith(".json"):
            return _from_json(json.loads(text))
        if name.endswith(".toml"):
            return _from_toml(tomllib.loads(text))
    except (ValueError, RecursionError):
        return None
    return _from_debian(text) if name == "copyright" else _from_headers(text)


def _from_json(package: Any) -> str | None:
    if not isinstance(package, dict):
        return None
    said = package.get("license") or package.get("licenses")
    several = said if isinstance(said, list) else [said]
    names = [one.get("type") if isinstance(one, dict) else one for one in several]
    known = [normalized(name) for name in names if isinstance(name, str)]
    if not known or None in known or len(known) < len(names):
        return None
    return " OR ".join(dict.fromkeys(filter(None, known)))  # npm and composer: a list is a choice


def _from_toml(tables: dict[str, Any]) -> str | None:
    poetry = _table(_table(tables.get("tool")).get("poetry"))
    for table in (_table(tables.get("project")), poetry, _table(tables.get("package"))):
        said = table.get("license")
        said = said.get("text") if isinstance(said, dict) else said
        classifiers = table.get("classifiers")
        found = normalized(said) if isinstance(said, str) else None
        found = found or _from_classifiers(classifiers if isinstance(classifiers, list) else [])
        if found:
            return found
    return None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _from_classifiers(classifiers: Iterable[Any]) -> str | None:
    last = [
        line.split("::")[-1]
        for line in classifiers
        if isinstance(line, str) and line.startswith("License ::")
    ]
    return _all_of(normalized(name) for name in last)


def _from_headers(text: str) -> str | None:
    head = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    fields: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^(License-Expression|License|Classifier):[ \t]*(.*)$", head):
        fields.setdefault(key, []).append(value.strip())
    for key in ("License-Expression", "License"):
        found = normalized(fields[key][0]) if key in fields else None
        if found:
            return found
    return _from_classifiers(fields.get("Classifier", []))


def _from_debian(text: str) -> str | None:
    for paragraph in text.split("\n\n"):
        if re.search(r"(?m)^Files:[ \t]*\*[ \t]*$", paragraph):
            said = re.search(r"(?m)^License:[ \t]*(.+)", paragraph)
            return normalized(said[1].replace(",", "")) if said else None
    return None


def detect(files: Mapping[str, str]) -> str | None:
    """Name the licence of a repository from its licence and metadata files (path -> text), as an SPDX expression, or None.

    Files of vendored folders and deep ones say nothing about the whole. Texts in one file all hold, unless it speaks of a
    choice; files named after licences (LICENSE-MIT, LICENSE-APACHE) are a choice. What metadata declares is believed when it
    names all that the texts hold, or what the first of them begins with; else both count. A licence text of the GNU family
    alone reads `-only`.
    """
    near = sorted(filter(_speaks, files), key=lambda path: (_depth(path), path))
    metadata = (from_metadata(path, files[path]) for path in near if is_metadata_file(path))
    declared = next(filter(None, metadata), None)
    texts = [path for path in near if is_license_file(path)]
    held, first = _from_texts({path: files[path] for path in texts if _depth(path) == _depth(texts[0])})
    if declared is None or held is None:
        return declared or held
    named, there = _ids(declared), _ids(held)
    if there <= named or (first and _ids(first) <= named):
        return declared
    return held if named <= there else _all_of([declared, held])


def _speaks(path: str) -> bool:
    """Tell whether a file's place lets it speak for the whole repository."""
    return _depth(path) <= _DEEPEST and not vendored(path)


def _from_texts(texts: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Combine several licence files of one folder: all that they hold, and what the first of them begins with."""
    named: dict[str, str] = {}
    begins: list[str] = []
    for path, text in texts.items():
        read = read_text(text)
        names = sorted(map(_modern, read.names))
        if names:
            named[path] = " OR ".join(names) if read.choice else " AND ".join(names)
            begins += [_modern(read.begins_with)] if read.begins_with else []
    if len(named) > 1 and all(map(_NAMED_FILE.search, named)):
        held: str | None = " OR ".join(
            f"({one})" if " AND " in one else one for one in sorted(set(named.values()))
        )
    else:
        held = _all_of(named.values())
    return held, begins[0] if begins else None


def _depth(path: str) -> int:
    return path.count("/")


def _ids(expression: str) -> set[str]:
    """Return the licences of an expression, GNU ones without saying whether later versions count."""
    words = set(re.findall(r"[^\s()]+", expression)) - {"AND", "OR", "WITH"}
    return {re.sub(r"-only|-or-later|\+", "", word) for word in words}
