"""Lua's rule set: what it counts, worked out by hand, what it drops and what it keeps."""

from typing import Any

import pytest

from codewright.corpus.quality.splitting import split_by_syntax
from codewright.corpus.quality.text_view import TextView
from tests.corpus.quality.measured import BOOKS, values_of, verdict_of

GOOD = """-- Queues with a limit, oldest entries first.
local insert = table.insert
local clock = require("socket").gettime

local Queue = {}
Queue.__index = Queue

--[==[ Makes one.
limit: how many entries it holds ]==]
function Queue.new(limit, name)
    assert(limit > 0, "a queue needs room")
    return setmetatable({ limit = limit, name = name, entries = {}, since = clock() }, Queue)
end

function Queue:push(entry)
    if #self.entries >= self.limit then
        local oldest = table.remove(self.entries, 1)
        if self.on_drop then
            self.on_drop(oldest)
        end
    end
    insert(self.entries, entry)
    return #self.entries
end

local function matches(entry, pattern)
    for key, wanted in pairs(pattern) do
        if entry[key] ~= wanted then
            return false
        end
    end
    return true
end

function Queue:find(pattern)
    for place, entry in ipairs(self.entries) do
        if matches(entry, pattern) then
            return place, entry
        end
    end
    return nil, "nothing found in " .. self.name
end

return Queue
"""

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "omega", "rho", "sigma", "tau", "upsilon"]  # fmt: skip

BAD = {
    "frac_lines_func_ratio": "".join(f"function M.{name}(value, other) end\n" for name in NAMES),
    "frac_lines_import": "".join(f'require "project.{name}"\n' for name in NAMES),
    "score_lines_no_logic": "".join(f"local {name} = library.{name}\n" for name in NAMES),
    "frac_lines_print": "".join(f'print("{name} was reached", {name})\n' for name in NAMES),
    "frac_lines_data": "return {\n" + "".join(f'  ["{name}"] = {{ "{name[::-1]}", 1.5, true }},\n' for name in NAMES) + "}\n",
}  # fmt: skip

RULES = [rule for rule in BOOKS["fixed"].sets["code/lua"].rules if rule.group == "specific"]


def test_a_good_file_is_kept() -> None:
    verdict = verdict_of(GOOD, "lua", "queue.lua")
    assert verdict.rule_set == "code/lua"
    assert verdict.fired == {}
    assert verdict.keep


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_fires(rule: str) -> None:
    assert f"qsc_codelua_{rule}" in verdict_of(BAD[rule], "lua", "a.lua").fired
    assert {f"qsc_codelua_{name}" for name in BAD} == {one.name for one in RULES}


def test_what_is_counted() -> None:
    content = """local a = require "a"
local b, c
local M = {
  d = 1,
  e = function(x) return x end,
}
function M.f(g)
  print(g)
  io.stderr:write(g, "print")
  return a.b(c)
end
-- print("no") function require
return M
"""
    found = values_of(content, "lua", "a.lua")
    assert found["frac_lines_func_ratio"] == close(2 / 12)
    assert found["frac_lines_import"] == close(1 / 12)
    # The two functions, the require, and `b, c`.
    assert found["score_lines_no_logic"] == close(4 / 12)
    assert found["frac_lines_print"] == close(2 / 12)
    # `d = 1,` and the brace that closes.
    assert found["frac_lines_data"] == close(2 / 12)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("function f() end", "frac_lines_func_ratio"), ("local function f()", "frac_lines_func_ratio"),
        ("a.b['c'] = function()", "frac_lines_func_ratio"), ("require'a'", "frac_lines_import"),
        ("local a <const> = require [[a]]", "frac_lines_import"), ("print 'a'", "frac_lines_print"),
        ('  [1] = "a\\"b", -- c', "frac_lines_data"), ("{ 0x1F, -2.5e3; x = nil },", "frac_lines_data"),
        ('L["a"] = "b"', "frac_lines_data"), ("theme.a = '#fff'", "frac_lines_data"), ("})", None),
        ("call(function() end)", None), ("a = required(b)", None), ("printed(a)", None), ("a = b,", None), ("f{1},", None),
        ("local require = b.c(d)", None), ("x = 'never closed,", None), ("return {", None), ("{ 1, f(2) },", None),
    ],
)  # fmt: skip
def test_what_a_line_counts_as(line: str, rule: str | None) -> None:
    found = values_of(line + "\n", "lua", "a.lua")
    for name in set(BAD) - {"score_lines_no_logic"}:
        assert found[name] == (name == rule), name


@pytest.mark.parametrize("piece", ["{", "a[", '"', "function ", "1,"])
def test_a_line_of_ten_megabytes_and_what_is_never_closed_end(piece: str) -> None:
    content = piece * (10_000_000 // len(piece))
    view = TextView(content, "a.lua", "lua", "en", len(content), BOOKS["fixed"].corrections, split_by_syntax)
    for rule in RULES:
        value = rule.function(view)
        assert value is None or 0 <= value <= 2, rule.name


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-8)
