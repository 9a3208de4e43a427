"""What can be known: sounds in context, clusters, stress, contrasts, words and grammar points, as a graph.

A skill is named by its kind and what it is of:

    sound:TH:onset          a sound at its place in the syllable: onset, nucleus or coda
    cluster:S T R:onset     two or more consonants together
    stress:010              a word's stress, a digit a syllable
    contrast:IH-IY          two sounds that are mixed up, in the order of the alphabet
    word:think              a word
    grammar:past_simple     a point of `content/skills.toml`

What a skill needs follows from its name; for grammar points it is written in that file. A cluster needs
its sounds at that place, a contrast its two sounds, a word its sounds, a tense its forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from speechtutor.content.tables import contrasts, read
from speechtutor.core.inventory import PHONES, VOWELS
from speechtutor.errors import TextError
from speechtutor.text.phones import pronounce, syllabify, to_ipa

KINDS = ("sound", "cluster", "stress", "contrast", "word", "grammar")
ONSET, NUCLEUS, CODA = "onset", "nucleus", "coda"
_NEVER = {"NG:onset", "HH:coda", "W:coda", "Y:coda"}
_WHERE = {ONSET: "at the start of syllables", CODA: "at the end of syllables"}


@dataclass(frozen=True, slots=True)
class Node:
    """A skill of the graph with those that come before it; `level` is a CEFR level or ""."""

    id: str
    needs: tuple[str, ...] = ()
    level: str = ""


def kind_of(skill: str) -> str:
    """One of `KINDS`."""
    return skill.partition(":")[0]


@lru_cache(maxsize=8192)
def in_context(phones: tuple[str, ...]) -> tuple[str, ...]:
    """The skill of each phone of a word, by its place in the syllable (longest possible onset)."""
    found = [""] * len(phones)
    for syllable in syllabify(phones):
        vowels = [i for i in syllable if phones[i] in VOWELS]
        for i in syllable:
            place = NUCLEUS if phones[i] in VOWELS else ONSET if not vowels or i < vowels[0] else CODA
            found[i] = f"sound:{phones[i]}:{place}"
    return tuple(found)


@lru_cache(maxsize=8192)
def clusters(phones: tuple[str, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Every cluster of a word, with the indices of its phones."""
    found = []
    named = in_context(phones)
    for syllable in syllabify(phones):
        for place in (ONSET, CODA):
            group = tuple(i for i in syllable if named[i].endswith(place))
            if len(group) > 1:
                found.append((f"cluster:{' '.join(phones[i] for i in group)}:{place}", group))
    return tuple(found)


def contrast(first: str, second: str) -> str:
    """The skill of telling two sounds apart."""
    return f"contrast:{min(first, second)}-{max(first, second)}"


@cache
def contrasts_of(phone: str) -> tuple[tuple[str, str], ...]:
    """The contrasts that a sound takes part in, each with the sound on its other side."""
    pairs = sorted(tuple(sorted(pair)) for pair in contrasts() if phone in pair)
    return tuple((contrast(a, b), b if a == phone else a) for a, b in pairs)


@lru_cache(maxsize=8192)
def stress_of(word: str) -> str:
    """The skill of a word's stress; "" for a word of one syllable, or of unknown stress."""
    try:
        digits = [digit for one in pronounce(word) for digit in one.stress[0] if digit >= 0]
    except TextError:  # what is not English has no stress that we know
        return ""
    return f"stress:{''.join(map(str, digits))}" if len(digits) > 1 and max(digits) > 0 else ""


def grammar_in(text: str) -> tuple[str, ...]:
    """The grammar points that a text has."""
    low = text.lower()
    return tuple(f"grammar:{name}" for name, pattern in _patterns() if pattern.search(low))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(row["pattern"])) for name, row in read("skills")["grammar"].items())


