"""Bytes become the right text, or are refused."""

# ruff: noqa: RUF001 - look-alikes are what this is about

import codecs

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codewright.core.errors import DataError
from codewright.corpus.decoding import Undecodable, decode

FRENCH = "# dernière année, élève, où, forêt, naïve, reçu, août\nnom = 'Père Noël'\n" * 3
GERMAN = "// Größe prüfen, ändern, löschen: für alle Schlüssel\nint größe = 0;\n"
RUSSIAN = "# Проверка того, что функция возвращает правильное значение для всех входных данных\nx = 1\n"
GREEK = "# Αυτή η συνάρτηση επιστρέφει την τιμή που ζητήθηκε από τον χρήστη\nx = 1\n"
JAPANESE = "# この関数は、入力された値が正しいかどうかを確認します。\nx = 1\n"
CHINESE = "# 这个函数检查输入的数据是否正确，然后返回计算结果，如果出现错误就抛出异常\nx = 1\n"
TAIWANESE = "# 這個函式檢查輸入的資料是否正確，然後傳回計算結果，如果發生錯誤就拋出例外\nx = 1\n"
KOREAN = "# 이 함수는 입력된 값이 올바른지 확인하고 결과를 반환합니다 그리고 오류를 처리합니다\nx = 1\n"
CZECH = "# Tato funkce zjišťuje, zda je číslo větší než předchozí, a vrátí výsledek; příliš žluťoučký kůň\n"

text = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\r"))


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        (FRENCH, "cp1252"),
        (FRENCH, "latin-1"),
        (GERMAN, "latin-1"),
        (CZECH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (GREEK, "cp1253"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gbk"),
        (TAIWANESE, "big5"),
        (KOREAN, "euc_kr"),
        ("print('don’t — “quoted”')\n", "cp1252"),
        ("/* Copyright © 2001 */\n", "latin-1"),
    ],
)
def test_legacy_encodings_are_guessed(said: str, encoding: str) -> None:
    assert decode(said.encode(encoding)).text == said


@pytest.mark.parametrize("mark", [True, False], ids=["marked", "bare"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_known_by_mark_or_by_their_nuls(encoding: str, mark: bool) -> None:
    said = "def f():\n    return 'naïve'\n" * 5
    head = "\ufeff".encode(encoding) if mark else b""
    found = decode(head + said.encode(encoding))
    assert (found.text, found.encoding) == (said, encoding)


@pytest.mark.parametrize(
    ("source", "encoding"),
    [
        ("# -*- coding: iso-8859-2 -*-\nx = 'ď'\n", "iso8859-2"),
        ("# vim: set fileencoding=cp1251 :\nx = 'щ'\n", "cp1251"),
        ("<?xml version='1.0' encoding='iso-8859-7'?>\n<a>λ</a>\n", "iso8859-7"),
        ('<html><head><meta charset="koi8-r"><p>я', "koi8-r"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1255"><p>ש', "cp1255"),
        ('@charset "shift_jis";\na::before { content: "字" }\n', "cp932"),
        ('msgstr "Content-Type: text/plain; charset=EUC-JP"\nmsgstr "字"\n', "euc_jp"),
    ],
)
def test_declarations_are_believed_when_the_bytes_agree(source: str, encoding: str) -> None:
    found = decode(source.encode(encoding))
    assert (found.text, found.encoding) == (source, encoding)


def test_what_calls_itself_latin_1_may_hold_the_quotes_of_windows() -> None:
    assert decode("# coding: latin-1\n# “é”\n".encode("cp1252")).text == "# coding: latin-1\n# “é”\n"


@pytest.mark.parametrize(
    "name", ["unicode_escape", "idna", "punycode", "utf-7", "rot13", "base64", "x" * 300, "mbcs"]
)
def test_declarations_name_tables_of_characters_and_nothing_else(name: str) -> None:
    data = b"# coding: " + name.encode() + b"\n# \xc3\x28 \xff\n"
    with pytest.raises(Undecodable) as refused:
        decode(data)
    assert refused.value.reason == "undecodable"


def test_utf_8_needs_no_mark_and_keeps_none_and_newlines_stay() -> None:
    assert decode(codecs.BOM_UTF8 + "ä\r\nb\rc\n".encode()).text == "ä\r\nb\rc\n"
    assert decode(b"").text == ""


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"\x7fELF\x02\x01\x01\0\0", "ELF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
        (b"%PDF-1.4\n1 0 obj\n", "PDF"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"PK\x03\x04\x14\0", "zip"),
        (b"text with a \0 in it", "NUL byte at 12"),
        (b"\x01\x02\x03\x04\x05\x06", "control characters"),
        (codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le"), "NUL characters"),
    ],
)
def test_binary_files_are_refused_as_such(data: bytes, detail: str) -> None:
    with pytest.raises(Undecodable, match=detail) as refused:
        decode(data)
    assert refused.value.reason == "binary"
    assert isinstance(refused.value, DataError)


@pytest.mark.parametrize(
    "data",
    [
        b"x = '\xe8'\n",  # a French or a Czech letter
        "x = '├──┤' + '═'\n".encode("cp437"),  # a frame of DOS
        ("# " + "наивно " * 10).encode() + b"\xff\xfe\n",  # UTF-8 with something broken in it
        bytes(range(128, 256)) * 4,
        codecs.BOM_UTF16_LE + b"\x00\xd8\x00\x00",  # half a character
        codecs.BOM_UTF16_BE + b"abc",
    ],
)
def test_what_is_not_certain_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


@settings(deadline=None)
@given(text, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
@example("\ufeff", "utf-8")
def test_unicode_comes_back_the_same(said: str, encoding: str) -> None:
    assert decode(said.encode(encoding)).text == said.removeprefix("\ufeff")


MEANT = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "cp1252": "cp1252",
    "koi8-r": "koi8-r",
    "big5": "big5",
    "gbk": "gb18030",
}


@settings(deadline=None)
@given(text, st.sampled_from(sorted(MEANT)))
def test_an_encoding_that_is_declared_gives_the_same_text_or_none(said: str, encoding: str) -> None:
    data = f"# coding: {encoding}\n{said}".encode(encoding, "ignore")
    try:
        found = decode(data)
    except Undecodable:
        return
    assert found.encoding in {"utf-8", MEANT[encoding]}
    assert found.text == data.decode(found.encoding)


@settings(deadline=None)
@given(
    st.one_of(st.binary(max_size=400), st.binary(max_size=60).map(lambda data: b"# caf" + data * 9 + b"\n"))
)
def test_any_bytes_give_text_that_can_be_stored_or_are_refused(data: bytes) -> None:
    try:
        found = decode(data)
    except Undecodable as error:
        assert error.reason in {"binary", "undecodable"}
        assert "\n" not in error.detail
    else:
        found.text.encode("utf-8")
        assert "\0" not in found.text


def test_tables_of_small_numbers_are_no_text() -> None:
    translations = b"\xde\x12\x04\x95" + b"".join(number.to_bytes(4, "little") for number in range(400))
    with pytest.raises(Undecodable) as refused:
        decode(translations)
    assert refused.value.reason == "binary"
