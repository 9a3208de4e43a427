"""Marks of punctuation as a language writes them: after or before a Chinese character they are full-width."""

from __future__ import annotations

import re
from html.parser import HTMLParser

CHINESE = r"[\u3001-\u303f\u3400-\u9fff\uff00-\uffef]"
WRONG = re.compile(rf"{CHINESE}\s*(?:[,?!;:()]|\.(?!\w))|[.,?!;:()]\s*{CHINESE}")
"""A half-width mark beside a Chinese character or mark; a point may begin the ending of a file's name."""
READ_ALOUD = ("aria-label", "title", "alt", "placeholder")


class _Pieces(HTMLParser):
    """The texts of a page and of attributes that are read aloud; each block is a text of its own."""

    INLINE = frozenset({"b", "span", "small", "i", "em", "strong", "ins", "del", "a"})

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.now = ""
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read += [value for name, value in attrs if name in READ_ALOUD and value]
        self.hidden += tag in ("style", "script")
        self._end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "script")
        self._end(tag)

    def handle_data(self, data: str) -> None:
        self.now += "" if self.hidden else data

    def _end(self, tag: str) -> None:
        if tag not in self.INLINE:
            self.read.append(self.now)
            self.now = ""


def half_width(html: str) -> list[str]:
    """The places of a page or of a plain text where a half-width mark stands beside a Chinese character."""
    parser = _Pieces()
    parser.feed(html)
    parser.close()
    parser._end("")
    return [text.strip() for text in parser.read if WRONG.search(text)]
