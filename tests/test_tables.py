"""Scores as tables: what each level holds, and that a frame and a file say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import speechtutor
from speechtutor import schema, tables
from speechtutor.core import Caution, Code, Fluency, PhoneScore, UtteranceScore, WordScore
from speechtutor.errors import InputError


def score() -> UtteranceScore:
    """ "rice" with R said as L, Y... left out: two phones wrong, one right."""
    phones = (
        PhoneScore("R", 0.2, 0.0, 0.1, heard="L", error_probability=0.9, confidence=1.0),
        PhoneScore("AY", None),
        PhoneScore("S", 0.0, 0.3, 0.4, heard=""),
    )
    words = (WordScore("=rice", 0.5, 0.0, 0.4, 0, 4, phones=phones), WordScore("so", None))
    return UtteranceScore(
        "rice so", words, 0.5, 0.4, 0.9, duration=1.5, timing=Fluency(1.5, 2.5, 0, 0.0, 2.0),
        cautions=(Caution(Code.NOISY, "noise"), Caution(Code.CLIPPED, "clipped")),
    )  # fmt: skip


def test_columns_are_filled_from_the_schema() -> None:
    value = {"id": "a", "speaker": "s"} | schema.score_json(score())
    (row,) = tables.rows(value, "utterance")
    picked = {name: row.get(name) for name in tables.COLUMNS["utterance"]}
    assert (picked["overall"], picked["fluency"], picked["speech_rate"]) == (50.0, 90.0, 1.5)
    assert (picked["warnings"], picked["error"], picked["prosody"]) == ("noisy clipped", None, None)
    words = list(tables.rows(value, "word"))
    assert [(w["word"], w["text"], w["score"], w["id"]) for w in words] == [
        (1, "=rice", 50.0, "a"), (2, "so", None, "a"),
    ]  # fmt: skip
    phones = list(tables.rows(value, "phone"))
    assert [(p["phone"], p["expected"], p["edit"], p["heard"], p["text"]) for p in phones] == [
        (1, "R", "substitution", "L", "=rice"),
        (2, "AY", "match", None, "=rice"),
        (3, "S", "deletion", "", "=rice"),
    ]
    for per, row in (("word", words[0]), ("phone", phones[0])):
        assert tables.COLUMNS[per].keys() <= row.keys()


def test_a_failed_row_is_a_row_of_utterances_only() -> None:
    value = {"id": "a", "error": "gone"}
    assert [row["error"] for row in tables.rows(value, "utterance")] == ["gone"]
    assert not list(tables.rows(value, "word")) and not list(tables.rows(value, "phone"))


@pytest.mark.parametrize(("per", "n"), [("utterance", 3), ("word", 4), ("phone", 6)])
def test_a_frame_of_scores_and_of_values(per: Any, n: int) -> None:
    results: list[Any] = [score(), {"id": "b"} | schema.score_json(score()), {"id": "c", "error": "gone"}]
    table = speechtutor.frame(results, per)
    assert list(table.columns) == list(tables.COLUMNS[per]) and len(table) == n
    assert list(table["id"].unique())[:2] == ["0", "b"]
    kinds = {"text": "object", "real": "float64", "count": "Int64"}
    assert {c: str(t) for c, t in table.dtypes.items()} == {
        c: kinds[k] for c, k in tables.COLUMNS[per].items()
    }
    empty = speechtutor.frame([], per)
    assert list(empty.columns) == list(table.columns) and list(empty.dtypes) == list(table.dtypes)


def test_means_can_be_taken() -> None:
    table = speechtutor.frame([score(), replace(score(), words=())], per="phone")
    assert table["score"].mean() == pytest.approx(10.0)  # of 20 and 0; what was not measured is no 0
    assert table.loc[table["edit"] != "match", "expected"].tolist() == ["R", "S"]


def test_there_are_three_levels() -> None:
    with pytest.raises(InputError, match="utterance, word, phone, not per 'day'"):
        speechtutor.frame([], "day")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"), [("=1+1", "'=1+1"), ("-3", "'-3"), (-3, -3), (None, ""), ("a", "a")]
)
def test_a_spreadsheet_computes_nothing(value: Any, shown: Any) -> None:
    assert tables.cell(value) == shown
