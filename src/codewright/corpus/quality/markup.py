"""How much of an HTML file is text: by Python's HTML parser (`reference`) or in one linear pass over the bytes (`fixed`)."""

from html.entities import name2codepoint
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality.characters import Points
from codewright.corpus.quality.text_view import TextView

_HIDDEN = ("script", "style", "template")
"""Elements whose content is no text."""

_KEEPING = ("pre", "textarea")
"""Elements whose white space is kept."""

_BLANKS = " \t\n\r\f\v"


def text_length(view: TextView) -> int:
    """Count the characters of text: white space kept, references resolved; no scripts, styles, templates or comments."""
    if not view.corrections:  # the results are the same, this one takes longer
        parser = _TextParser()
        parser.feed(view.content)
        parser.close()
        return parser.length
    return int(_text_length(view.points, _ENDINGS))


class _TextParser(HTMLParser):
    """Adds up text as BeautifulSoup keeps it: a node that is only white space is one character, but not within `pre`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.length = 0
        self._hidden: list[str] = []
        self._kept_blanks: list[str] = []
        self._node: list[str] = []

    def _end_node(self) -> None:
        text = "".join(self._node)
        self._node.clear()
        if not self._hidden:
            blank = not text.strip(_BLANKS) and not self._kept_blanks
            self.length += min(len(text), 1) if blank else len(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._end_node()
        if tag in _HIDDEN:
            self._hidden.append(tag)
        if tag in _KEEPING:
            self._kept_blanks.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs
        self._end_node()

    def handle_endtag(self, tag: str) -> None:
        self._end_node()
        for open_tags in (self._hidden, self._kept_blanks):
            if tag in open_tags:
                while open_tags.pop() != tag:
                    pass

    def handle_comment(self, data: str) -> None:
        del data
        self._end_node()

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)

    def handle_data(self, data: str) -> None:
        self._node.append(data)

    def handle_charref(self, name: str) -> None:
        del name
        self._node.append("x")

    def handle_entityref(self, name: str) -> None:
        self._node.append("x" if name in name2codepoint else f"&{name}")

    def close(self) -> None:
        super().close()
        self._end_node()


def _endings() -> NDArray[np.uint32]:
    """Make `</script`, `</style`, `</template`, then `</pre`, `</textarea` as rows of code points, zeros behind."""
    tags = _HIDDEN + _KEEPING
    table = np.zeros((len(tags), 12), np.uint32)
    for row, tag in zip(table, tags, strict=True):
        row[: len(tag) + 2] = list(map(ord, "</" + tag))
    return table


_ENDINGS = _endings()


@compiled
def _stands(points: Points, at: int, row: NDArray[np.uint32], skip: int) -> bool:
    """Tell whether a tag of this name stands at a place, in any case; skip: 1 for the opening, whose slash is left out."""
    place = at + 1
    for k in range(1 + skip, len(row)):
        point = points[place] | np.uint32(32) if place < len(points) else np.uint32(0)
        if row[k] == 0:
            return not (97 <= point <= 122 or 48 <= point <= 57 or point == 45)
        if point != row[k] | np.uint32(32):
            return False
        place += 1
    return True


@compiled
def _close(points: Points, at: int) -> int:
    """Return the place after the `>` that ends the tag at hand, quoted values passed over; the text's end if there is none."""
    n = len(points)
    quote = np.uint32(0)
    while at < n:
        point = points[at]
        if quote:
            if point == quote:
                quote = np.uint32(0)
        elif (point == 34 or point == 39) and points[at - 1] == 61:
            quote = point
        elif point == 62:
            return at + 1
        at += 1
    return n


@compiled
def _text_length(points: Points, endings: NDArray[np.uint32]) -> int:
    """Add up text; a node (what stands between two tags) that is blank counts one, but not within the last two tags."""
    n = len(points)
    length = i = node = kept = 0
    blank = True
    while i < n:
        point = points[i]
        after = points[i + 1] if i + 1 < n else np.uint32(0)
        letter = after | np.uint32(32)
        if point == 38 and ((97 <= letter <= 122) or after == 35):
            k = i + 1
            while k < n and k < i + 32 and points[k] != 59 and points[k] > 32 and points[k] != 60:
                k += 1
            node += 1
            blank = False
            i = k + 1 if k < n and points[k] == 59 else i + 1
            continue
        if point != 60 or not ((97 <= letter <= 122) or after == 33 or after == 47 or after == 63):
            node += 1
            blank &= point == 32 or 9 <= point <= 13
            i += 1
            continue
        length += min(node, 1) if blank and not kept else node
        node, blank = 0, True
        if after == 33 and i + 3 < n and points[i + 2] == 45 and points[i + 3] == 45:
            i += 4
            while i + 2 < n and not (points[i] == 45 and points[i + 1] == 45 and points[i + 2] == 62):
                i += 1
            i = i + 3 if i + 2 < n else n
            continue
        hidden = -1
        for r in range(len(endings)):
            if after == 47 and r >= 3 and _stands(points, i, endings[r], 0):
                kept = max(kept - 1, 0)
            elif after != 47 and _stands(points, i, endings[r], 1):
                if r < 3:
                    hidden = r
                else:
                    kept += 1
        i = _close(points, i + 1)
        if hidden >= 0:
            while i < n and not (points[i] == 60 and _stands(points, i, endings[hidden], 0)):
                i += 1
            i = _close(points, i + 1) if i < n else n
    return length + (min(node, 1) if blank and not kept else node)
