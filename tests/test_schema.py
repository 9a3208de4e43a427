"""Schema version 1: shape, scale, units, and the way back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from speechtutor import schema
from speechtutor.core import (
    AlignedPhone,
    Alignment,
    Candidate,
    CanonicalWord,
    Caution,
    Code,
    Edit,
    ErrorType,
    Feedback,
    Fluency,
    PhoneScore,
    Pitch,
    SentenceScore,
    Tip,
    Transcript,
    UtteranceScore,
    Word,
    WordScore,
)
from speechtutor.errors import InputError
from speechtutor.views.azure import Wanted, azure_json

SUNK = PhoneScore(
    "TH",
    0.123,
    0.5,
    0.62,
    Edit.SUBSTITUTION,
    "S",
    -2.5,
    0.9,
    0.87654,
    (Candidate("S", 0.8), Candidate("", 0.1)),
)
FINE = PhoneScore("IH", 1.0, 0.62, 0.7, confidence=0.8, error_probability=0.01)
THINK = WordScore(
    "think", 0.5615, 0.5, 0.7, 2, 7, stress=1.0, confidence=0.85, error_type=ErrorType.MISPRONUNCIATION,
    phones=(SUNK, FINE),
)  # fmt: skip
SCORE = UtteranceScore(
    "I think",
    (THINK,),
    overall=0.7,
    accuracy=0.6,
    fluency=0.9,
    completeness=1.0,
    confidence=0.85,
    duration=1.25,
    snr_db=20.0,
    timing=Fluency(120.0, 3.5, 1, 0.3, 4.0),
    pitch=Pitch(
        np.array([0.0, 0.01], dtype=np.float32),
        np.array([120.5, math.nan], dtype=np.float32),
        np.array([True, False]),
    ),
    cautions=(Caution(Code.NOISY, "a lot of noise"),),
    model="gop",
    model_version="1",
    elapsed=0.0214,
)
# Contract, section 3, word for word.
KEYS = (
    "schema_version model model_version device elapsed_ms warnings text lang duration snr_db scores "
    "confidence words fluency pitch"
).split()
WORD_KEYS = "text char_start char_end start end score stress confidence error_type phones".split()
PHONE_KEYS = "expected ipa start end score confidence error_probability said_probability heard nbest".split()


@pytest.mark.parametrize(
    ("score", "points"),
    [(0.0, 0.0), (1.0, 100.0), (0.1234, 12.3), (None, None), (1 + 1e-7, 100.0), (-1e-7, 0.0)],
)
def test_percent(score: float | None, points: float | None) -> None:
    assert schema.percent(score) == points


@pytest.mark.parametrize("score", [1.1, -0.1, 87.0, math.nan, math.inf])
def test_percent_refuses_what_is_not_a_score(score: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        schema.percent(score)


def test_score_json_has_exactly_the_keys_of_the_contract() -> None:
    row = schema.score_json(SCORE)
    assert list(row) == KEYS
    assert list(row["scores"]) == ["overall", "accuracy", "fluency", "prosody", "completeness"]
    assert list(row["words"][0]) == WORD_KEYS
    assert list(row["words"][0]["phones"][0]) == PHONE_KEYS
    assert list(row["fluency"]) == [
        "speech_rate",
        "articulation_rate",
        "pause_count",
        "pause_time",
        "mean_run",
    ]
    assert list(row["pitch"]) == ["times", "hz", "voiced"]


def test_score_json_values() -> None:
    row = schema.score_json(SCORE)
    assert row["schema_version"] == 1
    assert row["elapsed_ms"] == 21
    assert row["scores"] == {
        "overall": 70,
        "accuracy": 60,
        "fluency": 90,
        "prosody": None,
        "completeness": 100,
    }
    assert row["warnings"] == [{"code": "noisy", "message": "a lot of noise"}]
    word = row["words"][0]
    assert (word["score"], word["stress"], word["error_type"]) == (56.1, 100.0, "Mispronunciation")
    assert word["phones"][0] == {
        "expected": "TH",
        "ipa": "θ",
        "start": 0.5,
        "end": 0.62,
        "score": 12.3,
        "confidence": 0.9,
        "error_probability": 0.8765,
        "said_probability": None,
        "heard": "S",
        "nbest": [{"phone": "S", "probability": 0.8}, {"phone": "", "probability": 0.1}],
    }
    assert word["phones"][1]["heard"] is None
    assert row["pitch"]["hz"] == [120.5, None]  # unvoiced is null, never NaN


def test_the_json_is_strict() -> None:
    text = schema.dumps(schema.score_json(SCORE))
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert "θ" in text
    with pytest.raises(ValueError, match="JSON"):
        schema.score_json(replace(SCORE, snr_db=math.inf))
    with pytest.raises(ValueError, match="Out of range"):
        schema.dumps({"a": math.nan})


def test_what_cannot_be_judged_is_null() -> None:
    silent = UtteranceScore("hi", (), cautions=(Caution(Code.SILENCE, "no speech"),))
    row = schema.score_json(silent)
    assert set(row["scores"].values()) == {None}
    assert (row["confidence"], row["words"], row["fluency"], row["pitch"]) == (None, [], None, None)
    assert schema.score_from_json(row) == silent


def test_the_way_back() -> None:
    row = schema.score_json(SCORE)
    back = schema.score_from_json(json.loads(schema.dumps(row)))
    assert schema.score_json(back) == row
    phone = back.words[0].phones[0]
    assert (phone.edit, phone.heard, phone.score) == (Edit.SUBSTITUTION, "S", pytest.approx(0.123))
    assert phone.gop is None  # the schema does not carry it
    assert back.pitch is not None
    assert math.isnan(back.pitch.hz[1])
    assert back.pitch.voiced.tolist() == [True, False]


def test_a_left_out_phone_comes_back_as_a_deletion() -> None:
    gone = replace(SUNK, heard="", edit=Edit.DELETION)
    row = schema.score_json(replace(SCORE, words=(replace(THINK, phones=(gone,)),)))
    assert schema.score_from_json(row).words[0].phones[0].edit is Edit.DELETION


@pytest.mark.parametrize("broken", [{}, {"schema_version": 2}, {"schema_version": 1, "text": "a"}])
def test_another_version_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(InputError):
        schema.score_from_json(broken)


def test_a_wrong_code_is_refused() -> None:
    row = schema.score_json(SCORE)
    row["words"][0]["error_type"] = "Nonsense"
    with pytest.raises(InputError, match="Nonsense"):
        schema.score_from_json(row)


def test_transcript_json() -> None:
    row = schema.transcript_json(
        Transcript((Word("hi", 0.1, 0.30004, 0.5), Word("you", 0.3, 0.5)), "en", 0.5)
    )
    assert row["text"] == "hi you"
    assert row["words"][0] == {"text": "hi", "start": 0.1, "end": 0.3, "confidence": 0.5}
    assert row["words"][1]["confidence"] is None


def test_feedback_json() -> None:
    feedback = Feedback("Good.", (Tip("think", "TH", "S", "Tongue between the teeth."),), "Again?", "rules")
    row = schema.feedback_json(feedback)
    assert row["tips"][0]["ipa"] == "θ"
    assert list(row) == ["summary", "tips", "follow_up", "source", "lang", "claims"]


def test_alignment_json_is_in_seconds_from_the_origin() -> None:
    word = CanonicalWord("hi", 0, 2, (("HH", "AY"),), ((-1, 1),))
    phones = (AlignedPhone("HH", 0, 5, 10), AlignedPhone("AY", 0, 10, 15))
    row = schema.alignment_json(Alignment((word,), (0,), phones, -1.5, 0.02, origin=-0.05))
    # 5 frames x 0.02 s - 0.05 s = 0.05 s; 15 frames end at 0.25 s.
    assert (row["words"][0]["start"], row["words"][0]["end"]) == (0.05, 0.25)
    assert row["words"][0]["phones"][1] == {"phone": "AY", "ipa": "aɪ", "start": 0.15, "end": 0.25}


def test_azure_shape() -> None:
    row = azure_json(SCORE)
    assert row["RecognitionStatus"] == "Success"
    assert row["Duration"] == 12_500_000  # 1.25 s in ticks of 100 ns
    best = row["NBest"][0]
    assert best["PronunciationAssessment"]["PronScore"] == 70.0
    word = best["Words"][0]
    assert (word["Word"], word["Offset"], word["Duration"]) == ("think", 5_000_000, 2_000_000)
    assert word["PronunciationAssessment"]["AccuracyScore"] == 56.1
    assert word["PronunciationAssessment"]["ErrorType"] == "Mispronunciation"
    phone = word["Phonemes"][0]
    assert phone["Phoneme"] == "th"
    # Azure has no name for a sound left out, so it is not among the candidates.
    assert phone["PronunciationAssessment"]["NBestPhonemes"] == [{"Phoneme": "s", "Score": 80.0}]


def test_azure_knows_fewer_errors_and_no_match() -> None:
    words = tuple(
        replace(THINK, error_type=e) for e in (ErrorType.REPETITION, ErrorType.UNSURE, ErrorType.OMISSION)
    )
    omitted = replace(words[2], start=None, end=None)
    row = azure_json(replace(SCORE, words=(*words[:2], omitted)))["NBest"][0]["Words"]
    kinds = [word["PronunciationAssessment"]["ErrorType"] for word in row]
    assert kinds == ["Insertion", "None", "Omission"]
    assert "Offset" not in row[2]
    assert azure_json(UtteranceScore("hi", ()))["RecognitionStatus"] == "NoMatch"
    # Without miscue the text is what was said: nothing was added, and a word left out was said badly.
    plain = azure_json(replace(SCORE, words=(*words[:2], omitted)), Wanted())["NBest"][0]["Words"]
    kinds = [word["PronunciationAssessment"]["ErrorType"] for word in plain]
    assert kinds == ["None", "Mispronunciation"]


def test_azure_tells_breaks_and_melody_only_where_prosody_is_asked_for() -> None:
    kinds = (ErrorType.UNEXPECTED_BREAK, ErrorType.MISSING_BREAK, ErrorType.MONOTONE)
    score = replace(SCORE, words=tuple(replace(THINK, error_type=kind) for kind in kinds))
    told = [w["PronunciationAssessment"] for w in azure_json(score)["NBest"][0]["Words"]]
    assert [one["ErrorType"] for one in told] == ["UnexpectedBreak", "MissingBreak", "Monotone"]
    prosody = [one["Feedback"]["Prosody"] for one in told]
    assert [one["Break"]["ErrorTypes"] for one in prosody] == [
        ["UnexpectedBreak"],
        ["MissingBreak"],
        ["None"],
    ]
    assert [one["Intonation"]["ErrorTypes"] for one in prosody] == [[], [], ["Monotone"]]
    plain = [w["PronunciationAssessment"] for w in azure_json(score, Wanted())["NBest"][0]["Words"]]
    assert [(one["ErrorType"], "Feedback" in one) for one in plain] == [("None", False)] * 3


def test_sounds_beyond_the_text_are_told_with_their_place_and_come_back() -> None:
    asked = replace(THINK, inserted=((2, "AH"),))
    row = schema.score_json(replace(SCORE, words=(asked,)))
    assert row["words"][0]["inserted"] == [{"before": 2, "phone": "AH", "ipa": "ʌ"}]
    assert schema.score_from_json(json.loads(json.dumps(row))).words[0].inserted == ((2, "AH"),)


def test_sentences_are_told_where_there_are_several_and_come_back() -> None:
    assert "sentences" not in schema.score_json(SCORE)
    sentences = (
        SentenceScore(0, 5, 0.1, 0.5, 0.9, 0.8, 0.75, 0.625),
        SentenceScore(7, 9, 0.7, 1.0, 0.5, 0.25, 1.0, 0.0),
    )
    row = schema.score_json(replace(SCORE, sentences=sentences))
    assert row["sentences"][0] == {
        "char_start": 0, "char_end": 5, "start": 0.1, "end": 0.5,
        "overall": 90.0, "accuracy": 80.0, "fluency": 75.0, "prosody": 62.5,
    }  # fmt: skip
    assert schema.score_from_json(json.loads(json.dumps(row))).sentences == sentences