@cache
def needs(skill: str) -> tuple[str, ...]:
    """The skills that come before one."""
    kind, _, of = skill.partition(":")
    if kind == "cluster":
        sounds, _, place = of.partition(":")
        return tuple(dict.fromkeys(f"sound:{phone}:{place}" for phone in sounds.split()))
    if kind == "contrast":
        return tuple(sound for phone in of.split("-") for sound in sounds_of(phone))
    if kind == "word":
        try:
            phones = tuple(phone for word in pronounce(of) for phone in word.pronunciations[0])
        except TextError:  # heard all the same, in a text of the learner's own
            return ()
        return tuple(dict.fromkeys(in_context(phones)))
    if kind == "grammar":
        return tuple(f"grammar:{name}" for name in read("skills")["grammar"][of]["needs"])
    return ()


@cache
def sounds_of(phone: str) -> tuple[str, ...]:
    """A phone at each place that it has in English syllables."""
    places = (NUCLEUS,) if phone in VOWELS else (ONSET, CODA)
    return tuple(f"sound:{phone}:{place}" for place in places if f"{phone}:{place}" not in _NEVER)


@cache
def graph() -> Mapping[str, Node]:
    """All skills but words: those grow with what is said. Prerequisites come before what needs them."""
    names = [sound for phone in PHONES for sound in sounds_of(phone)]
    names += [f"cluster:{name}" for name in read("learner")["clusters"]]
    names += [f"stress:{pattern}" for pattern in read("learner")["stress"]]
    names += sorted(contrast(*sorted(pair)) for pair in contrasts())
    names += [f"grammar:{name}" for name in read("skills")["grammar"]]
    found: dict[str, Node] = {}
    for name in ordered(names):
        level = (
            read("skills")["grammar"][name.partition(":")[2]]["level"] if kind_of(name) == "grammar" else ""
        )
        found[name] = Node(name, needs(name), str(level))
    return found


def dot(nodes: Iterable[Node]) -> str:
    """Nodes as a graph for Graphviz: an arrow from what is needed to what needs it."""
    lines = ["digraph skills {", "  rankdir=LR; node [shape=box, fontname=sans];"]
    for one in nodes:
        text = label(one.id).replace('"', "'")
        lines.append(f'  "{one.id}" [label="{text}"];')
        lines += [f'  "{before}" -> "{one.id}";' for before in one.needs]
    return "\n".join([*lines, "}"]) + "\n"


def ordered(skills: Sequence[str]) -> list[str]:
    """Skills with all that they need, each after what it needs.

    Raises:
        ValueError: when a skill needs itself.
    """
    done: dict[str, None] = {}

    def visit(skill: str, trail: tuple[str, ...]) -> None:
        if skill in trail:
            raise ValueError(f"{' needs '.join((*trail, skill))}")
        if skill not in done:
            for before in needs(skill):
                visit(before, (*trail, skill))
            done[skill] = None

    for skill in skills:
        visit(skill, ())
    return list(done)


@lru_cache(maxsize=8192)
def of_text(text: str) -> Mapping[str, int]:
    """How often a text in its citation form practises each skill."""
    found: dict[str, int] = {}
    for skill in _of_text(text):
        found[skill] = found.get(skill, 0) + 1
    return found


def _of_text(text: str) -> Iterator[str]:
    for word in pronounce(text):
        phones = word.pronunciations[0]
        yield from in_context(phones)
        yield from (name for name, _ in clusters(phones))
        yield word_skill(word.text)
        if stress := stress_of(word.text):
            yield stress
    yield from grammar_in(text)


def word_skill(text: str) -> str:
    """The skill of a word as it is written."""
    return f"word:{text.lower().strip()}"


def ipa(phones: str) -> str:
    """Phones with spaces between them in IPA: "S T" is "st"."""
    return "".join(map(to_ipa, phones.split()))


def label(skill: str) -> str:
    """A skill as people are told of it: "/θ/ at the start of syllables"."""
    kind, _, of = skill.partition(":")
    if kind in ("sound", "cluster"):
        phones, _, place = of.partition(":")
        return " ".join(filter(None, (f"/{ipa(phones)}/", _WHERE.get(place, ""))))
    if kind == "contrast":
        return " against ".join(f"/{ipa(phone)}/" for phone in of.split("-"))
    if kind == "grammar":
        return f'"{read("skills")["grammar"][of]["label"]}"'
    return f'"{of}"' if kind == "word" else f"the stress of words of {len(of)} syllables"
