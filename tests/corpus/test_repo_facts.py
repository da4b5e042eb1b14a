"""Tables of repository facts: what is read, and what is put aside with its line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import write_jsonl
from codewright.corpus.repo_facts import RepoFacts, load


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_our_own_columns_in_csv(tmp_path: Path) -> None:
    table = written(
        tmp_path / "facts.csv",
        "repo,stars,forks,license,committed_at,url\n"
        "a/b,12,3,mit,2023-01-02T03:04:05Z,https://x.org/a/b\n"
        '"c/d",,,,,\n',
    )
    facts, lost = load([table])
    assert lost == []
    assert facts == {"a/b": RepoFacts(12, 3, "MIT", 1672628645, "https://x.org/a/b"), "c/d": RepoFacts()}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"full_name": "a/b", "stargazers_count": 5, "forks_count": 1, "license": {"spdx_id": "Apache-2.0"},
             "pushed_at": "2020-01-01T00:00:00Z", "html_url": "https://github.com/a/b"},
            RepoFacts(5, 1, "Apache-2.0", 1577836800, "https://github.com/a/b"),
        ),
        (
            {"repo_name": "a/b", "star_events_count": 7, "fork_events_count": 0, "gha_license_id": "NOASSERTION",
             "committer_date": 1577836800000},
            RepoFacts(7, 0, None, 1577836800),
        ),
        (
            {"max_stars_repo_name": "a/b", "max_stars_count": 9.0, "max_stars_repo_licenses": ["MIT", "Apache-2.0 OR ISC"]},
            RepoFacts(9, None, "(Apache-2.0 OR ISC) AND MIT"),
        ),
        ({"Repository": "https://github.com/a/b.git", "STARS": "4"}, RepoFacts(4)),
        ({"url": "git@github.com:a/b.git", "stars": None}, RepoFacts(url="git@github.com:a/b.git")),
        ({"owner": "a", "name": "b", "stars": "1e3", "license": "['MIT']"}, RepoFacts(1000, None, "MIT")),
        ({"repo": "a/b", "pushed_at": "2020-01-01 00:00:00 UTC", "stars": float("nan")}, RepoFacts(None, None, None, 1577836800)),
    ],
)  # fmt: skip
def test_columns_of_others_are_understood(tmp_path: Path, row: dict[str, Any], expected: RepoFacts) -> None:
    write_jsonl(tmp_path / "facts.jsonl", [row])
    assert load([tmp_path / "facts.jsonl"]) == ({"a/b": expected}, [])


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst"])
def test_compressed_tables_are_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"facts.{ending}"
    write_jsonl(path, [{"repo": f"a/{number}", "stars": number} for number in range(3)])
    assert load([path])[0]["a/2"].stars == 2


def test_later_rows_win_where_they_say_something(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", "repo,stars,license\na/b,1,MIT\na/b,2,\n")
    second = written(tmp_path / "b.tsv", "repo\tforks\na/b\t9\n")
    assert load([first, second])[0] == {"a/b": RepoFacts(2, 9, "MIT")}


def test_bad_rows_are_put_aside_with_their_line_and_reason(tmp_path: Path) -> None:
    table = written(
        tmp_path / "facts.csv",
        'repo,stars,pushed_at\na/b,many,\na/b,-1,\n,1,\na/b,1,yesterday\na/b,1\nc/d,1,2020-01-01\na/b,"1\n2",\n',
    )
    rows = written(
        tmp_path / "facts.jsonl",
        b'{"repo": "a/b", "stars": true\n[1]\n\xff\n{"repo": 5}\n{"stars": 1}\n{"repo":"e/f"}\n',
    )
    facts, lost = load([table, rows])
    assert set(facts) == {"c/d", "e/f"}
    assert [(Path(row.path).name, row.detail.split(":")[0]) for row in lost] == [
        *(("facts.csv", f"line {line}") for line in (2, 3, 4, 5, 6, 9)),
        *(("facts.jsonl", f"line {line}") for line in (1, 2, 3, 4, 5)),
    ]
    assert {row.reason for row in lost} == {"bad_repo_facts"}
    assert "stars is no count: 'many'" in lost[0].detail
    assert lost[0].row is not None
    assert json.loads(lost[0].row)["stars"] == "many"


def test_a_byte_that_is_not_utf_8_costs_one_name_and_no_table(tmp_path: Path) -> None:
    table = written(tmp_path / "facts.csv", b"repo,about\na/b,caf\xe9\nc/\xe9,x\n")
    facts, lost = load([table])
    assert set(facts) == {"a/b"}
    assert len(lost) == 1


def test_tables_that_are_none_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="facts.txt"):
        load([written(tmp_path / "facts.txt", "repo\n")])
    with pytest.raises(
        DataError, match=r"facts\.csv, line 1: no column of repository names \(found: stars\)"
    ):
        load([written(tmp_path / "facts.csv", "stars\n1\n")])
    with pytest.raises(DataError, match="no such file"):
        load([tmp_path / "missing.csv"])
    with pytest.raises(DataError, match="damaged or cut off"):
        load([written(tmp_path / "facts.jsonl.gz", gzip.compress(b'{"repo":"a/b"}\n' * 99)[:-9])])


cells = (
    st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.lists(st.text(max_size=3), max_size=2)
)
columns = st.sampled_from(["repo", "stars", "forks", "license", "pushed_at", "url", "owner", "name", "spdx"])


@settings(deadline=None)
@given(rows=st.lists(st.dictionaries(columns, cells, max_size=5), max_size=6))
def test_any_rows_are_read_or_put_aside(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts, lost = load([path])
    assert len(facts) + len(lost) <= len(rows)
    for name, found in facts.items():
        name.encode()
        assert found.stars is None or 0 <= found.stars < 2**63
        assert found.committed_at is None or abs(found.committed_at) < 2**63


@settings(deadline=None)
@given(data=st.binary(max_size=300), ending=st.sampled_from(["csv", "tsv", "jsonl", "csv.gz", "jsonl.zst"]))
def test_any_bytes_end_in_facts_or_one_of_our_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any.{ending}"
    path.write_bytes(b"repo,stars\n" + data if ending == "csv" else data)
    try:
        load([path])
    except DataError as error:
        assert str(path) in str(error)
