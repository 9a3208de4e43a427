"""Foretelling a speaker from the first few utterances: against a slow twin, and the whole run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechtutor import cli
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.errors import InputError
from speechtutor.evaluation import learner
from speechtutor.learner import belief
from speechtutor.schema import score_json

WORDS = {"think": "TH IH NG K", "very": "V EH R IY", "cat": "K AE T"}


def rows(n_speakers: int = 12, n: int = 12, split: str = "train") -> list[Utterance]:
    rng, found = np.random.default_rng(0), []
    for s in range(n_speakers):
        for u in range(n):
            words = []
            for text, line in WORDS.items():
                right = rng.random(len(line.split())) < (0.95 if s % 2 else 0.6)
                phones = tuple(PhoneScore(p, float(r)) for p, r in zip(line.split(), right, strict=True))
                words.append(WordScore(text, 0.5, phones=phones))
            score = UtteranceScore("think very cat", tuple(words), overall=0.9 if s % 2 else 0.4)
            name = f"s{s:02d}"
            found.append(Utterance(f"{name}u{u:02d}", "x.flac", "think very cat", name, split, scores=score))
    return found


def test_nothing_of_a_speaker_is_in_what_is_expected_of_them() -> None:
    everyone = learner.people(rows())
    known = learner.folds(everyone, everyone)
    for person in everyone:
        fold = [one.id for one in everyone if known[one.id] is known[person.id]]
        slow = learner.others([one for one in everyone if one.id not in fold])
        assert slow.mean == pytest.approx(known[person.id].mean)
        assert person.id in fold


def test_the_model_knows_weak_from_strong_speakers() -> None:
    everyone = learner.people(rows())
    known = learner.folds(everyone, everyone)
    found = [learner.row_of(person, known[person.id]) for person in everyone]
    figures = {key: one.figure for key, one in learner.figures(found).items()}
    assert {f"{name}_{k}" for k in learner.FIRST for name in ("auc", "log_loss", "ece")} <= figures.keys()
    told = found[0].detail["foretold"]["3"]
    assert len(told["right"]) == 9 * 11 == len(told["model"]) == len(told["text"])
    weak, strong = (np.mean(found[i].detail["foretold"]["5"]["model"]) for i in (0, 1))
    assert weak < 0.8 < strong
    assert found[0].detail["placed"] < found[1].detail["placed"]


def heard_of(row: Utterance) -> UtteranceScore:
    """A scorer that hears as the raters do, but takes every TH for said wrong."""
    assert row.scores is not None
    words = []
    for word in row.scores.words:
        phones = [
            replace(
                p,
                confidence=1.0,
                error_probability=0.0,
                said_probability=0.02 if p.canonical == "TH" else 0.99,
            )
            for p in word.phones
        ]
        words.append(replace(word, phones=tuple(phones)))
    return replace(row.scores, words=tuple(words))


def test_what_a_scorer_heard_is_the_evidence_and_the_raters_are_foretold(tmp_path: Path) -> None:
    given = rows()
    results = tmp_path / "heard.jsonl"
    lines = [json.dumps({"id": one.id} | score_json(heard_of(one))) for one in given[1:]]
    results.write_text("\n".join([*lines, json.dumps({"id": "broken", "error": {"message": "no"}})]) + "\n")
    by_raters, by_scorer = learner.people(given), learner.people(given, learner.heard(results))
    assert [len(one.utterances) for one in by_scorer][:2] == [11, 12], "what was not heard is left out"
    known = learner.folds(by_raters, by_raters)
    told = [learner.row_of(one, known[one.id]) for one in by_scorer]
    weak, strong = (told[i].detail for i in (0, 1))
    assert weak["placed"] < strong["placed"], "levels follow what raters would give, not the diagnosis"
    right = told[1].detail["foretold"]["5"]["right"]
    assert np.mean(right) > 0.9, "the truth stays the raters'"
    first = [
        one.detail["foretold"]["10"]["model"][0]
        for one in (told[1], learner.row_of(by_raters[1], known["s01"]))
    ]
    assert first[0] < first[1] - 0.1, "a TH that is never said is not expected"
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"id": "a", "error": {"message": "no"}}\n')
    with pytest.raises(InputError, match="holds no scores with ids"):
        learner.heard(empty)


def test_a_log_loss_by_hand() -> None:
    """-(0.5 ln 0.8 + 0.5 ln 0.2) = 0.9163, and -ln 0.999 where a sure answer is right."""
    figure = learner.log_loss(np.array([0.5, 1.0]), np.array([0.8, 1.0]))
    value = figure.over(np.ones((1, 1)), np.zeros(2, dtype=np.intp))
    assert value[0] == pytest.approx((0.916291 + 0.0010005) / 2, abs=1e-6)
    assert belief.sigmoid(-800) == 0.0 and belief.sigmoid(800) == 1.0


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from speechtutor.corpora import manifest

    path = tmp_path / "rows.jsonl"
    manifest.write(path, rows())
    status = cli.main(
        [
            "evaluate",
            "learner",
            str(path),
            "--split",
            "train",
            "--out",
            str(tmp_path / "run"),
            "--draws",
            "20",
            "--json",
        ]
    )
    found = json.loads(capsys.readouterr().out)
    assert status == 0 and found["kind"] == "learner"
    assert found["metrics"]["log_loss_5"]["n_speakers"] == 12
    assert set(found["baselines"]) == set(learner.SYSTEMS.values())
    assert found["metrics"]["log_loss_5_minus_phone"]["value"] < 0


def test_too_few_to_learn_from() -> None:
    with pytest.raises(InputError, match="no speaker"):
        learner.people(rows(n=2))
    few = learner.people(rows(3))
    with pytest.raises(InputError, match="train speakers"):
        learner.folds(few, few)
