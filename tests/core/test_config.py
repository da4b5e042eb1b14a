"""Wrong keys and values end as one line that names the place and the nearest right key."""

from dataclasses import dataclass, field

import pytest

from codewright.core.config import build, dump, strict
from codewright.core.errors import ConfigError


@strict
@dataclass(frozen=True)
class Sizes:
    rows: int
    share: float = 0.5
    names: tuple[str, ...] = ()
    options: dict[str, int] = field(default_factory=dict)


def test_values_are_typed_and_dumped_with_defaults() -> None:
    config = build(Sizes, {"rows": 3, "names": ["a", "b"]}, "here")
    assert config == Sizes(3, 0.5, ("a", "b"))
    assert dump(config) == {"rows": 3, "share": 0.5, "names": ["a", "b"], "options": {}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rosw": 3}, r"here: unknown key 'rosw' \(did you mean 'rows'\?\)"),
        ({}, "here: key 'rows' is missing"),
        ({"rows": "many"}, "here: 'rows' .*found 'many'"),
        ({"rows": 1, "names": "ab"}, "here: 'names'"),
        ({"rows": 1, "options": {"a": "b"}}, r"here: 'options\.a'"),
    ],
)
def test_wrong_values(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Sizes, values, "here")
