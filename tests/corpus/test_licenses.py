"""Licences by text, by metadata and by tag, and what a list of permitted ones allows."""

import json
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identify.vendor.licenses import LICENSES

from codewright.corpus.licenses import (
    PERMISSIVE,
    allowed,
    detect,
    from_metadata,
    is_license_file,
    is_metadata_file,
    normalized,
    spdx_tag,
)

TEXTS = dict(LICENSES)
MIT, APACHE, BSD3, GPL3 = (TEXTS[name] for name in ("MIT", "Apache-2.0", "BSD-3-Clause", "GPL-3.0"))


@pytest.mark.parametrize("name", ["LICENSE", "LICENCE.txt", "a/b/COPYING", "COPYING.LESSER", "LICENSE-MIT", "LICENSE.Apache-2.0",
                                  "UNLICENSE", "license.md", "MIT-LICENSE.txt", "gpl-license.rst"])  # fmt: skip
def test_licence_files_by_name(name: str) -> None:
    assert is_license_file(name)


@pytest.mark.parametrize("name", ["license.py", "LICENSE.html", "THIRD-PARTY-LICENSES.txt", "src/licensing.c", "license_header.txt",
                                  "LICENSE/a.txt", "NOTICE", "relicense"])  # fmt: skip
def test_other_files_by_name(name: str) -> None:
    assert not is_license_file(name)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_text_of_the_library_is_known_reflowed_and_under_another_name(name: str) -> None:
    text = (
        "Copyright (c) 2019, 2020 Jane Doe\nAll rights reserved.\n\n" + " ".join(TEXTS[name].split()).upper()
    )
    found = detect({"LICENSE": text})
    assert found is not None
    assert found.removesuffix("-only") == name


def test_texts_that_differ_by_a_clause_are_told_apart() -> None:
    holder = BSD3.replace("copyright holder", "University of Somewhere")
    assert detect({"LICENSE": holder}) == "BSD-3-Clause"
    assert detect({"LICENSE": TEXTS["BSD-2-Clause"]}) == "BSD-2-Clause"
    no_attribution = MIT.replace("MIT License", "").replace(
        MIT[MIT.index(" subject to") : MIT.index("THE SOFTWARE IS")], ".\n\n"
    )
    assert detect({"LICENSE": no_attribution}) is None


def test_several_texts_all_hold_unless_there_is_a_choice() -> None:
    assert detect({"LICENSE": MIT + "\n\nzlib part:\n" + TEXTS["Zlib"]}) == "MIT AND Zlib"
    dual = "This software is dual-licensed: choose either of\n\n" + MIT + "\n" + TEXTS["ISC"]
    assert detect({"LICENSE": dual}) == "ISC OR MIT"
    assert detect({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE}) == "Apache-2.0 OR MIT"
    assert detect({"LICENSE": MIT, "COPYING": GPL3}) == "GPL-3.0-only AND MIT"
    assert detect({"COPYING": GPL3, "COPYING.LESSER": GPL3 + TEXTS["LGPL-3.0"]}) is not None


def test_terms_of_its_own_above_other_notices_are_no_licence() -> None:
    terms = "You may not use, copy or sell this software without a written agreement with us. " * 60
    assert detect({"LICENSE": terms + "\nThird parties:\n" + MIT}) is None
    clause = "“Commons Clause” License Condition v1.0\nYou may not sell it.\n\n"
    found = detect({"LICENSE": clause + APACHE, "pyproject.toml": '[project]\nlicense = "Apache-2.0"'})
    assert found is not None
    assert not allowed(found, PERMISSIVE)


def test_files_of_vendored_or_deep_folders_say_nothing_about_the_whole() -> None:
    assert detect({"vendor/x/LICENSE": GPL3, "a/b/c/d/LICENSE": GPL3}) is None
    assert detect({"package/LICENSE": MIT, "package/lib/x/LICENSE": GPL3}) == "MIT"
    assert detect({}) is None


