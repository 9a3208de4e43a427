"""How well the learner model foretells a speaker, from the first few utterances that people judged.

Evidence are raters' scores of phones, so no audio is heard: what is measured is the model of the learner,
not a scorer. With what a scorer heard of the same utterances (`heard`) that is the evidence, as in the app,
and the raters are foretold all the same. Nothing of a speaker is in what is expected of them: for dev rows
that is fitted on the train speakers, for train rows on the other four fifths of them. Rows are speakers.

model          `learner.belief`: ability and sounds in context, updated by the first k utterances
speaker mean   the mean of the speaker's first k utterances, shrunk to all speakers' by `SHRINK` phones
phone mean     the mean of the phone over the other speakers
text-only      the phone in this word over the other speakers, shrunk to the phone's mean
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import LearnerState, Utterance, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.evaluation import sampling
from speechtutor.evaluation.calibration import reliability
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row, Summary
from speechtutor.evaluation.sampling import Figure, OfSums, Speakers, Values
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.files import jsonio
from speechtutor.learner import belief, evidence, priors, skills
from speechtutor.learner.evidence import Evidence
from speechtutor.learner.priors import Prior, Rated
from speechtutor.practice import placement
from speechtutor.schema import score_from_json

FIRST = (3, 5, 10)
"""Utterances that are known."""

FOLDS = 5
SHRINK = 10.0
"""Phones that a speaker's first mean is shrunk by."""
WORD_SHRINK = 5.0
WRONG = 0.25 - 1e-9
"""Mean rating, in [0, 1], below which a phone is called wrong: 0.5 of 2, as in `evaluate scoring`."""
SURE = 1e-3
"""Probabilities are kept this far from 0 and 1 in the log loss."""
SYSTEMS = {"speaker": "speaker mean", "phone": "phone mean", "text": "text-only prior"}
KEYS = tuple(f"{name}_{k}" for k in FIRST for name in ("log_loss", "auc"))
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """A speaker's judged utterances in the order of the manifest; `id` is the speaker's name.

    `evidence` is what the learner model is told of each: what the raters said, or what a scorer heard.
    """

    id: str
    split: str
    utterances: tuple[tuple[Evidence, ...], ...]
    overall: tuple[float | None, ...]
    evidence: tuple[tuple[Evidence, ...], ...]


@dataclass(frozen=True, slots=True)
class Others:
    """What other speakers lead one to expect: the model's prior, and the means of the baselines."""

    prior: Prior
    mean: float
    phones: Mapping[str, float]
    words: Mapping[tuple[str, str], tuple[float, int]]

    def of_phone(self, skill: str) -> float:
        """The mean of a phone, wherever it stands."""
        return self.phones.get(_phone(skill), self.mean)

    def of_text(self, one: Evidence) -> float:
        """The mean of a phone in a word, shrunk to the phone's."""
        total, n = self.words.get((_phone(one.skill), one.word), (0.0, 0))
        return (WORD_SHRINK * self.of_phone(one.skill) + total) / (WORD_SHRINK + n)


def _phone(skill: str) -> str:
    return skill.split(":")[1]


def heard(path: Path) -> dict[str, UtteranceScore]:
    """What a scorer heard, by id: rows as `batch` and `score --json` write them.

    Raises:
        InputError: when the file holds no scores with ids.
    """
    rows = [row for row in jsonio.json_lines(path, dict[str, Any]) if "schema_version" in row]
    found = {str(row["id"]): score_from_json(row) for row in rows if row.get("id") is not None}
    if not found:
        raise InputError(f"{path} holds no scores with ids; `speechtutor batch` writes them")
    return found


def people(rows: Sequence[Utterance], heard: Mapping[str, UtteranceScore] | None = None) -> list[Person]:
    """The speakers of some rows that have raters' scores of phones, with more utterances than are known.

    With `heard`, only utterances that a scorer heard too.

    Raises:
        InputError: when there is none.
    """
    by: dict[str, list[Utterance]] = defaultdict(list)
    for row in rows:
        is_judged = row.scores is not None and any(word.phones for word in row.scores.words)
        if is_judged and (heard is None or row.id in heard):
            by[row.speaker].append(row)
    found = []
    for name, said in by.items():
        judged = [one.scores for one in said if one.scores is not None]
        rated = tuple(map(sounds, judged))
        told = rated if heard is None else tuple(sounds(heard[one.id]) for one in said)
        found.append(Person(name, said[0].split, rated, tuple(one.overall for one in judged), told))
    enough = [one for one in found if len(one.utterances) > FIRST[0]]
    if not enough:
        raise InputError(f"no speaker has more than {FIRST[0]} utterances with raters' scores of phones")
    return enough


def sounds(score: UtteranceScore) -> tuple[Evidence, ...]:
    """The sounds of a judged utterance."""
    return tuple(one for one in evidence.of_score(score) if skills.kind_of(one.skill) == "sound")


