"""Give each word of our own exercises and talks its CEFR level.

Data      vocabulary.csv of the CEFR-J Wordlist Version 1.5 (Yukio Tono, Tokyo University of Foreign
          Studies; free for research and commercial use with citation), which is not part of the project
Run       python -m recipes.prepare_levels --source vocabulary.csv --out runs/prepare_levels
Expect    a line of words a level, A1 to C1; seconds. Copy levels.txt to speechtutor/content/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechtutor import config
from speechtutor.content.tables import read
from speechtutor.errors import InputError
from speechtutor.practice.exercises import fillers
from speechtutor.practice.levels import LEVELS, words_of

NAME = "levels.txt"
HEADER = """\
# Words of the exercises and talks by the CEFR level at which they are met, computed with the CEFR-J
# Wordlist Version 1.5, compiled by Yukio Tono, Tokyo University of Foreign Studies (a form counts as its
# headword at its easiest part of speech); names and a few words that are not in it have a level of ours,
# and C1 is what is not in it, which ends at B2.
"""
SMOKE = "headword,pos,CEFR\ncat/Cat,noun,A1\nrun,verb,A2\n"
LEFT_OUT = {
    "es",
    "zh",
    "id",
    "level",
    "picture",
    "options",
    "any",
    "points",
    "word",
    "unfilled",
    "fill",
    "unsafe",
    "focus",
    "start",
    "topic",
    "name",
}
IRREGULAR = {
    "be": "am is are was were been being i'm you're it's that's there's here's isn't wasn't we're",
    "have": "has had having i've you've",
    "do": "does did done doing don't didn't doesn't",
    "can": "can't cannot couldn't",
    "will": "i'll you'll won't", "would": "i'd", "let": "let's", "go": "went gone goes", "see": "saw seen",
    "buy": "bought", "think": "thought", "bring": "brought", "know": "knew known", "learn": "learnt",
    "tell": "told", "find": "found", "spend": "spent", "meet": "met", "feel": "felt", "keep": "kept",
    "forget": "forgot forgotten", "run": "ran", "eat": "ate", "swim": "swam swum", "begin": "began begun",
    "deal": "dealt", "take": "took taken", "give": "gave given", "steal": "stole stolen", "get": "got",
    "leave": "left", "show": "showed shown", "burn": "burnt", "hear": "heard", "make": "made", "say": "said",
    "lose": "lost", "become": "became", "sit": "sat", "speak": "spoke spoken", "fall": "fell fallen",
    "write": "wrote written", "drive": "drove driven", "choose": "chose chosen",
    "win": "won", "stand": "stood",
    "child": "children children's", "man": "men", "woman": "women", "person": "people",
    "foot": "feet", "tooth": "teeth",
    "good": "better best", "bad": "worse worst", "far": "farther further", "much": "more most",
    "I": "i me my mine myself", "you": "your yours yourself", "he": "him his himself", "she": "her hers",
    "it": "its itself", "we": "us our ours", "they": "them their theirs", "knife": "knives",
    "shall": "should",
    "come": "came", "send": "sent", "wear": "wore", "hold": "held", "fly": "flew", "grow": "grew grown",
    "sing": "sang sung", "drink": "drank", "break": "broke broken", "wake": "woke", "an": "a", "sell": "sold",
    "this": "these", "that": "those", "half": "halves", "shine": "shone", "hang": "hung", "ring": "rang",
    "bear": "born borne", "catch": "caught", "mean": "meant", "shelf": "shelves", "strike": "struck",
    "tear": "tore torn", "throw": "threw thrown", "wolf": "wolves", "wind": "wound", "lend": "lent",
    "understand": "understood", "stick": "stuck", "lie": "lay lain lying",
    "teach": "taught", "build": "built", "pay": "paid", "sleep": "slept", "hide": "hid", "blow": "blew",
}  # fmt: skip
OURS = {
    "A1": "tom anna ben maria bob jane joe john english oh goodbye congratulations london "
    "france spain japan peter larry jane's",
    "A2": "noodle dumplings german germany rome asia noodles bravo spanish berlin finland app fourth sixth "
    "yolanda",
    "B1": "pigeons halfway upside attic alleys sip lorries drums witch",
    "B2": "chore frustrating inheritance redecorating rumour spoonful tenant",
}
"""Names, and words that the list does not hold, at the level at which we dare to use them."""


@dataclass(frozen=True)
class Config:
    """Where the word list is and where the levels go."""

    source: Path = Path("vocabulary.csv")
    """The CEFR-J vocabulary: headword, pos, CEFR."""
    out: Path = Path("runs/prepare_levels")
    """Folder for levels.txt."""
    smoke: bool = False
    """Look up three words in a list of two instead."""


def headwords(text: str) -> dict[str, int]:
    """The easiest level, as an index, of each headword; spelling variants are rows of their own."""
    found: dict[str, int] = {}
    for row in csv.DictReader(text.splitlines()):
        for variant in row["headword"].split("/"):
            word, level = variant.strip().lower(), LEVELS.index(row["CEFR"])
            found[word] = min(level, found.get(word, level))
    return found


def lemmas(word: str) -> Iterator[str]:
    """What the headword of a form may be."""
    yield word
    yield from (lemma.lower() for lemma, forms in IRREGULAR.items() if word in forms.split())
    for ending, replacements in {
        "'s": ("",), "s'": ("",), "ies": ("y",), "es": ("", "e"), "s": ("",), "ied": ("y",), "ed": ("", "e"),
        "ing": ("", "e"), "ier": ("y",), "iest": ("y",), "er": ("", "e"), "est": ("", "e"),
        "ily": ("y",), "ly": ("", "le"),
    }.items():  # fmt: skip
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            yield from (stem + end for end in replacements)
            if ending in ("ed", "ing", "er", "est") and stem[-1:] == stem[-2:-1]:
                yield stem[:-1]


def texts(value: Any, key: str = "") -> Iterator[str]:
    """All sentences of a table that are said in English."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in LEFT_OUT:
                yield from texts(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part, key)
    elif isinstance(value, str) and key not in LEFT_OUT:
        yield value


