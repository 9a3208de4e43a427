"""Everything that may be said of a learner at a time, as plain values, for `learner show` and pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from math import isnan
from typing import Any

from speechtutor.core import Attempt, LearnerState
from speechtutor.core.profile import Profile
from speechtutor.core.wording import counted
from speechtutor.files import jsonio
from speechtutor.learner import belief, mastery, memory, progress, skills
from speechtutor.learner.change import Change, beyond, own_change
from speechtutor.learner.priors import begin, level_of, overall

NOT_YET = "no real change yet"
TOLD = 10
"""Skills that are told one by one."""


def of(
    profile: Profile,
    state: LearnerState,
    attempts: Sequence[Attempt],
    now: datetime,
    since: date | None = None,
) -> dict[str, Any]:
    """What a learner knows, what is due, what has really changed; probabilities in [0, 1]."""
    known = [name for name, one in state.skills.items() if skills.kind_of(name) != "word"]
    told = belief.all_believed(state, known, now)
    heard = [one for name, one in told.items() if state.skills[name].n >= progress.HEARD]
    due = sorted((one.due, name) for name, one in state.skills.items() if one.due and memory.is_due(one, now))
    due = [(at, name) for at, name in due if name in told]
    weak = progress.hardest(state, "sound", TOLD)
    days = progress.practice(attempts, now.date())
    return {
        "learner": profile.learner,
        "profile": jsonio.encode(profile),
        "n_attempts": state.n_attempts,
        "level": level_of(overall(state.ability.value)) if state.ability.n else None,
        "practised": {"days": days.days, "lately": days.lately, "weeks": days.weeks},
        "mastered": sum(one.p >= belief.MASTERED for one in heard),
        "heard": len(heard),
        "met": len(told),
        "weak": [_skill(name, one) for name, one in weak],
        "hardest_contrasts": [_skill(name, one) for name, one in progress.hardest(state, "contrast")],
        "due": [
            {"skill": name, "label": skills.label(name), "since": at.date().isoformat()}
            for at, name in due[:TOLD]
        ],
        "n_due": len(due),
        "overall": _change(progress.change(attempts, since)),
        "changed": changed(profile, state, attempts, since),
    }  # fmt: skip


def changed(
    profile: Profile, state: LearnerState, attempts: Sequence[Attempt], since: date | None
) -> list[dict[str, Any]]:
    """The sounds that have really changed since a day, or since the first half; what rose comes first.

    All that were met before are looked at: of learners who stay the same one in twenty is told of any.
    """
    ordered = sorted(attempts, key=mastery.place)
    before = (
        ordered[: len(ordered) // 2] if since is None else [one for one in ordered if one.at.date() < since]
    )
    if not before or len(before) == len(ordered):
        return []
    begun = begin(profile.learner, l1=profile.l1, level=profile.level)
    start = mastery.replay(before, begun, sounds_only=True)
    met = [name for name in state.skills if name in start.skills and skills.kind_of(name) == "sound"]
    tested = {name: own_change(start, state, name) for name in met}
    found = [
        {"skill": name, "label": skills.label(name), "log_odds": one.value, "error": one.error}
        for name, one in beyond(tested).items()
    ]
    return sorted(found, key=lambda row: -float(row["log_odds"]))


def _skill(name: str, one: belief.Belief) -> dict[str, Any]:
    low, high = one.bounds
    return {"skill": name, "label": skills.label(name), "p": one.p, "low": low, "high": high, "n": one.n}


def _change(found: Change | None) -> dict[str, Any] | None:
    return None if found is None else {"value": found.value, "error": found.error, "real": found.real}


def in_words(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Changes by their direction, "better" and "worse", as labels; a direction without any is not there."""
    told = {
        "better": [str(row["label"]) for row in rows if row["log_odds"] > 0],
        "worse": [str(row["label"]) for row in rows if row["log_odds"] < 0],
    }
    return {word: labels for word, labels in told.items() if labels}


def said_of(found: Mapping[str, Any] | None) -> str:
    """A change of overall scores in words; None is one that cannot be known."""
    if found is None:
        return "too little to compare"
    if not found["real"] or isnan(found["error"]):
        return NOT_YET
    return f"{'up' if found['value'] > 0 else 'down'} by {abs(100 * found['value']):.0f} of 100"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A summary for people."""
    days = found["practised"]
    yield (
        f"{found['learner']}: {counted(found['n_attempts'], 'attempt')} on {counted(days['days'], 'day')},"
        f" {days['lately']} of them in the last {progress.LATELY}"
    )
    if found["level"]:
        yield f"level {found['level']} by how the sounds came out; overall: {said_of(found['overall'])}"
    yield (
        f"{found['mastered']} of {found['heard']} skills that were heard often enough to say are mastered;"
        f" {found['met']} were met, {found['n_due']} are due"
    )
    for title, rows in (("hardest sounds", found["weak"]), ("hardest contrasts", found["hardest_contrasts"])):
        if rows:
            yield f"{title}:"
        for row in rows:
            span = f"{100 * row['low']:.0f} to {100 * row['high']:.0f}"
            yield f"  {row['label']}: right {100 * row['p']:.0f} % of the time ({span})"
    if found["due"]:
        yield "due: " + ", ".join(row["label"] for row in found["due"])
    for word, labels in in_words(found["changed"]).items():
        yield f"really {word}: " + ", ".join(labels)
    if not found["changed"]:
        yield f"sounds: {NOT_YET}"
