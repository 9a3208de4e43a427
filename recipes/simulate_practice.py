"""How many exercises simulated learners need until every sound is mastered, by what chooses the exercises.

Data      none but our own sentences; learners, scorer and learning are made up, their truth is known
Run       python -m recipes.simulate_practice
Expect    OUT/practice.json and a table: exercises to mastery by policy, with 95 % intervals over learners,
          and each paired with random order

The truth is another model than the learner model: a learner has an ability and his own weak sounds, learns
more from a sound that is half there than from one that is hopeless or sure, forgets overnight, and slower
the more days he has met a sound. The scorer gives calibrated probabilities that are wrong as often as
`separation` says; stress is always right. The oracle knows truth and law of learning and takes the largest
step to mastery now; it looks one exercise ahead, so it is no lower bound. The path's own settings were
chosen on seed 7.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor import config
from speechtutor.content.tables import sentence_bank
from speechtutor.core import Attempt, Exercise, LearnerState, PhoneScore, Skill, UtteranceScore, WordScore
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.learner import evidence, mastery, memory, skills
from speechtutor.learner.belief import odds
from speechtutor.practice import path
from speechtutor.practice.bank import Bank
from speechtutor.text.phones import pronounce

log = logging.getLogger("simulate_practice")
Floats = NDArray[np.float64]
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
HIGHEST = 6.0


@dataclass(frozen=True)
class Config:
    """Learners, their days, and the law of their learning."""

    out: Path = Path("runs/practice")
    """Folder for the table."""
    learners: int = 200
    """How many learners; every policy gets the same ones."""
    a_day: int = 10
    """Exercises a day."""
    most: int = 500
    """Exercises after which a learner is given up: counted as so many."""
    mastered: float = 0.9
    """True probability that counts as mastered; a learner is done when all sounds have it at once."""
    ability: float = -1.0
    """Mean of the learners' abilities, in log-odds below all speakers' mean (standard deviation 0.8)."""
    weakness: float = 0.55
    """Standard deviation of a learner's sounds around that, in log-odds: what raters' scores show."""
    rate: float = 0.35
    """Log-odds that a half-known sound gains when it is met once."""
    forgets: float = 0.1
    """Share of what was learnt that is gone after a night, of a sound met on one day only."""
    separation: float = 1.8
    """How well the scorer tells right from wrong sounds, in standard deviations (AUC 0.90)."""
    seed: int = 0
    """Seed of learners, scorer and policies."""
    policies: list[str] | None = None
    """Which to run; None runs all."""
    smoke: bool = False
    """Run three learners for 40 exercises."""


class World:
    """The sentences as tables over their sounds, and how the texts read."""

    def __init__(self) -> None:
        """Read the bank."""
        self.exercises = sentence_bank()
        self.bank = Bank(self.exercises)
        said = [[(w, w.pronunciations[0]) for w in pronounce(one.text)] for one in self.exercises]
        self.read = [[(word.text, phones, skills.in_context(phones)) for word, phones in one] for one in said]
        names = [name for one in self.read for _, _, sounds in one for name in sounds]
        self.sounds = tuple(dict.fromkeys(names))
        self.index = {name: i for i, name in enumerate(self.sounds)}
        self.counts: Floats = np.zeros((len(self.read), len(self.sounds)))
        for row, one in zip(self.counts, self.read, strict=True):
            for _, _, sounds in one:
                for name in sounds:
                    row[self.index[name]] += 1
        self.columns = [self.bank.skills.index(name) for name in self.sounds]


class Learner:
    """A made-up learner: true log-odds of each sound, what was learnt of it, and the days it was met on."""

    def __init__(self, cfg: Config, world: World, rng: np.random.Generator) -> None:
        """Draw one."""
        from speechtutor.learner.priors import prior_for

        prior = np.array([prior_for().sound(name) for name in world.sounds])
        ability = cfg.ability + 0.8 * rng.normal()
        self.cfg, self.rng = cfg, rng
        self.start: Floats = prior + ability + cfg.weakness * rng.normal(size=len(prior))
        self.gained: Floats = np.zeros(len(prior))
        self.days: Floats = np.zeros(len(prior))
        self.met: NDArray[np.bool_] = np.zeros(len(prior), dtype=bool)
        self.pace = cfg.rate * float(np.exp(0.3 * rng.normal()))

    @property
    def p(self) -> Floats:
        """The true probabilities, shape (n_sounds,)."""
        return np.asarray(1 / (1 + np.exp(-np.minimum(self.start + self.gained, HIGHEST))))

    def gains(self, counts: Floats) -> Floats:
        """What meeting sounds so often would add to their log-odds; `counts` (…, n_sounds)."""
        p = self.p
        # Most is learnt from what comes out right half of the time; a little from anything.
        return np.asarray(self.pace * np.sqrt(counts) * (0.2 + 3.2 * p * (1 - p)))

    def practise(self, counts: Floats) -> None:
        """One exercise."""
        self.gained = self.gained + self.gains(counts)
        self.met |= counts > 0

    def sleep(self) -> None:
        """A night: what was met today is kept longer from now on, and everything fades a little."""
        self.days = self.days + self.met
        self.met[:] = False
        self.gained = self.gained * (1 - self.cfg.forgets / np.maximum(self.days, 1))

    @property
    def done(self) -> bool:
        """Whether every sound is mastered."""
        return bool(np.all(self.p >= self.cfg.mastered))


def heard(world: World, i: int, learner: Learner, rng: np.random.Generator) -> UtteranceScore:
    """What the scorer says of a reading of sentence i: calibrated for people who are right nine in ten."""
    p, words, d = learner.p, [], learner.cfg.separation
    for text, phones, sounds in world.read[i]:
        scores = []
        for phone, name in zip(phones, sounds, strict=True):
            right = rng.random() < p[world.index[name]]
            ratio = rng.normal((0.5 if right else -0.5) * d * d, d)
            wrong = 1 / (1 + np.exp(odds(0.9) + ratio))
            scores.append(PhoneScore(phone, 1 - wrong, confidence=1.0, error_probability=float(wrong)))
        words.append(WordScore(text, None, stress=1.0, phones=tuple(scores)))
    return UtteranceScore(world.exercises[i].text, tuple(words))


@dataclass
class Course:
    """One learner under one policy so far."""

    world: World
    learner: Learner
    rng: np.random.Generator
    state: LearnerState
    now: datetime
    given: list[int]


Policy = Callable[[Course], int]


def at_random(course: Course) -> int:
    """Any sentence."""
    return int(course.rng.integers(len(course.world.exercises)))


def in_order(course: Course) -> int:
    """The sentences as they stand in the file, again and again."""
    return len(course.given) % len(course.world.exercises)


def by_due(course: Course) -> int:
    """FSRS alone: the sentence with most sounds that are due or were never met."""
    known = course.state.skills
    due = np.array([
        name not in known or memory.is_due(known[name], course.now) for name in course.world.sounds
    ])  # fmt: skip
    if not due.any():
        late = [known[name].due or course.now for name in course.world.sounds]
        due = np.array([one == min(late) for one in late])
    worth = course.world.bank.cover[:, course.world.columns] @ due
    return int(course.rng.choice(np.flatnonzero(worth == worth.max())))


def thompson(course: Course) -> int:
    """What `practice` did before: a draw from each phone's Beta belief, the weakest focus wins."""
    chosen = mastery.choose(course.state, course.world.exercises, course.rng)
    return course.world.exercises.index(chosen)


