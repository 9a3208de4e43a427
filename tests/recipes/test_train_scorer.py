"""The scorer's training: what its limits rest on, and a head that does without the encoder's frames."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recipes import ablate_scorer
from recipes.train_scorer import Config, off_text, run
from speechtutor import audio, registry
from speechtutor.corpora import canonical, manifest
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.scoring.observe import observe
from tests.conftest import PROJECT


def test_the_limit_for_another_text_by_hand() -> None:
    # 1,001 own readings at 0, 0.004, ... 4: the 0.999 quantile is 3.996. 101 others at 5, 5.1, ... 15: the
    # 0.01 quantile is 5.1. Halfway: 4.548.
    own, other = np.linspace(0, 4, 1001), np.linspace(5, 15, 101)
    assert off_text(own, other) == pytest.approx(4.55)
    # A recording too short for the other text tells nothing of how far apart the two are.
    assert off_text(own, [*other, *[float("inf")] * 500]) == pytest.approx(4.55)
    # Where they overlap, own readings come first.
    assert off_text(own, np.linspace(1, 9, 101)) == pytest.approx(4.0)
    assert off_text(own, [float("inf")]) == pytest.approx(4.0)


def test_a_head_without_the_encoders_frames(tmp_path: Path) -> None:
    run(Config(out=tmp_path, smoke=True, embedding=False))
    scorer = registry.load("scorer", str(tmp_path / "scorer"), device="cpu")
    assert isinstance(scorer, PronunciationScorer) and scorer.head.shape.n_dims == 0
    corpus = tmp_path / "phones" / "corpus"
    row = manifest.read(corpus / "rows.jsonl")[0]
    recording = audio.load(corpus / row.audio)
    seen = observe(scorer.acoustic, recording, canonical.of(row))
    noise = np.random.default_rng(0).normal(size=seen.features.embedding.shape).astype(np.float32)
    found, other = (scorer.predict(cues) for cues in (seen.features, replace(seen.features, embedding=noise)))
    assert np.array_equal(found.phones, other.phones) and np.array_equal(found.utterance, other.utterance)
    # It still hears: silence in place of the recording changes what it says.
    quiet = replace(seen.features, phones=np.zeros_like(seen.features.phones))
    assert not np.array_equal(found.phones, scorer.predict(quiet).phones)


def test_what_the_command_kept_can_be_ablated(tmp_path: Path) -> None:
    """The cues are kept by one program and read by another."""
    command = [sys.executable, "-m", "recipes.train_scorer", "--smoke", "--out", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    rows = tmp_path / "phones" / "corpus" / "rows.jsonl"
    table = ablate_scorer.run(
        ablate_scorer.Config(manifest=rows, cues=tmp_path, out=tmp_path / "a", epochs=1, parts=["text alone"])
    )
    assert set(table) == {"text alone"} and "phone_mse" in table["text alone"]
