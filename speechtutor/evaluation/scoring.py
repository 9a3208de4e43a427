"""How well a scorer agrees with expert raters, and how well it finds wrong sounds.

Correlations are over all phones, words or utterances (pooled, as published figures are), squared errors
on the corpus's scale of 0-2 for every aspect. A phone counts as mispronounced when its mean rating is
below 0.5 of 2. Utterances that the scorer declined are counted and shown, and give no values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from speechtutor.core import Utterance
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.errors import InputError
from speechtutor.evaluation import sampling, scoring_items, scoring_rows
from speechtutor.evaluation.calibration import reliability
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Calibration, Confusion, Row, Summary
from speechtutor.evaluation.sampling import Figure, Speakers
from speechtutor.evaluation.scoring_baselines import baselines
from speechtutor.evaluation.scoring_items import NAMES, OF, Column, Item
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.stages import Scorer

KEYS = (
    "phone_pcc",
    "phone_bias",
    "word_accuracy_pcc",
    "utterance_total_pcc",
    "utterance_total_bias",
    "mdd_f1",
    "mdd_false_alarms",
    "mdd_ece",
)
"""Figures whose gaps between groups are reported."""
N_CONFUSIONS = 100
HIGHEST = 1 - 1e-9
UNTOLD = "?"


class _Measuring:
    """Collects figures under their names."""

    def __init__(self) -> None:
        self.found: dict[str, Labelled] = {}

    def add(
        self, key: str, label: str, figure: Figure, who: Sequence[str], of: str, unit: str, better: str
    ) -> None:
        if who:
            self.found[key] = Labelled(label, figure, who, len(who), of, unit, better)


def number(n: int, what: str) -> str:
    """A count with its noun in the right number."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def agreement(measuring: _Measuring, aspect: str, values: Column, *, on_scale: bool = True) -> None:
    """Correlations of one aspect, and where both sides have the same scale the errors on 0-2."""
    x, y, name, of = values.rated, values.said, NAMES[aspect], OF[aspect.partition("_")[0]]
    if aspect == "word_stress":
        # A correlation over thousands of words rests on the few that raters marked.
        name = f"{name} ({number(int((x < HIGHEST).sum()), 'word')} rated low)"
    steps = 2 if aspect == "phone" else 10
    add = partial(measuring.add, who=values.speakers, of=of)
    add(f"{aspect}_pcc", f"{name}, PCC", sampling.pcc(x, y), unit="correlation", better="higher")
    if on_scale:
        error = sampling.mse(x, y, scale=2)
        add(f"{aspect}_mse", f"{name}, MSE on 0-2", error, unit="points²", better="lower")
    add(
        f"{aspect}_spearman",
        f"{name}, Spearman",
        sampling.spearman(x, y),
        unit="correlation",
        better="higher",
    )
    if on_scale:
        kappa, bias = sampling.qwk(x, y, steps), sampling.mean(2 * (y - x))
        add(f"{aspect}_qwk", f"{name}, QWK in {steps + 1} steps", kappa, unit="correlation", better="higher")
        add(f"{aspect}_bias", f"{name}, model minus raters on 0-2", bias, unit="points", better="")


DETECTION = {"precision": "higher", "recall": "higher", "f1": "higher", "false_alarms": "lower"}


def detect(
    measuring: _Measuring,
    prefix: str,
    label: str,
    wrong: ArrayLike,
    flagged: ArrayLike,
    who: Sequence[str],
) -> None:
    """Precision, recall, F1 and false alarms per 100 right phones."""
    for name, figure in sampling.detection(wrong, flagged).items():
        text, unit = (name.replace("_", " "), "share") if name != "false_alarms" else (
            "false alarms per 100 right phones", "per 100")  # fmt: skip
        measuring.add(f"{prefix}_{name}", f"{label}, {text}", figure, who, "phones", unit, DETECTION[name])


def mispronunciations(measuring: _Measuring, values: Column) -> None:
    """Detection at the threshold that ships and at the best one, AUC and calibration."""
    wrong, stated, who = values.rated > 0.5, values.said, values.speakers
    if not who:
        return
    detect(measuring, "mdd", f"MDD at {ERROR_THRESHOLD}", wrong, stated >= ERROR_THRESHOLD, who)
    half = sampling.detection(wrong, stated >= 0.5)["f1"]
    measuring.add("mdd_f1_half", "MDD at 0.5, f1", half, who, "phones", "share", "higher")
    best = sampling.best_threshold(wrong, stated)
    found = sampling.detection(wrong, stated >= best)["f1"]
    label = f"MDD at the best threshold of these very rows ({best:.2f}), f1"
    measuring.add("mdd_f1_best", label, found, who, "phones", "share", "higher")
    area, gap = sampling.auc(wrong, stated), sampling.ece(values.rated, stated)
    measuring.add("mdd_auc", "MDD, area under the ROC curve", area, who, "phones", "share", "higher")
    measuring.add("mdd_ece", "ECE of the error probability", gap, who, "phones", "share", "lower")


def diagnoses(measuring: _Measuring, known: Sequence[Item]) -> None:
    """Detection and diagnosis against what people heard, where somebody wrote it down."""
    if not known:
        return
    wrong = [i.perceived != i.phone for i in known]
    flagged = [(i.error_probability or 0.0) >= ERROR_THRESHOLD for i in known]
    who = [i.speaker for i in known]
    detect(
        measuring,
        "perceived_mdd",
        f"MDD against the transcribed phones at {ERROR_THRESHOLD}",
        wrong,
        flagged,
        who,
    )
    told = [i for i, w, f in zip(known, wrong, flagged, strict=True) if w and f and i.perceived != UNTOLD]
    right = [i.heard == i.perceived for i in told]
    measuring.add(
        "diagnosis_accuracy", "diagnosis: right phone named among the errors found",
        sampling.mean(right), [i.speaker for i in told], "errors found", "share", "higher",
    )  # fmt: skip


