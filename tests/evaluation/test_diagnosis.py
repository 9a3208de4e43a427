"""Diagnosis of known errors as an evaluation: places, figures by hand, going on after a kill, the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor.core import Candidate, Edit, PhoneScore, Recording, UtteranceScore, WordScore
from speechtutor.errors import InputError
from speechtutor.evaluation import diagnosis, result
from speechtutor.evaluation.details import Place
from speechtutor.evaluation.diagnosis import Reading, by_group, cell
from speechtutor.evaluation.job import Job
from speechtutor.evaluation.known_error_places import SYSTEMS, judge
from speechtutor.evaluation.known_errors import Case
from speechtutor.evaluation.result import Row, Summary
from speechtutor.evaluation.sampling import Speakers
from speechtutor.models.diagnosis import Diagnoser
from speechtutor.models.fake import FakeAcousticModel
from speechtutor.report import run_page
from speechtutor.report.run_page import Options
from speechtutor.scoring.diagnosis import STANDARD, Diagnosis, Finding
from speechtutor.scoring.signs import Signs
from speechtutor.text.phones import pronounce

NOISE = Recording(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32))
EAR: Any = FakeAcousticModel()


@dataclass
class Names:
    """A diagnosis that names S at the phones `at` and AH before those in `before`; it may be stopped."""

    at: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    left: int = 999
    asked: int = 0

    def diagnose(self, signs: Signs, strictness: str) -> Diagnosis:
        self.asked += strictness == STANDARD
        if self.asked > self.left:
            raise KeyboardInterrupt
        n = len(signs.canonical)
        phones, gaps = (
            tuple(
                Finding(0.9 if i in there else 0.1, sound if i in there else None, (Candidate(sound, 0.05),))
                for i in range(length)
            )
            for there, sound, length in ((self.at, "S", n), (self.before, "AH", n + 1))
        )
        return Diagnosis(phones, gaps)


@dataclass
class Flags:
    """A scorer that hears T for the first phone of every text and calls it wrong, or declines."""

    overall: float | None = 0.5
    acoustic: Any = field(default_factory=FakeAcousticModel)

    def score(self, recording: Recording, text: str, *, words: Any) -> UtteranceScore:
        phones = tuple(
            PhoneScore(p, 1.0, heard="T", error_probability=float(i == 0))
            for i, p in enumerate(words[0].pronunciations[0])
        )
        return UtteranceScore(text, (WordScore(text, 1.0, char_start=0, phones=phones),), self.overall)


def case(said: str | None = None, *, inserted: bool = False) -> Case:
    """ "thin" with its first sound replaced or left out (""), with AH before the second, or right."""
    word = pronounce("thin")[0]
    words = (replace(word, pronunciations=word.pronunciations[:1], stress=word.stress[:1]),)
    truth = [PhoneScore(p, 1.0, error_probability=0.0) for p in words[0].pronunciations[0]]
    if said is not None:
        edit = Edit.SUBSTITUTION if said else Edit.DELETION
        truth[0] = replace(truth[0], heard=said, edit=edit, error_probability=1.0)
    extra = ((1, "AH"),) if inserted else ()
    return Case("c", "g", "a", NOISE, words, (WordScore("thin", None, phones=tuple(truth), inserted=extra),))


def diagnoser(names: Names) -> Diagnoser:
    return Diagnoser(names, EAR, "names", "1")  # type: ignore[arg-type]  # a model of a test


def judged(one: Case, names: Names | None = None, overall: float | None = 0.5) -> list[Place] | None:
    return judge(one, Flags(overall), diagnoser(names or Names()), gate=False)  # type: ignore[arg-type]


def test_a_wrong_sound_is_what_is_judged_of_a_text_that_has_one() -> None:
    (place,) = judged(case("S"), Names(at=(0,))) or []
    assert (place["kind"], place["wanted"], place["said"], place["place"]) == (
        "substitution",
        "TH",
        "S",
        "first",
    )
    assert all(place["found"][system] for system in SYSTEMS) and place["level"] == 0.9
    assert place["heard"] == {"diagnosis": "S", "scorer": "T"}
    (gone,) = judged(case(""), Names()) or []
    assert (gone["kind"], gone["said"], gone["found"][STANDARD]) == ("deletion", "", False)
    (more,) = judged(case(inserted=True), Names(before=(1,))) or []
    assert (more["kind"], more["wanted"], more["said"], more["place"]) == ("insertion", "", "AH", "inner")
    assert more["found"][STANDARD] and not more["found"]["scorer"] and more["heard"]["scorer"] is None


def test_of_a_right_text_every_phone_is_judged_and_a_sound_put_in_is_a_false_alarm() -> None:
    places = judged(case(), Names(before=(3,))) or []
    assert [(p["kind"], p["said"]) for p in places] == [("right", None)] * 3
    assert [p["found"][STANDARD] for p in places] == [False, False, True], (
        "the gap at the end is the last phone's"
    )
    assert [p["found"]["scorer"] for p in places] == [True, False, False]
    assert judged(case(), overall=None) is None, "a scorer that declines gives nothing"


def readings(n: int = 6, speakers: int = 6) -> list[Reading]:
    """Made-wrong texts, of which every second one is said as an S, and right ones, by as many speakers."""

    def reading(name: str, group: str, i: int, said: str | None) -> Reading:
        return Reading(f"{name}{i}", group, f"s{i % speakers}", "dev", "", "thin", lambda: [case(said)])

    sides = (("w", "swapped", ("S", "F")), ("r", "rated", (None, None)))
    return [reading(name, group, i, said[i % 2]) for i in range(n) for name, group, said in sides]


def run(
    folder: Path, names: Names, rows: Sequence[Reading] | None = None, **more: Any
) -> tuple[Summary, list[Row]]:
    system = {"name": "names", **more}
    job: Job[Reading] = Job(folder, None, None, readings() if rows is None else rows, system, draws=50)
    return diagnosis.evaluate(job, Flags(), diagnoser(names), {}, gate=False)  # type: ignore[arg-type]


def test_figures_by_hand(tmp_path: Path) -> None:
    """Six wrong sounds, all found and named S, which three were; the scorer finds all and names none.

    Of eighteen right phones both call the first of every text wrong: six.
    """
    found, _ = run(tmp_path, Names(at=(0,)))
    values = {key: (metric.value, metric.n) for key, metric in found.metrics.items()}
    assert values["standard_recall"] == (1.0, 6) and values["standard_named"] == (0.5, 6)
    assert values["scorer_recall"] == (1.0, 6) and values["scorer_found_named"] == (0.0, 6)
    assert values["standard_false_alarms"] == values["scorer_false_alarms"] == (6 / 18, 18)
    # One right phone in three has the level of the wrong ones, so at 1 % false alarms nothing is above it.
    assert values["recall_at_1"] == (0.0, 6)
    groups = {str(line[0]): line for line in found.tables[0].rows}
    assert groups["swapped"][1:3] == ("6 / 0", "1.000 (1.000 to 1.000)")
    assert groups["rated"][1:4] == ("0 / 18", "", "") and str(groups["rated"][4]).startswith("0.333 (")
    assert ("swapped", "TH", "S", 3, 3, 3, 3) in found.tables[2].rows


def test_too_few_speakers_have_a_figure_and_no_interval(tmp_path: Path) -> None:
    found, rows = run(tmp_path, Names(at=(0,)), readings(6, speakers=4))
    metric = found.metrics["standard_recall"]
    assert metric.value == 1.0 and metric.low is None and "too few speakers" in metric.why
    text = str([table.rows for table in found.tables])
    assert cell(metric) == "1.000" and " to " not in text
    assert by_group(rows, Speakers([row.speaker for row in rows], 5)).rows == found.tables[0].rows


def test_a_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    # The first reading is judged once more, to warm up.
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", Names(at=(0,), left=6))
    assert len((tmp_path / "cut" / result.ROWS).read_text("utf-8").splitlines()) == 5
    with pytest.raises(InputError, match="another evaluation"):
        run(tmp_path / "cut", Names(), weights="2")
    second = Names(at=(0,))
    found, rows = run(tmp_path / "cut", second)
    assert second.asked == 8, "seven of twelve were left, and one of them twice"
    whole, every = run(tmp_path / "whole", Names(at=(0,)))
    assert found.metrics == whole.metrics and found.tables == whole.tables
    assert [row.detail for row in rows] == [row.detail for row in every]
    assert result.read(tmp_path / "cut").rows[0].detail == every[0].detail, "what is read is what was written"


def test_a_speaker_the_diagnosis_was_trained_on_is_judged_by_a_model_apart() -> None:
    apart: Any = {"s1": Names(at=(0,))}
    judge_one = diagnosis.listener(Flags(), diagnoser(Names()), apart, gate=False)  # type: ignore[arg-type]
    found = {reading.speaker: judge_one(reading).metrics["standard_recall"] for reading in readings(2)[::2]}
    assert found == {"s0": 0.0, "s1": 1.0}


def test_a_reading_that_fails_is_a_row_and_a_declined_one_no_place(tmp_path: Path) -> None:
    def broken() -> list[Case]:
        raise InputError("gone.wav: no such file")

    rows = [*readings(1), Reading("bad", "swapped", "s1", "dev", "", "thin", broken)]
    found, _ = run(tmp_path, Names(), rows)
    assert found.lists["failed"] == ["bad"] and found.counts["cases"] == 2
    declined = diagnosis.row_of(rows[0], [None])
    assert declined.detail == {"cases": 1, "declined": 1, "places": []} and not diagnosis.KIND.judged(
        declined
    )


def test_the_report_shows_the_groups_and_compares_two_runs(tmp_path: Path) -> None:
    run(tmp_path / "old", Names(), readings(8, 8))
    run(tmp_path / "new", Names(at=(0,)), readings(8, 8))
    page = run_page.build(tmp_path / "new", against=tmp_path / "old", options=Options(draws=20)).page
    text = page.read_text(encoding="utf-8")
    assert "Diagnosis: names" in text and "Groups of known errors" in text
    assert "scorer: found and named" in text and "1.000 (1.000 to 1.000)" in text
    assert "The commonest wrong sounds" in text and "nan to" not in text
    assert "they differ" in text, "more is found of all eight speakers: p = 2 / 2^8, twice by Holm"