def by_path(course: Course) -> int:
    """The path, as it ships."""
    recent: Sequence[Exercise] = [course.world.exercises[i] for i in course.given[-path.LAST :]]
    bank = course.world.bank
    seen = path.view(course.state, bank, course.now)
    return path.pick(bank, seen, course.rng, path.fresh(bank.exercises, recent))


def oracle(course: Course) -> int:
    """The largest true step to mastery: gains count up to the mark and no farther."""
    learner, counts = course.learner, course.world.counts
    short = np.maximum(odds(learner.cfg.mastered) - (learner.start + learner.gained), 0.0)
    return int(np.argmax(np.minimum(learner.gains(counts), short).sum(axis=1)))


POLICIES: dict[str, Policy] = {
    "random": at_random,
    "fixed order": in_order,
    "FSRS only": by_due,
    "Thompson sampling": thompson,
    "path": by_path,
    "oracle": oracle,
}


def all_of_it(state: LearnerState, attempt: Attempt) -> LearnerState:
    """The whole record, as the store keeps it."""
    return mastery.update(state, attempt)


def phones_alone(state: LearnerState, attempt: Attempt) -> LearnerState:
    """What Thompson sampling looks at."""
    return replace(state, phones=mastery.counted(state.phones, mastery.observations(attempt.score)))


