"""Personal data and secrets: the labelled set, what must stay, kinds, offsets, and texts made to be slow."""

import json
import re
from collections import Counter
from re import _parser  # type: ignore[attr-defined]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.errors import ConfigError
from codewright.core.rng import rng_for
from codewright.corpus.transforms import Edit, Options, assignments, contacts, credentials, transform
from codewright.corpus.transforms.edits import apply
from codewright.corpus.transforms.providers import PROVIDERS
from codewright.corpus.transforms.redaction import plan
from codewright.corpus.transforms.scanning import find_hits
from tests.corpus.transforms.labelled import make
from tests.corpus.transforms.made_lookalikes import LOOKALIKES
from tests.corpus.transforms.made_secrets import MAKERS, password
from tests.corpus.transforms.scoring import Scores, score


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(make(seed=2026))


def test_the_labelled_set_has_300_secrets_of_20_kinds_and_300_lookalikes(scores: Scores) -> None:
    secrets = {kind: count for (secret, kind), count in scores.total.items() if secret}
    lookalikes = {kind: count for (secret, kind), count in scores.total.items() if not secret}
    assert sum(secrets.values()) >= 300
    assert len(secrets) >= 20
    assert sum(lookalikes.values()) >= 300
    assert len(lookalikes) >= 15


def test_recall_is_at_least_95_percent(scores: Scores) -> None:
    missed = [item for item in scores.wrong if item[0] in MAKERS]
    assert scores.rate(True) >= 0.95, missed


def test_at_most_2_percent_of_the_lookalikes_are_replaced(scores: Scores) -> None:
    replaced = [item for item in scores.wrong if item[0] in LOOKALIKES]
    assert scores.rate(False) <= 0.02, replaced


def test_the_host_files_lose_little_else(scores: Scores) -> None:
    # They are real files: mails of authors are in them. Keys and passwords are not.
    others = Counter(detector for _, detector, _ in scores.others)
    assert (
        sum(count for detector, count in others.items() if detector not in {"email", "ipv4", "ipv6"}) <= 3
    ), others


def test_the_score_would_show_a_detector_that_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codewright.corpus.transforms.transforming.secret_edits", lambda *_: [])
    assert score(list(make(seed=2026))[:20]).rate(True) == 0


def test_the_score_would_show_a_detector_that_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(text: str, *_: object) -> list[Edit]:
        return [] if text == "<KEY>" else [Edit("key", "x", 0, len(text), "<KEY>")]

    monkeypatch.setattr("codewright.corpus.transforms.transforming.secret_edits", everything)
    assert score(list(make(seed=2026))[:20]).rate(False) == 1


def test_the_labelled_set_is_the_same_for_the_same_seed() -> None:
    assert list(make(seed=5)) == list(make(seed=5))
    assert list(make(seed=5)) != list(make(seed=6))


def test_each_kind_has_its_placeholder() -> None:
    rng = rng_for(3, "kinds")
    values = {kind: maker(rng) for kind, maker in MAKERS.items()}
    text = (
        f"mail {values['email']}\nhost = {values['ipv4']}\nconnect [{values['ipv6']}]\n"
        f"token = '{values['github_token']}'\nurl = 'ftp://anna:{values['url_password']}@files.net/x'\n"
    )
    done = transform(text, "python")
    assert done.content == (
        "mail <EMAIL>\nhost = <IP_ADDRESS>\nconnect [<IP_ADDRESS>]\ntoken = '<KEY>'\nurl = 'ftp://anna:<PASSWORD>@files.net/x'\n"
    )
    assert [edit.kind for edit in done.edits] == ["email", "ip_address", "ip_address", "key", "password"]


def test_edits_say_where_in_the_original_and_hold_no_secret() -> None:
    rng = rng_for(4, "where")
    value = MAKERS["github_token"](rng)
    text = f"# Übergröße 漢字 𝄞\nx = '{value}'\n"
    (edit,) = transform(text, "python").edits
    assert text[edit.offset : edit.end] == value
    assert (edit.kind, edit.detector, edit.length, edit.replacement) == (
        "key",
        "github_token",
        len(value),
        "<KEY>",
    )
    assert value not in repr(edit)


def test_only_the_kinds_that_are_asked_for_go() -> None:
    text = f"x = 'anna.petrov@gmail.com'  # {MAKERS['npm_token'](rng_for(5, 'n'))}\n"
    kinds = Options(kinds=frozenset({"email"}))
    assert [edit.kind for edit in transform(text, "python", kinds).edits] == ["email"]
    assert transform(text, "python", Options(kinds=frozenset())).content == text


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no kind 'emails' .did you mean 'email'"):
        Options(kinds=frozenset({"emails"}))


