"""`speechtutor practice`, and the language of explanation of `speechtutor coach`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from speechtutor import audio, cli, registry
from speechtutor.core import Attempt, Exercise, PhoneScore, UtteranceScore, WordScore
from speechtutor.models.fake import FakeSynthesizer, FakeTranscriber
from speechtutor.practice.levels import phones_in
from speechtutor.text.phones import PHONES

Run = Any


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: object) -> tuple[int, str, str]:
        status = cli.main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_a_sentence_for_people(run: Run) -> None:
    status, out, err = run("practice", "--sounds", "th,r", "--level", "a2", "--seed", "1")
    assert (status, err) == (0, "")
    prompt, _, text, _, focus = out.splitlines()
    assert prompt == "Read this aloud." and focus.startswith("[A2; ")
    assert phones_in(text.strip())["TH"] >= 2 or phones_in(text.strip())["R"] >= 2


@pytest.mark.parametrize("kind", ["sound", "pair", "vocabulary", "paraphrase", "translate", "retell"])
def test_json_of_each_kind(run: Run, kind: str) -> None:
    status, out, _ = run("practice", "--kind", kind, "--explain", "zh", "--json")
    row = json.loads(out)
    assert status == 0 and row["kind"] == kind and row["level"] == "A2"
    assert row["read_aloud"] == (kind in ("sound", "pair"))
    assert row["text"].isascii() and not row["prompt"].isascii()
    assert row["read_aloud"] or row["text"] in row["answers"]


SPANISH = ["practice", "--kind", "translate", "--explain", "es", "--level", "A1", "--seed", "7"]
"""Asks to say that one lives in a small house."""


def test_a_situation_without_its_answer(run: Run) -> None:
    _, out, _ = run(*SPANISH)
    first, second = out.splitlines()
    assert first.startswith("Di esto en inglés: ") and second == "[A1; --seed 7]"


def test_the_number_gives_the_same_exercise_again(run: Run) -> None:
    first = json.loads(run("practice", "--kind", "sound,retell", "--json")[1])
    again = json.loads(run("practice", "--kind", "sound,retell", "--seed", first["seed"], "--json")[1])
    assert again == first


@pytest.fixture
def hears(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Options of an answer in which a text is heard."""
    load = registry.load
    clip = tmp_path / "answer.wav"
    audio.save(FakeSynthesizer().speak("a" * 20), clip)

    def ready(text: str) -> list[object]:
        def loads(stage: str, name: str | None = None, **options: Any) -> Any:
            return FakeTranscriber(text) if stage == "transcriber" else load(stage, name, **options)

        monkeypatch.setattr(registry, "load", loads)
        return ["--answer", clip, "--transcriber", "fake", "--scorer", "fake", "--tutor", "rules"]

    return ready


def test_an_answer_is_held_against_the_exercise(run: Run, hears: Any) -> None:
    status, out, _ = run(*SPANISH, *hears("I lives in small house"))
    assert status == 0
    _, missing, example, *_ = out.splitlines()
    assert missing == "Todavía faltaba esto: a", "that the form is wrong is for the grammar to say"
    assert example == 'Por ejemplo: "I live in a small house."'
    assert "heard   I lives in small house" in out and "Gramática" in out and "I live in" in out
    row = json.loads(run(*SPANISH, *hears("you have to turn left"), "--json")[1])
    assert row["outcome"]["note"] == "other_words" and row["outcome"]["missing"] == []
    assert row["score"]["text"] == row["transcript"]["text"] == "you have to turn left"
    assert row["seed"] == 7 and row["feedback"]["lang"] == "es" and "grammar" in row


@pytest.mark.parametrize("kind", ["sound", "pair"])
def test_what_is_read_is_held_against_its_text(run: Run, hears: Any, kind: str) -> None:
    row = json.loads(run("practice", "--kind", kind, "--seed", "3", *hears("something else"), "--json")[1])
    assert row["score"]["text"] == row["text"] and row["outcome"] is None and "grammar" not in row
    out = run("practice", "--kind", kind, "--seed", "3", *hears("something else"))[1]
    assert row["text"] in out and "heard   something else" in out


