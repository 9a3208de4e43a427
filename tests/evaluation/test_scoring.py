"""Evaluating a scorer: agreement and detection by hand, baselines, single raters, calibration."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import evaluate_scoring
from recipes.shared import synthetic
from speechtutor import cli, metrics
from speechtutor.core import Edit, PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.errors import InputError
from speechtutor.evaluation import (
    calibration,
    result,
    scoring,
    scoring_baselines,
    scoring_items,
    scoring_rows,
    summary,
)
from speechtutor.evaluation.result import Row
from speechtutor.evaluation.sampling import Speakers
from speechtutor.evaluation.scoring_baselines import marks
from speechtutor.models.device import pick
from tests.conftest import SHARED, need

PHONES = ("DH", "AH", "K")
HIGH, LOW = 0.9, 0.1


def utterance(
    speaker: str, rated: list[float | None], perceived: list[str] | None = None, name: str = "u"
) -> Utterance:
    """One word of three phones; `perceived` says what annotators heard of each."""
    phones = [PhoneScore(p, r) for p, r in zip(PHONES, rated, strict=True)]
    if perceived is not None:
        phones = [
            replace(
                p, error_probability=float(p.canonical != h), heard=None if p.canonical == h else h,
                edit=Edit.MATCH if p.canonical == h else Edit.SUBSTITUTION,
            )
            for p, h in zip(phones, perceived, strict=True)
        ]  # fmt: skip
    word = WordScore("THE", 0.8, stress=1.0, total=0.7, phones=tuple(phones))
    score = UtteranceScore("THE", (word,), 0.5, 0.6, 0.7, 0.8)
    return Utterance(f"{speaker}-{name}", "a.wav", "THE", speaker, "dev", scores=score)


def judgement(
    said: list[float], errors: list[float], heard: list[str | None], overall: float | None = 0.4
) -> UtteranceScore:
    phones = tuple(
        PhoneScore(p, s, 0.0, 0.1, error_probability=e, heard=h, gop=10 * s)
        for p, s, e, h in zip(PHONES, said, errors, heard, strict=True)
    )
    word = WordScore("THE", 0.7, 0.0, 0.3, 0, 3, stress=0.9, total=0.6, phones=phones)
    return UtteranceScore("THE", (word,), overall, 0.5, 0.6, 0.7, duration=1.0, snr_db=25.0)


def row(speaker: str, rated: list[float | None], said: list[float], errors: list[float], **extra: Any) -> Row:
    heard = extra.pop("heard", [None] * 3)
    given = utterance(speaker, rated, extra.pop("perceived", None))
    return scoring_rows.row_of(
        given, judgement(said, errors, heard), extra.pop("decoded", list(PHONES)), elapsed=0.1
    )


ROWS = [
    row("ann", [1.0, 0.2, 1.0], [0.9, 0.3, 0.8], [LOW, HIGH, LOW], decoded=["DH", "K"]),
    row("bob", [0.1, 1.0, 0.8], [0.6, 0.9, 0.9], [LOW, HIGH, LOW], decoded=["DH", "AH", "K", "K"]),
]


def found(rows: list[Row], **options: Any) -> result.Summary:
    return summary.summarise(scoring_kind(**options), "m", rows, {}, draws=30)


def scoring_kind(**options: Any) -> summary.EvaluationKind:
    return replace(scoring.KIND, rest=partial(scoring.rest, **options))


def test_agreement_is_that_of_all_phones() -> None:
    rated, said = np.array([1, 0.2, 1, 0.1, 1, 0.8]), np.array([0.9, 0.3, 0.8, 0.6, 0.9, 0.9])
    got = found(ROWS).metrics
    assert got["phone_pcc"].value == pytest.approx(metrics.pcc(rated, said))
    assert got["phone_mse"].value == pytest.approx(4 * metrics.mse(rated, said))
    assert got["phone_spearman"].value == pytest.approx(metrics.spearman(rated, said))
    assert got["phone_bias"].value == pytest.approx(2 * (said - rated).mean())
    assert (got["phone_pcc"].n, got["phone_pcc"].of, got["phone_pcc"].n_speakers) == (6, "phones", 2)
    # 0.8 against 0.7, twice, on the scale of 0-2.
    assert got["word_accuracy_mse"].value == pytest.approx(0.04)
    assert got["utterance_total_bias"].value == pytest.approx(-0.2)
    assert got["word_accuracy_pcc"].value is None  # no spread


def test_detection_by_hand() -> None:
    # Wrong: AH of ann (0.2) and DH of bob (0.1). Flagged: both AH. One hit, one false alarm in four.
    got = found(ROWS).metrics
    assert got["mdd_precision"].value == got["mdd_recall"].value == got["mdd_f1"].value == pytest.approx(0.5)
    assert got["mdd_false_alarms"].value == pytest.approx(25.0)
    assert str(ERROR_THRESHOLD) in got["mdd_f1"].label
    # Positive-negative pairs: ann's 0.9 beats three 0.1 and ties one 0.9; bob's 0.1 ties three: 5 of 8.
    assert got["mdd_auc"].value == pytest.approx((3 + 0.5 + 3 * 0.5) / 8)
    # Two stated at 0.9 of which one came true, four at 0.1 of which one: gaps 0.8 and 0.6 of six.
    assert got["mdd_ece"].value == pytest.approx((0.8 + 0.6) / 6)
    # One phone left out, one put in, of six.
    assert got["per"].value == pytest.approx(2 / 6)


def test_half_a_point_of_two_is_right() -> None:
    """The corpus counts a mean rating *below* 0.5 as wrong; 0.25 here is exactly 0.5."""
    values = scoring_items.errors(
        scoring_items.of_rows([row("a", [0.25, 0.2499, 1.0], [1.0] * 3, [LOW] * 3)])
    )
    assert values.rated.tolist() == [0.0, 1.0, 0.0]


def test_diagnosis_against_what_people_wrote_down() -> None:
    rows = [
        row("ann", [None] * 3, [1.0] * 3, [HIGH, HIGH, LOW], heard=["D", "IH", None],
            perceived=["D", "EH", "G"], decoded=["D", "EH", "G"]),
        row("bob", [None] * 3, [1.0] * 3, [HIGH, LOW, LOW], heard=["Z", None, None], perceived=list(PHONES)),
    ]  # fmt: skip
    got = found(rows).metrics
    # ann: three wrong, two flagged, one of them named right; bob: one false alarm.
    assert got["perceived_mdd_recall"].value == pytest.approx(2 / 3)
    assert got["perceived_mdd_precision"].value == pytest.approx(2 / 3)
    assert (got["diagnosis_accuracy"].value, got["diagnosis_accuracy"].n) == (0.5, 2)
    assert got["per_perceived"].value == 0.0 and got["per"].value == pytest.approx(0.5)
    assert "phone_pcc" not in got and "mdd_f1" not in got
    assert ("DH", "D", 1) in [(c.reference, c.hypothesis, c.count) for c in found(rows).confusions]


def test_declined_failed_and_unrated_are_counted() -> None:
    silent = scoring_rows.row_of(utterance("cat", [1.0] * 3), UtteranceScore("THE", (), duration=1.0))
    failed = scoring_rows.row_of(utterance("dan", [1.0] * 3), None, error="no audio")
    unrated = scoring_rows.row_of(
        replace(utterance("eve", [1.0] * 3), scores=None), judgement([1.0] * 3, [LOW] * 3, [None] * 3)
    )
    got = found([*ROWS, silent, failed, unrated])
    assert got.lists == {"failed": ["dan-u"], "declined": ["cat-u"]}
    assert got.counts["without_raters"] == 1 and got.metrics["phone_pcc"].n == 6
    assert got.metrics["utterance_total_mse"].n == 2


def test_a_mean_of_ones_in_single_precision_is_read_back() -> None:
    one = float(np.float32(1) + np.finfo(np.float32).eps)
    made = row("ann", [1.0] * 3, [one] * 3, [LOW] * 3)
    assert made.detail["words"][0]["phones"][0]["score"] > 100
    assert Row.parse(made.line(), "w", "scoring").line() == made.line()


def test_other_phones_are_not_compared() -> None:
    other = replace(judgement([0.5] * 3, [LOW] * 3, [None] * 3))
    word = replace(other.words[0], phones=other.words[0].phones[:2])
    got = scoring_rows.row_of(utterance("a", [1.0] * 3), replace(other, words=(word,)))
    assert [p["score"] for p in got.detail["words"][0]["phones"]] == [None] * 3
    assert found([got]).counts["unmatched_words"] == 1
    with pytest.raises(InputError, match="1 words with human scores, but 2"):
        scoring_rows.row_of(utterance("a", [1.0] * 3), replace(other, words=(word, word)))


# Baselines


def test_baselines_by_hand() -> None:
    train = [utterance("t", [1.0, 0.0, 0.5], name=str(i)) for i in range(5)]
    got = found(ROWS, train=train).baselines
    rated = np.array([1, 0.2, 1, 0.1, 1, 0.8])
    # All train phones have the mean 0.5; the prior is each phone's own mean, in this word as elsewhere.
    assert got["constant"]["phone_mse"].value == pytest.approx(4 * np.mean((rated - 0.5) ** 2))
    assert "phone_pcc" not in got["constant"]
    told = np.array([1, 0, 0.5] * 2)
    assert got["text-only prior"]["phone_pcc"].value == pytest.approx(metrics.pcc(rated, told))
    gop = np.array([0.9, 0.3, 0.8, 0.6, 0.9, 0.9])
    assert got["scalar GOP"]["phone_pcc"].value == pytest.approx(metrics.pcc(rated, gop))
    assert "phone_mse" not in got["scalar GOP"]
    means = np.repeat([rated[:3].mean(), rated[3:].mean()], 3)
    oracle = got["speaker's own mean (oracle)"]
    assert oracle["phone_mse"].value == pytest.approx(4 * np.mean((rated - means) ** 2))
    without = found(ROWS)
    assert "text-only prior" not in without.baselines and any("own mean" in note for note in without.notes)


def test_the_prior_leans_on_the_phone_elsewhere() -> None:
    def one(text: str, rated: float) -> scoring_items.Item:
        return scoring_items.Item("phone", rated, None, "s", "u", (0, 0), (text,), "AH")

    train = [one("THE", 1.0), *[one("UP", 0.0)] * 4]  # AH: 0.2 everywhere, 1.0 in THE
    guess = scoring_baselines.prior(train)
    assert guess(one("THE", 0.0)) == pytest.approx((5 * 0.2 + 1.0) / 6)
    assert guess(one("SUN", 0.0)) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("line", "scores"),
    [
        ("B EH0 R", [2, 2, 2]),
        ("B (EH0) {R}", [2, 0, 1]),
        ("B {EH0} [L] R", [2, 1, 2]),
        ("[AH] (B)", [0]),
        ("", []),
    ],
)
def test_a_raters_marks(line: str, scores: list[float]) -> None:
    assert marks(line) == scores


def test_a_single_rater_is_held_against_the_other_four() -> None:
    lines = ["DH AH K", "DH AH K", "DH (AH) K", "DH {AH} K", "DH AH (K)"]
    word = {"accuracy": [10, 8, 6, 9, 7], "stress": [10, 10, 5, 10, 10], "total": [10, 8, 6, 9, 7]}
    word |= {"ref-phones": "DH AH0 K", "phones": lines}  # type: ignore[dict-item]
    row = {
        "words": [word],
        "accuracy": [9, 8, 7, 6, 5],
        "fluency": [9] * 5,
        "prosodic": [9] * 5,
        "total": [9] * 5,
    }
    every = scoring_items.of_rows(ROWS[:1])
    got = scoring_baselines.single_rater(every, {"ann-u": row}, Speakers(["ann"], 5))
    table = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0.5, 1], [1, 1, 1, 1, 0]], float)
    pairs = [(np.delete(table, r, axis=1).mean(1), table[:, r]) for r in range(5)]
    assert got["phone_mse"].value == pytest.approx(np.mean([4 * metrics.mse(a, b) for a, b in pairs]))
    # Stress 5 is 0 and 10 is 1: the third rater is 1 away from the others, they 0.25 from theirs.
    assert got["word_stress_mse"].value == pytest.approx(4 * (1 + 4 * 0.25**2) / 5)
    assert got["phone_mse"].n == 3 and got["utterance_accuracy_mse"].n == 1
    assert scoring_baselines.single_rater(every, {}, Speakers(["ann"], 5)) == {}


def test_unmatched_raters_are_left_out() -> None:
    word = {"phones": ["DH AH K"] * 4 + ["DH K"], "ref-phones": "DH AH0 K"}
    assert scoring_baselines._phone_marks(word, 0) is None
    assert (
        scoring_baselines._phone_marks({"phones": ["DH AH K"] * 4 + [None], "ref-phones": "DH AH0 K"}, 0)
        is None
    )


def test_raters_of_the_corpus_agree_with_its_means() -> None:
    """The means over the five raters' marks are the corpus's phone scores, where they are matched."""
    folder = SHARED / "data" / "speechocean762"
    need((folder / "raters-train.json").is_file(), "no raters-train.json beside the checkout")
    raters = scoring_baselines.read_raters(folder / "raters-train.json")
    scores = json.loads((folder / "scores-train.json").read_text(encoding="utf-8"))
    gaps = []
    for utt in list(raters)[:100]:
        for word, mean in zip(raters[utt]["words"], scores[utt]["words"], strict=True):
            for i, expected in enumerate(mean["phones-accuracy"]):
                own = scoring_baselines._phone_marks(word, i)
                if own is not None:
                    gaps.append(abs(np.mean(own) - expected))
    assert len(gaps) > 1000 and np.mean(gaps) < 0.02


def test_words_and_sentences_of_the_corpus_are_medians() -> None:
    """Phones are means (above); words and sentences are not, and pages must not say so."""
    folder = SHARED / "data" / "speechocean762"
    need((folder / "raters-train.json").is_file(), "no raters-train.json beside the checkout")
    raters = scoring_baselines.read_raters(folder / "raters-train.json")
    scores = json.loads((folder / "scores-train.json").read_text(encoding="utf-8"))
    exact, means = [], []
    for utt in list(raters)[::5]:
        pairs = [(raters[utt][key], scores[utt][key]) for key in ("accuracy", "fluency", "prosodic")]
        for own, word in zip(raters[utt]["words"], scores[utt]["words"], strict=True):
            pairs += [(own[key], word[key]) for key in ("accuracy", "stress")]
        exact += [np.median(own) == given for own, given in pairs]
        means += [abs(np.mean(own) - given) < 0.05 for own, given in pairs]
        assert int(np.median(raters[utt]["total"])) == scores[utt]["total"], "cut, not rounded"
    assert all(exact) and np.mean(means) < 0.8


def test_word_stress_says_on_how_many_words_it_rests() -> None:
    assert found(ROWS).metrics["word_stress_pcc"].label == "word stress (0 words rated low), PCC"
    low = copy.deepcopy(ROWS)
    for entry in low[:1]:
        entry.detail["words"][0]["raters"]["stress"] = 0.0
    assert found(low).metrics["word_stress_pcc"].label == "word stress (1 word rated low), PCC"


# Calibration


def test_the_bins_of_a_reliability_diagram() -> None:
    got = calibration.reliability("error probability", [0, 1, 1], [0.05, 0.31, 1.0])
    filled = {(round(b.low, 1), b.n): b.observed_rate for b in got.bins if b.n}
    assert filled == {(0.0, 1): 0.0, (0.3, 1): 1.0, (0.9, 1): 1.0}
    assert got.ece == pytest.approx((0.05 + 0.69 + 0.0) / 3) and len(got.bins) == 10
    assert calibration.reliability("x", [], []).ece is None


def test_the_picture_is_sound_and_says_what_it_shows() -> None:
    tree = ET.fromstring(calibration.svg(calibration.reliability("a < b", [0, 1], [0.2, 0.7])))
    assert tree[0].text == "Reliability of the a < b"
    assert "calibration error 0.250" in (tree[1].text or "")
    assert len(tree.findall("{http://www.w3.org/2000/svg}circle")) == 2


# The command and the recipe


def test_the_recipe_and_the_command_give_the_same_twice(tmp_path: Path, capsys: Any) -> None:
    made = evaluate_scoring.run(evaluate_scoring.Config(smoke=True, out=tmp_path / "a", draws=20))
    assert (tmp_path / "a" / "report.md").read_text(encoding="utf-8").startswith("# fake: scoring")
    ET.parse(tmp_path / "a" / "reliability.svg")
    path = tmp_path / "a" / "corpus" / "rows.jsonl"
    line = ["evaluate", "scoring", str(path), "--root", str(path.parent), "--out", str(tmp_path / "b"),
            "--scorer", "fake", "--draws", "20", "--json"]  # fmt: skip
    assert cli.main([*line, "--against", str(tmp_path / "a")]) == 0
    got = json.loads(capsys.readouterr().out)
    # Where it ran, not what was asked for.
    assert got["provenance"]["device"] == pick(None).name
    assert got["metrics"] == made.json()["metrics"] and got["baselines"] == made.json()["baselines"]
    differences = got["comparison"]["differences"]
    assert differences["phone_mse"]["difference"]["value"] == 0.0 and not differences["phone_mse"]["differs"]
    assert cli.main([*line, "--limit", "1"]) == 2
    assert "limit was" in capsys.readouterr().err


def test_without_human_scores_there_is_nothing_to_agree_with(tmp_path: Path, capsys: Any) -> None:
    path = synthetic.corpus(tmp_path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    text = "".join(json.dumps(entry | {"scores": None, "words": None}) + "\n" for entry in rows)
    path.write_text(text, encoding="utf-8")
    line = [
        "evaluate",
        "scoring",
        str(path),
        "--root",
        str(tmp_path),
        "--out",
        str(tmp_path / "o"),
        "--scorer",
        "fake",
    ]
    assert cli.main(line) == 2
    assert "no row has human scores" in capsys.readouterr().err
