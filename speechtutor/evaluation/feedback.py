"""How good a model's wording of feedback is: does it hold, does it name the finding, how long, how hard.

Every reply is taken as the model wrote it, before the rules would replace it. Where the rules speak
anyway, since there is nothing sure to word, the model is not asked and the row is counted as theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from speechtutor.core import LearnerState, UtteranceScore
from speechtutor.corpora.manifest import read as read_manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import sampling
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row, Summary, Table
from speechtutor.evaluation.sampling import Speakers
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.evaluation.writing import Timed
from speechtutor.files import jsonio
from speechtutor.schema import score_from_json
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.facts import facts, words_of
from speechtutor.tutor.phrasing import LlmTutor
from speechtutor.tutor.rubric import distinct, opening, reading_grade, rubric, self_bleu
from speechtutor.tutor.verify import holds

TIMEOUT = 120.0
"""Seconds that a reply may take: here its time is a figure and no reason to give up."""
KEYS = ("passed", "covered")
SHARES = {
    "passed": "replies that pass the verifier",
    "names_word": "replies that name the word of the top finding",
    "names_sound": "replies that name its sound",
    "covered": "replies that cover it: its word and, where it has one, its sound",
    "how": "replies that say how, in the words of our hint",
    "task": "replies that end with the one thing to do, as a question",
    "praise": "replies that begin with what was good, by its name",
    "plain": "replies of school grade 5 or less",
    "length": "replies of 8 to 45 words",
}
RUBRIC = ("how", "task", "praise", "plain", "length")
"""Parts of `tutor.rubric` that are not measured by another name."""

FIRST = 100
"""Replies by which it is said how varied they are; shares of different ones fall with their number."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A judged utterance that feedback is given on; `speaker` is its own id where nobody is named."""

    id: str
    score: UtteranceScore
    speaker: str
    split: str = ""
    audio: str = ""


