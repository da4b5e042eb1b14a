"""What does the sandbox stop, and what does it promise? Prints docs/sandbox-tests.md.

    python benchmarks/attacks.py > docs/sandbox-tests.md

Carries out every attack of tests/sandbox in every mode, and runs the conformance suites of all backends and languages here.
As root it does all of it a second time as an ordinary user, who cannot write cgroups. Takes several minutes; ends with exit
code 1 if an attack got through or a suite failed.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from measuring import table

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.sandbox.ordinary_user import run_as_ordinary_user  # noqa: E402
from tests.sandbox.suite import ATTACKS, KINDS, MODES, offer_host, run_attack  # noqa: E402

from codewright.sandbox.cgroups import open_cgroup  # noqa: E402 - the attacks lie beside the tests, outside the package
from codewright.sandbox.pool import open_sandbox  # noqa: E402
from codewright.sandbox.toolchains import list_languages  # noqa: E402

CONTRACT = "tests/contracts/test_sandbox_contract.py"
LANGUAGES = "tests/sandbox/test_languages.py"
CONTAINED, MARKED, THROUGH = "contained", "forged, marked", "GOT THROUGH"
MODE_NAMES = {
    "script": "`script`, outside expectations",
    "split": "`split`",
    "inproc": "`inproc`",
}


@dataclass
class Findings:
    """What was seen by one user.

    attacks: kind and name, joined -> mode -> cell. contract: case -> backend -> cell. languages: language -> case -> cell.
    """

    who: str
    attacks: dict[str, dict[str, str]] = field(default_factory=dict)
    contract: dict[str, dict[str, str]] = field(default_factory=dict)
    languages: dict[str, dict[str, str]] = field(default_factory=dict)

    def failures(self) -> list[str]:
        """Name what does not hold."""
        tables = {"attack": self.attacks, "contract": self.contract, "language": self.languages}
        return [
            f"{what} {row}, {column}: {cell} ({self.who})"
            for what, table in tables.items()
            for row, cells in table.items()
            for column, cell in cells.items()
            if cell == THROUGH or "failed" in cell
        ]


def describe_self() -> str:
    """Say who runs this and whether the kernel counts for the sandbox."""
    cgroup = open_cgroup()
    if cgroup is not None:
        cgroup.remove()
    return f"{'root' if os.geteuid() == 0 else 'an ordinary user'}, {'with' if cgroup else 'without'} cgroups"


async def attack_all() -> dict[str, dict[str, str]]:
    """Carry out every attack in every mode, one after the other on one worker."""
    table: dict[str, dict[str, str]] = {}
    with offer_host() as things:
        async with open_sandbox(workers=1) as sandbox:
            for attack in ATTACKS:
                cells = table[f"{attack.kind}/{attack.name}"] = {}
                for mode in MODES:
                    outcome = await run_attack(sandbox, attack, mode, things)
                    marked = mode == "inproc" and attack.kind == "forged verdicts" and outcome.last.forgeable
                    cells[mode] = CONTAINED if not outcome.through else MARKED if marked else THROUGH
    return table


def run_suite(file: str) -> list[tuple[str, str, str]]:
    """Run a test file; test, parameter and passed, skipped or failed of each case."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        options = ["-q", "-p", "no:cacheprovider", "--junitxml", str(report), "-o", "junit_family=xunit1"]
        command = [sys.executable, "-m", "pytest", *options, file]
        subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False)
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return [(*_split_name(case.get("name", "")), _outcome(case)) for case in cases]


def _split_name(name: str) -> tuple[str, str]:
    test, _, parameter = name.removesuffix("]").partition("[")
    return test.removeprefix("test_").replace("_", " "), parameter


def _outcome(case: ElementTree.Element) -> str:
    if case.find("skipped") is not None:
        return "skipped"
    return "failed" if case.find("failure") is not None or case.find("error") is not None else "passed"


