"""Wording and grammar as evaluations: journal, resumption, comparison, and what is said of a reply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.core import Correction, UtteranceScore
from speechtutor.corpora.eracond import Turn
from speechtutor.errors import InputError, ServiceError
from speechtutor.evaluation import feedback, grammar, result
from speechtutor.evaluation.feedback import Noted
from speechtutor.evaluation.job import Job
from speechtutor.evaluation.result import Row, Summary
from speechtutor.stages import Message
from speechtutor.tutor.phrasing import LlmTutor
from tests.support.judged import SINK, said, utterance

GOOD = 'In "think", the "th" sounded closer to "s".'
BAD = "Your accent is bad."
SCORES = [
    ("a", SINK),
    ("b", utterance("I", said("think", "TH IH NG K", 0, "S"), "not")),
    ("c", utterance("I", said("think", "TH IH NG K", 0, "S"), "yes")),
]


class Writer:
    """An engine that writes the same to everyone and may stop after some replies."""

    name = "writer"

    def __init__(self, text: str, stops_after: int = 99) -> None:
        self.text, self.left, self.asked = text, stops_after, 0

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        self.asked += 1
        if self.asked > self.left:
            raise KeyboardInterrupt
        yield from (self.text[:5], self.text[5:])


def items(scores: Sequence[tuple[str, UtteranceScore]] = SCORES, speakers: int = 3) -> list[Noted]:
    return [Noted(name, score, f"s{i % speakers}", "dev") for i, (name, score) in enumerate(scores)]


def worded(
    folder: Path, engine: Any, rows: Sequence[Noted] | None = None, **options: Any
) -> tuple[Summary, list[Row]]:
    rows = items() if rows is None else rows
    system = {"name": "writer", **options.pop("system", {})}
    job = Job(folder, None, None, rows, system, draws=20, **options)
    return feedback.evaluate(job, LlmTutor(engine))


def test_a_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    # The first is asked once more to warm the engine up.
    with pytest.raises(KeyboardInterrupt):
        worded(tmp_path, Writer(GOOD, stops_after=3))
    second = Writer(GOOD)
    found, rows = worded(tmp_path, second)
    assert [row.id for row in rows] == ["a", "b", "c"] and found.counts["left_to_the_rules"] == 0
    assert second.asked == 2, "two replies were there; the third is asked for, and once before"
    assert found.metrics["passed"].value == found.metrics["covered"].value == 1.0
    third = Writer(GOOD)
    assert worded(tmp_path, third)[0].metrics == found.metrics and third.asked == 0


def test_a_row_that_was_cut_is_made_again(tmp_path: Path) -> None:
    worded(tmp_path, Writer(GOOD))
    path = tmp_path / result.ROWS
    path.write_bytes(path.read_bytes()[:-9])
    again = Writer(GOOD)
    assert len(worded(tmp_path, again)[1]) == 3 and again.asked == 2


def test_replies_of_another_model_are_refused(tmp_path: Path) -> None:
    worded(tmp_path, Writer(GOOD), system={"adapter": "1"})
    with pytest.raises(InputError, match="adapter was '1' and is '2'"):
        worded(tmp_path, Writer(GOOD), system={"adapter": "2"})


def test_what_the_rules_say_is_counted_and_no_reply(tmp_path: Path) -> None:
    engine = Writer(GOOD)
    found, rows = worded(tmp_path, engine, items([*SCORES, ("s", UtteranceScore("I think so", ()))]))
    assert found.lists["left_to_the_rules"] == ["s"] and rows[-1].hypothesis is None
    assert found.counts["replies"] == 3 and found.metrics["passed"].n == 3


def test_a_failing_server_is_a_refusal_and_no_stop(tmp_path: Path) -> None:
    class Gone(Writer):
        def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            raise ServiceError("gone")

    found, _ = worded(tmp_path, Gone(""))
    assert found.lists["refused"] == ["a", "b", "c"] and found.metrics["passed"].value == 0.0
    assert found.tables[1].rows == [("service", 3)]


def test_a_reply_that_breaks_our_code_is_one_bad_row(tmp_path: Path, capsys: Any) -> None:
    class Odd(Writer):
        def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            self.asked += 1
            if self.asked == 3:  # after the warming up and the first
                raise RuntimeError("tensors of another size")
            yield self.text

    found, rows = worded(tmp_path, Odd(GOOD))
    assert found.lists["failed"] == ["b"] and found.metrics["passed"].n == 2
    assert rows[1].error == "b: unexpected RuntimeError: tensors of another size (see errors.log)"
    assert "Traceback" in (tmp_path / "errors.log").read_text(encoding="utf-8")
    assert capsys.readouterr().err.count("tensors of another size") == 1
    assert worded(tmp_path, Writer(GOOD))[0].counts["failed"] == 0, "what failed is tried again"


def test_the_top_finding_is_covered_by_its_word_and_its_sound() -> None:
    assert feedback.covered({"word": True, "sound": True}) == 1.0
    assert feedback.covered({"word": True, "sound": False}) == 0.0
    assert feedback.covered({"word": False, "sound": True}) == 0.0
    # An omission has no sound; where all was well there is nothing to cover.
    assert feedback.covered({"word": True, "sound": None}) == 1.0
    assert feedback.covered({"word": None, "sound": None}) is None


def test_a_word_is_named_as_a_word(tmp_path: Path) -> None:
    """ "is" stands in "this" and in "sister", and is not named by them."""
    score = utterance("he", said("is", "IH Z", 0, "IY"), "here")
    engine = Writer('In this word, the "i" sounded closer to "ee".')
    _, (row,) = worded(tmp_path, engine, [Noted("a", score, "s")])
    assert row.detail["word"] is False
    _, (named,) = worded(tmp_path / "b", Writer('In "is", I heard it.'), [Noted("a", score, "s")])
    assert named.detail["word"] is True


def many(n: int) -> list[Noted]:
    words = ["not", "yes", "now", "well", "home", "here"]
    scores = [
        (f"u{i}", utterance("I", said("think", "TH IH NG K", 0, "S"), words[i % len(words)]))
        for i in range(n)
    ]
    return items(scores, speakers=n)


def test_base_and_adapter_are_compared_within_speakers(tmp_path: Path) -> None:
    worded(tmp_path / "base", Writer(BAD), many(8), system={"adapter": None})
    found, _ = worded(tmp_path / "lora", Writer(GOOD), many(8), against=tmp_path / "base")
    assert found.comparison is not None
    change = found.comparison.differences["passed"]
    # Every reply of the one holds and none of the other; swapping any speaker makes it less: 2 of 256,
    # and two figures are tested.
    assert (change.this, change.other, change.difference.value) == (1.0, 0.0, 1.0)
    assert (change.difference.low, change.difference.high) == (1.0, 1.0)
    assert change.p == pytest.approx(2 / 256) and change.p_corrected == pytest.approx(4 / 256)
    assert change.differs
    few, _ = worded(tmp_path / "few", Writer(GOOD), many(3), against=tmp_path / "base")
    assert few.comparison is not None and few.comparison.n_only_there == 5
    untold = few.comparison.differences["passed"]
    assert (untold.p, untold.difference.low, untold.differs) == (None, None, False)


def test_a_report_shows_wording(tmp_path: Path, capsys: Any) -> None:
    worded(tmp_path / "run", Writer(BAD), many(6))
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for told in (
        "Feedback: writer",
        BAD,
        "refused: ",
        "Reasons for refusing",
        "replies that pass the verifier",
    ):
        assert told in page, told


# Grammar


class Corrector:
    """Mends one word, and stops after some turns."""

    name = "fixed"

    def __init__(self, stops_after: int = 99) -> None:
        self.left = stops_after

    def correct(self, text: str) -> Correction:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        if "boom" in text:
            raise RuntimeError("boom")
        return Correction(text, text, text.replace("go", "goes"))


TURNS = [
    Turn(f"{i}", f"d{i % 6}", "x", f"He {verb} home now {i}.", f"He goes home now {i}.", "dev")
    for i, verb in enumerate(["go", "goes", "go", "boom", "go", "go", "go"])
]


def mended(folder: Path, corrector: Corrector, **options: Any) -> tuple[Summary, list[Row]]:
    job = Job(folder, None, None, TURNS, {"name": "fixed"}, draws=20, over=grammar.OVER, **options)
    return grammar.evaluate(job, corrector)


def test_grammar_goes_on_after_a_stop_and_after_a_bad_turn(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        mended(tmp_path, Corrector(stops_after=3))
    assert (tmp_path / result.ROWS).read_bytes().count(b"\n") == 2
    found, rows = mended(tmp_path, Corrector())
    assert "2 of 7 utterances were done before" in capsys.readouterr().err
    assert found.lists["failed"] == ["3"] and "RuntimeError: boom" in str(rows[3].error)
    # "goes" was right and became "goeses": one wrong edit; five of the five others are mended.
    assert [found.counts[f"edits_{name}"] for name in ("right", "wrong", "missed")] == [5, 1, 0]
    assert cli.main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for told in (
        "Grammar: fixed",
        "over dialogues",
        "Edits by type",
        "the source copied",
        "RuntimeError: boom",
    ):
        assert told in page, told


def test_the_command_writes_evaluations(tmp_path: Path, capsys: Any) -> None:
    lines = [{"dialogue": f"d{i}", "turn": 1, "source": "he go home now", "edits": []} for i in range(60)]
    path = tmp_path / "dialogues.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    argv = ["evaluate", "tutor", str(path), "--out", str(tmp_path / "o"), "--dialogues", str(path),
            "--grammar", "rules", "--draws", "20"]  # fmt: skip
    assert cli.main([*argv, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["kind"] == "grammar" and found["over"] == "dialogues"
    assert result.read(tmp_path / "o" / "grammar").summary.json() == found
    assert cli.main(["evaluate", "tutor", str(path), "--out", str(tmp_path / "o")]) == 2
