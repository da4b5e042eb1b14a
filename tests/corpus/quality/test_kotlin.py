"""Kotlin's rule set: what it counts, worked out by hand, what it drops and what it keeps."""

from typing import Any

import pytest

from codewright.corpus.quality.splitting import split_by_syntax
from codewright.corpus.quality.text_view import TextView
from tests.corpus.quality.measured import BOOKS, values_of, verdict_of

GOOD = '''package org.example.cache

import java.time.Clock
import java.time.Duration

/** What is kept for a while. /* Not for ever. */ */
data class Entry<V>(val value: V, val expires: Long)

class TimedCache<K, V>(private val lifetime: Duration, private val clock: Clock = Clock.systemUTC()) {
    private val entries = LinkedHashMap<K, Entry<V>>()

    @Synchronized
    fun put(key: K, value: V) {
        entries[key] = Entry(value, clock.millis() + lifetime.toMillis())
        if (entries.size > LIMIT) {
            val oldest = entries.keys.first()
            entries.remove(oldest)
        }
    }

    @Synchronized
    operator fun get(key: K): V? {
        val found = entries[key] ?: return null
        return if (found.expires > clock.millis()) {
            found.value
        } else {
            entries.remove(key)
            null
        }
    }

    inline fun getOrPut(key: K, make: () -> V): V {
        get(key)?.let { return it }
        return make().also { put(key, it) }
    }

    override fun toString() = """cache of ${entries.size} \\""" + "// entries"

    companion object {
        const val LIMIT = 1000
    }
}
'''

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "omega", "rho", "sigma", "tau", "upsilon"]  # fmt: skip

BAD = {
    "frac_lines_func_ratio": "".join(f"external fun {name}(value: Int): Long\n" for name in NAMES),
    "frac_lines_import": "package a\n" + "".join(f"import org.{name}.Thing\n" for name in NAMES),
    "score_lines_no_logic": "data class Row(\n" + "".join(f"    val {name}: String? = null,\n" for name in NAMES) + ")\n",
    "frac_lines_print": "".join(f'println("{name} was reached")\n' for name in NAMES),
    "frac_lines_stub": "class A : B {\n" + "".join(f'override fun {name}() {{\n    TODO("Not yet")\n}}\n' for name in NAMES) + "}\n",
}  # fmt: skip

RULES = [rule for rule in BOOKS["fixed"].sets["code/kotlin"].rules if rule.group == "specific"]


def test_a_good_file_is_kept() -> None:
    verdict = verdict_of(GOOD, "kotlin", "TimedCache.kt")
    assert verdict.rule_set == "code/kotlin"
    assert verdict.fired == {}
    assert verdict.keep


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_fires(rule: str) -> None:
    assert f"qsc_codekotlin_{rule}" in verdict_of(BAD[rule], "kotlin", "A.kt").fired
    assert {f"qsc_codekotlin_{name}" for name in BAD} == {one.name for one in RULES}


def test_what_is_counted() -> None:
    content = """package a
import b.C
@Suppress("x") internal class D(val e: Int) {
    lateinit var f: C
    private val g: Int = 1
    val h: Int get() = 2
    @JvmStatic override fun i(j: Int) {
        print(j)
        TODO("fun")
    }
}
"""
    found = values_of(content, "kotlin", "a.kt")
    assert found["frac_lines_func_ratio"] == close(1 / 11)
    assert found["frac_lines_import"] == close(1 / 11)
    # The import, the class, `f`, `g` and the function; what `h` gets is logic.
    assert found["score_lines_no_logic"] == close(5 / 11)
    assert found["frac_lines_print"] == close(1 / 11)
    assert found["frac_lines_stub"] == close(1 / 11)


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("fun f() = 1", 1), ("public suspend inline fun <T> T.f() {", 1), ('@Throws(A::class) fun f()', 1), ("fun interface F {", 1),
        ("val f = fun(a: Int) = a", 0), ("funny(a)", 0), ("object : A {", 0), ("companion object {", 1), ("data object A", 1),
        ("sealed interface A", 1), ("typealias A = B", 1), ("enum class A {", 1), ("A::class.java", 0), ("import a.*", 1),
        ("important()", 0), ("abstract val a: (B) -> C", 1), ("val a: B by lazy { c }", 0), ("val a: B = c()", 0),
        ('override var a: String? = "b",', 1), ("var a: Float = -1.5f", 1), ("val a = 1", 0), ("return b", 0),
    ],
)  # fmt: skip
def test_what_holds_no_logic(line: str, counts: int) -> None:
    assert values_of(line + "\n", "kotlin", "a.kt")["score_lines_no_logic"] == counts


@pytest.mark.parametrize("piece", ["fun ", "@a(", "val a: ", '"', "/*"])
def test_a_line_of_ten_megabytes_and_what_is_never_closed_end(piece: str) -> None:
    content = piece * (10_000_000 // len(piece))
    view = TextView(
        content, "a.kt", "kotlin", "en", len(content), BOOKS["fixed"].corrections, split_by_syntax
    )
    for rule in RULES:
        value = rule.function(view)
        assert value is None or 0 <= value <= 2, rule.name


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-8)
