"""Text as it is written, made plain: one form for signs that look or mean the same.

Typographic quotes and dashes, full-width letters, ligatures, squared units (㎞) and combined marks get
their plain form; what is not to be seen (soft hyphen, zero-width space) goes. Places are kept, so that
a find in the plain text can be shown in the text as it was written.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby

APOSTROPHES = str.maketrans(dict.fromkeys("’´ʼ＇ʹ′‛", "'"))
"""Apostrophes as on a typewriter; an opening quotation mark stays."""

STRAIGHT = APOSTROPHES | str.maketrans(
    dict.fromkeys("‘`", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‑‐−–⁃", "-") | {"—": " "}
)
"""Quotation marks and dashes as on a typewriter; lengths, and so places in the text, stay."""

_UNFOLDED = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i"}
# Read as they are: their plain form has another meaning (m2) or less (No).
_KEPT = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹№℅™℠…½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚´¨`")


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain text and, for each of its characters, the stretch `[starts[i], ends[i])` it was."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where `[start, end)` of the plain text is in the text as written; it must not be empty."""
        return self.starts[start], self.ends[end - 1]


def plain(text: str) -> Plain:
    """The plain form of a text, with places."""
    signs: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for cluster in _clusters(text):
        form = _form(cluster)
        signs.append(form)
        starts += [at] * len(form)
        at += len(cluster)
        ends += [at] * len(form)
    return Plain("".join(signs), tuple(starts), tuple(ends))


def _clusters(text: str) -> list[str]:
    """Each character with the combining marks behind it."""
    found: list[str] = []
    for combining, group in groupby(text, lambda sign: unicodedata.category(sign)[0] == "M"):
        if combining and found:
            found[-1] += "".join(group)
        else:
            found.extend(group)
    return found


def _form(cluster: str) -> str:
    if cluster.isascii() or cluster in _KEPT or unicodedata.category(cluster[0]) == "Sk":
        return cluster.translate(STRAIGHT)
    if unicodedata.category(cluster[0]) == "Cf":
        return ""
    form = unicodedata.normalize("NFKC", cluster.translate(STRAIGHT)).translate(STRAIGHT)
    if unicodedata.category(cluster[0]) == "No" and form.isdigit():
        return f"{form} "  # ①② are two numbers
    if "\u3371" <= cluster <= "\u33df":  # squared units: ㎡ is m2 there, m² here
        form = form.replace("2", "²").replace("3", "³")
    return form.replace("\u2044", "/")


def fold(word: str) -> str:
    """Latin letters without their accents, straight quotes: "Café" is "Cafe"."""
    bare = unicodedata.normalize("NFKD", word.translate(STRAIGHT))
    bare = "".join(sign for sign in bare if not unicodedata.combining(sign))
    return "".join(_UNFOLDED.get(sign.lower(), sign) for sign in bare)


def folded(word: str) -> str:
    """The form by which two written words are the same word: lower case, plain signs; accents stay."""
    return plain(word).text.lower()
