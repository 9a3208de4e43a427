"""The gate: known mistakes made of real readings, judged by the scorer that ships.

Sensitivity, locality and determinism over every kind of `speechtutor.evaluation.mutations`. The bounds
are far below what `recipes.evaluate_mutations` measures on many readings: they catch a scorer that has
stopped listening, that marks the wrong place or that does not repeat itself.
"""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest

from speechtutor import audio, registry, speech
from speechtutor.align import align
from speechtutor.core import UtteranceScore
from speechtutor.evaluation.mutations import Mutation, Verdict, Words, sample, single, verdict
from speechtutor.models.scorer import PronunciationScorer, listen
from speechtutor.phones import confusable, pronounce
from tests.conftest import SHARED, learner_path, need

READINGS = ("061210142", "040050125", "021700379")
"""Well-rated readings of dev speakers: a child of 11 and two adults."""


@pytest.fixture(scope="module")
def judged(models_home: object) -> dict[str, list[tuple[Mutation, Verdict, UtteranceScore]]]:
    table = SHARED / "data" / "speechocean762" / "scores-train.json"
    need(table.is_file(), f"no learner speech: {table} is not there")
    texts = json.loads(table.read_text(encoding="utf-8"))
    scorer = registry.load("scorer", device="cpu")
    assert isinstance(scorer, PronunciationScorer)
    sounds = [audio.load(learner_path(utt)) for utt in READINGS]
    words: list[Words] = [single(pronounce(texts[utt]["text"])) for utt in READINGS]
    found: dict[str, list[tuple[Mutation, Verdict, UtteranceScore]]] = defaultdict(list)
    for k, utt in enumerate(READINGS):
        original = scorer.score(sounds[k], texts[utt]["text"], words=words[k])
        assert original.overall is not None
        alignment = align(listen(scorer.acoustic, sounds[k], speech.quality(sounds[k])), words[k])
        other = (k + 1) % len(READINGS)
        rng = np.random.default_rng(k)
        for mutation in sample(sounds[k], words[k], alignment, sounds[other], words[other], confusable, rng):
            score = scorer.score(mutation.recording, mutation.text, words=mutation.words)
            found[mutation.kind].append((mutation, verdict(original, score, mutation), score))
    # Determinism: the last mutation once more, after all the others.
    again = scorer.score(mutation.recording, mutation.text, words=mutation.words)
    assert again.words == score.words and again.overall == score.overall
    return dict(found)


def shares(judged: dict[str, list[tuple[Mutation, Verdict, UtteranceScore]]]) -> dict[str, float]:
    return {kind: float(np.mean([v.noticed for _, v, _ in rows])) for kind, rows in judged.items()}