def test_a_key_file_keeps_its_frame() -> None:
    body = MAKERS["private_key"](rng_for(6, "pem"))
    account = json.dumps({"private_key": f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"})
    assert (
        transform(account, "json").content
        == '{"private_key": "-----BEGIN PRIVATE KEY-----\\n<KEY>\\n-----END PRIVATE KEY-----\\n"}'
    )


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", 'password = "{}"'), ("python", 'cursor.execute("ALTER USER x WITH PASSWORD \'{}\'")'), ("java", 'props.setProperty("db.password", "{}");'),
        ("csharp", 'var c = "Server=x;User Id=sa;Password={};Encrypt=true";'), ("yaml", "  password: {}"), ("dotenv", "DB_PASSWORD={}"), ("shell", "mysql --password={} -u x"),
        ("xml", "<password>{}</password>"), ("php", "define('DB_PASSWORD', '{}');"), ("php", "'password' => '{}',"), ("go", 'password := "{}"'), ("rust", 'let password = String::from("{}");'),
        ("ruby", "config.password = '{}'"), ("dockerfile", "ENV PASSWORD={}"), ("javascript", "const opts = {{ dbPassword: `{}` }};"), ("typescript", 'private password: string = "{}";'),
        ("perl", "$password = '{}';"), ("lua", 'cfg["password"] = "{}"'), ("c", 'static const char password[] = "{}";'), ("sql", "CREATE USER x IDENTIFIED BY '{}';"),
        ("r", 'password <- "{}"'), ("java properties", "spring.datasource.password={}"), ("kotlin", 'val password: String = "{}"'), ("swift", 'let password = "{}"'), ("json", '  "password": "{}",'),
    ],
)  # fmt: skip
def test_passwords_are_found_in_the_ways_languages_assign(language: str, line: str) -> None:
    value = "Zk8fQw2Lp9"
    done = transform(line.format(value) + "\n", language)
    assert value not in done.content
    assert "<PASSWORD>" in done.content


@pytest.mark.parametrize("seed", range(4))
def test_transforming_twice_changes_nothing_more(seed: int) -> None:
    rng = rng_for(seed, "soup")
    words = [maker(rng) for maker in MAKERS.values()] + [maker(rng) for maker in LOOKALIKES.values()]
    glue = [
        "\n",
        " ",
        '"',
        "'",
        "=",
        ": ",
        "@",
        "://",
        ":",
        ".",
        "password=",
        "token = ",
        "<",
        ">",
        ",",
        "/* ",
        " */",
        "# Copyright 2020 ",
        "",
    ]
    for _ in range(60):
        text = "".join(rng.choice(words) + rng.choice(glue) for _ in range(12))
        for language in ("python", "c", "yaml"):
            done = transform(text, language)
            assert apply(text, done.edits) == done.content
            again = transform(done.content, language)
            assert again.edits == (), (text, done.content)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="ab1.@:/=\"' \n#*-_<>pwkey", max_size=80),
    st.sampled_from(["python", "c", "yaml", "html", None]),
)
def test_any_text_comes_back_whole(text: str, language: str | None) -> None:
    done = transform(text, language)
    assert apply(text, done.edits) == done.content
    assert transform(done.content, language).edits == ()
    ends = [0, *(edit.end for edit in done.edits)]
    assert all(end <= edit.offset for end, edit in zip(ends, done.edits, strict=False))


HOSTILE = [
    "a@", "joe@ab.com ", "password=", 'password="', "81.2.193.4 ", "://a:b@", "-----BEGIN PRIVATE KEY-----", "-eyJ", ".eyJ" + "a" * 30, "2001:", "api_key=", " token: ",
    "sk-", "password: a[a, a | a]", "/* copyright */", "/* (c) ", "-*-", "{-", "\0", "é", "<password>a", "key-key-", "password" + " " * 50, "x" * 63 + "@" + "b" * 60,
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_texts_made_to_be_slow_come_back(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    done = transform(text, "c")
    assert apply(text, done.edits) == done.content
    assert transform(done.content, "c").edits == ()


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    looked_at = [
        (name, getattr(module, name))
        for module in (assignments, contacts, credentials)
        for name in module.AT_A_HIT
    ]
    return looked_at + [(provider.name, provider.pattern) for provider in PROVIDERS]


def test_what_is_matched_at_a_hit_is_of_bounded_length() -> None:
    # So the work is so many characters a hit at most, however long the line.
    for name, pattern in patterns():
        assert _parser.parse(pattern.pattern, pattern.flags).getwidth()[1] <= 10_100, name


def test_there_is_a_hit_for_so_many_characters_at_most() -> None:
    automaton = plan()[0]
    for piece in HOSTILE:
        text = piece * (20_000 // len(piece))
        assert sum(1 for _ in find_hits(text, automaton)) < len(text)


def test_made_passwords_are_of_many_forms() -> None:
    rng = rng_for(1, "forms")
    assert len({password(rng) for _ in range(100)}) > 95
