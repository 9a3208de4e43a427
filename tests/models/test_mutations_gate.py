"""The gate: known mistakes made of real readings, judged by the scorer that ships.

Sensitivity, locality and determinism over every kind of `evaluation.scoring_mutations`. The bounds
are far below what `recipes.evaluate_mutations` measures on many readings: they catch a scorer that has
stopped listening, that marks the wrong place or that does not repeat itself. Raise them with the scorer.
"""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest

from speechtutor import audio, registry
from speechtutor.audio import quality
from speechtutor.core import UtteranceScore
from speechtutor.evaluation.scoring_mutations import Mutation, Verdict, Words, sample, single, verdict
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.scoring.align import align
from speechtutor.scoring.observe import listen
from speechtutor.text.phones import confusable, pronounce
from tests.conftest import SHARED, learner_path, need

Judged = dict[str, list[tuple[Mutation, Verdict, UtteranceScore]]]
READINGS = ("061210142", "040050125", "021700379")
"""Well-rated readings of dev speakers: a child of 11 and two adults."""


def far(phone: str) -> tuple[str, ...]:
    """Phones of the same class, the most different at both ends, from which a sample takes its phones.

    A scorer that listens cannot miss them.
    """
    return (*confusable(phone)[::-1], confusable(phone)[-1])


@pytest.fixture(scope="module")
def judged(models_home: object) -> Judged:
    table = SHARED / "data" / "speechocean762" / "scores-train.json"
    need(table.is_file(), f"no learner speech: {table} is not there")
    texts = json.loads(table.read_text(encoding="utf-8"))
    scorer = registry.load("scorer", device="cpu")
    assert isinstance(scorer, PronunciationScorer)
    sounds = [audio.load(learner_path(utt)) for utt in READINGS]
    words: list[Words] = [single(pronounce(texts[utt]["text"])) for utt in READINGS]
    found: Judged = defaultdict(list)
    for k, utt in enumerate(READINGS):
        original = scorer.score(sounds[k], texts[utt]["text"], words=words[k])
        assert original.overall is not None
        alignment = align(listen(scorer.acoustic, sounds[k], quality.quality(sounds[k])), words[k])
        other = (k + 1) % len(READINGS)
        rng = np.random.default_rng(k)
        for mutation in sample(sounds[k], words[k], alignment, sounds[other], words[other], far, rng):
            score = scorer.score(mutation.recording, mutation.text, words=mutation.words)
            found[mutation.kind].append((mutation, verdict(original, score, mutation), score))
    # Determinism: the last mutation once more, after all the others.
    again = scorer.score(mutation.recording, mutation.text, words=mutation.words)
    assert again.words == score.words and again.overall == score.overall
    return dict(found)


def shares(judged: Judged) -> dict[str, float]:
    return {kind: float(np.mean([v.noticed for _, v, _ in rows])) for kind, rows in judged.items()}


def test_gross_mistakes_are_noticed(judged: Judged) -> None:
    noticed = shares(judged)
    assert noticed["wrong sentence"] == 1.0
    # Another word is marked, or so far from the text that the reading is declined.
    assert all(v.noticed or v.declined for _, v, _ in judged["word swapped"])
    assert noticed["word dropped (from the text's side)"] >= 1 / 2
    assert noticed["word repeated"] + noticed["word inserted"] > 0


def test_what_was_changed_falls(judged: Judged) -> None:
    for kind, least in (("phone swapped", 0.1), ("phone dropped", 0.1), ("word swapped", 0.3)):
        falls = [v.fall for _, v, _ in judged[kind] if v.fall is not None]
        assert np.mean(falls) > least, f"{kind}: {falls}"


def test_the_other_words_stay_as_they_were(
    judged: Judged,
) -> None:
    rows = [v for group in judged.values() for _, v, _ in group if not v.declined]
    assert np.mean([v.moved for v in rows]) < 0.03
    assert sum(v.false_flags for v in rows) <= 0.05 * sum(v.n_kept for v in rows)


def test_stuttering_is_no_wrong_sound_elsewhere(
    judged: Judged,
) -> None:
    for _, found, score in judged["phone repeated"]:
        assert score.overall is not None and found.false_flags == 0