def others(known: Sequence[Person]) -> Others:
    """Everything that is fitted on other speakers."""
    rated = [
        Rated(person.id, one.skill, one.word, one.right)
        for person in known
        for said in person.utterances
        for one in said
    ]
    phones: dict[str, list[float]] = defaultdict(list)
    words: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in rated:
        phones[_phone(one.skill)].append(one.right)
        words[_phone(one.skill), one.word].append(one.right)
    return Others(
        priors.fit(rated),
        float(np.mean([one.right for one in rated])),
        {phone: float(np.mean(values)) for phone, values in phones.items()},
        {key: (sum(values), len(values)) for key, values in words.items()},
    )


def folds(judged: Sequence[Person], train: Sequence[Person], seed: int = 0) -> dict[str, Others]:
    """For each speaker what the train speakers without them lead one to expect.

    Raises:
        InputError: when there are fewer train speakers than folds.
    """
    if len(train) < FOLDS:
        raise InputError(f"at least {FOLDS} train speakers are needed to know what to expect of another")
    names = {one.id for one in train}
    found: dict[str, Others] = {}
    if any(one.id not in names for one in judged):
        whole = others(train)
        found = {one.id: whole for one in judged if one.id not in names}
    if any(one.id in names for one in judged):
        order = np.random.default_rng(seed).permutation(len(train))
        for part in np.array_split(order, FOLDS):
            left_out = {train[i].id for i in part}
            known = others([one for one in train if one.id not in left_out])
            found |= dict.fromkeys(sorted(left_out), known)
    return found


def row_of(person: Person, known: Others) -> Row:
    """What the first k utterances of a speaker foretell, and where a placement ends."""
    state, foretold, right_so_far, n = LearnerState(person.id), {}, 0.0, 0
    for i in range(len(person.utterances)):
        if i in FIRST:
            mean = (right_so_far + SHRINK * known.mean) / (n + SHRINK)
            rest = [one for later in person.utterances[i:] for one in later]
            foretold[str(i)] = _foretold(state, rest, mean, known)
        told = person.evidence[i]
        state = belief.learn(state, _START, told, known.prior)
        right_so_far += sum(one.right if one.rated is None else one.rated for one in told)
        n += len(told)
    detail = {"utterances": len(person.utterances), "foretold": foretold}
    return Row(person.id, person.id, person.split, "", "", detail=detail | _placed(person, known))


def _foretold(
    state: LearnerState, rest: Sequence[Evidence], mean: float, known: Others
) -> dict[str, list[float]]:
    model = [belief.believed(state, one.skill, word=one.word, prior=known.prior).p for one in rest]
    rounded: dict[str, list[float]] = {
        "right": [one.right for one in rest],
        "model": model,
        "speaker": [mean] * len(rest),
        "phone": [known.of_phone(one.skill) for one in rest],
        "text": [known.of_text(one) for one in rest],
    }
    return {name: [round(float(value), 5) for value in values] for name, values in rounded.items()}


def _placed(person: Person, known: Others) -> dict[str, Any]:
    """A placement whose bank are the speaker's own utterances, each answered as it was heard."""
    state, given = LearnerState(person.id), set[int]()

    def named(said: tuple[Evidence, ...]) -> list[tuple[str, str]]:
        return [(one.skill, one.word) for one in said]

    while (i := placement.next_item(state, person.utterances, given, named, known.prior)) is not None:
        given.add(i)
        state = belief.learn(state, _START, person.evidence[i], known.prior)
    judged = [(i, score) for i, score in enumerate(person.overall) if score is not None]
    rest = [score for i, score in judged if i not in given]
    return {
        "placed": placement.placed(state).score if given else None,
        "n_placed": len(given),
        "raters": float(np.mean([score for _, score in judged])) if judged else None,
        "raters_rest": float(np.mean(rest)) if rest else None,
    }


def failed(person: Person, cause: str) -> Row:
    """A speaker of whom nothing could be foretold."""
    nothing: dict[str, Any] = {
        "utterances": 0,
        "foretold": {},
        "placed": None,
        "n_placed": 0,
        "raters": None,
        "raters_rest": None,
    }
    return Row(person.id, person.id, person.split, "", "", error=cause, detail=nothing)


@dataclass(frozen=True, slots=True)
class Minus:
    """One figure minus another of the same items."""

    first: Figure
    second: Figure

    def over(self, weights: Values, codes: NDArray[np.intp]) -> Values:
        """One value a draw."""
        return self.first.over(weights, codes) - self.second.over(weights, codes)


def log_loss(right: Values, stated: Values) -> OfSums:
    """The mean logarithmic loss of probabilities of what came out right to a share, in nats."""
    p = np.clip(stated, SURE, 1 - SURE)
    return sampling.mean(-(right * np.log(p) + (1 - right) * np.log(1 - p)))


def _columns(rows: Sequence[Row], k: int) -> tuple[dict[str, Values], list[str]]:
    kept = [row for row in rows if str(k) in row.detail["foretold"]]
    told = [row.detail["foretold"][str(k)] for row in kept]
    names = ("right", "model", *SYSTEMS)
    values = {name: np.array([x for one in told for x in one[name]], np.float64) for name in names}
    who = [row.speaker for row, one in zip(kept, told, strict=True) for _ in one["right"]]
    return values, who


