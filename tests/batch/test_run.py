"""A batch from beginning to end with the fakes: order, bad rows, resumption, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speechtutor.batch.judge import Plan
from speechtutor.batch.run import Done, Job, run
from speechtutor.errors import InputError, ModelError, ServiceError
from speechtutor.models.fake import FakeScorer
from speechtutor.schema import score_from_json
from tests.batch.conftest import TEXTS, hum, row, values, write_manifest
from tests.batch.here import inline

FAKE = Plan("fake", "fake", "fake")


def go(job: Job, open_pool: Any = None, said: list[str] | None = None) -> Done:
    return run(job, open_pool or inline(), (said if said is not None else []).append)


def test_a_row_for_every_row_in_order(manifest: Path, tmp_path: Path) -> None:
    job = Job(manifest, tmp_path / "out" / "s.jsonl", FAKE)
    assert go(job) == Done(6, 0, 0)
    found = values(job.out)
    assert [value["id"] for value in found] == [f"u{i}" for i in range(6)]
    assert [value["text"] for value in found] == TEXTS
    assert {value["speaker"] for value in found} == {"u"} and {v["elapsed_ms"] for v in found} == {None}
    assert score_from_json(found[0]).words[1].phones[0].heard == "S"  # a `score --json` value
    assert "transcript" not in found[0] and "feedback" not in found[0]
    assert go(job) == Done(6, 0, 6)  # nothing is left to do


def test_bad_rows_are_told_counted_and_tried_again(manifest: Path, tmp_path: Path) -> None:
    rows: list[object] = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    rows[1] = '{"id": "half'
    rows[2] = row("u2", "...")  # nothing in it can be said
    rows[4] = row("u0", "twice")
    rows.append(row("gone", "Hello"))
    write_manifest(manifest, rows)
    (manifest.parent / "u3.wav").write_bytes(b"RIFF junk")
    said: list[str] = []
    job = Job(manifest, tmp_path / "s.jsonl", FAKE)
    assert go(job, said=said) == Done(7, 5, 0)
    found = values(job.out)
    assert [value["id"] for value in found] == ["u0", "row 2", "u2", "u3", "row 5", "u5", "gone"]
    bad = [value for value in found if "error" in value]
    assert all(set(value) == {"id", "error"} for value in bad) and len(said) == 5
    assert "row 2: not JSON" in str(bad[0]["error"]) and "stands in row 1" in str(bad[3]["error"])
    assert "u3.wav" in str(bad[2]["error"]) and "gone.wav" in str(bad[4]["error"])
    hum(manifest.parent / "gone.wav")
    assert go(job) == Done(7, 4, 2)
    assert [value["id"] for value in values(job.out)] == [value["id"] for value in found]  # in order again
    assert "error" not in values(job.out)[-1]


def test_what_nobody_expected_is_a_row_and_a_traceback(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = FakeScorer.score

    def breaks(self: FakeScorer, recording: Any, text: str, *, words: object = None) -> Any:
        if text == TEXTS[3]:
            raise RuntimeError("sizes 1536\nand 1500")
        return score(self, recording, text)

    monkeypatch.setattr(FakeScorer, "score", breaks)
    job = Job(manifest, tmp_path / "s.jsonl", FAKE)
    assert go(job).n_failed == 1
    assert values(job.out)[3]["error"] == "u3: unexpected RuntimeError: sizes 1536 and 1500 (see errors.log)"
    assert "Traceback" in (tmp_path / "errors.log").read_text("utf-8")


@pytest.mark.parametrize("n", [0, 1, 4])
def test_stopped_at_any_row_it_goes_on(manifest: Path, tmp_path: Path, n: int) -> None:
    whole = Job(manifest, tmp_path / "whole.jsonl", FAKE)
    go(whole)
    heard: list[str] = []

    def stop(task: Any) -> None:
        heard.append(task.id)
        if len(heard) > n:
            raise KeyboardInterrupt

    job = replace(whole, out=tmp_path / "s.jsonl")
    with pytest.raises(KeyboardInterrupt):
        go(job, inline(stop))
    with job.out.open("ab") as file:
        file.write(b'{"id": "u5", "text": "cut sh')  # as kill -9 leaves it
    said: list[str] = []
    assert go(job, said=said).n_before <= n
    assert any("cut short" in line for line in said)
    assert job.out.read_bytes() == whole.out.read_bytes()


def test_the_order_in_which_rows_come_does_not_matter(manifest: Path, tmp_path: Path) -> None:
    whole = Job(manifest, tmp_path / "whole.jsonl", FAKE)
    go(whole)
    job = replace(whole, out=tmp_path / "s.jsonl")
    go(job)
    lines = job.out.read_bytes().splitlines(keepends=True)
    job.out.write_bytes(b"".join([lines[3], lines[0], lines[3], lines[5]]))  # one stands twice
    assert go(job, inline(n_workers=2)).n_before == 3
    assert job.out.read_bytes() == whole.out.read_bytes()


def test_it_does_not_go_on_with_something_else(manifest: Path, tmp_path: Path) -> None:
    job = Job(manifest, tmp_path / "s.jsonl", FAKE)
    go(job)
    for other, told in (
        (replace(job, limit=3), "limit was None and is 3"),
        (replace(job, plan=replace(FAKE, feedback=True)), "system tutor"),
        (replace(job, plan=Plan("raters")), "system scorer"),
    ):
        with pytest.raises(InputError, match=told):
            go(other)
    write_manifest(manifest, [row("u0", "Other words")])
    with pytest.raises(InputError, match="source was"):
        go(job)
    (tmp_path / "mine.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"holds rows but no mine.jsonl.run.json"):
        go(replace(job, out=tmp_path / "mine.jsonl"))


def test_a_folder_with_texts_and_free_speech(tmp_path: Path) -> None:
    corpus = tmp_path / "c"
    for name in ("anna/one", "anna/free", "ben/one"):
        hum(corpus / f"{name}.wav")
    (corpus / "anna" / "one.txt").write_text("I think\nso")
    (corpus / "ben" / "one.txt").write_text("Sit down")
    job = Job(corpus, tmp_path / "s.jsonl", FAKE)
    assert go(job).n_failed == 1
    assert "anna/free.wav: no text; --transcribe" in str(values(job.out)[0]["error"])
    (corpus / "ben" / "lost.txt").write_text("Where is it?")
    (corpus / "ben" / "two.txt").write_text(" ")
    hum(corpus / "ben" / "two.wav")
    job = Job(corpus, tmp_path / "some.jsonl", FAKE)
    assert go(job) == Done(5, 3, 0)
    assert [value["id"] for value in values(job.out)][2:] == ["ben/one", "ben/two", "ben/lost.txt"]
    assert "no recording of that name" in str(values(job.out)[4]["error"])
    for name in ("lost.txt", "two.txt", "two.wav"):
        (corpus / "ben" / name).unlink()
    job = Job(corpus, tmp_path / "free.jsonl", replace(FAKE, transcribe=True, feedback=True))
    assert go(job).n_failed == 0
    free, one, _ = values(job.out)
    assert (free["id"], free["text"], free["speaker"]) == ("anna/free", "hello world", "anna")
    assert free["warnings"][0]["code"] == "free_speech"  # type: ignore[index]
    assert one["text"] == "I think so" and one["transcript"]["text"] == "hello world"  # type: ignore[index]
    assert one["feedback"]["tips"][0]["word"] == "think"  # type: ignore[index]


def test_the_phones_of_a_manifest_are_what_is_scored(manifest: Path, tmp_path: Path) -> None:
    asked: list[Any] = []

    class Takes:
        def score(self, recording: Any, text: str, *, words: Any = None) -> Any:
            asked.append([word.pronunciations[0] for word in words])
            return FakeScorer().score(recording, text)

    from speechtutor import registry

    load = registry.load
    phones = [{"text": "Go", "phones": ["G", "OW"]}, {"text": "on", "phones": ["AA", "N"]}]
    write_manifest(manifest, [row("u0", "Go on", words=phones, scores={})])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", lambda stage, *a, **k: Takes() if stage == "scorer" else load(stage))
        plan = Plan("fake", device="of this test alone")  # models are kept by their plan
        assert go(Job(manifest, tmp_path / "s.jsonl", plan)).n_failed == 0
    assert asked == [[("G", "OW"), ("AA", "N")]]


def test_split_limit_and_nothing(manifest: Path, tmp_path: Path) -> None:
    assert go(Job(manifest, tmp_path / "a.jsonl", FAKE, limit=2)).n_rows == 2
    assert [v["id"] for v in values(tmp_path / "a.jsonl")] == ["u0", "u3"]
    for job, told in (
        (Job(manifest, tmp_path / "b.jsonl", FAKE, split="test"), "nothing to judge of the split test"),
        (Job(manifest, tmp_path / "b.jsonl", FAKE, split="tset"), "none of train, dev, test"),
        (Job(manifest, tmp_path / "b.jsonl", FAKE, limit=0), "limit must be 1"),
        (Job(manifest, tmp_path / "b.txt", FAKE), "must end in .jsonl, .csv, .parquet"),
        (Job(manifest, tmp_path / "b.csv", FAKE, per="day"), "not per 'day'"),
        (Job(tmp_path / "no", tmp_path / "b.jsonl", FAKE), "no: No such file"),
    ):
        with pytest.raises(InputError, match=told):
            go(job)
    assert not list(tmp_path.glob("b.*"))
    with pytest.raises(ModelError, match="nonsense"):
        go(Job(manifest, tmp_path / "b.jsonl", Plan("nonsense")))


def test_a_worker_that_dies_costs_the_row_that_kills_it(manifest: Path, tmp_path: Path) -> None:
    def dies(task: Any) -> None:
        if task.id == "u3":
            raise BrokenExecutor

    job = Job(manifest, tmp_path / "s.jsonl", FAKE)
    assert go(job, inline(dies)) == Done(6, 1, 0)
    assert "the process that judged it died" in str(values(job.out)[3]["error"])
    assert [value["id"] for value in values(job.out)] == [f"u{i}" for i in range(6)]


def test_workers_that_all_die_are_no_rows(manifest: Path, tmp_path: Path) -> None:
    def dies(task: Any) -> Iterator[None]:
        raise BrokenExecutor

    with pytest.raises(ServiceError, match="die as soon as they begin"):
        go(Job(manifest, tmp_path / "s.jsonl", FAKE), inline(dies))
    assert (tmp_path / "s.jsonl").read_bytes() == b""


def test_a_second_process_is_kept_out(manifest: Path, tmp_path: Path) -> None:
    from speechtutor.files import journal

    with (
        journal.alone(tmp_path / ".s.jsonl.lock", "busy"),
        pytest.raises(InputError, match="another process is writing there"),
    ):
        go(Job(manifest, tmp_path / "s.jsonl", FAKE))


@pytest.mark.parametrize("together", [2, 4, 9])
def test_heard_together_the_rows_are_the_same_and_one_that_kills_costs_itself(
    manifest: Path, tmp_path: Path, together: int
) -> None:
    def dies(task: Any) -> None:
        if task.id == "u3":
            raise BrokenExecutor

    go(Job(manifest, tmp_path / "alone.jsonl", FAKE))
    job = Job(manifest, tmp_path / "s.jsonl", replace(FAKE, together=together))
    assert go(job, inline(dies)) == Done(6, 1, 0)
    assert "the process that judged it died" in str(values(job.out)[3]["error"])
    assert go(job) == Done(6, 0, 5)
    assert job.out.read_bytes() == (tmp_path / "alone.jsonl").read_bytes()
