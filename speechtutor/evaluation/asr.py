"""How well a recogniser writes down what was said.

Normalised figures use a normaliser on both sides (Whisper's: no fillers, contractions written out,
numbers as figures) and compare with papers. Verbatim figures take off only case and punctuation and
count every word that was said, which is what matters with learners. PER compares the phones that the
lexicon gives for both texts: it says how far the written words sound from the right ones, not what
the learner said. All rates are of the corpus: all errors over all units of the references.

A file that failed counts as one in which nothing was heard; an empty reference adds what was put in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from speechtutor import audio, metrics
from speechtutor.audio.quality import quality
from speechtutor.core import Utterance
from speechtutor.errors import TextError
from speechtutor.evaluation import groups, sampling
from speechtutor.evaluation.asr_repairs import repaired
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Confusion, Row, Summary
from speechtutor.evaluation.sampling import Figure, Speakers
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.schema import percent
from speechtutor.stages import Transcriber
from speechtutor.text.phones import pronounce
from speechtutor.text.tokens import words_for_wer

Normalise = Callable[[str], str]
Normaliser = Callable[[str], Normalise]
"""By language: a manifest may hold several."""
COUNTS = {
    "words_normalised": "words, normalised",
    "words_verbatim": "words, verbatim",
    "characters_normalised": "characters, normalised",
    "characters_verbatim": "characters, verbatim",
    "phones": "phones of both texts through the lexicon",
}
RATES = {
    "wer_normalised": "words_normalised",
    "wer_verbatim": "words_verbatim",
    "cer_normalised": "characters_normalised",
    "cer_verbatim": "characters_verbatim",
    "per": "phones",
}
HEADLINE = "wer_normalised"
KEYS = ("wer_normalised", "wer_verbatim", "per", "repaired")
"""Figures whose gaps between groups are reported."""
REPAIRED = "mispronounced words written as if they had been right"
HEARD = "well-spoken words written as they were"
BETTER = {"repaired": "lower", "right_words_heard": "higher"}
EDITS = ("substitutions", "deletions", "insertions")
N_CONFUSIONS = 100


def verbatim(text: str) -> str:
    """Lower case without punctuation."""
    return " ".join(words_for_wer(text))


@cache
def _phones(word: str, lang: str) -> tuple[str, ...] | None:
    try:
        return tuple(p for part in pronounce(word, lang) for p in part.pronunciations[0])
    except TextError:
        return None


def phones_of(text: str, lang: str) -> tuple[list[str], list[str]]:
    """The citation phones of a text, and its words that have none; such a word is one symbol of its own."""
    phones: list[str] = []
    unknown = []
    for word in words_for_wer(text):
        found = _phones(word, lang)
        if found is None:
            unknown.append(word)
        phones += [f"<{word}>"] if found is None else found
    return phones, unknown


def compare(reference: str, hypothesis: str, normalise: Normalise, lang: str) -> dict[str, Any]:
    """The edits of one utterance in every unit: [hits, substitutions, deletions, insertions]."""
    normal = [" ".join(normalise(text).split()) for text in (reference, hypothesis)]
    plain = verbatim(reference), verbatim(hypothesis)
    spoken = [phones_of(text, lang) for text in plain]
    sides = {
        "words_normalised": [text.split() for text in normal],
        "words_verbatim": [text.split() for text in plain],
        "characters_normalised": [list(text.replace(" ", "_")) for text in normal],
        "characters_verbatim": [list(text.replace(" ", "_")) for text in plain],
        "phones": [phones for phones, _ in spoken],
    }
    counts = {}
    for name, (left, right) in sides.items():
        (found,) = metrics.edits([" ".join(left)], [" ".join(right)])
        counts[name] = [found.hits, found.substitutions, found.deletions, found.insertions]
    return {"counts": counts, "normalised": normal, "unpronounceable": spoken[1][1]}


def row_of(
    utterance: Utterance,
    hypothesis: str | None,
    normalise: Normalise,
    *,
    duration: float | None = None,
    elapsed: float | None = None,
    snr_db: float | None = None,
    error: str | None = None,
) -> Row:
    """One utterance compared; `hypothesis` is None where the file failed, and `error` then says why."""
    detail = compare(utterance.text, hypothesis or "", normalise, utterance.lang)
    judged = utterance.scores.words if utterance.scores else ()
    detail["words"] = [percent(word.score) for word in judged] or None
    found = repaired(judged, (hypothesis or "").split())
    detail["repairs"] = [found.n_wrong, found.n_repaired, found.n_right, found.n_heard] if judged else None
    own = {}
    for name, unit in RATES.items():
        hits, substitutions, deletions, insertions = detail["counts"][unit]
        own[name] = (substitutions + deletions + insertions) / max(hits + substitutions + deletions, 1)
    n_words = sum(detail["counts"]["words_verbatim"][:3])
    cells = groups.of_utterance(utterance, n_words) | groups.of_snr(snr_db)
    return Row(
        utterance.id, utterance.speaker, utterance.split, utterance.audio, utterance.text, hypothesis,
        duration, elapsed, error, cells, own, detail,
    )  # fmt: skip


def listener(
    transcriber: Transcriber, root: Path, normaliser: Normaliser, lang: str | None
) -> Callable[[Utterance], Row]:
    """A function that hears one utterance and compares it by the rules of its own language.

    It raises what the recording or the recogniser does; see `journal.guarded`.
    """

    def judge(utterance: Utterance) -> Row:
        recording = audio.load(root / utterance.audio)
        began = perf_counter()
        text = transcriber.transcribe(recording, lang=lang or utterance.lang).text
        elapsed = perf_counter() - began
        return row_of(
            utterance, text, normaliser(lang or utterance.lang), duration=recording.duration,
            elapsed=elapsed, snr_db=quality(recording).snr_db,
        )  # fmt: skip

    return judge


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """Every figure of some rows."""
    found: dict[str, Labelled] = {}
    who = [row.speaker for row in rows]

    def add(key: str, label: str, figure: Figure, of: str, n: int, better: str = "lower") -> None:
        found[key] = Labelled(label, figure, who, n, of, "share" if key in BETTER else "rate", better)

    for unit, label in COUNTS.items():
        hits, substitutions, deletions, insertions = (
            [row.detail["counts"][unit][i] for row in rows] for i in range(4)
        )
        errors = [sum(parts) for parts in zip(substitutions, deletions, insertions, strict=True)]
        length = [sum(parts) for parts in zip(hits, substitutions, deletions, strict=True)]
        heard = [sum(parts) for parts in zip(hits, substitutions, insertions, strict=True)]
        of, n, suffix = unit.partition("_")[0], sum(length), unit.partition("_")[2]
        rate = next(name for name, counted in RATES.items() if counted == unit)
        named = {"words": "WER", "characters": "CER", "phones": "PER"}[of]
        add(rate, f"{named}, {label}", sampling.rate(errors, length), of, n)
        if of == "words":
            add(f"mer_{suffix}", f"MER, {suffix}", sampling.mer(hits, errors), of, n)
            add(f"wil_{suffix}", f"WIL, {suffix}", sampling.wil(hits, length, heard), of, n)
            for name, part in zip(EDITS, (substitutions, deletions, insertions), strict=True):
                text = f"{name} per reference word, {suffix}"
                add(f"{name}_{suffix}", text, sampling.rate(part, length), of, n)
    judged = np.array([row.detail["repairs"] or [0, 0, 0, 0] for row in rows]).reshape(-1, 4)
    for key, label, i in (("repaired", REPAIRED, 0), ("right_words_heard", HEARD, 2)):
        if n := int(judged[:, i].sum()):
            add(key, label, sampling.share(judged[:, i + 1], judged[:, i]), "words", n, BETTER[key])
    return found


def confusions(rows: Sequence[Row], most: int = N_CONFUSIONS) -> list[Confusion]:
    """The commonest word pairs of the normalised texts, "" for a word left out or put in."""
    import jiwer

    counted: Counter[tuple[str, str]] = Counter()
    for row in rows:
        reference, hypothesis = row.detail["normalised"]
        found = jiwer.process_words(reference, hypothesis)
        for chunk in found.alignments[0]:
            if chunk.type == "equal":
                continue
            left = found.references[0][chunk.ref_start_idx : chunk.ref_end_idx]
            right = found.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]
            # A substitution has as many words on both sides; else one side is empty.
            counted.update(zip(left or [""] * len(right), right or [""] * len(left), strict=True))
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [Confusion("word", left, right, n) for (left, right), n in ranked[:most]]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """What a reader must know before believing a rate."""
    total: dict[str, int] = {
        "utterances": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "failed": sum(row.error is not None for row in rows),
        "empty_references": sum(not row.detail["normalised"][0] for row in rows),
        "empty_hypotheses": sum(row.error is None and not row.detail["normalised"][1] for row in rows),
        "unpronounceable_words": sum(len(row.detail["unpronounceable"]) for row in rows),
    }
    for unit in COUNTS:
        parts = zip(*(row.detail["counts"][unit] for row in rows), strict=True)
        for name, part in zip(("hits", "substitutions", "deletions", "insertions"), parts, strict=True):
            total[f"{unit}_{name}"] = sum(part)
    return total


def lists(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The ids behind the counts."""
    return {
        "failed": [row.id for row in rows if row.error is not None],
        "empty_references": [row.id for row in rows if not row.detail["normalised"][0]],
        "empty_hypotheses": [row.id for row in rows if row.error is None and not row.detail["normalised"][1]],
    }


