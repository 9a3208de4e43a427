"""The Wav2Vec2 that ships, a real checkpoint, on real learners: transcription, alignment and scoring.

It is small and weak, so the bounds say that it listens, not that it is good; what it measures on all of
dev is in recipes/README.md. Nothing of it has to be fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from recipes.evaluate_mutations import swap
from speechtutor import audio, cli, metrics, registry
from speechtutor.core import Code, Recording, Transcript, UtteranceScore
from speechtutor.evaluation.scoring_mutations import single
from speechtutor.hub import shipped
from speechtutor.models.acoustic_ctc import CtcAcoustic
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.text.phones import PHONES, confusable, from_ipa, pronounce, to_ipa
from tests.conftest import SHARED, learner_path, need

READINGS = (
    "001450037", "010120219", "013720070", "014070304", "020590103", "021700287", "022440139", "030020161",
    "040050142", "054010165", "061210095", "069120014", "070010013", "090340032", "096060015", "096340009",
    "096450018",
)  # fmt: skip
"""Every 31st reading of the dev speakers, whom the network never heard."""


@dataclass(frozen=True)
class Reading:
    recording: Recording
    text: str
    total: float
    phones: list[str]


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    table = SHARED / "data" / "speechocean762" / "scores-train.json"
    need(table.is_file(), f"no learner speech: {table} is not there")
    rows: Mapping[str, Any] = json.loads(table.read_text(encoding="utf-8"))
    return [
        Reading(audio.load(learner_path(utt)), rows[utt]["text"], float(rows[utt]["total"]), _said(rows[utt]))
        for utt in READINGS
    ]


def _said(row: Mapping[str, Any]) -> list[str]:
    return [phone.rstrip("012") for word in row["words"] for phone in word["phones"]]


@pytest.fixture(scope="module")
def scorer() -> PronunciationScorer:
    found = registry.load("scorer", "raters-wav2vec2", device="cpu")
    assert isinstance(found, PronunciationScorer)
    return found


SOUND = re.compile("|".join(sorted(map(to_ipa, PHONES), key=len, reverse=True)))


def written(transcript: Transcript) -> list[str]:
    return [from_ipa(sound) for word in transcript.words for sound in SOUND.findall(word.text)]


@pytest.mark.writes_home
def test_it_writes_the_sounds_that_were_said(readings: list[Reading]) -> None:
    model = registry.load("transcriber", "wav2vec2-phones", device="cpu")
    heard = [model.transcribe(reading.recording) for reading in readings]
    assert all(word.confidence and 0 < word.confidence <= 1 for found in heard for word in found.words)
    assert all(
        0 <= word.start < word.end <= reading.recording.duration
        for found, reading in zip(heard, readings, strict=True)
        for word in found.words
    )
    said = [written(found) for found in heard]
    truth = [reading.phones for reading in readings]
    assert metrics.per(truth, said) < 0.62
    # The same against the text of another reading: what it writes is about this one.
    assert metrics.per(truth[1:] + truth[:1], said) > 0.85


@pytest.mark.writes_home
def test_nothing_is_fetched(scorer: PronunciationScorer, readings: list[Reading]) -> None:
    # The home is empty, so all that was used came with the package.
    assert isinstance(scorer.acoustic, CtcAcoustic)
    assert scorer.score(readings[0].recording, readings[0].text).overall is not None
    assert all(shipped.verify(name).ok for name in ("wav2vec2-phones", "scorer-wav2vec2"))


def test_its_times_are_those_of_the_large_recogniser(
    scorer: PronunciationScorer, readings: list[Reading], models_home: object
) -> None:
    large = registry.load("scorer", device="cpu")
    away: list[float] = []
    for reading in readings:
        found = [model.align(reading.recording, reading.text) for model in (scorer, large)]
        middles = [[sum(a.interval(phone)) / 2 for phone in a.phones] for a in found]
        if len(middles[0]) == len(middles[1]):  # both chose pronunciations of the same length
            away += list(np.abs(np.subtract(*middles)))
    assert len(away) > 200
    assert np.median(away) < 0.04


def test_scores_follow_the_raters(scorer: PronunciationScorer, readings: list[Reading]) -> None:
    scores = [scorer.score(reading.recording, reading.text) for reading in readings]
    assert all(score.overall is not None and score.model == "speechtutor-scorer" for score in scores)
    totals = [score.overall or 0.0 for score in scores]
    assert np.corrcoef(totals, [reading.total for reading in readings])[0, 1] > 0.5
    # The same recording, the same score, to the last digit.
    again = scorer.score(readings[3].recording, readings[3].text)
    assert again.words == scores[3].words


def phones(score: UtteranceScore) -> list[np.ndarray]:
    said = [word for word in score.words if word.char_start is not None]
    return [np.array([phone.score for phone in word.phones], dtype=float) for word in said]


def test_a_phone_made_wrong_falls(scorer: PronunciationScorer, readings: list[Reading]) -> None:
    falls, still = [], []
    for k, reading in enumerate(r for r in readings if r.total >= 8):
        words = single(pronounce(reading.text))
        word = k % len(words)
        wrong = swap(words, word, 0, confusable(words[word].pronunciations[0][0])[-1])
        before, after = (
            phones(scorer.score(reading.recording, reading.text, words=text)) for text in (words, wrong)
        )
        falls.append(before[word][0] - after[word][0])
        still += [abs(a - b).mean() for i, (a, b) in enumerate(zip(before, after, strict=True)) if i != word]
    # A word taken for left out, or declined, has no scores.
    assert np.isfinite(falls).sum() >= 8
    assert np.nanmean(falls) > 3 * np.nanmean(still)


def test_another_sentence_is_declined(scorer: PronunciationScorer, readings: list[Reading]) -> None:
    text = "The zoo opens at half past eight every Thursday morning."
    score = scorer.score(readings[4].recording, text)
    assert score.overall is None and Code.OFF_TEXT in {caution.code for caution in score.cautions}


def test_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    utt = str(learner_path("022440139"))
    assert cli.main(["transcribe", utt, "--model", "wav2vec2-phones"]) == 0
    printed = capsys.readouterr().out
    assert SOUND.search(printed) and not SOUND.sub("", printed).strip()
    assert cli.main(["align", utt, "pop it on the list", "--model", "raters-wav2vec2"]) == 0
    assert capsys.readouterr().out.count("\n") == 5 + 13
    assert cli.main(["score", utt, "pop it on the list", "--model", "raters-wav2vec2", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [word["text"] for word in value["words"]] == ["pop", "it", "on", "the", "list"]
    assert all(0 <= phone["score"] <= 100 for word in value["words"] for phone in word["phones"])
