"""Tips held against raters: which are counted, and as what."""

from __future__ import annotations

import pytest

from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.evaluation import tips
from speechtutor.evaluation.result import Row
from speechtutor.evaluation.sampling import Speakers


def word(text: str, at: int | None, *phones: PhoneScore) -> WordScore:
    return WordScore(text, 0.9, char_start=at, phones=phones)


def heard(canonical: str, error: float, said: str | None = None) -> PhoneScore:
    return PhoneScore(canonical, 1 - error, heard=said, error_probability=error)


def judged(th: float, r: float, ratings: tuple[float, float], speaker: str = "a", extra: bool = False) -> Row:
    """ "thin red": a model's error probabilities of TH and R, and the raters' means of 2."""
    rated = (
        word("thin", 0, PhoneScore("TH", ratings[0] / 2), PhoneScore("IH", 1.0), PhoneScore("N", 1.0)),
        word("red", 5, PhoneScore("R", ratings[1] / 2), PhoneScore("EH", 1.0), PhoneScore("D", 1.0)),
    )
    model = [
        word("thin", 0, heard("TH", th, "S"), heard("IH", 0.0), heard("N", 0.0)),
        word("red", 5, heard("R", r, "L"), heard("EH", 0.0), heard("D", 0.0)),
    ]
    if extra:
        model.insert(0, word("", None, PhoneScore("AH", None)))
    utterance = Utterance("u", "u.flac", "thin red", speaker, scores=UtteranceScore("thin red", rated))
    return tips.row_of(utterance, UtteranceScore("thin red", tuple(model), overall=0.5))


def test_a_named_sound_is_rated_by_the_raters_of_its_word() -> None:
    # R against L has ten times the functional load of most: it comes first, and TH is a second tip.
    row = judged(0.9, 0.9, (0.4, 1.8))
    assert row.detail["first"] == "substitution" and row.detail["wrong"] == 1
    assert row.detail["first_rating"] == pytest.approx(0.9)
    assert row.metrics["first_right"] == 0.0, "R is fine for the raters, TH is not"
    assert judged(0.9, 0.0, (0.4, 1.8)).metrics["first_right"] == 1.0
    shifted = judged(0.9, 0.0, (0.4, 1.8), extra=True)
    assert shifted.detail["first_rating"] == pytest.approx(0.2), "an extra word has no raters"


@pytest.mark.parametrize(("ratings", "n_wrong"), [((1.0, 1.0), 0), ((0.99, 1.0), 1), ((0.0, 0.0), 2)])
def test_a_sound_is_wrong_below_one_of_two(ratings: tuple[float, float], n_wrong: int) -> None:
    assert judged(0.0, 0.0, ratings).detail["wrong"] == n_wrong


def test_figures_by_hand() -> None:
    """Four readings: right first tip; a fine sound named; nothing told of a wrong sound; nothing wrong."""
    rows = [
        judged(0.9, 0.0, (0.4, 2.0), "a"),
        judged(0.0, 0.9, (0.4, 1.8), "b"),
        judged(0.0, 0.0, (0.4, 2.0), "c"),
        judged(0.0, 0.0, (2.0, 2.0), "d"),
    ]
    speakers = Speakers([row.speaker for row in rows], 10)
    found = {key: figure.measured(speakers)[0] for key, figure in tips.figures(rows).items()}
    assert {key: (metric.value, metric.n) for key, metric in found.items()} == {
        "first_right": (0.5, 2),
        "first_right_of_all": (pytest.approx(1 / 3), 3),
        "named_fine": (0.5, 2),
        "pause_first": (0.0, 3),
        "contradictions": (0.0, 4),
    }
    summed = tips.rest(rows, speakers)
    assert summed["counts"] == {"utterances": 4, "speakers": 4, "failed": 0, "with_a_wrong_sound": 3}


def test_a_reading_that_failed_is_counted_as_that() -> None:
    row = tips.failed(Utterance("u", "u.flac", "thin", "a"), "no audio")
    assert row.error == "no audio" and row.metrics["first_right"] is None
    assert tips.rest([row], Speakers(["a"], 1))["lists"]["failed"] == ["u"]