def notes(rows: Sequence[Row]) -> list[str]:
    """What belongs under the table."""
    said = [
        "Rates are of the corpus: all errors over all units of the references.",
        "PER is of the phones that the lexicon gives for both texts, not of the phones that were said.",
    ]
    if any(row.detail["repairs"] for row in rows):
        said.append(
            "Mispronounced: raters gave the word less than 5 of 10, or a phone of it less than 0.5 of 2."
        )
    n_failed = sum(row.error is not None for row in rows)
    if n_failed:
        said.append(f"{n_failed} files failed and count as recordings in which nothing was heard.")
    return said


def rest(rows: Sequence[Row], speakers: Speakers) -> Mapping[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    return {
        "confusions": confusions(rows),
        "counts": counts(rows),
        "lists": lists(rows),
        "notes": notes(rows),
    }


KIND = EvaluationKind("asr", figures, KEYS, rest, HEADLINE)


def evaluate(
    job: Job[Utterance], transcriber: Transcriber, normaliser: Normaliser, lang: str | None = None
) -> tuple[Summary, list[Row]]:
    """Hear every row of the job, or go on with a stopped run, and write the result.

    `lang` is spoken in all rows; None takes that of each.

    Raises:
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    assert job.root is not None
    normaliser = cache(normaliser)

    def failed(utterance: Utterance, cause: str) -> Row:
        return row_of(utterance, None, normaliser(lang or utterance.lang), error=cause)

    judge = listener(transcriber, job.root, normaliser, lang)
    return carry_out(job, KIND, judge, failed, progress=bar("listening"))