def dates_alone(state: LearnerState, attempt: Attempt) -> LearnerState:
    """What FSRS looks at: one review a sound."""
    told: dict[str, list[float]] = {}
    for one in evidence.of_attempt(attempt):
        if skills.kind_of(one.skill) == "sound":
            told.setdefault(one.skill, []).append(one.right)
    known = dict(state.skills)
    for name, right in told.items():
        known[name] = memory.reviewed(known.get(name, Skill()), float(np.mean(right)), attempt.at)
    return replace(state, skills=known)


RECORDS = {"FSRS only": dates_alone, "Thompson sampling": phones_alone, "path": all_of_it}
"""What a policy keeps; the others look at no record. A part is kept only where the rest is not looked at."""


def course(name: str, cfg: Config, world: World, number: int) -> int:
    """Exercises that a learner needs under a policy, at most `cfg.most`."""
    learner = Learner(cfg, world, np.random.default_rng([cfg.seed, number]))
    rng = np.random.default_rng([cfg.seed, number, 1])
    scorer = np.random.default_rng([cfg.seed, number, 2])
    run = Course(world, learner, rng, LearnerState("simulated"), START, [])
    for n in range(cfg.most):
        if learner.done:
            return n
        i = POLICIES[name](run)
        if name in RECORDS:
            score = heard(world, i, learner, scorer)
            attempt = Attempt("simulated", world.exercises[i], score, run.now, id=f"{n:06d}")
            run.state = RECORDS[name](run.state, attempt)
        learner.practise(world.counts[i])
        run.given.append(i)
        run.now += timedelta(minutes=1)
        if (n + 1) % cfg.a_day == 0:
            learner.sleep()
            run.now = START + timedelta(days=(n + 1) // cfg.a_day)
    return cfg.most


def interval(values: Floats, seed: int, statistic: Callable[[Floats], Floats]) -> list[float]:
    """A statistic over learners with its 95 % bootstrap interval: value, low, high; `values` (n, …)."""
    rng = np.random.default_rng(seed)
    draws = [statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(1000)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return [round(float(x), 3) for x in (statistic(values), low, high)]


def summary(needed: dict[str, Floats], cfg: Config) -> dict[str, Any]:
    """Per policy: mean exercises with interval, share who got there, ratios to random and the oracle."""
    found: dict[str, Any] = {}
    for name, values in needed.items():
        row: dict[str, Any] = {"exercises": interval(values, cfg.seed, np.mean)}
        row["mastered"] = round(float(np.mean(values < cfg.most)), 3)
        for other in ("random", "oracle"):
            if other in needed:
                pair = np.column_stack([values, needed[other]])
                row[f"of {other}"] = interval(pair, cfg.seed, lambda v: v[:, 0].sum() / v[:, 1].sum())
        found[name] = row
    return found


def table(found: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| policy | exercises | of random | of the oracle | got there |",
        "| --- | --- | --- | --- | --- |",
    ]

    def cell(value: list[float] | None, digits: int) -> str:
        return "-" if value is None else "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(*value, d=digits)

    for name, row in found.items():
        cells = [cell(row["exercises"], 0), cell(row.get("of random"), 2), cell(row.get("of oracle"), 2)]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['mastered']:.2f} |")
    return "\n".join(lines) + "\n"


def run(cfg: Config) -> str:
    """Simulate every policy on the same learners; returns the table.

    Raises:
        InputError: when there is no such policy, or nobody to teach.
    """
    if cfg.smoke:
        cfg = replace(cfg, learners=3, most=40)
    wanted = cfg.policies or list(POLICIES)
    if unknown := [name for name in wanted if name not in POLICIES]:
        raise InputError(f"no policy {unknown[0]!r}; there are {', '.join(POLICIES)}")
    if cfg.learners < 1 or cfg.most < 1 or cfg.a_day < 1:
        raise InputError("learners, most and a_day must be 1 or more")
    world, needed = World(), {}
    for name in wanted:
        needed[name] = np.array([course(name, cfg, world, i) for i in range(cfg.learners)], np.float64)
        log.info("%s: %.1f exercises", name, needed[name].mean())
    found = summary(needed, cfg)
    settings = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(cfg).items()}
    record = {"settings": settings, "commit": config.commit(), "policies": found}
    each = {name: values.tolist() for name, values in needed.items()}
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "practice.json", json.dumps(record | {"needed": each}, indent=1) + "\n")
    return table(found)


if __name__ == "__main__":
    config.main(run, Config, str)
