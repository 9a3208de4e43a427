"""Words of one spelling and several sounds: which one it is here.

"I read it yesterday" and "read it now" differ only around the word. What is asked of the surroundings
is data (`languages/xx_homographs.toml`): regular expressions over the words before and after. A tagger
for parts of speech was weighed: spaCy and its parts take over 100 MB, its English model is on no
package index, and half of these words (wind, tear, bow) differ in meaning, which no tag tells.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechtutor.text.inflect import Phones, with_s

REACH = 100
"""Characters looked at on either side."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must stand before, after and in the place of a word that has sense number `sense`."""

    sense: int
    before: re.Pattern[str]
    after: re.Pattern[str]
    form: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Homograph:
    """Pronunciations with stress digits, one a sense, and the rules that choose among them."""

    senses: tuple[Phones, ...]
    rules: tuple[Rule, ...]
    default: int

    def choose(self, form: str, before: str, after: str) -> Phones:
        """The pronunciation of `form` between two stretches of text, straight quotes, any case."""
        left = " ".join(before[-REACH:].lower().replace("-", " ").split())
        right = " ".join(after[:REACH].lower().replace("-", " ").split())
        left += " " if left else ""
        right = f" {right}" if after[:1].isspace() or after[:1] == "-" else right
        for rule in self.rules:
            if rule.form.fullmatch(form) and rule.after.match(right) and rule.before.search(left):
                return self.senses[rule.sense]
        return self.senses[self.default]


def read_homographs(path: Path) -> dict[str, Homograph]:
    """The words of a file, in lower case.

    Raises:
        ValueError, KeyError, re.error: when the file breaks a rule.
    """
    row = tomllib.loads(path.read_text(encoding="utf-8"))
    return dict(pair for kind in row["kinds"] for pair in _words(kind, row["groups"]))


def _words(kind: Mapping[str, Any], groups: Mapping[str, str]) -> Iterator[tuple[str, Homograph]]:
    names: list[str] = kind["senses"]
    rules = tuple(_rule(row, names, groups) for row in kind["rules"])
    default = names.index(kind["default"])
    for line in kind["words"].strip().splitlines():
        word, _, rest = line.partition(":")
        senses = tuple(tuple(phones.split()) for phones in rest.split("|"))
        if len(senses) != len(names):
            raise ValueError(f"{word}: {len(senses)} pronunciations for {len(names)} senses")
        yield word, Homograph(senses, rules, default)
        if kind.get("plural"):
            yield _plural(word), Homograph(tuple(map(with_s, senses)), rules, default)


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _rule(row: list[str], names: list[str], groups: Mapping[str, str]) -> Rule:
    def expanded(pattern: str) -> str:
        for name, words in groups.items():
            pattern = pattern.replace(f"{{{name}}}", words)
        return pattern

    sense, before, after, *form = row
    return Rule(
        names.index(sense),
        re.compile(f"(?:{expanded(before)})$" if before else ""),
        re.compile(expanded(after)),
        re.compile(form[0] if form else ".*"),
    )
