"""Make typed text look as a recogniser would have written it: capitals, apostrophes, the closing mark.

Nothing here is told to the learner as a mistake: what cannot be heard is no matter of speech.
"""

from __future__ import annotations

import re

from speechtutor.grammar import morphology as m
from speechtutor.grammar.edits import is_word, joined, tokens
from speechtutor.text.marks import is_sentence_mark

_JOINED = {
    "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "cant": "can't", "isnt": "isn't",
    "wasnt": "wasn't",
    "havent": "haven't", "hasnt": "hasn't", "wouldnt": "wouldn't", "couldnt": "couldn't",
    "shouldnt": "shouldn't",
    "wont": "won't", "arent": "aren't", "im": "I'm", "ive": "I've", "youre": "you're", "thats": "that's",
    "whats": "what's", "theres": "there's", "hes": "he's", "shes": "she's", "theyre": "they're",
    "lets": "let's",
}  # fmt: skip
_ENDINGS = frozenset("m s re ve ll d".split())
_HOSTS = frozenset("i you he she it we they that what there who where let how".split())
_NOT = frozenset("do does did is was have has would could should are were ca wo had".split())
_QUESTION = frozenset(
    """what where when why how who which whose do does did is are was were can could will would have has
    should may""".split()
)
_AFTER_ITS = (
    m.ARTICLES
    | m.SINGULAR_PRONOUNS
    | frozenset(
        """not very so really quite too also about like been going just my your good great nice cool
        awesome""".split()
    )
)


def mend(text: str) -> str:
    """The text with what speech does not show put right; words stay as they are."""
    words = _contracted(tokens(text))
    for i, word in enumerate(words):
        low = word.lower()
        after = words[i + 1].lower() if i + 1 < len(words) else ""
        if low == "i" or low.startswith("i'"):
            words[i] = "I" + word[1:]
        elif low in _JOINED and (low != "lets" or i == 0):
            words[i] = _cased(_JOINED[low], word)
        elif low == "its" and (after in _AFTER_ITS or {"VBG"} & m.tags(after)):
            words[i] = _cased("it's", word)
        if i == 0 or is_sentence_mark(words[i - 1]):
            words[i] = words[i][:1].upper() + words[i][1:]
    return joined([*words, *_closing(words)])


def _cased(word: str, like: str) -> str:
    return word[:1].upper() + word[1:] if like[:1].isupper() else word


def _contracted(words: list[str]) -> list[str]:
    """As one word what tokenisers take apart: I m, do nt."""
    made: list[str] = []
    for word in words:
        low, before = word.lower(), made[-1].lower() if made else ""
        if low in _ENDINGS and before in _HOSTS:
            made[-1] = f"{made[-1]}'{low}"
        elif low in ("nt", "n't") and before in _NOT:
            made[-1] = f"{made[-1]}n't"
        elif re.fullmatch(r"'(m|s|re|ve|ll|d)", low) and before in _HOSTS:
            made[-1] += low
        else:
            made.append(word)
    return made


def _closing(words: list[str]) -> list[str]:
    """The mark that a text without one lacks."""
    if not words or not is_word(words[-1]):
        return []
    last = max((i + 1 for i, w in enumerate(words) if is_sentence_mark(w)), default=0)
    return ["?" if words[last].lower().partition("'")[0] in _QUESTION else "."]
