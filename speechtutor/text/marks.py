"""Marks between words: where a reader may pause, and where a sentence ends.

One table for judging pauses, for the model voice and for grammar, so that they agree.
"""

from __future__ import annotations

import re

SENTENCE_MARKS = ".!?…。"
"""End a sentence; so does a line end."""

PHRASE_MARKS = ',;:–—―()[]{}"“”„«»‹›/|•·\t'
"""Let a reader pause inside a sentence; so does a hyphen or a quotation mark between spaces."""

SENTENCE_END = re.compile(rf"[{SENTENCE_MARKS}\n\r\u2028\u2029]")

PAUSE = re.compile(
    rf"""{SENTENCE_END.pattern}|[{re.escape(PHRASE_MARKS)}]
    |\s[-‐‑−*=<>~]+\s|\s[‘']|[’']\s|--""",
    re.VERBOSE,
)
"""Where a pause is no mistake, in what stands between two words."""


def may_pause(between: str) -> bool:
    """Whether a reader may stop at what stands between two words: "…", " - ", "(", a line end."""
    return bool(PAUSE.search(between))


def asks_pause(between: str) -> bool:
    """Whether a listener misses a pause there: after ".", "!", "?" and ";", not at "…" or a line end."""
    return any(sign in ".!?;。" for sign in between)


def ends_sentence(between: str) -> bool:
    """Whether a sentence ends in what stands between two words."""
    return bool(SENTENCE_END.search(between))


def is_sentence_mark(token: str) -> bool:
    """Whether a token of its own, such as "?" or "...", ends a sentence."""
    return bool(token) and all(sign in SENTENCE_MARKS for sign in token)
