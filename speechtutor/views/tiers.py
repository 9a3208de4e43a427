"""Times and scores as tiers of labelled intervals: what annotation programs show one below another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from speechtutor.core import Alignment
from speechtutor.text.phone_sets import spelled

Tier = list[tuple[float, float, str]]
"""Start and end in seconds with a label, in order."""


def respelled(value: Mapping[str, Any], phones: str) -> dict[str, Any]:
    """A `score --json` value with its phones in another set (`text.phone_sets`); `ipa` stays.

    Raises:
        InputError: when there is no such set.
    """
    found = copy.deepcopy(dict(value))
    for word in found.get("words", ()):
        for phone in word["phones"]:
            phone["expected"] = spelled(phone["expected"], phones)
            phone["heard"] = None if phone["heard"] is None else spelled(phone["heard"], phones)
            for candidate in phone["nbest"]:
                candidate["phone"] = spelled(candidate["phone"], phones)
        for extra in word.get("inserted", ()):
            extra["phone"] = spelled(extra["phone"], phones)
    return found


def of_alignment(alignment: Alignment, phones: str = "arpabet") -> dict[str, Tier]:
    """Tiers `words` and `phones` of an alignment."""
    sounds = [(*alignment.interval(phone), spelled(phone.canonical, phones)) for phone in alignment.phones]
    words = []
    for index, word in enumerate(alignment.words):
        times = [alignment.interval(phone) for phone in alignment.phones if phone.word == index]
        if times:
            words.append((times[0][0], times[-1][1], word.text))
    return {"words": words, "phones": sounds}


def of_score(value: Mapping[str, Any]) -> dict[str, Tier]:
    """Tiers of a `score --json` value: words, phones, their scores, and what was heard instead of a phone.

    A sound that was left out is "-" on the tier `heard`.
    """
    words = value["words"]
    phones = [phone for word in words for phone in word["phones"]]
    heard = [{**p, "instead": None if p["heard"] is None else p["heard"] or "-"} for p in phones]
    return {
        "words": _labels(words, "text"),
        "phones": _labels(phones, "expected"),
        "heard": _labels(heard, "instead"),
        "word scores": _labels(words, "score"),
        "phone scores": _labels(phones, "score"),
    }


def _labels(rows: list[dict[str, Any]], name: str) -> Tier:
    timed = [row for row in rows if row["start"] is not None and row["end"] is not None]
    return [(row["start"], row["end"], "" if row[name] is None else str(row[name])) for row in timed]


def filled(rows: Tier, duration: float) -> Tier:
    """The intervals of a tier without gaps from 0 to `duration`, as Praat wants them."""
    whole: Tier = []
    clock = 0.0
    for start, end, label in rows:
        first, last = max(start, clock), min(end, duration)
        if last <= first:
            continue
        if first > clock:
            whole.append((clock, first, ""))
        whole.append((first, last, label))
        clock = last
    if clock < duration:
        whole.append((clock, duration, ""))
    return whole