@pytest.mark.parametrize("kind", ["vocabulary", "paraphrase", "translate", "retell"])
def test_silence_answers_nothing(run: Run, hears: Any, kind: str) -> None:
    row = json.loads(run("practice", "--kind", kind, "--seed", "3", *hears(""), "--json")[1])
    assert row["outcome"]["note"] == "nothing" and row["outcome"]["said"] == 0
    assert row["score"]["scores"]["overall"] is None and "grammar" not in row
    assert [warning["code"] for warning in row["score"]["warnings"]] == ["silence"]


def test_an_answer_needs_its_exercise(run: Run, tmp_path: Path) -> None:
    status, out, err = run("practice", "--answer", tmp_path / "a.wav")
    assert (status, out, err.count("\n")) == (2, "", 1) and "--seed" in err
    status, _, err = run("practice", "--seed", "1", "--answer", tmp_path / "a.wav")
    assert status == 2 and "a.wav" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--level", "C2"], "A1, A2, B1, B2"),
        (["--sounds", "TH,QQ"], "QQ"),
        (["--kind", "poem"], "paraphrase"),
        (["--explain", "fi"], "zh (中文)"),
        (["--words", "xylophone"], "xylophone"),
    ],
)
def test_a_wrong_request_is_one_line(run: Run, words: list[str], cause: str) -> None:
    status, out, err = run("practice", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("speechtutor: error: ") and cause in err


@pytest.mark.writes_home
def test_the_record_of_a_learner_decides(run: Run) -> None:
    from speechtutor.learner.store import open_store

    right = tuple(PhoneScore(p, 1.0, error_probability=0.0) for p in PHONES if p != "V") * 20
    wrong = (PhoneScore("V", 0.0, error_probability=1.0),) * 20
    score = UtteranceScore("x", (WordScore("x", 0.5, phones=right + wrong),), overall=0.5)
    open_store().append(Attempt("ana", Exercise("x"), score, datetime(2026, 1, 1, tzinfo=UTC)))
    rows = [json.loads(run("practice", "--learner", "ana", "--seed", i, "--json")[1]) for i in range(3)]
    assert all(phones_in(row["text"])["V"] >= 2 for row in rows)


@pytest.mark.writes_home
@pytest.mark.parametrize("kind", ["sound", "pair", "translate", "paraphrase"])
def test_a_number_gives_the_same_exercise_again_whatever_was_learnt_since(run: Run, kind: str) -> None:
    from speechtutor.learner.store import open_store

    def given(seed: int, *more: object) -> Any:
        row = json.loads(
            run("practice", "--learner", "ana", "--kind", kind, "--seed", seed, "--json", *more)[1]
        )
        assert row.pop("reason"), "why it is right for her now, which may have changed"
        return row

    before = [given(seed) for seed in range(8)]
    right = tuple(PhoneScore(p, 1.0, error_probability=0.0) for p in PHONES if p != "V") * 20
    wrong = (PhoneScore("V", 0.0, error_probability=1.0),) * 20
    score = UtteranceScore("x", (WordScore("x", 0.5, phones=right + wrong),), overall=0.5)
    store = open_store()
    store.append(Attempt("ana", Exercise("x"), score, datetime(2026, 1, 1, tzinfo=UTC)))
    store.close()
    assert [given(seed) for seed in range(8)] == before
    told = given(0, "--explain", "es")
    assert (told["id"], told["text"]) == (before[0]["id"], before[0]["text"])
    assert told["prompt"] != before[0]["prompt"]


@pytest.mark.writes_home
def test_a_retry_is_judged_against_the_same_exercise_and_kept_whole(run: Run, tmp_path: Path) -> None:
    from speechtutor.learner.store import open_store

    clip = tmp_path / "hum.wav"
    audio.save(FakeSynthesizer().speak("a" * 20), clip)
    fakes = ["--transcriber", "fake", "--scorer", "fake", "--json"]
    for kind in ("sound", "vocabulary"):
        asked = ["practice", "--learner", "ana", "--kind", kind, "--seed", "7"]
        given = json.loads(run(*asked, "--json")[1])
        answers = [json.loads(run(*asked, "--answer", clip, *fakes)[1]) for _ in range(3)]
        assert {row["id"] for row in answers} == {given["id"]}
        kept = [one for one in open_store().attempts("ana") if one.exercise.kind == kind]
        assert [one.exercise.id for one in kept] == [given["id"]] * 3
        assert {one.exercise.prompt for one in kept} == {given["prompt"]}
        for one, row in zip(kept, answers, strict=True):
            assert (one.outcome is None) == (row["outcome"] is None) == (kind == "sound")
            if one.outcome is not None:
                assert row["outcome"]["nearest"] == one.outcome.nearest


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999"])
def test_a_number_out_of_range_is_one_line(run: Run, seed: str) -> None:
    status, out, err = run("practice", "--seed", seed)
    assert (status, out, err.count("\n")) == (2, "", 1) and "--seed must be from 0 to" in err


def test_coach_explains_in_the_language_asked_for(run: Run, tmp_path: Path) -> None:
    clip = tmp_path / "hum.wav"
    audio.save(FakeSynthesizer().speak("a" * 20), clip)
    asked = ["coach", clip, "I think so", "--transcriber", "fake", "--scorer", "fake", "--tutor", "rules"]
    row = json.loads(run(*asked, "--explain", "zh-CN", "--json")[1])["feedback"]
    assert row["lang"] == "zh" and "舌尖放在上下齿之间" in row["summary"]
    assert [claim["evidence"] for claim in row["claims"]] == ["s1", "f1", "f1"]
    assert run(*asked, "--explain", "es")[1].count("Pon la punta de la lengua entre los dientes") == 1
    status, out, err = run(*asked, "--explain", "fi")
    assert (status, out) == (2, "") and "no explanations in 'fi', only in en (English)" in err


@pytest.mark.writes_home
def test_a_placement_goes_item_by_item_and_ends_with_a_level(run: Run) -> None:
    from speechtutor.learner.store import open_store
    from speechtutor.practice import placement

    ask = ("practice", "--placement", "--learner", "ana", "--json")
    said = set()
    for i in range(placement.MOST + 1):
        status, out, _ = run(*ask)
        row = json.loads(out)
        assert status == 0
        if "level" in row and "text" not in row:
            break
        assert json.loads(run(*ask)[1]) == row, "the same item until it is answered"
        assert row["placement"] == {"item": i + 1, "most": placement.MOST}
        said.add(row["text"])
        phones = tuple(PhoneScore(p, 1.0, error_probability=0.01) for p in phones_in(row["text"]))
        score = UtteranceScore(row["text"], (WordScore("x", 0.9, phones=phones),), overall=0.9)
        store = open_store()
        exercise = store.given("ana", i, "placement")
        assert exercise is not None and exercise.id == row["id"]
        store.append(Attempt("ana", exercise, score, datetime(2026, 1, 1, i, tzinfo=UTC)))
        store.close()
    assert placement.LEAST <= len(said) == i <= placement.MOST
    assert row["level"] in ("A1", "A2", "B1", "B2") and 0 <= row["sure"] <= 100
    assert "Speaking level" in run(*ask[:-1])[1]


@pytest.mark.writes_home
@pytest.mark.parametrize("more", [[], ["--learner", "ana", "--seed", "1"]])
def test_a_placement_needs_somebody_and_no_number(run: Run, more: list[str]) -> None:
    status, out, err = run("practice", "--placement", *more)
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.writes_home
def test_a_learner_is_told_why(run: Run) -> None:
    _, out, _ = run("practice", "--learner", "ana", "--sounds", "th", "--seed", "1")
    assert "Chosen because we have not heard /" in out
