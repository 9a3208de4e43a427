"""Fit what is expected of a learner, and how much scores move by themselves, to raters' scores.

Data      data_manifests/speechocean762.jsonl, rows of the split train with raters' scores
Run       python -m recipes.fit_learner
Expect    `speechtutor/content/learner.toml`: a shift for each sound in context and for common words, the
          clusters and stress patterns of our own words, and the noise of a sentence's score; seconds

Words are named only where several speakers said them and our own texts have them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from speechtutor import config
from speechtutor.core import LearnerState, Utterance, UtteranceScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.learner import belief, evidence, priors, skills
from speechtutor.learner.priors import Prior, Rated
from speechtutor.practice.levels import word_levels
from speechtutor.text.phones import pronounce

LEAST_SPEAKERS = 5


@dataclass(frozen=True)
class Config:
    """What to fit to, and where the table goes."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with raters' scores; only the split train is read."""
    out: Path = Path("speechtutor/content/learner.toml")
    """The table to write."""
    smoke: bool = False
    """Fit made-up speakers instead, to a file in the folder of `out`."""


def rated(rows: Iterable[Utterance]) -> list[Rated]:
    """Every judged phone of some utterances."""
    found = []
    for row in rows:
        if row.scores is None:
            continue
        for one in evidence.of_score(row.scores):
            if skills.kind_of(one.skill) == "sound":
                found.append(Rated(row.speaker, one.skill, one.word, one.right))
    return found


def noise(rows: Sequence[Utterance]) -> tuple[float, int]:
    """Standard deviation of one sentence's overall score around its speaker's, and how many speakers.

    From the odd against the even sentences of each speaker: two halves of n have a difference of variance
    2 s² / n, as test and retest (Lord and Novick, 1968).
    """
    by: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.scores is not None and row.scores.overall is not None:
            by[row.speaker].append(row.scores.overall)
    halves = [(np.array(v[0::2]), np.array(v[1::2])) for v in by.values() if len(v) > 3]
    if not halves:
        raise InputError("no speaker has four judged sentences")
    spread = [(a.mean() - b.mean()) ** 2 / (1 / len(a) + 1 / len(b)) for a, b in halves]
    return float(np.sqrt(np.mean(spread))), len(halves)


def level(rows: Sequence[Utterance], prior: Prior) -> tuple[float, float]:
    """Intercept and slope of the speakers' mean overall score on the ability that their sounds show."""
    by: dict[str, list[UtteranceScore]] = defaultdict(list)
    for row in rows:
        if row.scores is not None and row.scores.overall is not None:
            by[row.speaker].append(row.scores)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    points = []
    for scores in by.values():
        state = LearnerState()
        for score in scores:
            said = [one for one in evidence.of_score(score) if skills.kind_of(one.skill) == "sound"]
            state = belief.learn(state, start, said, prior)
        points.append((state.ability.value, np.mean([score.overall for score in scores])))
    abilities, overalls = np.array(points, dtype=float).T
    slope, intercept = np.polyfit(abilities, overalls, 1)
    return float(intercept), float(slope)


def common(found: Sequence[Rated], prior: Prior) -> dict[str, dict[str, float]]:
    """Shifts of the words of our own texts that enough speakers said."""
    who: dict[str, set[str]] = defaultdict(set)
    for one in found:
        who[one.word].add(one.speaker)
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for (skill, word), value in prior.words.items():
        if len(who[word]) >= LEAST_SPEAKERS and word in word_levels() and abs(value) >= 0.005:
            table[word][skill.partition(":")[2]] = value
    return dict(sorted(table.items()))


def own_words() -> tuple[list[str], list[str]]:
    """The clusters and the stress patterns of the words of our own texts."""
    groups, patterns = set(), set()
    for word in word_levels():
        for one in pronounce(word):
            groups |= {name.partition(":")[2] for name, _ in skills.clusters(one.pronunciations[0])}
        patterns |= {skills.stress_of(word).partition(":")[2]}
    return sorted(groups), sorted(patterns - {""})


def table(
    prior: Prior, words: dict[str, dict[str, float]], line: tuple[float, float], sd: float, n: tuple[int, int]
) -> str:
    """The file as text."""
    groups, patterns = own_words()
    lines = [
        "# Made by `python -m recipes.fit_learner` from raters' scores of Mandarin speakers (speechocean762,",
        f"# Zhang et al., 2021; split train, {n[0]} speakers, {n[1]:,} phones). Log-odds of a sound",
        "# that comes out right: `intercept` for a learner of mean ability, shifts by sound in context and",
        "# by word. `overall` is the line from ability to a speaker's mean overall score in [0, 1]; `noise`",
        "# the standard deviation of one sentence's overall score around its speaker's.",
        "",
        f"intercept = {prior.intercept:.4f}",
        f"overall = [{line[0]:.4f}, {line[1]:.4f}]",
        f"noise = {sd:.4f}",
        f"clusters = {json.dumps(groups)}",
        f"stress = {json.dumps(patterns)}",
        "",
        "[sounds]",
    ]
    lines += [f'"{k.partition(":")[2]}" = {v:.3f}' for k, v in sorted(prior.sounds.items())]
    lines += ["", "[words]"]
    for word, row in words.items():
        inside = ", ".join(f'"{sound}" = {value:.2f}' for sound, value in sorted(row.items()))
        lines.append(f'"{word}" = {{ {inside} }}')
    return "\n".join(lines) + "\n"


def made_up(n_speakers: int = 6) -> list[Utterance]:
    """Made-up utterances with scores, for a smoke run."""
    from speechtutor.core import PhoneScore, UtteranceScore, WordScore

    rng, rows = np.random.default_rng(0), []
    for s in range(n_speakers):
        for u in range(6):
            phones = tuple(PhoneScore(p, float(rng.random() < 0.8)) for p in ("TH", "IH", "NG", "K"))
            words = (WordScore("think", 0.8, phones=phones),)
            score = UtteranceScore("think", words, overall=float(rng.random()))
            rows.append(Utterance(f"s{s}u{u}", "none.flac", "think", f"s{s}", "train", scores=score))
    return rows


def run(cfg: Config) -> dict[str, float]:
    """Write the table; returns the figures that describe it.

    Raises:
        InputError: when no train row has raters' scores.
    """
    rows = made_up() if cfg.smoke else manifest.read(cfg.manifest, ["train"])
    found = rated(rows)
    if not found:
        raise InputError(f"{cfg.manifest}: no row of the split train has raters' scores of phones")
    prior = priors.fit(found)
    sd, n = noise(rows)
    words = common(found, prior)
    out = cfg.out / "learner.toml" if cfg.smoke and cfg.out.suffix != ".toml" else cfg.out
    disk.write_text(out, table(prior, words, level(rows, prior), sd, (n, len(found))))
    return {"phones": len(found), "speakers": n, "words": len(words), "noise": sd}


if __name__ == "__main__":
    config.main(run, Config)
