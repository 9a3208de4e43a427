"""The chat that asks a language model to word a piece of evidence.

The model is given a note of our own sentences with at most two words of the learner's text in it,
never the text itself: what the user typed cannot give it instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any
from zlib import crc32

from speechtutor.content.tables import message, read, sounds, word_set
from speechtutor.stages import Message
from speechtutor.tutor.evidence import Evidence, Strength
from speechtutor.tutor.facts import WORD
from speechtutor.tutor.findings import Finding, FindingKind
from speechtutor.tutor.rules import how_line, picked


def prompt(evidence: Evidence, *, shots: bool = True, starts: bool = False) -> tuple[Message, ...] | None:
    """The chat about the top finding, or None where the rules' own words are best.

    Recordings that cannot be judged, findings the scorer is not sure of or whose word may not be quoted,
    kinds without examples, and readings neither wrong nor flawless are left to the rules. All turns but the
    last depend on the kind of finding and of praise alone, so an engine can keep what it made of them. A
    model that was trained on such notes needs no examples (`shots=False`); one that learnt to is told how to
    begin (`starts=True`), so that not every reply begins alike, and what comes after the first finding.
    """
    finding, *others = picked(evidence) or (None,)
    told = (finding.sure and bool(finding.word)) if finding else evidence.flawless
    if not evidence.judged or not told or _kind(finding) not in read("prompts"):
        return None
    best = evidence.strengths[0]
    fixed = _examples(_kind(finding), best.kind) if shots else (Message("system", read("prompts")["system"]),)
    asked = note(best, finding)
    if starts:
        asked = started(ordered(asked, others), start_of(asked, best, evidence.text))
    return (*fixed, Message("user", asked))


def ordered(asked: str, others: Sequence[Finding]) -> str:
    """The note with what comes after its finding, before what it asks for."""
    known = [finding for finding in others if finding.word and _kind(finding) in read("prompts")]
    lines = asked.split("\n")
    return "\n".join([*lines[:-1], *(f"Then: {_about(one, 'note')}" for one in known), lines[-1]])


def start_of(asked: str, best: Strength, text: str = "") -> str:
    """How the reply to a note is to begin: the same for the same note about the same text.

    No word of the text that the note does not name may be in it, lest it seems to speak of that word.
    """
    choices: list[str] = read("prompts")["starts"][best.kind]
    said = set(WORD.findall(text.lower())) - word_set("function")
    free = [start for start in choices if not said & set(start.lower().split())] or choices
    return free[crc32(asked.encode()) % len(free)]


def started(asked: str, start: str) -> str:
    """The note with how its reply is to begin."""
    return f"Start: {start}\n{asked}"


def note(best: Strength, finding: Finding | None) -> str:
    """The facts, a line each: what to praise, what was heard, what to do, what to ask."""
    lines = [f"Praise: {_fill(read('prompts')['praise']['note'][best.kind], best.word)}"]
    lines += [f"Listen: {_about(finding, 'note')}"]
    lines += [f"Tip: {how_line(finding)}"] if finding else []
    return "\n".join([*lines, f"Ask: {_about(finding, 'ask')}"])


def _examples(kind: str, praise: str) -> tuple[Message, ...]:
    """The system's turn, then notes of a kind with the replies that are wanted."""
    table = read("prompts")
    turns = [Message("system", table["system"])]
    for row, word in zip(table[kind]["examples"], cycle(table["praised"]), strict=False):
        best = Strength("", praise, word)
        finding = Finding("", FindingKind(kind), index=0, **row) if row else None
        turns += [Message("user", note(best, finding)), Message("assistant", _reply(best, finding))]
    return tuple(turns)


def _reply(best: Strength, finding: Finding | None) -> str:
    lines = [_fill(read("prompts")["praise"]["reply"][best.kind], best.word), _about(finding, "reply")]
    lines += [how_line(finding)] if finding else []
    return " ".join([*lines, _about(finding, "question")])


def _about(finding: Finding | None, part: str) -> str:
    template: str = read("prompts")[_kind(finding)][part]
    return _fill(template, "", finding)


def _fill(template: str, word: str, finding: Finding | None = None) -> str:
    values: dict[str, Any] = {"word": word}
    if finding is not None:
        values["word"] = finding.word
        values["sound"] = sounds()[finding.phone].label if finding.phone else ""
        values["heard"] = sounds()[finding.heard].label if finding.heard else ""
        values["position"] = message("position", finding.position) if finding.position else ""
    return template.format(**values)


def _kind(finding: Finding | None) -> str:
    return finding.kind.value if finding else "none"
