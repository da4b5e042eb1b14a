"""Swift's rule set: what it counts, worked out by hand, what it drops and what it keeps."""

from typing import Any

import pytest

from codewright.corpus.quality.splitting import split_by_syntax
from codewright.corpus.quality.text_view import TextView
from tests.corpus.quality.measured import BOOKS, values_of, verdict_of

GOOD = """import Foundation
#if canImport(os)
import os
#endif

/// What went wrong. /* Not all of it. */
enum ReaderError: Error {
    case tooLong(limit: Int)
    case notText
}

public final class LineReader {
    private let limit: Int
    private var pending = Data()

    public init(limit: Int = 4096) {
        self.limit = limit
    }

    @discardableResult
    public func feed(_ chunk: Data, each body: (String) throws -> Void) throws -> Int {
        pending.append(chunk)
        var count = 0
        while let end = pending.firstIndex(of: 10) {
            guard let line = String(data: pending[..<end], encoding: .utf8) else {
                throw ReaderError.notText
            }
            try body(line)
            count += 1
            pending.removeSubrange(...end)
        }
        if pending.count > limit {
            throw ReaderError.tooLong(limit: limit)
        }
        return count
    }

    class func describe(_ error: ReaderError) -> String {
        switch error {
        case .tooLong(let limit):
            return #"longer than "\\#(limit)" // bytes"#
        case .notText:
            return "no text"
        }
    }
}
"""

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "omega", "rho", "sigma", "tau", "upsilon"]  # fmt: skip

BAD = {
    "frac_lines_func_ratio": "protocol A {\n" + "".join(f"    func {name}(_ value: Int) -> Bool\n" for name in NAMES) + "}\n",
    "frac_lines_import": "".join(f"@_exported import {name}\n" for name in NAMES),
    "score_lines_no_logic": "enum A: Int {\n" + "".join(f"    case {name} = {len(name)}\n" for name in NAMES) + "}\n",
    "frac_lines_print": "".join(f'print("{name} was reached")\n' for name in NAMES),
    "frac_lines_stub": "".join(f'override var {name}: Int {{\n    fatalError("not yet")\n}}\n' for name in NAMES),
    "frac_lines_condition": "".join(f"#if os({name})\nuse({name})\n#endif\n" for name in NAMES),
}  # fmt: skip

RULES = [rule for rule in BOOKS["fixed"].sets["code/swift"].rules if rule.group == "specific"]


def test_a_good_file_is_kept() -> None:
    verdict = verdict_of(GOOD, "swift", "LineReader.swift")
    assert verdict.rule_set == "code/swift"
    assert verdict.fired == {}
    assert verdict.keep


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_fires(rule: str) -> None:
    assert f"qsc_codeswift_{rule}" in verdict_of(BAD[rule], "swift", "a.swift").fired
    assert {f"qsc_codeswift_{name}" for name in BAD} == {one.name for one in RULES}


def test_what_is_counted() -> None:
    content = """@testable import A
public struct B<C>: D {
    var e: Int?
    let f: String = g()
    case h
    required convenience init?(_ i: Int) {
        NSLog(i)
    }
    @objc(j:) class func k() { fatalError() }
#if DEBUG
#endif
}
"""
    found = values_of(content, "swift", "a.swift")
    assert found["frac_lines_func_ratio"] == close(2 / 12)
    assert found["frac_lines_import"] == close(1 / 12)
    # The import, the type, `e`, the case, the initialiser and the function.
    assert found["score_lines_no_logic"] == close(6 / 12)
    assert found["frac_lines_print"] == close(1 / 12)
    assert found["frac_lines_stub"] == close(1 / 12)
    assert found["frac_lines_condition"] == close(2 / 12)


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("func f() {", 1), ("private static func == (a: B, c: B) -> Bool", 1), ("class var a: Int { 1 }", 0), ("final class A {", 1),
        ("open class override func f() {", 1), ("import struct A.B", 1), ("internal import A", 1), ("imported(a)", 0),
        ("self.init(a)", 0), ("super.init()", 0), ("init<T>(_ a: T) {", 1), ("initialise(a)", 0), ("indirect enum A {", 1),
        ("extension A: B where C == D {", 1), ("private(set) var a: B", 1), ("var a: B { get set }", 1), ("weak var a: B? = nil", 1),
        ("var a: B {", 0), ("let a: B = c()", 0), ("if let a: B = c {", 0), ("case .a:", 0), ("case a:", 0), ("case let a:", 0),
        ("case a(b: C)", 1), ("case a, b", 1), ("return a", 0),
    ],
)  # fmt: skip
def test_what_holds_no_logic(line: str, counts: int) -> None:
    assert values_of(line + "\n", "swift", "a.swift")["score_lines_no_logic"] == counts


@pytest.mark.parametrize("piece", ["func ", "@a(", "case ", "var a: ", '#"'])
def test_a_line_of_ten_megabytes_and_what_is_never_closed_end(piece: str) -> None:
    content = piece * (10_000_000 // len(piece))
    view = TextView(
        content, "a.swift", "swift", "en", len(content), BOOKS["fixed"].corrections, split_by_syntax
    )
    for rule in RULES:
        value = rule.function(view)
        assert value is None or 0 <= value <= 2, rule.name


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-8)
