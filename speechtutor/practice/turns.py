"""What a learner's turn is, by its words alone: a call for help, a greeting, a goodbye, a question."""

from __future__ import annotations

from collections.abc import Sequence

_HELP = (
    "what should i say", "i don't understand", "i do not understand", "i don't know", "i do not know",
    "what do you mean", "repeat", "say it again", "say that again", "once more", "slower", "more slowly",
    "pardon", "no idea",
)  # fmt: skip
_HELP_ALONE = frozenset("help hint".split()), frozenset("a can could give i me need please some you".split())
"""Words that ask for help when nothing but the others is said."""
_HELP_WORDS = 8
_NO = frozenset("no not don't doesn't isn't never without won't can't cannot".split())
_REACH = 3
_GREETINGS = frozenset(
    "hello hi hey good morning afternoon evening day dear sir madam there everyone nice to meet you".split()
)
_GREETING = frozenset("hello hi hey morning afternoon evening nice".split())
_NAMED = ("my name is", "i am called", "call me")
_GOODBYES = frozenset(
    "bye goodbye good see you later soon tomorrow thank thanks so much very ok okay".split()
)
_GOODBYE = frozenset("bye goodbye".split())
_ASKING = frozenset("what when where why who which how".split())
_ASKED_BY = frozenset(
    "is are do does did can could will would about much many time was were long far".split()
)


def asks_help(words: Sequence[str]) -> bool:
    """Whether somebody is stuck and says so."""
    asked, around = _HELP_ALONE
    alone = bool(set(words) & asked) and set(words) <= asked | around
    return alone or (len(words) <= _HELP_WORDS and any(holds(words, phrase) for phrase in _HELP))


def greets(words: Sequence[str]) -> bool:
    """Whether nothing is said but hello, or hello and a name."""
    if set(words) & _GREETING and set(words) <= _GREETINGS:
        return True
    for phrase in _NAMED:
        at = place(words, phrase)
        if at is not None:
            rest = len(words) - at - len(phrase.split())
            return set(words[:at]) <= _GREETINGS and rest <= 2
    return False


def leaves(words: Sequence[str]) -> bool:
    """Whether nothing is said but goodbye."""
    return bool(set(words) & _GOODBYE) and set(words) <= _GOODBYES


def asks(words: Sequence[str]) -> bool:
    """Whether it is a question with a question word: "how much is it", not "when I was young"."""
    return len(words) > 2 and words[0] in _ASKING and words[1] in _ASKED_BY


def holds(words: Sequence[str], phrase: str) -> bool:
    """Whether the words of a phrase stand together among the words."""
    return place(words, phrase) is not None


def place(words: Sequence[str], phrase: str) -> int | None:
    """Where a phrase begins, None where it is not said."""
    part = phrase.split()
    places = range(len(words) - len(part) + 1)
    return next((i for i in places if list(words[i : i + len(part)]) == part), None)


def denied(words: Sequence[str], phrase: str) -> bool:
    """Whether a "no" stands shortly before a phrase that is none itself."""
    at = place(words, phrase) or 0
    return not set(phrase.split()) & _NO and bool(set(words[max(at - _REACH, 0) : at]) & _NO)