def own_words() -> frozenset[str]:
    """Every word of our exercises, talks and practice sentences, and what a tutor may say."""
    names = ("scenarios", "questions", "exercises", "sentences", "library", "pairs")
    said = [text for name in names for text in texts(read(name))]
    said += read("interests")["topic"].values()
    said += [read("words")["function"], read("words")["talk"], *fillers()]
    for row in read("scenarios")["scenario"]:
        for step in row["step"]:
            said += [*step.get("options", []), step.get("unfilled", "")]
    said += [row["word"] for row in read("exercises")["vocabulary"]]
    return frozenset(word for text in said for word in words_of(text))


def levels(words: frozenset[str], known: dict[str, int]) -> dict[str, list[str]]:
    """The words by level; one that neither the list, which ends at B2, nor we place is of the last level."""
    placed: dict[str, list[str]] = {level: [] for level in LEVELS}
    ours = {word: LEVELS.index(level) for level, row in OURS.items() for word in row.split()}
    for word in sorted(words):
        found = [known[lemma] for lemma in lemmas(word) if lemma in known]
        found = [ours[word]] if word in ours else found
        placed[LEVELS[min(found, default=-1)]].append(word)
    return placed


def run(cfg: Config) -> Path:
    """Write the levels and say where they are."""
    try:
        text = SMOKE if cfg.smoke else cfg.source.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{cfg.source}: {error.strerror}") from None
    placed = levels(frozenset({"cats", "running", "zzz"}) if cfg.smoke else own_words(), headwords(text))
    cfg.out.mkdir(parents=True, exist_ok=True)
    path = cfg.out / NAME
    rows = [f"{level} {' '.join(words)}" for level, words in placed.items()]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    config.save(cfg, cfg.out)
    return path


if __name__ == "__main__":
    config.main(run, Config)