def test_metadata_is_believed_when_it_names_what_the_text_begins_with() -> None:
    def package(license_: str) -> str:
        return json.dumps({"license": license_})

    assert detect({"package.json": package("MIT")}) == "MIT"
    assert detect({"package.json": package("MIT"), "LICENSE": MIT}) == "MIT"
    assert detect({"package.json": package("MIT OR Apache-2.0"), "LICENSE": MIT}) == "MIT OR Apache-2.0"
    assert detect({"package.json": package("MIT"), "LICENSE": MIT + BSD3}) == "MIT"
    assert detect({"package.json": package("MIT"), "LICENSE": GPL3}) == "GPL-3.0-only AND MIT"
    assert detect({"package.json": package("GPL-3.0+"), "COPYING": GPL3}) == "GPL-3.0-or-later"
    assert detect({"package.json": "{", "LICENSE": MIT}) == "MIT"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("package.json", '{"license": "(MIT OR CC0-1.0)"}', "(MIT OR CC0-1.0)"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}', "MIT OR Apache-2.0"),
        ("package.json", '{"license": "UNLICENSED"}', "LicenseRef-Proprietary"),
        ("package.json", '{"license": "SEE LICENSE IN x.txt"}', None),
        ("composer.json", '{"license": ["MIT", "GPL-2.0+"]}', "MIT OR GPL-2.0-or-later"),
        ("package.json", '{"license": ["MIT", "something else"]}', None),
        ("x/Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = "bsd-3-clause"', "BSD-3-Clause"),
        ("pyproject.toml", '[project]\nlicense = {text = "Apache 2.0"}', "Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {file = "x"}\nclassifiers = ["License :: OSI Approved :: ISC License (ISCL)"]', "ISC"),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"', "MIT"),
        ("pyproject.toml", "[project]\nlicense = [1]", None),
        ("a.dist-info/METADATA", "Name: a\nLicense-Expression: MIT AND ISC\nLicense: x\n\nLicense: GPL", "MIT AND ISC"),
        ("PKG-INFO", "Name: a\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n", "MIT"),
        ("PKG-INFO", "Classifier: License :: OSI Approved :: BSD License\n", None),
        ("PKG-INFO", "Classifier: License :: OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)\n",
         "LGPL-2.0-or-later"),
        ("debian/copyright", "Format: x\n\nFiles: *\nCopyright: a\n b\nLicense: Expat\n\nFiles: debian/*\nLicense: GPL-2+\n", "MIT"),
        ("debian/copyright", "Files: *\nCopyright: a\nLicense: GPL-2+ or Artistic, and BSD-3-clause\n",
         "GPL-2.0-or-later OR Artistic-1.0-Perl AND BSD-3-Clause"),
        ("debian/copyright", "It is free software.\n", None),
    ],
)  # fmt: skip
def test_metadata_files(path: str, text: str, expected: str | None) -> None:
    assert is_metadata_file(path)
    assert from_metadata(path, text) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("mit", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("New BSD", "BSD-3-Clause"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
        ("GNU Affero General Public License v3", "AGPL-3.0-only"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-with-classpath-exception"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("Apache 2.0 or MIT", "Apache-2.0 OR MIT"),
        ("AFL 3.0", "AFL-3.0"),
        ("Python Software Foundation License", "PSF-2.0"),
        ("BSD", None),
        ("see LICENSE", None),
        ("", None),
        ("(" * 5000, None),
    ],
)
def test_names_as_people_write_them(said: str, expected: str | None) -> None:
    assert normalized(said) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("// SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */\n",
         "(GPL-2.0-only WITH Linux-syscall-note) OR MIT"),
        ("<!-- SPDX-License-Identifier: Apache-2.0 -->", "Apache-2.0"),
        ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC\n", "ISC AND MIT"),
        ("# SPDX-License-Identifier: nonsense here\n", None),
        ("x = 1\n", None),
        ("x\n" * 3000 + "# SPDX-License-Identifier: MIT\n", None),
    ],
)  # fmt: skip
def test_tags_in_sources(text: str, expected: str | None) -> None:
    assert spdx_tag(text) == expected


@pytest.mark.parametrize(
    ("expression", "ok"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (ISC OR GPL-3.0-only)", True),
        ("(MIT AND GPL-3.0-only) OR ISC", True),
        ("GPL-3.0-only OR MIT AND ISC", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("Apache-2.0+", True),
        ("LicenseRef-Proprietary", False),
        ("nonsense", False),
        ("MIT OR", False),
        ("", False),
    ],
)
def test_what_a_list_allows(expression: str, ok: bool) -> None:
    assert allowed(expression, {"MIT", "ISC", "Apache-2.0"}) is ok


def test_exceptions_and_later_versions_add_rights() -> None:
    assert allowed("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only WITH Classpath-exception-2.0"})
    assert allowed("GPL-2.0-or-later", {"GPL-2.0-only"})
    assert not allowed("GPL-2.0-only", {"GPL-2.0-or-later"})


def test_the_permissive_list_holds_spdx_ids_and_no_copyleft() -> None:
    assert all(normalized(name) == name for name in PERMISSIVE)
    assert {"MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "0BSD", "Unlicense"} <= PERMISSIVE
    assert not {name for name in PERMISSIVE if "GPL" in name and not name.startswith("CNRI")}


def test_texts_agree_with_what_installed_packages_declare() -> None:
    asked = agreed = 0
    for package in distributions():
        declared = normalized(package.metadata.get("License-Expression") or "")
        places = {
            str(path): Path(str(path.locate())) for path in package.files or [] if is_license_file(str(path))
        }
        found = detect(
            {name: place.read_text(errors="replace") for name, place in places.items() if place.exists()}
        )
        if declared and " " not in declared and found:
            asked += 1
            agreed += declared in found
    assert asked > 20
    assert agreed >= 0.95 * asked


words = st.sampled_from(
    [
        "MIT",
        "GPL-2.0",
        "OR",
        "AND",
        "WITH",
        "(",
        ")",
        "+",
        "/",
        "v3",
        "gpl",
        "bsd",
        "or later",
        "Classpath-exception-2.0",
        "é",
    ]
)
said = st.text() | st.lists(words).map(" ".join)


@settings(deadline=None)
@given(said)
def test_any_name_is_spelt_stably_or_unknown(name: str) -> None:
    spelt = normalized(name)
    assert spelt is None or normalized(spelt) == spelt
    assert allowed(name, set()) is False


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["LICENSE", "a/LICENSE-MIT", "package.json", "Cargo.toml", "debian/copyright", "PKG-INFO"]),
                       said | said.map(lambda name: json.dumps({"license": name}))))  # fmt: skip
def test_any_files_get_an_answer(files: dict[str, str]) -> None:
    found = detect(files)
    assert found is None or normalized(found) is not None
    assert spdx_tag("".join(files.values())) is None