def check_contract() -> dict[str, dict[str, str]]:
    """One row per promise, one column per backend: how many of its cases hold."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for test, parameter, outcome in run_suite(CONTRACT):
        counts.setdefault((test, parameter.partition("-")[0]), Counter())[outcome] += 1
    table: dict[str, dict[str, str]] = {}
    for (test, backend), count in counts.items():
        bad = f", {count['failed']} failed" if count["failed"] else ""
        passed = f"{count['passed']} of {count.total()}{bad}"
        table.setdefault(test, {})[backend] = passed if count["skipped"] < count.total() else "not here"
    return table


def check_languages() -> dict[str, dict[str, str]]:
    """One row per language, one column per case."""
    table: dict[str, dict[str, str]] = {}
    for test, language, outcome in run_suite(LANGUAGES):
        if language in list_languages() and outcome != "skipped":
            table.setdefault(language, {})[test] = "yes" if outcome == "passed" else outcome
    return table


def collect() -> Findings:
    """Run everything as whoever we are."""
    return Findings(describe_self(), asyncio.run(attack_all()), check_contract(), check_languages())


def collect_as_ordinary_user() -> Findings:
    """The same as an ordinary user. Raises RuntimeError with what was said if that fails."""
    run = run_as_ordinary_user([sys.executable, __file__, "--json"])
    if not run.stdout.startswith("{"):
        raise RuntimeError(run.stderr)
    return Findings(**json.loads(run.stdout))


# ------------------------------------------------------------------------------------------------------------ Markdown


def merge(seen: list[Findings], what: str, row: str, column: str) -> str:
    """Say it once where all saw the same."""
    cells = {
        found.who: getattr(found, what)[row].get(column, "") for found in seen if row in getattr(found, what)
    }
    different = set(cells.values())
    return (
        different.pop() if len(different) == 1 else "; ".join(f"{who}: {cell}" for who, cell in cells.items())
    )


def summary(seen: list[Findings]) -> str:
    """One row per user and kind: how many attacks, how many of them contained in each mode."""
    rows = []
    for found in seen:
        for kind in KINDS:
            cells = [cells for name, cells in found.attacks.items() if name.startswith(f"{kind}/")]
            counts = [Counter(row[mode] for row in cells) for mode in MODES]
            told = [", ".join(f"{count} {cell}" for cell, count in sorted(one.items())) for one in counts]
            rows.append([found.who, kind, str(len(cells)), *told])
    return table(["run as", "kind", "attacks", *(MODE_NAMES[mode] for mode in MODES)], rows)


def attack_tables(seen: list[Findings]) -> str:
    """One table per kind."""
    parts = []
    for kind in KINDS:
        rows = [
            [
                attack.name,
                attack.tries,
                *(merge(seen, "attacks", f"{kind}/{attack.name}", mode) for mode in MODES),
            ]
            for attack in ATTACKS
            if attack.kind == kind
        ]
        parts.append(f"### {kind.capitalize()}\n{table(['attack', 'tries to', *MODES], rows)}")
    return "\n\n".join(parts)


def name_row(seen: list[Findings], what: str, row: str) -> str:
    """Add who has not seen it: a toolchain in root's home is not there for others."""
    missing = [found.who for found in seen if row not in getattr(found, what)]
    return f"{row} (not here for {'; '.join(missing)})" if missing else row


def conformance_table(seen: list[Findings], what: str, corner: str) -> str:
    """Return rows by columns of a conformance suite."""
    content: dict[str, dict[str, str]] = getattr(seen[0], what)
    columns = list(dict.fromkeys(column for cells in content.values() for column in cells))
    rows = [
        [name_row(seen, what, row), *(merge(seen, what, row, column) for column in columns)]
        for row in content
    ]
    return table([corner, *columns], rows)


DOCUMENT = """# What the sandbox's tests found

Printed by `python benchmarks/attacks.py`; not edited by hand. The walls and their limits are in sandbox-security.md.

## Attacks
{count} programs in `tests/sandbox` (`attacks_*.py`, `forgeries*.py`), each carried out in three modes on one worker of the
`namespace` backend, so that each meets what the others have left. *Contained* means: it did not get what it tries to get, its
result says how it ended, and, after an attack on resources, a plain program still ran. In `script` whoever runs the program
compares what it prints with the expected output. In `inproc` solution and tests share a process, so a verdict can be
forged there, and every result says `forgeable`.

{summary}

Attacks that only look succeed on `unsafe`, which isolates nothing, and every forgery for one process succeeds in `inproc`
or where an exit code is believed (`test_attacks.py`): otherwise being contained would prove nothing.

{attacks}

## Conformance of the backends
Cases of `{contract}` that hold.

{contract_table}

## Conformance of the languages
`{languages}` on `namespace`, for every language whose toolchain is here; empty: no such case.

{language_table}
"""


def document(seen: list[Findings]) -> str:
    """Return docs/sandbox-tests.md."""
    return DOCUMENT.format(
        count=len(ATTACKS),
        summary=summary(seen),
        attacks=attack_tables(seen),
        contract=CONTRACT,
        contract_table=conformance_table(seen, "contract", "promise"),
        languages=LANGUAGES,
        language_table=conformance_table(seen, "languages", "language"),
    )


def main() -> int:
    """Print the document, or with --json what one user has found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only as who we are, and print it as JSON")
    if parser.parse_args().json:
        print(json.dumps(asdict(collect())))
        return 0
    seen = [collect()]
    if os.geteuid() == 0:
        seen.append(collect_as_ordinary_user())
    print(document(seen), end="")
    failures = [failure for found in seen for failure in found.failures()]
    print("\n".join(failures), file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
