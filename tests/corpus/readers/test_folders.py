"""Folders and git repositories: what is read, by which revision, when it was committed, and that nothing of theirs runs."""

import os
import subprocess
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.corpus.readers.git import _REMOTE
from tests.corpus.ingested import PYTHON, Run, ingest

FIRST, SECOND, MERGED = 1_000_000_000, 1_100_000_000, 1_200_000_000


def git(folder: Path, *arguments: str, at: int = FIRST) -> str:
    dates = {"GIT_COMMITTER_DATE": f"{at} +0000", "GIT_AUTHOR_DATE": f"{at} +0000"}
    who = {
        f"GIT_{role}_{what}": "ada@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **dates, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def commit(folder: Path, files: dict[str, str], at: int) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "work", at=at)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three commits, a branch and its merge, an uncommitted change, a link, a file in a folder with an odd name."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, {"a.py": "a = 1\n", "odd é\tname/b.py": "b = 1\n", "2024/9.py": "c = 1\n"}, FIRST)
    git(folder, "checkout", "-qb", "side")
    commit(folder, {"side.py": PYTHON}, SECOND)
    git(folder, "checkout", "-q", "main")
    (folder / "link.py").symlink_to("/etc/hostname")
    commit(folder, {"a.py": "a = 2\n"}, SECOND)
    git(folder, "merge", "-qm", "merge", "side", at=MERGED)
    git(folder, "remote", "add", "origin", "https://user:secret@example.org/ada/tools.git")
    (folder / "a.py").write_text("a = 'not committed'\n")
    return folder


@pytest.mark.parametrize("bare", [False, True])
def test_a_repository_with_the_time_of_each_file(
    run_stages: Run, tmp_path: Path, repository: Path, bare: bool
) -> None:
    source = repository
    if bare:
        source = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", str(repository), str(source))
        git(source, "remote", "set-url", "origin", "git@example.org:ada/tools.git")
    found = ingest(run_stages, tmp_path / "run", source)
    times = {path: row["committed_at"] for path, row in found.kept.items()}
    assert times == {"a.py": SECOND, "2024/9.py": FIRST, "side.py": MERGED}
    row = found.kept["a.py"]
    assert row["content"] == "a = 2\n"
    assert (row["repo"], row["url"]) == ("ada/tools", "https://example.org/ada/tools")
    assert "secret" not in str(found.rows)
    assert found.dropped == {"link.py": "symlink"}
    assert list(found.quarantined.values()) == ["unsafe_name"]  # the tab


def test_a_revision_by_name_and_one_that_is_none(run_stages: Run, tmp_path: Path, repository: Path) -> None:
    found = ingest(run_stages, tmp_path / "run", repository, revision="side")
    assert found.kept["a.py"]["content"] == "a = 1\n"
    with pytest.raises(ConfigError, match="1 no_revision"):
        ingest(run_stages, tmp_path / "two", repository, revision="--output=/tmp/x")


def sign(folder: Path) -> None:
    """Give the newest commit a signature, which git runs a program to check if it is told to show signatures."""
    head, _, message = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n wrong\n -----END PGP SIGNATURE-----"
    signed = folder / "commit.txt"
    signed.write_text(f"{head}\n{signature}\n\n{message}\n")
    git(folder, "update-ref", "HEAD", git(folder, "hash-object", "-t", "commit", "-w", "commit.txt"))
    signed.unlink()


def test_nothing_in_a_repositorys_configuration_runs(
    run_stages: Run, tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    sign(repository)
    settings = (
        "core.fsmonitor", "core.pager", "pager.log", "core.sshCommand", "core.gitProxy", "diff.external", "diff.x.textconv",
        "diff.x.command", "filter.x.smudge", "filter.x.process", "gpg.program", "gpg.openpgp.program", "core.editor",
        "core.askPass", "core.alternateRefsCommand", "alias.log", "alias.ls-tree", "credential.helper",
    )  # fmt: skip
    for setting in settings:
        git(repository, "config", setting, f"!{trap}" if setting.startswith("alias") else str(trap))
    git(repository, "config", "log.showSignature", "true")
    (repository / ".git" / "info" / "attributes").write_text("*.py diff=x filter=x\n")
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (repository / ".git" / "hooks" / hook).write_text(trap.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    monkeypatch.setenv("PAGER", str(trap))
    assert "side.py" in ingest(run_stages, tmp_path / "run", repository).kept
    assert not (tmp_path / "sprung").exists()
    git(repository, "log", "-1")
    assert (tmp_path / "sprung").exists(), "the trap itself works"


def test_what_a_partial_clone_lacks_is_not_fetched(run_stages: Run, tmp_path: Path, repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:side.py")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for setting, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::touch {tmp_path}/sprung",
        "protocol.ext.allow": "always",
    }.items():
        git(repository, "config", setting, value)
    found = ingest(run_stages, tmp_path / "run", repository)
    assert found.quarantined["side.py"] == "missing_object"
    assert not (tmp_path / "sprung").exists()
    subprocess.run(["git", "-C", str(repository), "cat-file", "-p", blob], capture_output=True)
    assert (tmp_path / "sprung").exists(), "the trap itself works"


def test_a_working_copy_whose_git_folder_points_elsewhere_is_a_folder(
    run_stages: Run, tmp_path: Path, repository: Path
) -> None:
    other = tmp_path / "other"
    (other / "pkg").mkdir(parents=True)
    (other / "pkg" / "own.py").write_text(PYTHON)
    (other / ".git").write_text(f"gitdir: {repository}/.git\n")
    found = ingest(run_stages, tmp_path / "run", other)
    assert set(found.kept) == {"pkg/own.py"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git@example.org:ada/tools.git", ("example.org", "ada/tools")),
        ("ssh://git@example.org:22/ada/tools", ("example.org", "ada/tools")),
        ("https://token@example.org/group/ada/tools/", ("example.org", "group/ada/tools")),
        ("/home/ada/tools", None),
        ("../tools", None),
    ],
)
def test_addresses_of_remotes(address: str, expected: tuple[str, str] | None) -> None:
    found = _REMOTE.fullmatch(address)
    assert (found and found.groups()) == expected


def test_a_folder_with_its_repositories_and_a_licence_beside_them(run_stages: Run, tmp_path: Path) -> None:
    root = tmp_path / "projects"
    for name in ("alpha", "beta"):
        (root / name).mkdir(parents=True)
        (root / name / "code.py").write_text(f"{name} = 1\n")
    (root / "package.json").write_text('{"license": "MIT"}')
    (root / "beta" / "package.json").write_text('{"license": "ISC"}')
    found = ingest(run_stages, tmp_path / "run", root)
    assert found.kept["alpha/code.py"]["license"] == "MIT"
    assert found.kept["beta/code.py"]["license"] == "ISC"
    assert found.kept["beta/code.py"]["repo"] == "projects/beta"


def test_the_sources_that_every_machine_has(run_stages: Run, tmp_path: Path) -> None:
    found = ingest(run_stages, tmp_path / "run", "stdlib", languages=["cython", "python"], workers=2)
    assert found.kept["json/decoder.py"]["repo"] == "cpython/json"
    assert found.kept["json/decoder.py"]["license"] == "PSF-2.0"
    assert dict(found.kept["json/decoder.py"]["meta"])["source"] == "stdlib"
