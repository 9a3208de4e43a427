from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from speechtutor import audio, schema
from speechtutor.cli import main
from speechtutor.core import Attempt, ErrorType, Exercise, PhoneScore, UtteranceScore, WordScore
from speechtutor.errors import InputError, StorageError
from speechtutor.learner.store import open_store
from speechtutor.models.fake import FakeSynthesizer
from speechtutor.report import attempts, class_page, classroom
from speechtutor.report.classroom import Verdict
from tests.learner.conftest import change
from tests.report.test_run_page import check, read
from tests.support import evaluated

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def score(wrong: dict[str, str], *, error_type: ErrorType = ErrorType.NONE) -> UtteranceScore:
    """ "think rice", with the sounds of `wrong` heard as something else ("" is nothing)."""

    def phone(name: str) -> PhoneScore:
        heard = wrong.get(name)
        p = 0.03 if heard is None else 0.9
        return PhoneScore(name, 1 - p, 0.0, 0.1, heard=heard, confidence=0.9, error_probability=p)

    said = (("think", "TH IH NG K"), ("rice", "R AY S"))
    words = tuple(
        WordScore(
            text, 0.9, 0.0, 0.4, 0, 5, error_type=error_type, phones=tuple(phone(p) for p in phones.split())
        )
        for text, phones in said
    )
    return UtteranceScore("think rice", words, overall=0.8)


def tries(name: str, n: int, wrong: dict[str, str], **options: Any) -> list[Attempt]:
    return [
        Attempt(name, Exercise("think rice"), score(wrong, **options), DAY + timedelta(days=i))
        for i in range(n)
    ]


CLASS = {
    "Zoë": tries("Zoë", 12, {"TH": "S"}),
    "Éva <b>": tries("Éva <b>", 12, {"TH": "T", "R": "L"}),
    "Bo": tries("Bo", 3, {"TH": "S"}),
    "Ana": tries("Ana", 12, {}),
}


def test_what_a_learner_should_work_on() -> None:
    one = classroom.learner("Zoë", CLASS["Zoë"])
    (sound,) = one.to_do
    # 12 observations of 0.1 on a prior worth 2 at 0.5: (1 + 1.2) / 14.
    assert (sound.phone, sound.n, sound.n_attempts) == ("TH", 12, 12) and sound.mean == pytest.approx(
        2.2 / 14
    )
    assert sound.instead == [("S", 12)] and sound.words == ["think"]
    scipy = pytest.importorskip("scipy.stats")
    low, high = scipy.beta.ppf([0.025, 0.975], 2.2, 11.8)
    assert (sound.low, sound.high) == pytest.approx((low, high), abs=0.02)
    assert {s.phone for s in one.sounds if s.verdict is Verdict.FINE} == {"IH", "NG", "K", "R", "AY", "S"}
    assert (one.first, one.last) == ("2026-11-01", "2026-11-12") and one.overall is not None
    assert one.overall[0] == pytest.approx(0.8)


def test_nobody_is_judged_on_three_attempts() -> None:
    one = classroom.learner("Bo", CLASS["Bo"])
    assert not one.enough and one.overall is None and not one.to_do
    assert {s.verdict for s in one.sounds} == {Verdict.FEW}


def test_words_that_were_not_said_are_no_attempt() -> None:
    one = classroom.learner("x", tries("x", 12, {"TH": ""}, error_type=ErrorType.OMISSION))
    assert (one.n_attempts, one.n_judged, one.sounds) == (12, 0, [])


def test_a_rare_sound_is_not_judged_though_the_learner_is() -> None:
    once = WordScore("very", 0.1, phones=(PhoneScore("V", 0.0, error_probability=1.0),))
    attempt = Attempt("x", Exercise("very"), UtteranceScore("very", (once,)), DAY)
    found = classroom.learner("x", [*tries("x", 12, {}), attempt])
    assert next(s for s in found.sounds if s.phone == "V").verdict is Verdict.FEW


@pytest.mark.parametrize(
    ("below", "verdict"),
    [
        (1.0, Verdict.WORK),
        (0.9, Verdict.WORK),
        (0.5, Verdict.MAYBE),
        (0.11, Verdict.MAYBE),
        (0.0, Verdict.FINE),
    ],
)
def test_a_verdict_needs_to_be_sure(below: float, verdict: Verdict) -> None:
    assert classroom._verdict(below) is verdict


