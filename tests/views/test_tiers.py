"""The same score as tiers, TextGrid, EAF, WebVTT and CTM: what each says is what the score says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np

from speechtutor.core import Recording
from speechtutor.models.fake import FakeScorer
from speechtutor.schema import score_json
from speechtutor.views import captions, elan, tiers


def value(text: str = "I think so") -> dict[str, Any]:
    """A second in which TH was heard as S; words and phones share it evenly."""
    recording = Recording((0.3 * np.sin(np.arange(16_000))).astype(np.float32))
    return {"id": "u 1", **score_json(FakeScorer().score(recording, text))}


def test_phones_in_another_set_leave_the_value_alone() -> None:
    given = value()
    found = tiers.respelled(given, "ipa")
    assert [p["expected"] for p in found["words"][1]["phones"]] == ["θ", "ɪ", "ŋ", "k"]
    assert found["words"][1]["phones"][0]["heard"] == "s"
    assert given == value() and tiers.respelled(given, "arpabet") == given
    assert tiers.respelled({"id": "u", "error": "why"}, "xsampa") == {"id": "u", "error": "why"}
    extra = given | {"words": [given["words"][0] | {"inserted": [{"before": 0, "phone": "Y", "ipa": "j"}]}]}
    assert tiers.respelled(extra, "xsampa")["words"][0]["inserted"][0]["phone"] == "j"


def test_elan() -> None:
    """Every annotation stands between two slots that are there, in order, at the times of the tiers."""
    found = tiers.of_score(value())
    root = ElementTree.fromstring(elan.eaf(found))
    slots = {s.attrib["TIME_SLOT_ID"]: int(s.attrib["TIME_VALUE"]) for s in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(set(slots.values()))
    assert [tier.attrib["TIER_ID"] for tier in root.iter("TIER")] == list(found)
    ids = [a.attrib["ANNOTATION_ID"] for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"a\d+", one) for one in ids)
    for tier in root.iter("TIER"):
        rows = [
            (
                slots[a.attrib["TIME_SLOT_REF1"]],
                slots[a.attrib["TIME_SLOT_REF2"]],
                a.findtext("ANNOTATION_VALUE"),
            )
            for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        expected = found[tier.attrib["TIER_ID"]]
        assert rows == [(round(1000 * a), round(1000 * b), label) for a, b, label in expected if label]
    assert {tier.attrib["LINGUISTIC_TYPE_REF"] for tier in root.iter("TIER")} == {
        kind.attrib["LINGUISTIC_TYPE_ID"] for kind in root.iter("LINGUISTIC_TYPE")
    }


def test_elan_takes_any_label() -> None:
    text = elan.eaf({"a": [(0.0, 0.5, 'x\0<&">\x1b'), (0.5, 0.5004, "too short"), (0.5, 1.0, "")]})
    (found,) = ElementTree.fromstring(text).iter("ANNOTATION_VALUE")
    assert found.text == 'x<&">'


def test_captions() -> None:
    """Seven sounds share the second in frames of 0.02 s: one before "think", five before "so"."""
    assert captions.webvtt(value()) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nI <00:00:00.140><c.wrong>think</c> <00:00:00.720>so\n"
    )


def test_captions_break_at_pauses_and_long_lines() -> None:
    def word(text: str, start: float, end: float) -> dict[str, Any]:
        return {"text": text, "start": start, "end": end, "error_type": "None"}

    long = [word("x" * 20, i, i + 1) for i in range(3)]  # 62 letters: 41 and 20
    found = captions.webvtt({"words": [*long, word("a<b>&", 3.6, 4), word("", None, None)]})  # type: ignore[arg-type]
    times = re.findall(r"(\S+) --> (\S+)", found)
    assert times == [
        ("00:00:00.000", "00:00:02.000"),
        ("00:00:02.000", "00:00:03.000"),
        ("00:00:03.600", "00:00:04.000"),
    ]
    assert "a&lt;b&gt;&amp;" in found
    assert captions.webvtt({"words": [word("late", 3_600.5, 3_661)]}).splitlines()[2] == (
        "01:00:00.500 --> 01:01:01.000"
    )


def test_ctm() -> None:
    lines = [line.split() for line in captions.ctm(value()).splitlines()]
    assert [line[:2] for line in lines] == [["u_1", "1"]] * 3  # fields are parted by spaces
    assert [line[4] for line in lines] == ["I", "think", "so"]
    assert sum(float(line[3]) for line in lines) == 1.0
    phones = captions.ctm(tiers.respelled(value(), "xsampa"), "phone").splitlines()
    assert [line.split()[4] for line in phones] == ["aI", "T", "I", "N", "k", "s", "oU"]
    silent = score_json(replace(FakeScorer().score(Recording(np.zeros(9, np.float32)), "hi"), words=()))
    assert captions.ctm({"id": "a", **silent}) == ""
