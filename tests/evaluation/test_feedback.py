"""The measurement of wording: kept replies, resumption, base and adapter side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from speechtutor.core import UtteranceScore
from speechtutor.errors import InputError, ServiceError
from speechtutor.evaluation import feedback, feedback_pairs
from speechtutor.evaluation.feedback import Worded, listen, report
from speechtutor.evaluation.reply_log import Kept
from speechtutor.tutor.engine import Message
from speechtutor.tutor.phrasing import LlmTutor
from tests.support.judged import SINK, fine, said, utterance

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
        yield self.text


def kept(tmp_path: Path, **more: object) -> Kept:
    return Kept(tmp_path / "feedback.rows.jsonl", {"tutor": "writer", **more})


def test_a_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        listen(LlmTutor(Writer(GOOD, stops_after=2)), SCORES, kept(tmp_path))
    second = Writer(GOOD)
    found, n_rules = listen(LlmTutor(second), SCORES, kept(tmp_path))
    assert [item.id for item in found] == ["a", "b", "c"] and n_rules == 0
    assert second.asked == 1, "two replies were there"
    assert all(item.passed and item.covered for item in found)
    third = Writer(GOOD)
    assert listen(LlmTutor(third), SCORES, kept(tmp_path))[0] == found and third.asked == 0
    assert listen(LlmTutor(third), SCORES[:1], kept(tmp_path))[0] == found[:1]


def test_a_row_that_was_cut_is_made_again(tmp_path: Path) -> None:
    listen(LlmTutor(Writer(GOOD)), SCORES, kept(tmp_path))
    path = tmp_path / "feedback.rows.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    again = Writer(GOOD)
    assert len(listen(LlmTutor(again), SCORES, kept(tmp_path))[0]) == 3 and again.asked == 1
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_other_evidence_under_the_same_id_is_asked_for(tmp_path: Path) -> None:
    listen(LlmTutor(Writer(GOOD)), SCORES, kept(tmp_path))
    other = utterance("we", said("food", "F UW D", 2, ""), "here")
    again = Writer(GOOD)
    (found,), _ = listen(LlmTutor(again), [("a", other)], kept(tmp_path))
    assert again.asked == 1 and not found.passed, "the reply is about another word"


def test_what_the_rules_say_is_kept_too(tmp_path: Path) -> None:
    silent = UtteranceScore("I think so", ())
    for _ in range(2):
        assert listen(LlmTutor(Writer(GOOD)), [("s", silent)], kept(tmp_path)) == ([], 1)


def test_replies_of_another_model_are_refused(tmp_path: Path) -> None:
    kept(tmp_path, adapter="1")
    with pytest.raises(InputError, match="adapter was '1' and is '2'"):
        kept(tmp_path, adapter="2")
    (tmp_path / "feedback.rows.jsonl").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no replies"):
        kept(tmp_path)


def test_a_failing_server_is_a_refusal_and_no_stop() -> None:
    class Gone(Writer):
        def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            raise ServiceError("gone")

    found, _ = listen(LlmTutor(Gone("")), SCORES)
    assert [item.passed for item in found] == [False] * 3


def test_the_top_finding_is_covered_by_its_word_and_its_sound() -> None:
    base = Worded("a", "substitution", "x", True, (), "", True, True, 1, 1.0, 0.1, 0.2)
    assert base.covered
    assert not replace(base, sound=False).covered and not replace(base, word=False).covered
    # An omission has no sound; where all was well there is nothing to cover.
    assert replace(base, sound=None).covered and replace(base, word=None, sound=None).covered is None
    found = report([base, replace(base, sound=False), replace(base, word=None, sound=None)], 0, "m")
    assert found.covered == 0.5


def test_both_are_set_side_by_side_with_paired_differences(tmp_path: Path) -> None:
    good, n_good = listen(LlmTutor(Writer(GOOD)), SCORES)
    bad, n_bad = listen(LlmTutor(Writer(BAD)), SCORES)
    text = feedback_pairs.table((report(bad, n_bad, "base"), bad), (report(good, n_good, "lora"), good))
    row = next(line for line in text.splitlines() if line.startswith("| pass the verifier"))
    # Every reply of the one holds and none of the other: no draw of utterances gives anything else.
    assert row == (
        "| pass the verifier | 0.000 [0.000, 0.000] | 1.000 [1.000, 1.000] | +1.000 [+1.000, +1.000] |"
    )
    assert [line for line in text.splitlines() if line.startswith("- `")] == [
        f"- `{id}` (substitution)" for id in "abc"
    ]
    assert text.count(GOOD) == 3 and text.count("**refused:") == 3
    for measure in ("words", "reading level", "first token, p50 and p95", "full reply, p50 and p95"):
        assert f"| {measure}" in text
    feedback.write(tmp_path, report(good, 0, "lora"), good)
    assert "The first 3 by id" in (tmp_path / "feedback.md").read_text(encoding="utf-8")


def test_an_interval_holds_the_mean_and_narrows() -> None:
    low, high = feedback_pairs.mean_interval([0.0, 1.0] * 10)
    wide = high - low
    # sqrt(0.25 / 20) = 0.11 is the standard error of 20 tosses of a coin: about 0.28 to 0.72.
    assert 0.2 < low < 0.4 and 0.6 < high < 0.8
    narrow = feedback_pairs.mean_interval([0.0, 1.0] * 100)
    assert narrow[1] - narrow[0] < wide / 2
    assert all(math.isnan(edge) for edge in feedback_pairs.mean_interval([]))
    assert listen(LlmTutor(Writer(GOOD)), [("f", utterance("we", fine("nice"), "so", fluency=0.9))])[0]