def scores(path: Path, split: str = "dev", limit: int = 200) -> list[Noted]:
    """What there is to give feedback on: rows of `score --json` with ids, or a manifest's raters.

    Evenly chosen when there are more than `limit`.

    Raises:
        InputError: when the file holds no scores.
    """
    rows = list(jsonio.json_lines(path, dict[str, Any]))
    if rows and ("schema_version" in rows[0] or "error" in rows[0]):
        judged = [(number, row) for number, row in enumerate(rows, start=1) if "schema_version" in row]
        found = [_noted(row, split, f"{path}, row {number}") for number, row in judged]
    else:
        found = [
            Noted(row.id, row.scores, row.speaker, row.split, row.audio)
            for row in read_manifest(path, [split])
            if row.scores is not None
        ]
    if not found:
        raise InputError(f"{path} holds no scores of the split {split}")
    return found if len(found) <= limit else [found[i * len(found) // limit] for i in range(limit)]


def _noted(row: Mapping[str, Any], split: str, where: str) -> Noted:
    name = row.get("id")
    if not isinstance(name, str):
        raise InputError(f"{where}: id: a text is needed that names the recording")
    who = row.get("speaker") or row.get("learner") or name
    return Noted(name, score_from_json(dict(row)), str(who), split)


def over(items: Sequence[Noted]) -> str:
    """What intervals are over: speakers, or single utterances where nobody is named."""
    return "utterances" if all(item.speaker == item.id for item in items) else "speakers"


def listener(tutor: LlmTutor) -> Callable[[Noted], Row]:
    """A function that lets the model word the feedback on one utterance."""
    engine = Timed(tutor.engine)
    asked = LlmTutor(
        engine, tutor.fallback, max_tokens=tutor.max_tokens, timeout=TIMEOUT, shots=tutor.shots,
        starts=tutor.starts,
    )  # fmt: skip

    def judge(item: Noted) -> Row:
        # The evidence decides, not its cache: every reply is written anew.
        asked.forget()
        asked.last = None
        start = perf_counter()
        asked.advise(item.score, LearnerState())
        elapsed = perf_counter() - start
        known = facts(gather(item.score, LearnerState()))
        reply = asked.last
        if reply is None:
            return _row(item, None, _detail(known.kind or "none", rules=True))
        words = words_of(reply.text)
        detail = _detail(
            known.kind or "none",
            violations=[f"{v.code}: {v.detail}" for v in reply.violations],
            dropped=reply.dropped,
            word=None if known.finding is None else holds(words, words_of(known.flagged)),
            sound=bool(re.search(rf"\b{re.escape(known.target)}\b", reply.text.lower()))
            if known.target
            else None,
            rubric=rubric(reply.text, gather(item.score, LearnerState())).parts(),
            n_words=len(words),
            grade=reading_grade(reply.text),
            first=engine.first or elapsed,
        )
        return _row(item, reply.text, detail, elapsed=elapsed)

    return judge


def _detail(finding: str, **known: Any) -> dict[str, Any]:
    """A row's detail, with what is not known as a reply by the rules has it."""
    blank = {
        "rules": False, "violations": [], "dropped": "", "word": None, "sound": None, "n_words": 0,
        "grade": None, "first": None, "rubric": {},
    }  # fmt: skip
    return {"finding": finding, **blank, **known}


def _row(item: Noted, text: str | None, detail: dict[str, Any], **extra: Any) -> Row:
    own: dict[str, float | None] = {}
    if text is not None:
        own = {"passed": float(not detail["violations"]), "covered": covered(detail)}
    return Row(
        item.id, item.speaker, item.split, item.audio, item.score.text, text,
        groups={"finding": detail["finding"]}, metrics=own, detail=detail, **extra,
    )  # fmt: skip


def failed(item: Noted, cause: str) -> Row:
    """The row of an utterance that no reply could be had for."""
    return _row(item, None, _detail("none"), error=cause)


def covered(detail: Mapping[str, Any]) -> float | None:
    """1 where a reply names the finding's word and, where it has one, its sound; None without a finding."""
    return None if detail["word"] is None else float(detail["word"] and detail["sound"] is not False)


def replies(rows: Sequence[Row]) -> list[Row]:
    """The rows that the model worded."""
    return [row for row in rows if row.error is None and not row.detail["rules"]]


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """Shares of the replies, and their length and difficulty."""
    worded = replies(rows)
    values: dict[str, list[float | None]] = {
        "passed": [float(not row.detail["violations"]) for row in worded],
        "names_word": [row.detail["word"] for row in worded],
        "names_sound": [row.detail["sound"] for row in worded],
        "covered": [covered(row.detail) for row in worded],
        **{part: [row.detail.get("rubric", {}).get(part) for row in worded] for part in RUBRIC},
        "n_words": [float(row.detail["n_words"]) for row in worded],
        "grade": [row.detail["grade"] for row in worded],
    }
    labels = {**SHARES, "n_words": "words a reply", "grade": "reading level (Flesch-Kincaid grade)"}
    found = {}
    for key, label in labels.items():
        known = [(float(v), row.speaker) for v, row in zip(values[key], worded, strict=True) if v is not None]
        if known:
            figure, who = sampling.mean([v for v, _ in known]), [name for _, name in known]
            unit, better = ("share", "higher") if key in SHARES else (key, "")
            found[key] = Labelled(label, figure, who, len(known), "replies", unit, better)
    return found


def rest(rows: Sequence[Row], speakers: Speakers) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    worded = replies(rows)
    kinds = sorted({row.detail["finding"] for row in worded})
    of_kind = {k: [not r.detail["violations"] for r in worded if r.detail["finding"] == k] for k in kinds}
    reasons = Counter(v.partition(":")[0] for row in worded for v in row.detail["violations"])
    first = [row.detail["first"] for row in worded if row.detail["first"] is not None]
    total = [row.elapsed for row in worded if row.elapsed is not None]
    lists = {
        "failed": [row.id for row in rows if row.error is not None],
        "left_to_the_rules": [row.id for row in rows if row.detail["rules"]],
        "refused": [row.id for row in worded if row.detail["violations"]],
    }
    return {
        "counts": {
            "utterances": len(rows), "speakers": len({row.speaker for row in rows}), "replies": len(worded),
            **{name: len(ids) for name, ids in lists.items()},
        },
        "lists": lists,
        "tables": [
            Table("Replies by kind of finding", ("kind of finding", "#pass", "#of"),
                  [(kind, sum(passed), len(passed)) for kind, passed in of_kind.items()]),
            Table("Reasons for refusing", ("reason", "#times"), reasons.most_common()),
            Table("How varied replies are", ("of the first replies", "value"), varied(worded)),
        ],
        "timing": {**quantiles("first_text", first), **quantiles("reply", total)},
        "notes": ["A reply is judged as the model wrote it; one that is refused is replaced by the rules."],
    }  # fmt: skip


def varied(worded: Sequence[Row]) -> list[tuple[str, int | str]]:
    """How different the first replies are from one another; what they quote is masked."""
    texts = [row.hypothesis or "" for row in worded[:FIRST]]
    return [
        ("replies", len(texts)),
        ("different openings", len(set(map(opening, texts)))),
        ("distinct-2", f"{distinct(texts):.3f}"),
        ("self-BLEU", f"{self_bleu(texts):.3f}"),
    ]


def quantiles(name: str, seconds: Sequence[float]) -> dict[str, float | None]:
    """The median and the 95th percentile of some times, under their names."""
    return {
        f"{name}_{label}": float(np.quantile(seconds, q)) if len(seconds) else None
        for label, q in (("p50", 0.5), ("p95", 0.95))
    }


def _judged(row: Row) -> bool:
    return row.error is None and not row.detail["rules"]


KIND = EvaluationKind("feedback", figures, KEYS, rest, "passed", _judged)


def evaluate(job: Job[Noted], tutor: LlmTutor) -> tuple[Summary, list[Row]]:
    """Let the model word the feedback on every row of the job, or go on with a stopped run.

    Raises:
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    return carry_out(job, KIND, listener(tutor), failed, progress=bar("wording"))