def recognition(measuring: _Measuring, rows: Sequence[Row]) -> None:
    """Phone error rate of the free decoding, an utterance without any as all left out."""
    kinds = (("per", "canonical", "decoded"), ("per_perceived", "transcribed", "decoded_perceived"))
    heard = any(row.detail["heard"] is not None for row in rows)
    for key, against, name in kinds:
        chosen = [row for row in rows if heard and row.detail[name]]
        counts = np.array([row.detail[name] for row in chosen]).reshape(-1, 4)
        if len(chosen):
            figure = sampling.rate(counts[:, 1:].sum(axis=1), counts[:, :3].sum(axis=1))
            who = [row.speaker for row in chosen]
            label = f"PER of free decoding against the {against} phones"
            measuring.found[key] = Labelled(label, figure, who, int(counts[:, :3].sum()), "phones")


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """Every figure; what the rows have no values for is left out."""
    every, measuring = scoring_items.of_rows(rows), _Measuring()
    for aspect in NAMES:
        agreement(measuring, aspect, scoring_items.column(every, aspect))
    mispronunciations(measuring, scoring_items.errors(every))
    diagnoses(measuring, scoring_items.perceived(every))
    recognition(measuring, rows)
    return measuring.found


def confusions(rows: Sequence[Row], most: int = N_CONFUSIONS) -> list[Confusion]:
    """The commonest pairs of a canonical phone and what the scorer heard instead, "" for nothing."""
    counted = Counter(
        (item.phone, item.heard)
        for item in scoring_items.of_rows(rows)
        if item.aspect == "phone"
        and item.heard is not None
        and (item.error_probability or 0.0) >= ERROR_THRESHOLD
    )
    ranked = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Confusion("phone", left, right or "", n) for (left, right), n in ranked[:most]]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """What a reader must know before believing a figure."""
    words = [word for row in rows for word in row.detail["words"]]
    phones = [phone for word in words for phone in word["phones"]]
    return {
        "utterances": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "failed": sum(row.error is not None for row in rows),
        "declined": sum(row.detail["declined"] for row in rows),
        "without_raters": sum(row.detail["raters"] is None for row in rows),
        "words": len(words),
        "unsure_words": sum(word["error_type"] == "Unsure" for word in words),
        "unmatched_words": sum(not word["matched"] for word in words),
        "phones": len(phones),
        "unscored_phones": sum(phone["score"] is None for phone in phones),
    }


def rest(
    rows: Sequence[Row],
    speakers: Speakers,
    *,
    train: Sequence[Utterance] = (),
    raters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    every = scoring_items.of_rows(rows)
    fitted = scoring_items.of_rows([scoring_rows.row_of(utterance, None) for utterance in train])
    values = scoring_items.errors(every)
    drawn: list[Calibration] = [reliability("error probability of phones", values.rated, values.said)]
    said = [
        "A phone with a mean rating below 0.5 of 2 counts as mispronounced.",
        "Utterances that the scorer declined, and files that failed, are counted and give no values.",
    ]
    if not train:
        said.append(
            "Without train rows the constant is these rows' own mean, and there is no text-only prior."
        )
    if raters is not None:
        said.append(
            "A single rater is held against the mean of the other four, the model against all five as the "
            "corpus gives them: in speechocean762 phones are their mean, words and sentences their median."
        )
    return {
        "baselines": baselines(every, fitted, raters, speakers),
        "calibration": [found for found in drawn if found.n],
        "confusions": confusions(rows),
        "counts": counts(rows),
        "lists": {
            "failed": [row.id for row in rows if row.error is not None],
            "declined": [row.id for row in rows if row.detail["declined"]],
        },
        "notes": said,
    }


def _judged(row: Row) -> bool:
    return row.error is None and not row.detail["declined"]


KIND = EvaluationKind("scoring", figures, KEYS, rest, "phone_pcc", _judged, scoring_rows.paired)


def evaluate(
    job: Job[Utterance],
    scorer: Scorer,
    *,
    train: Sequence[Utterance] = (),
    raters: Mapping[str, Any] | None = None,
) -> tuple[Summary, list[Row]]:
    """Judge every row of the job, or go on with a stopped run, and write the result.

    `train` are rows that the text-only prior is fitted on, `raters` the content of raters-train.json.

    Raises:
        InputError: when no row has human scores or transcribed phones to compare with.
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    if not any(row.scores is not None for row in job.rows):
        raise InputError(f"{job.manifest}: no row has human scores to compare with")
    assert job.root is not None
    kind = replace(KIND, rest=partial(rest, train=train, raters=raters))
    judge = scoring_rows.listener(scorer, job.root)
    found, rows = carry_out(job, kind, judge, scoring_rows.failed, progress=bar("scoring"))
    write_reliability(job.out, found)
    return found, rows


def write_reliability(folder: Path, found: Summary) -> None:
    """Draw the first reliability diagram into the run's folder."""
    from speechtutor.evaluation.calibration import svg
    from speechtutor.files.disk import write_text

    for drawn in found.calibration[:1]:
        write_text(folder / "reliability.svg", svg(drawn))
