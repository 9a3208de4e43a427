"""What a learner says beside the talk: questions about English, and answers to something else.

Questions are answered from what we hold alone: our own sentences, the forms of words (lemminflect), the
lexicon and the respellings. A meaning is nowhere in these, so none is made up: a sentence that has the word
is given instead, and what is not known is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from speechtutor.content.tables import sentence_bank, sounds, word_set
from speechtutor.errors import TextError
from speechtutor.grammar import morphology
from speechtutor.practice.levels import LEVELS, word_levels, words_of
from speechtutor.practice.scenarios import Step, scenarios
from speechtutor.practice.turns import place
from speechtutor.text.phones import pronounce

LONGEST = 9
"""Words of a question about a word; in longer talk the same phrases mean something else."""

OFF = 4
"""Words from which an answer can be about something else; a shorter one may be anything."""

_MEANING = (
    ("what does", "mean"),
    ("what do", "mean"),
    ("what is the meaning of", ""),
    ("the meaning of", ""),
)
_SOUND = ("how do you say", "how do i say", "how to say", "how do you pronounce", "how do i pronounce",
          "how to pronounce")  # fmt: skip
_SPELLING = ("how do you spell", "how do i spell", "how to spell")
_WHY = ("why is it", "why do you say", "why do we say", "why not", "why")
_LANGUAGE = frozenset("in chinese spanish mandarin french my language".split())
_FILLER = frozenset("the a an word please mean means this it that you i".split())

FORMS = {
    "VBD": '"{word}" is the past of "{base}": today I {base}, yesterday I {word}.',
    "VBN": '"{word}" goes with "have" or "be"; it is a form of "{base}".',
    "VBZ": 'After he, she and it we say "{word}"; after I, you and they "{base}".',
    "VBG": '"{word}" is "{base}" while it goes on: I am {word}.',
    "NNS": '"{word}" is more than one {base}.',
    "JJR": '"{word}" compares two; the word is "{base}".',
    "JJS": '"{word}" is for one of many; the word is "{base}".',
}
"""What a form of a word says, by its Penn tag, the first that fits."""
_KIND = {"V": "VERB", "N": "NOUN", "J": "ADJ"}
ARTICLE = 'We say "an" before a vowel sound, such as "an apple", and "a" before all others.'
UNKNOWN_WHY = "I do not know why, sorry. I can only tell you the forms of a word."
UNKNOWN_WORD = 'I do not know the word "{word}", sorry.'
NO_TRANSLATION = "I speak English only, sorry, so I cannot translate it."


def answered(words: Sequence[str]) -> str | None:
    """The answer to a question about English, None where it is none."""
    if len(words) > LONGEST:
        return None
    for before, after in _MEANING:
        if (asked := _between(words, before, after)) is not None:
            return _meaning(asked)
    for phrase in (*_SOUND, *_SPELLING):
        if (asked := _between(words, phrase, "")) is not None:
            if set(words) & _LANGUAGE - {"in", "my"}:
                return NO_TRANSLATION
            return _spelled(asked) if phrase in _SPELLING else _pronounced(asked)
    for phrase in _WHY:
        if words and words[0] == "why" and (asked := _between(words, phrase, "")) is not None:
            return _why(asked)
    return None


def _between(words: Sequence[str], before: str, after: str) -> str | None:
    """The one word that is asked about, between two phrases; None where there is none or several."""
    at = place(words, before)
    if at is None:
        return None
    rest = list(words[at + len(before.split()) :])
    if after:
        if after not in rest:
            return None
        rest = rest[: rest.index(after)]
    asked = [word for word in rest if word not in _FILLER]
    # "Why a?" asks about the article itself.
    asked = asked or [word for word in rest if word in ("a", "an", "the")][:1]
    asked = asked[: next((i for i, word in enumerate(asked) if word in _LANGUAGE), len(asked))]
    return asked[0] if len(asked) == 1 else None


def _meaning(word: str) -> str:
    text = next((text for text in _sentences() if word in words_of(text)), "")
    level = word_levels().get(word)
    if not text:
        return UNKNOWN_WORD.format(word=word)
    told = f"It is a word of level {LEVELS[level]}. " if level is not None else ""
    return f'I have no dictionary for "{word}", sorry. {told}Here it is in a sentence: "{text}"'


@cache
def _sentences() -> tuple[str, ...]:
    """Our own sentences that have no gap, the shortest first."""
    return tuple(sorted(_said(), key=lambda text: (len(words_of(text)), text)))


def _said() -> Iterator[str]:
    yield from (one.text for one in sentence_bank())
    for script in scenarios():
        for step in script.steps:
            yield from (text for text in (*step.example.values(), *step.say.values()) if "{" not in text)


def _pronounced(word: str) -> str:
    if not morphology.known(word):
        return UNKNOWN_WORD.format(word=word)
    try:
        phones = pronounce(word)[0].pronunciations[0]
    except TextError:
        return UNKNOWN_WORD.format(word=word)
    return f'"{word}" has these sounds: {", ".join(sounds()[phone].label for phone in phones)}.'


def _spelled(word: str) -> str:
    if not morphology.known(word):
        return UNKNOWN_WORD.format(word=word)
    return f'"{word}" is written {"-".join(word.upper())}.'


def _why(word: str) -> str:
    if word in ("a", "an"):
        return ARTICLE
    told = dict(_forms(word))
    if not told:
        return UNKNOWN_WHY
    # "Books" may be of a noun and of a verb: what was meant nobody can know, so both are told.
    both = [told[tag] for tag in ("NNS", "VBZ") if tag in told]
    return " ".join(both) if len(both) > 1 else next(iter(told.values()))


def _forms(word: str) -> Iterator[tuple[str, str]]:
    """What each tag that fits says of a word."""
    for tag, text in FORMS.items():
        kind = _KIND[tag[0]]
        for base in morphology.lemmas(word).get(kind, ()):
            if base != word and word in morphology.forms(base, kind).get(tag, ()):
                yield tag, text.format(word=word, base=base)
                break


def strays(step: Step, words: Sequence[str]) -> bool:
    """Whether an answer is about something else: long enough, and no word of it is of the question.

    Asked only where the script listens for certain words; an open question has no wrong subject.
    """
    said = {word for word in words if word not in word_set("function")}
    return bool(step.options) and len(words) >= OFF and bool(said) and not said & _subject(step)


def _subject(step: Step) -> frozenset[str]:
    """The words that belong to a question: its own, those of its answers, and those listened for."""
    texts = [*step.say.values(), *step.example.values(), step.start, *step.options]
    texts += [phrase for branch in step.branches for phrase in branch.any]
    return frozenset(word for text in texts for word in words_of(text)) - word_set("function")