def test_groups_share_a_sound_and_nobody_is_ranked() -> None:
    room = classroom.classroom(CLASS)
    assert [one.name for one in room.learners] == ["Ana", "Bo", "Éva <b>", "Zoë"]
    (group,) = room.groups
    assert group.phone == "TH" and group.learners == ["Éva <b>", "Zoë"]
    assert group.advice is not None and len(group.advice.exercises) == 3
    assert all("TH" in exercise.focus for exercise in group.advice.exercises)
    assert list(room.phones) == ["TH", "R"]
    assert classroom.advice("XX", None) is None


def test_the_page_of_a_class(tmp_path: Path) -> None:
    built = class_page.build(attempts.AttemptLog(CLASS, ["One recording failed."]), tmp_path / "c.html")
    text, shape = read(built.page)
    check(text, shape)
    for told in (
        "Éva &lt;b&gt;", "2 learners", "work on it", "too little heard", "Too few attempts",
        "Heard instead: /s/ 12×",
        "think", "sink", "One recording failed", "heard 12 times in 12 attempts", "not ranked",
    ):  # fmt: skip
        assert told in text, told
    assert not shape.of("audio") and "think rice" not in text
    sounds = list(csv.DictReader(io.StringIO((tmp_path / "c-sounds.csv").read_text(encoding="utf-8-sig"))))
    assert (
        len(sounds) == 4 * 7 and json.loads((tmp_path / "c.json").read_text())["learners"][0]["name"] == "Ana"
    )


def test_an_empty_class(tmp_path: Path) -> None:
    text, shape = read(class_page.build(attempts.AttemptLog({}), tmp_path / "c.html").page)
    check(text, shape)
    assert "no attempt yet" in text


def lines(path: Path, key: str = "learner") -> Path:
    rows = [
        {**schema.score_json(one.score), key: name, "at": one.at.isoformat()}
        for name, given in CLASS.items()
        for one in given
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in [*rows, {"id": "u9", "error": "empty"}])
    path.write_text(text, encoding="utf-8")
    return path


def test_scores_of_a_file_of_a_store_and_of_a_run_are_the_same_class(tmp_path: Path) -> None:
    found = attempts.from_path(lines(tmp_path / "s.jsonl"))
    assert {name: len(given) for name, given in found.attempts.items()} == {
        n: len(g) for n, g in CLASS.items()
    }
    assert found.problems == ["Not counted: 1 recording that failed."]
    url = f"sqlite:///{tmp_path / 'l.db'}"
    store = open_store(url)
    for one in (one for given in CLASS.values() for one in given):
        store.append(one)
    store.close()
    stored = attempts.from_store(url)
    for name, given in CLASS.items():
        expected = classroom.learner(name, given)
        assert classroom.learner(name, stored.attempts[name]) == expected
        assert [s.verdict for s in classroom.learner(name, found.attempts[name]).sounds] == [
            s.verdict for s in expected.sounds
        ]
    run = attempts.from_path(evaluated.scoring_run(tmp_path / "run"))
    assert sorted(run.attempts) == [f"s{i}" for i in range(5)] and len(run.attempts["s0"]) == 4
    assert classroom.learner("s0", run.attempts["s0"]).first == "", "a run has no dates"


