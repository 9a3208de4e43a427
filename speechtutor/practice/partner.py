"""A language model puts the partner's line in its own words; a line that does not hold is said as written.

The model is shown the script's line alone, never what the learner said, and its words are held against
the line: the same kind of sentence about the same thing, of the learner's level, short and safe.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace

from speechtutor.content.tables import word_set
from speechtutor.core import Seconds
from speechtutor.errors import ServiceError
from speechtutor.practice.levels import LEVELS, problems, word_levels, words_of
from speechtutor.practice.talk import Line, Talk
from speechtutor.stages import Message, TextEngine
from speechtutor.tutor.engine import ReplyCache, timed

MAX_TOKENS = 60
MAX_CHARACTERS = 400
TIMEOUT: Seconds = 6.0
"""A talk must not wait long for a warmer word."""

MARGIN = 6
"""Words that a line may grow by."""

_EXAMPLES = (
    ("I see. What do you want to drink?", "Very good. And what would you like to drink?"),
    ("Thank you. How is the weather?", "Thank you so much. Tell me, how is the weather today?"),
    ("All right. What did you do last weekend?", "All right, good. So what did you do last weekend?"),
)
_SYSTEM = (
    "Say the line again in your own warm and simple words. Keep the question and its words. Add nothing new."
)


def prompt(line: str) -> tuple[Message, ...]:
    """The chat that asks for a line in other words."""
    turns = [Message("system", _SYSTEM)]
    for before, after in _EXAMPLES:
        turns += [Message("user", before), Message("assistant", after)]
    return (*turns, Message("user", line))


def objections(text: str, line: str, level: str) -> list[str]:
    """Why a model's words may not stand for a line at a level; an empty list when they may."""
    own = words_of(line)
    # What the script itself says is of the level, names and slots included.
    rest = re.sub(r"[A-Za-z'-]+", lambda word: "" if word[0].lower() in own else word[0], text)
    found = problems(rest, level) if words_of(rest) else []
    if re.search(r"[^A-Za-z .,;:!?'\-]", text):
        found.append("more than words and marks")
    if len(words_of(text)) > len(own) + MARGIN:
        found.append("too long")
    if text.rstrip().endswith("?") != line.rstrip().endswith("?") or text.count("?") > max(
        line.count("?"), 1
    ):
        found.append("not the same question")
    if "\n" in text.strip():
        found.append("more than one line")
    content = {word for word in words_of(_last(line)) if word not in word_set("function")}
    lost = content - set(words_of(text))
    if len(lost) > len(content) / 2 or (content and not content - lost):
        found.append(f"lost {', '.join(sorted(lost))}")
    strange = [word for word in words_of(text) if word not in own and word not in word_levels()]
    return found + ([f"unknown: {', '.join(strange)}"] if strange else [])


def _last(line: str) -> str:
    return re.split(r"(?<=[.!?])\s+", line.strip())[-1]


class Wording:
    """Puts partners' lines in a model's words; remembers them, and says the script's own otherwise."""

    def __init__(
        self, engine: TextEngine, *, timeout: Seconds = TIMEOUT, cache: ReplyCache | None = None
    ) -> None:
        """Word with `engine`, at most `timeout` seconds a line."""
        self.engine, self.timeout = engine, timeout
        self.cache = ReplyCache() if cache is None else cache

    def line(self, line: str, level: str) -> str:
        """The line in the model's words where they hold, else the line."""
        key = (self.engine.name, "partner", level, line)
        known = self.cache.get(key)
        if known is None:
            known = self._written(line, level)
            if known is None:
                return line
            self.cache.put(key, known)
        return known

    def talk(self, talk: Talk) -> Talk:
        """The talk with the partner's last line in the model's words."""
        if not talk.lines or talk.lines[-1].who != "partner" or talk.level not in LEVELS:
            return talk
        return replace(
            talk, lines=(*talk.lines[:-1], Line("partner", self.line(talk.lines[-1].text, talk.level)))
        )

    def _written(self, line: str, level: str) -> str | None:
        """What the model wrote where it holds, the line where it does not, None when the engine failed."""
        text = ""
        written = self.engine.generate(prompt(line), max_tokens=MAX_TOKENS)
        try:
            with closing(timed(written, self.timeout)) as pieces:
                for piece in pieces:
                    text += piece
                    if len(text) > MAX_CHARACTERS:
                        return line
        except ServiceError:
            return None
        return line if objections(text.strip(), line, level) else text.strip()
