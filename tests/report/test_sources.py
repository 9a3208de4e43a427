"""What can be graded: evaluations, scores in a file, manifests, folders of recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from speechtutor.cli import main
from speechtutor.commands import app as app_verb
from speechtutor.core import PhoneScore, SentenceScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.report import desk, grades, run_page, sheet, sources
from speechtutor.report.grades import Given
from speechtutor.report.run_page import Options
from speechtutor.schema import dumps, score_json
from tests.support import evaluated
from tests.support.ports import free_port

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def score(text: str, overall: float = 0.61) -> UtteranceScore:
    """What a machine said of a text of two words."""
    sounds = (("TH", "IH", "NG", "K"), ("R", "AY", "S"))
    places = [0, len(text.split()[0]) + 1]
    words = tuple(
        WordScore(
            word, 0.43, char_start=at, char_end=at + len(word), phones=tuple(PhoneScore(p, 0.2) for p in ph)
        )
        for word, at, ph in zip(text.split(), places, sounds, strict=True)
    )
    return UtteranceScore(text, words, overall, overall, overall, overall, overall, duration=0.5)


def batch(folder: Path, n: int = 3, record: bool = True) -> Path:
    """What `speechtutor batch` leaves: the scores, and beside them what they were made from."""
    out, rows = folder / "scores.jsonl", folder / "corpus" / "rows.jsonl"
    for i in range(n):
        evaluated.tone(folder / "corpus" / f"u{i}.flac")
    rows.write_text(
        "".join(
            json.dumps(manifest.row_of(Utterance(f"u{i}", f"u{i}.flac", "think rice", f"s{i}", "dev"))) + "\n"
            for i in range(n)
        )
    )
    lines = [{"id": f"u{i}", "speaker": f"s{i}", **score_json(score("think rice"))} for i in range(n)]
    lines.append({"id": "broken", "error": "broken.flac: not an audio file"})
    out.write_text("".join(dumps(line, indent=None) + "\n" for line in lines))
    if record:
        settings = {"config": {"source": str(rows), "root": None}}
        out.with_name(f"{out.name}.run.json").write_text(json.dumps(settings))
    return out


def test_scores_of_a_batch_are_found_with_their_recordings(tmp_path: Path) -> None:
    path = batch(tmp_path)
    found = sources.load(path)
    assert [row.id for row in desk.gradable(found.run.rows)] == ["u0", "u1", "u2"]
    assert found.root == tmp_path / "corpus" and found.record == tmp_path / "scores.grades.jsonl"
    row = found.run.rows[0]
    assert (row.audio, row.speaker, row.detail["model"]["accuracy"], row.detail["raters"]) == (
        "u0.flac", "s0", 61, None,
    )  # fmt: skip
    assert found.run.rows[3].error == "broken.flac: not an audio file" and not found.run.problems


def test_scores_alone_need_to_be_told_where_the_recordings_are(tmp_path: Path) -> None:
    path = batch(tmp_path, record=False)
    assert any("is not known" in problem for problem in sources.load(path).run.problems)
    named = sources.load(path, tmp_path / "corpus" / "rows.jsonl")
    assert named.root == tmp_path / "corpus" and named.run.rows[1].audio == "u1.flac"


def test_a_report_of_scores_that_nobody_graded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = batch(tmp_path)
    assert main(["report", str(path), "--worst", "2"]) == 0
    page = tmp_path / "scores-report.html"
    assert str(page) in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert text.count("data:audio/flac") == 2 and "points lost" in text and "not finished" not in text
    assert (tmp_path / "scores-report-sounds.csv").is_file()
    source = sources.load(path)
    made = grades.make(
        source.run.rows[2], Given(7, [5, None], [[None] * 4, [None] * 3]), "Ann", NOW, blind=True
    )
    grades.append(source.record, made)
    text = run_page.build(path, options=Options(draws=20)).page.read_text(encoding="utf-8")
    assert "2 were given blind" in text and "whole sentence" in text


def test_a_report_of_scores_shows_a_passage_sentence_by_sentence(tmp_path: Path) -> None:
    path = batch(tmp_path)
    sentences = tuple(
        SentenceScore(a, b, 0.0, 0.2, value, value, value, value)
        for a, b, value in ((0, 6, 0.31), (6, 10, 0.93))
    )
    row = {"id": "u9", "speaker": "s9", **score_json(replace(score("think rice"), sentences=sentences))}
    with path.open("a") as out:
        out.write(dumps(row, indent=None) + "\n")
    text = run_page.build(path, options=Options(draws=20)).page.read_text(encoding="utf-8")
    assert text.count("Sentence by sentence") == 1, "a sentence alone is the utterance"
    assert '<th scope="row">think</th><td class="n">31</td>' in text


def test_a_folder_of_recordings_is_graded_by_its_texts(tmp_path: Path) -> None:
    for name, text in (("a", "I think so."), ("b", "qqqqzzz 漢字")):
        evaluated.tone(tmp_path / f"{name}.wav")
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    evaluated.tone(tmp_path / "free.wav")
    found = sources.load(tmp_path)
    assert [row.id for row in found.run.rows] == ["a", "b"]
    assert list(found.run.problems) == ["Left out: 1 recording without a text."]
    first, second = (grades.blank(row) for row in found.run.rows)
    assert [word.text for word in first.words] == ["I", "think", "so."] or len(first.words) == 3
    assert [sound.expected for sound in first.words[1].sounds] == ["TH", "IH", "NG", "K"]
    assert [len(word.sounds) for word in second.words] == [0, 0], "no lexicon has them: graded as a whole"
    row = found.run.rows[0]
    assert not grades.is_judged(row)
    # There is nothing that could be seen, so every save is blind and the sheet has nothing beside.
    mine = grades.make(
        row, Given(7, [None] * 3, [[None] * len(w.sounds) for w in first.words]), "Ann", NOW, blind=True
    )
    assert desk.Desk(found.run.rows, "Ann", [mine]).is_blind(row)
    assert "gr-machine" not in sheet.html(row, mine, revealed=True)


def test_a_manifest_with_a_bad_row_is_graded_without_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps(manifest.row_of(Utterance("u1", "u1.flac", "think rice", "s1", "dev")))
    path.write_text(f"{good}\n{{}}\n{good}\n")
    found = sources.load(path)
    assert [row.id for row in found.run.rows] == ["u1"] and found.record == tmp_path / "rows.grades.jsonl"
    assert any("row 2" in one for one in found.run.problems)
    assert any("more than once" in one for one in found.run.problems)


@pytest.mark.parametrize("verb", [["grade"], ["report", "export-grades", "--out", "x.csv"]])
def test_what_cannot_be_graded_is_one_line(
    tmp_path: Path, verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jsonl").write_text("no JSON\n")
    for name, says in (("no", "not a folder of an evaluation"), ("empty", "holds no evaluation"),
                       ("text.jsonl", "row 1")):  # fmt: skip
        assert main([*verb, str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
    run = evaluated.asr_run(tmp_path / "asr", 3)
    if verb[0] == "grade":
        assert main([*verb, str(run)]) == 2
        assert "no utterance has words" in capsys.readouterr().err
        scored = evaluated.scoring_run(tmp_path / "run", 2)
        assert main([*verb, str(scored), "--who", "the machine"]) == 2
        assert "cannot be a grader's name" in capsys.readouterr().err
        assert main([*verb, str(scored), "--host", "0.0.0.0", "--port", str(free_port())]) == 2
        assert "lets other machines use the app" in capsys.readouterr().err
    with pytest.raises(InputError, match="is a folder"):
        sources.load(run, tmp_path / "text.jsonl")


def test_grade_passes_on_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[sources.Source, dict[str, object]]] = []
    served = SimpleNamespace(serve=lambda source, **how: calls.append((source, how)))
    monkeypatch.setattr(app_verb, "module", lambda name: {"grading": served}[name])
    kept = tmp_path / "elsewhere.jsonl"
    path = batch(tmp_path)
    assert main(["grade", str(path), "--who", "Ann", "--port", "7999", "--out", str(kept)]) == 0
    ((source, how),) = calls
    assert source.record == kept and source.root == tmp_path / "corpus"
    assert how == {
        "who": "Ann", "host": "127.0.0.1", "port": 7999, "open_browser": False, "auth_file": None,
        "without_sign_in": False, "names": (),
    }  # fmt: skip
