"""`package`: which functions are shown, which answers call them as they are, and a whole run with a scripted teacher."""

import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.core.records import Reject
from codewright.core.rng import stable_hash
from codewright.models.model import Reply, Sampling
from codewright.synthesis.methods.package import module_of, read_apis, uses
from tests.corpus.documents import make_document, write_corpus
from tests.synthesis.rows import bytes_of
from tests.synthesis.slow_teacher import SlowTeacher

SOURCE = '''
import os
from contextlib import contextmanager

def send(url, /, data=None, *, timeout: float = 5.0) -> "Answer":
    """Send data to an address."""

def bare(x):
    return x

def _hidden(x):
    """Nobody's business."""

@app.command()
def command(x):
    """Called by others."""

@contextmanager
def opened(path: str):
    """Open."""

class Session:
    """Keeps connections."""
    def __init__(self, retries: int, **options):
        self.retries = retries

class Child(Session):
    """Has another's constructor."""

async def fetch(*urls, **headers):
    """Fetch many."""
'''


def test_shown_is_what_is_public_documented_and_called_as_it_is_written() -> None:
    assert [one.header for one in read_apis(SOURCE)] == [
        "def send(url, /, data=None, *, timeout: float=5.0) -> 'Answer'",
        "def opened(path: str)",
        "class Session(retries: int, **options)",
        "async def fetch(*urls, **headers)",
    ]
    assert list(read_apis("def f(:")) == []


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("net/api.py", "net.api"),
        ("src/net/__init__.py", "net"),
        ("lib/python/net/api.py", "net.api"),
        ("net/_private.py", ""),
        ("net/_vendor/api.py", ""),
        ("tests/api.py", ""),
        ("net/test_api.py", ""),
        ("setup.py", ""),
        ("net/a-b.py", ""),
        ("net/api.pyi", ""),
        ("__init__.py", ""),
    ],
)
def test_modules_are_named_as_they_are_imported(path: str, module: str) -> None:
    assert module_of(make_document("x = 1\n", path)) == module


CALLS = {
    "import net\nnet.send('u', timeout=1)": ["send"],
    "import net.api as n\nn.send('u', b'x')": ["send"],
    "from net.api import send as s, Session\ns('u')\nSession(3, proxy='p')": ["Session", "send"],
    "from net import *\nsend('u')": "api_not_used",
    "import other\nother.send('u')": "api_not_used",
    "def send(x): pass\nsend('u')": "api_not_used",
    "import net\nnet.unknown('u')": "api_not_used",
    "import net\nnet.send(url='u')": "wrong_call",
    "import net\nnet.send('u', retries=3)": "wrong_call",
    "import net\nnet.send()": "wrong_call",
    "import net\nnet.Session()": "wrong_call",
    "import net\nnet.send(*parts)": ["send"],
    "import net\nnet.send(*parts, retries=3)": "wrong_call",
    "import net\nnet.fetch('a', 'b', agent='c')": ["fetch"],
    "import net\nnet.send(": "syntax_error",
}


@pytest.mark.parametrize("code", CALLS)
def test_calls_are_held_against_the_signatures(code: str) -> None:
    found = uses(f"Thus:\n\n```python\n{code}\n```", "net", list(read_apis(SOURCE)))
    assert (found.reason if isinstance(found, Reject) else found) == CALLS[code]
    assert uses(code, "net", list(read_apis(SOURCE))) == Reject("no_code", "the answer holds no fenced block")


def teacher(prompt: str, sampling: Sampling) -> Reply:
    """Ask and answer, well or in one of the ways models fail; known from the request alone."""
    rng = random.Random(stable_hash("package", prompt, sampling.seed))
    [module] = re.findall(r"The Python module `(.+?)` has", prompt)
    [first, *_] = re.findall(r"^def (\w+)\(", prompt, re.M)
    task = f"How do I scale {rng.randrange(10**9)} with {module}? " + "It matters. " * rng.randint(0, 80)
    code = f"from {module} import {first}\n\nprint({first}({rng.randrange(99)}))"
    forms = {
        "good": f"## Question\n{task}\n## Answer\nSo:\n```python\n{code}\n```",
        "bold": f"**Question:**\n{task}\n\n**Answer:**\n```python\n{code}\n```\n"
        + "And so on. " * rng.randint(0, 90),
        "wrong": f"## Question\n{task}\n## Answer\n```python\n{code.replace('(', '(1, 2, ')}\n```",
        "other": f"## Question\n{task}\n## Answer\n```python\nprint(1)\n```",
        "words": f"## Question\n{task}\n## Answer\nUse {first}.",
        "broken": f"## Question\n{task}\n## Answer\n```python\n{code}(\n```",
        "no headings": task,
        "empty": "",
    }
    kind = rng.choices([*forms, "length"], [8, 4, 1, 1, 1, 1, 1, 1, 1])[0]
    text = forms["good"][:40] if kind == "length" else forms[kind]
    return Reply(text, "length" if kind == "length" else "stop", len(prompt.split()), len(text.split()))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    text = 'def scale_{0}(x, by=2):\n    """Multiply."""\n    return x * by\n\ndef half_{0}(x):\n    """Halve."""\n    return x / 2\n'
    documents = [make_document(text.format(number), f"pkg{number}/tools.py") for number in range(60)]
    aside = [make_document(text.format(number), f"tests/test_{number}.py") for number in range(60, 65)]
    return write_corpus(tmp_path / "corpus", [*documents, *aside])


@pytest.fixture
def synth(synth_by: Callable[..., Dataset], corpus: Path) -> Callable[..., Dataset]:
    return partial(synth_by, "package", corpus=str(corpus))


def test_rows_call_what_was_shown_and_all_others_have_their_reason(synth: Callable[..., Dataset]) -> None:
    dataset = synth(SlowTeacher(teacher), rows=50)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 50
    assert {
        "wrong_call",
        "api_not_used",
        "no_code",
        "syntax_error",
        "unparsable",
        "cut_off",
        "empty_reply",
    } <= set(counts.dropped)
    assert dataset.manifest.details["documents_left_out"] == {"no_public_api": 5}
    for row in dataset.rows():
        module, names = row["origin"]["place"].split(": ")
        answer = row["messages"][1]["content"]
        assert all(f"{name}(" in answer for name in names.split(", "))
        assert f"from {module} import" in answer


def test_equal_replies_give_equal_rows_in_any_order_and_after_any_stop(synth: Callable[..., Dataset]) -> None:
    plain = synth(SlowTeacher(teacher, 1), "plain", rows=30)
    assert bytes_of(synth(SlowTeacher(teacher, 2), "other", rows=30)) == bytes_of(plain)
    with pytest.raises(ConfigError, match="the server is gone"):
        synth(SlowTeacher(teacher, 3, fail_after=20, error=ConfigError), "cut", rows=30)
    assert bytes_of(synth(SlowTeacher(teacher, 4), "cut", rows=30)) == bytes_of(plain)


def test_a_corpus_without_packages_says_so(synth_by: Callable[..., Dataset], tmp_path: Path) -> None:
    scripts = write_corpus(tmp_path / "scripts", [make_document("print(1)\n", "run.py")])
    model = SlowTeacher(teacher)
    with pytest.raises(ConfigError, match="method package made no row from its seeds .1 no_public_api"):
        synth_by("package", model, corpus=str(scripts), rows=5)
    assert not model.asked