def test_scores_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    row = schema.score_json(score({}))
    for text, says in (
        ("{", "row 1: not JSON"),
        ("[]", "row 1: expected `object`"),
        (json.dumps(row), "row 1: nobody is named"),
        (json.dumps({**row, "learner": "A", "schema_version": 9}), "row 1: schema_version is 9"),
        (json.dumps({**row, "learner": "A", "at": "yesterday"}), "row 1: Invalid isoformat"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=says):
            attempts.from_path(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="row 1: not JSON"):
        attempts.from_path(path)
    with pytest.raises(InputError, match="No such file"):
        attempts.from_path(tmp_path / "none")
    with pytest.raises(InputError, match="needs scores"):
        attempts.from_path(evaluated.asr_run(tmp_path / "asr", 2))


def test_rows_that_cannot_be_used_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl")
    good = attempts.from_path(path)
    bad = ["{", "[]", json.dumps({**schema.score_json(score({})), "learner": "A", "at": 7}), '{"text": 1}']
    text = path.read_text("utf-8")
    path.write_text("\n".join([bad[0], text, *bad[1:], *["x"] * 30]), encoding="utf-8-sig")
    found = attempts.from_path(path)
    assert {name: len(given) for name, given in found.attempts.items()} == {
        name: len(given) for name, given in good.attempts.items()
    }
    told = found.problems[1:]
    assert told[0].startswith(f"{path}, row 1: not JSON") and "row 3" not in " ".join(told)
    assert len(told) == attempts.MOST_TOLD + 1 and told[-1] == "14 more rows cannot be read."
    page = class_page.build(found, tmp_path / "class.html").page.read_text("utf-8")
    assert "row 1: not JSON" in page


def test_one_row_that_cannot_be_read_ends_no_class_report(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'l.db'}"
    store = open_store(url)
    for one in (one for given in CLASS.values() for one in given):
        store.append(one)
    store.close()
    before = attempts.from_store(url)
    change(tmp_path / "l.db", "score", '{"later": ' + "[" * 50_000)
    found = attempts.from_store(url)
    n_before, n_after = (sum(map(len, each.attempts.values())) for each in (before, found))
    assert n_after == n_before - 1 and before.problems == []
    assert found.problems == [f"{tmp_path / 'l.db'}: attempt 1 is damaged: score: nested too deeply"]
    with pytest.raises(StorageError, match="there is no learner store at"):
        attempts.from_store(f"sqlite:///{tmp_path / 'mistyped.db'}")
    assert not (tmp_path / "mistyped.db").exists()


def test_score_writes_what_the_class_report_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, scores = tmp_path / "hum.wav", tmp_path / "scores.jsonl"
    audio.save(FakeSynthesizer().speak("a" * 20), clip)
    for name in ("ana", "ben", "ana"):
        asked = ["score", str(clip), "I think so", "--model", "fake", "--json", "--learner", name]
        assert main(asked) == 0
        scores.write_text((scores.read_text() if scores.exists() else "") + capsys.readouterr().out)
    found = attempts.from_path(scores)
    assert {name: len(given) for name, given in found.attempts.items()} == {"ana": 2, "ben": 1}
    assert found.attempts["ana"][0].at.tzinfo is not None and found.attempts["ana"][0].at.year > 2000
    assert main(["report", "--class", str(scores), "--out", str(tmp_path / "class.html")]) == 0
    capsys.readouterr()
    for more in (["--azure", "--json"], []):
        assert main(["score", str(clip), "I think so", "--model", "fake", "--learner", "ana", *more]) == 2
        assert "is written into the JSON: give a name and --json" in capsys.readouterr().err


def test_pseudonyms_stay_and_tell_nothing(tmp_path: Path) -> None:
    key = tmp_path / "private" / "key.json"
    first = attempts.pseudonyms(attempts.AttemptLog(CLASS), key)
    assert sorted(first.attempts) == [f"Learner {i:02d}" for i in range(1, 5)]
    assert key.stat().st_mode & 0o077 == 0
    known = json.loads(key.read_text(encoding="utf-8"))
    more = attempts.pseudonyms(attempts.AttemptLog({**CLASS, "New": tries("New", 1, {})}), key)
    now = json.loads(key.read_text(encoding="utf-8"))
    assert {k: now[k] for k in known} == known and now["New"] == "Learner 05" and len(more.attempts) == 5
    drawn = []
    for i in range(6):
        rng = np.random.default_rng(i)
        drawn.append(attempts.pseudonyms(attempts.AttemptLog(CLASS), tmp_path / f"d{i}", rng.integers))
    named = {
        tuple(given[0].score is CLASS["Zoë"][0].score for _, given in sorted(d.attempts.items()))
        for d in drawn
    }
    assert len(named) > 1, "the numbers are drawn by lot"
    (tmp_path / "bad").write_text("my thesis")
    with pytest.raises(InputError, match="not overwritten"):
        attempts.pseudonyms(attempts.AttemptLog(CLASS), tmp_path / "bad")
    assert (tmp_path / "bad").read_text() == "my thesis"


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores, out, key = lines(tmp_path / "s.jsonl", "speaker"), tmp_path / "c.html", tmp_path / "key.json"
    assert main(["report", "--class", str(scores), "--out", str(out), "--pseudonyms", str(key)]) == 0
    assert "warning: Not counted: 1 recording that failed" in capsys.readouterr().err
    told = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("c*") if path.suffix != ".xlsx")
    book = openpyxl.load_workbook(out.with_name("c-sounds.xlsx"))
    told += "".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    assert (
        book.sheetnames == ["sounds", "errors"]
        and "Zoë" not in told
        and "Ana" not in told
        and "Learner 04" in told
    )
    assert "For example in" not in told, "a learner's words may be names"
    url = f"sqlite:///{tmp_path / 'none.db'}"
    open_store(url).close()
    assert main(["report", "--class", "--store", url, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == str(out)
    assert main(["report", "--class", str(scores), "--store", url]) == 2
    assert "name one of them" in capsys.readouterr().err
