"""The words of a score over time: WebVTT for players, CTM for scoring tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LINE = 42
"""Letters of a caption, as broadcasters keep to."""
PAUSE = 0.5
"""Seconds of silence that end a caption."""
_ERRORS = ("Mispronunciation", "Omission")

Timed = Mapping[str, Any]


def webvtt(value: Timed) -> str:
    """Captions (W3C WebVTT, 2019) with the time of every word; wrong words have the class `wrong`."""
    parts = ["WEBVTT"]
    for words in _captions([word for word in value["words"] if _timed(word)]):
        last = words[-1]["end"]
        shown = [_word(word) for word in words]
        text = shown[0] + "".join(
            f" <{_clock(word['start'])}>{more}" if word["start"] > words[0]["start"] else f" {more}"
            for word, more in zip(words[1:], shown[1:], strict=True)
        )
        parts.append(
            f"{_clock(words[0]['start'])} --> {_clock(max(last, words[0]['start'] + 0.001))}\n{text}"
        )
    return "\n\n".join(parts) + "\n"


def ctm(value: Timed, per: str = "word") -> str:
    """Time-marked words or phones (NIST's CTM): recording, channel, start, seconds, label, confidence."""
    rows = value["words"]
    if per == "phone":
        rows = [phone for word in rows for phone in word["phones"]]
    name, label = _one_word(str(value["id"])), "text" if per == "word" else "expected"
    lines = []
    for row in rows:
        if _timed(row) and row[label]:
            sure = "" if row["confidence"] is None else f" {row['confidence']:.4f}"
            lines.append(
                f"{name} 1 {row['start']:.3f} {row['end'] - row['start']:.3f} {_one_word(row[label])}{sure}\n"
            )
    return "".join(lines)


def _timed(row: Timed) -> bool:
    return row["start"] is not None and row["end"] is not None


def _captions(words: Sequence[Timed]) -> Iterator[list[Timed]]:
    """The words of one caption after another."""
    held: list[Timed] = []
    for word in words:
        letters = sum(len(w["text"]) + 1 for w in held) + len(word["text"])
        if held and (letters > LINE or word["start"] - held[-1]["end"] > PAUSE):
            yield held
            held = []
        held.append(word)
    if held:
        yield held


def _word(word: Timed) -> str:
    text = " ".join(word["text"].split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<c.wrong>{text}</c>" if word["error_type"] in _ERRORS else text


def _clock(seconds: float) -> str:
    minutes, ms = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms / 1000:06.3f}"


def _one_word(text: str) -> str:
    """A field of a table whose fields are parted by spaces."""
    return "_".join(text.split())