def _of_system(values: Mapping[str, Values], name: str, k: int, who: Sequence[str]) -> dict[str, Labelled]:
    right, stated = values["right"], values[name]
    ways: dict[str, tuple[str, Figure, str, str]] = {
        "auc": ("AUC of wrong phones", sampling.auc(right < WRONG, -stated), "share", "higher"),
        "log_loss": ("log loss", log_loss(right, stated), "nats", "lower"),
        "ece": ("expected calibration error", sampling.ece(right, stated), "share", "lower"),
    }
    return {
        f"{key}_{k}": Labelled(f"{label} after {k}", figure, who, len(who), "phones", unit, better)
        for key, (label, figure, unit, better) in ways.items()
    }


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """How well the rest is foretold, what that gains over each baseline, and the placement."""
    found: dict[str, Labelled] = {}
    for k in FIRST:
        values, who = _columns(rows, k)
        if not who:
            continue
        own = _of_system(values, "model", k, who)
        found |= own
        for name, label in SYSTEMS.items():
            theirs = _of_system(values, name, k, who)
            for key in (f"auc_{k}", f"log_loss_{k}"):
                gain = Minus(own[key].figure, theirs[key].figure)
                said = f"{own[key].label}, minus the {label}'s"
                found[f"{key}_minus_{name}"] = Labelled(
                    said, gain, who, len(who), "phones", own[key].unit, own[key].better
                )
    return found | _placements(rows)


def _placements(rows: Sequence[Row]) -> dict[str, Labelled]:
    found = {}
    told = {"raters": "mean score of all sentences", "raters_rest": "mean score of the other sentences"}
    for key, label in told.items():
        kept = [row for row in rows if row.detail["placed"] is not None and row.detail[key] is not None]
        if kept:
            truth, placed = (np.array([row.detail[name] for row in kept]) for name in (key, "placed"))
            figure, who = sampling.pcc(truth, placed), [row.speaker for row in kept]
            said = f"placement against the raters' {label}, PCC"
            name = f"placement_{key}"
            found[name] = Labelled(said, figure, who, len(who), "speakers", "correlation", "higher")
            if key == "raters_rest":
                bands = [priors.level_of(a) == priors.level_of(b) for a, b in zip(truth, placed, strict=True)]
                found["placement_bias"] = Labelled(
                    f"placement minus the raters' {label}", sampling.mean(placed - truth), who,
                    len(who), "speakers", "score", "lower",
                )  # fmt: skip
                found["placement_band"] = Labelled(
                    f"placement in the band of the raters' {label}", sampling.mean(bands), who,
                    len(who), "speakers", "share", "higher",
                )  # fmt: skip
    kept = [row for row in rows if row.detail["placed"] is not None]
    if kept:
        items = sampling.mean([float(row.detail["n_placed"]) for row in kept])
        who = [row.speaker for row in kept]
        found["placement_items"] = Labelled(
            "items of a placement", items, who, len(who), "speakers", "items", "lower"
        )
    return found


def rest(rows: Sequence[Row], speakers: Speakers) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    tables: dict[str, dict[str, Any]] = {label: {} for label in SYSTEMS.values()}
    drawn = []
    for k in FIRST:
        values, who = _columns(rows, k)
        if not who:
            continue
        for name, label in SYSTEMS.items():
            asked = _of_system(values, name, k, who)
            tables[label] |= {key: figure.measured(speakers)[0] for key, figure in asked.items()}
        drawn.append(reliability(f"probability after {k} utterances", values["right"], values["model"]))
    return {
        "baselines": {label: found for label, found in tables.items() if found},
        "calibration": drawn,
        "counts": {
            "utterances": sum(row.detail["utterances"] for row in rows),
            "speakers": len(rows),
            "failed": sum(row.error is not None for row in rows),
            "phones_foretold": len(_columns(rows, FIRST[0])[1]),
        },
        "lists": {"failed": [row.id for row in rows if row.error is not None]},
        "notes": [
            "Truth are raters' mean scores of phones; without --heard they are the evidence too.",
            f"A phone is wrong below 0.5 of 2; the log loss takes scores as they are, and their own spread"
            f" is part of it. A speaker's mean is shrunk by {SHRINK:.0f} phones.",
            "The bank of a placement is the speaker's own sentences.",
        ],
    }


KIND = EvaluationKind("learner", figures, KEYS, rest, "log_loss_5")


def evaluate(job: Job[Person], train: Sequence[Person]) -> tuple[Summary, list[Row]]:
    """Foretell every speaker of the job and write the result.

    Raises:
        InputError: when there are too few train speakers.
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    known = folds(job.rows, train, job.seed)
    return carry_out(
        job, KIND, lambda person: row_of(person, known[person.id]), failed, progress=bar("foretelling")
    )
