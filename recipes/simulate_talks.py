"""Let scripted learners talk with the partner, and count what goes wrong.

Data      none: the talks' own answers, and what learners say who are silent, stray, ask or make mistakes
Run       python -m recipes.simulate_talks --out runs/simulate_talks
Expect    talks.jsonl and transcripts.md; seconds, no model

Twenty talks: five kinds of learner in four scenes. A goal is reached where the talk ends by its script. A
line is repeated where the partner says the very same twice. A mistake of known kind is put into some answers;
a reason is wrong where the tip is about another kind than the mistake.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechtutor import config
from speechtutor.core import GrammarKind
from speechtutor.corpora.mistakes import spoil
from speechtutor.files.disk import write_text
from speechtutor.grammar import joined, load_rules, tokens
from speechtutor.grammar.tips import findings
from speechtutor.practice.scenarios import Step, scenario
from speechtutor.practice.talk import Talk, begin, hear, summarise

SCENES = ("restaurant", "interview", "picture", "small_talk")
MOST = 60
"""Turns after which a talk is broken off; none should be."""

QUESTIONS = ("What does menu mean?", "Why went?", "How do you spell restaurant?", "What time is it?",
             "What does borogove mean?")  # fmt: skip
ELSEWHERE = (
    "My brother has two big dogs and they sleep all day.",
    "Football is on television every evening.",
    "The moon is made of green cheese.",
    "I lost my umbrella in the train yesterday.",
)


@dataclass(frozen=True)
class Config:
    """Who talks about what."""

    out: Path = Path("runs/simulate_talks")
    """Folder for talks.jsonl and transcripts.md."""
    level: str = "A2"
    """CEFR level of the talks."""
    transcripts: int = 5
    """Talks that are written out, one of each kind of learner first."""
    seed: int = 0
    """Seed of what learners say."""
    smoke: bool = False
    """The same: it takes seconds."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a talk; `mistakes` were put into answers, `found` of them corrected as what they were."""

    scene: str
    learner: str
    reached: bool
    turns: int
    repeated: int
    mistakes: int
    found: int
    wrong_reasons: int
    led_back: int
    answered: int


Saying = Callable[[Step, int, random.Random, str], str]
"""What a learner answers at a step, given the number of the turn and the level."""


def on_topic(step: Step, turn: int, rng: random.Random, level: str) -> str:
    """The script's own example."""
    return step.example[level]


def off_topic(step: Step, turn: int, rng: random.Random, level: str) -> str:
    """Every other answer is about something else."""
    return rng.choice(ELSEWHERE) if turn % 2 == 0 else step.example[level]


def quiet(step: Step, turn: int, rng: random.Random, level: str) -> str:
    """Says nothing, one word, or asks for help, before an answer."""
    return ("", rng.choice(("yes", "hm", "help")), step.example[level])[turn % 3]


def curious(step: Step, turn: int, rng: random.Random, level: str) -> str:
    """Asks about English before every other answer."""
    return QUESTIONS[turn // 2 % len(QUESTIONS)] if turn % 2 == 0 else step.example[level]


def wrong(step: Step, turn: int, rng: random.Random, level: str) -> str:
    """Answers with a mistake; `mistaken` says of which kind."""
    return mistaken(step.example[level], rng)[0]


LEARNERS: dict[str, Saying] = {
    "on topic": on_topic, "off topic": off_topic, "silent and short": quiet, "asking": curious,
    "wrong grammar": wrong,
}  # fmt: skip


def mistaken(text: str, rng: random.Random) -> tuple[str, Sequence[GrammarKind]]:
    """The text with one mistake and its kind; unchanged where none can be made."""
    words, kinds = spoil(tokens(text), 1, rng)
    return joined(words), kinds


def talked(scene: str, who: str, level: str, seed: int) -> tuple[Told, Talk]:
    """One talk from its first line to its last."""
    rng, corrector = random.Random(f"{scene} {who} {seed}"), load_rules()
    talk, turns, counts = (
        begin(scene, level),
        0,
        {"mistakes": 0, "found": 0, "wrong": 0, "back": 0, "told": 0},
    )
    corrections = []
    while not talk.is_over and turns < MOST:
        step = next(step for step in scenario(scene).steps if step.id == talk.step)
        if who == "wrong grammar":
            text, kinds = mistaken(step.example[level], rng)
            correction = corrector.correct(text)
            corrections.append(correction)
            told = [edit.kind for edit in correction.edits] if findings(correction) else []
            counts["mistakes"] += len(kinds)
            counts["found"] += sum(kind in told for kind in kinds)
            counts["wrong"] += sum(kind not in kinds for kind in told)
        else:
            text = LEARNERS[who](step, turns, rng, level)
        talk = hear(talk, text)
        turns += 1
        counts["back"] += talk.trouble == "other_subject"
        counts["told"] += who == "asking" and turns % 2 == 1 and talk.partner_line.count('"') > 0
    lines = [line.text for line in talk.lines if line.who == "partner"]
    found = summarise(talk, (), [c for c in corrections if c.edits])
    return Told(
        scene, who, found.reached, turns, len(lines) - len(set(lines)), counts["mistakes"], counts["found"],
        counts["wrong"], counts["back"], counts["told"],
    ), talk  # fmt: skip


def run(cfg: Config) -> list[Told]:
    """Hold the talks, write them down, and return what came of them.

    Raises:
        SpeechTutorError: for a level or a disk that cannot be used.
    """
    held = [talked(scene, who, cfg.level, cfg.seed) for who in LEARNERS for scene in SCENES]
    rows = [
        json.dumps(
            asdict(told) | {"lines": [[line.who, line.text] for line in talk.lines]}, ensure_ascii=False
        )
        for told, talk in held
    ]
    write_text(cfg.out / "talks.jsonl", "".join(row + "\n" for row in rows))
    # One of each kind of learner, each in another scene.
    picked = [held[(n % len(LEARNERS)) * len(SCENES) + n % len(SCENES)] for n in range(cfg.transcripts)]
    write_text(cfg.out / "transcripts.md", "\n".join(_transcript(told, talk) for told, talk in picked))
    config.save(cfg, cfg.out)
    return [told for told, _ in held]


def _transcript(told: Told, talk: Talk) -> str:
    lines = "\n".join(f"- {line.who}: {line.text or '(silence)'}" for line in talk.lines)
    return f"### {told.scene}, {told.learner}\n\n{lines}\n"


def shown(found: list[Told]) -> str:
    """A table with a row for each kind of learner."""
    head = "| learner | talks | goals | turns | repeated lines | mistakes / corrected as such / wrong reasons"
    rows = [f"{head} | led back | told |", "|" + " --- |" * 8]
    for who in LEARNERS:
        mine = [one for one in found if one.learner == who]

        def total(name: str, mine: list[Any] = mine) -> int:
            return sum(getattr(one, name) for one in mine)

        rows.append(
            f"| {who} | {len(mine)} | {total('reached')} | {total('turns')} | {total('repeated')} | "
            f"{total('mistakes')} / {total('found')} / {total('wrong_reasons')} | {total('led_back')} | "
            f"{total('answered')} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    config.main(run, Config, shown)
