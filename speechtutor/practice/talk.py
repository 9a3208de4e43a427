"""Role-play and talk about a topic: a state machine over a scripted backbone, values in and values out.

    begin ──▶ Talk ──hear(what was said)──▶ Talk ──▶ … ──▶ Talk that is over ──summarise──▶ TalkSummary

The partner's lines, what it listens for and its help are data (`content/scenarios.toml`), so the talk
needs no model; `practice.partner` lets one put a line in its own words. What the learner says never
leads outside the script: it fills slots with words that the script knows, or it is answered in general.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from speechtutor.content.tables import message, read, sentence_bank, word_set
from speechtutor.core import Correction, Exercise, LearnerState, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.grammar.tips import findings
from speechtutor.practice.aside import answered, strays
from speechtutor.practice.levels import LEVELS, words_of
from speechtutor.practice.scenarios import Branch, Step, scenario
from speechtutor.practice.turns import asks, asks_help, denied, greets, holds, leaves
from speechtutor.tutor.evidence import gather

MIN_WORDS = {"A1": 1, "A2": 2, "B1": 3, "B2": 4, "C1": 4}
"""Of an answer, by level; a shorter one is asked for again, unless it says what was wanted."""

PATIENCE = 3
"""Times a learner may be stuck at one step before the partner goes on."""

QUESTION_STEPS = (2, 4)
"""Steps after which a question for this learner's sounds or structures is put in."""

ACKNOWLEDGED = ("I see.", "All right.", "Thank you.", "Good to know.")
GO_ON = "Let us go on."
STAY_KIND = "Let us stay friendly."
AGAIN = "I will say it again."
TO_QUESTION = "Let us come back to my question."
MORE = "Please tell me a little more."
EXTRA = "Now a question for you to practise:"
BACK = "Thank you. Back to our talk."
ONCE_MORE = ("Once more.", "Let me say it again.", "Take your time.", "Please try again.")
GREETING = "Hello, nice to meet you."
LATER = "I will tell you later."


ASKED_AT = "question"
"""The step of a script that wants a question of the learner."""


class Trouble:
    """Why the partner did not go on; keys of the group `talk` in the catalogue of messages."""

    SILENCE = "not_heard"
    SHORT = "longer"
    HELP = "say_this"
    UNKIND = "kind"
    OFF_TOPIC = "other_subject"


_LEADS = {
    Trouble.SILENCE: AGAIN,
    Trouble.SHORT: MORE,
    Trouble.HELP: AGAIN,
    Trouble.UNKIND: STAY_KIND,
    Trouble.OFF_TOPIC: TO_QUESTION,
}


@dataclass(frozen=True, slots=True)
class Line:
    """What one of the two said; `who` is partner or learner."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk so far; `step` is the partner's open question, "" once the talk is over.

    `slots` is what the learner told; `question` is the phone or structure of a question put in, `asked`
    all of them; `stuck` counts failed answers to the open question, and `trouble` says why the last one
    failed. `left` is true where the learner said goodbye before the goal.
    """

    scenario: str
    level: str
    step: str
    lines: tuple[Line, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)
    question: str = ""
    asked: tuple[str, ...] = ()
    stuck: int = 0
    trouble: str = ""
    left: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the partner has said goodbye."""
        return not self.step

    @property
    def partner_line(self) -> str:
        """The partner's last line."""
        return next((line.text for line in reversed(self.lines) if line.who == "partner"), "")


@dataclass(frozen=True, slots=True)
class TalkSummary:
    """What to tell after a talk: true things only, from the talk, the scores and the corrections.

    `sounds` are phones with the word they were missed in, most often missed first; `grammar` is what was
    said with what it should be; `following` is a sentence for the first of the sounds.
    """

    reached: bool
    n_turns: int
    told: tuple[tuple[str, str], ...]
    clear: tuple[str, ...]
    sounds: tuple[tuple[str, str], ...]
    grammar: tuple[tuple[str, str], ...]
    following: Exercise | None


def begin(name: str, level: str = "A2") -> Talk:
    """A talk with the partner's first line.

    Raises:
        InputError: when there is no such talk or level.
    """
    if level not in LEVELS:
        raise InputError(f"there is no level {level!r}, only {', '.join(LEVELS)}")
    script = scenario(name)
    talk = Talk(name, level, script.steps[0].id)
    return _partner(talk, script.opening, _asking(talk))


def hear(talk: Talk, text: str, needs: Sequence[str] = ()) -> Talk:
    """The talk after the learner said `text`: the partner answers, asks again, or goes on.

    `needs` are phones and kinds of grammar that this learner should practise, most needed first; a
    question that calls for one of them is put in twice a talk.

    Raises:
        InputError: when the talk is over.
    """
    if talk.is_over:
        raise InputError("this talk is over: begin another one")
    talk = replace(talk, lines=(*talk.lines, Line("learner", text.strip())))
    words = words_of(text)
    if leaves(words):
        return _partner(replace(talk, step="", question="", trouble="", left=True), _closing(talk))
    branch = None if talk.question else _branch(_current(talk), words)
    aside = "" if branch else _aside(talk, words)
    if aside and talk.stuck + 1 < PATIENCE:
        return _partner(replace(talk, stuck=talk.stuck + 1, trouble=""), aside, _asking(talk))
    trouble = _trouble(talk, words, branch)
    if trouble and talk.stuck + 1 < PATIENCE:
        return _partner(replace(talk, stuck=talk.stuck + 1, trouble=trouble), _LEADS[trouble], _asking(talk))
    if talk.question:
        # The script was already at its next step when the question was put in.
        talk = replace(talk, question="", stuck=0, trouble="")
        return _partner(talk, GO_ON if trouble else BACK, _asking(talk))
    before = talk
    talk = _filled(talk, branch, words)
    if branch is not None and branch.to == talk.step and talk.stuck + 1 < PATIENCE:
        return _partner(replace(talk, stuck=talk.stuck + 1, trouble=""), branch.reply, _asking(talk))
    reply = branch.reply if branch and branch.reply else _thanks(before, talk)
    if trouble:
        reply = GO_ON
    return _onward(talk, branch, reply, needs)


def _aside(talk: Talk, words: Sequence[str]) -> str:
    """What to say to a greeting or a question of the learner before the open question comes again."""
    if told := answered(words):
        return told
    if greets(words):
        # Only the first words of a talk are a greeting; later ones are an answer like any other.
        return GREETING if sum(line.who == "learner" for line in talk.lines) == 1 else ""
    if talk.question or not asks(words) or asks_help(words) or _option(_current(talk), words):
        return ""
    steps = scenario(talk.scenario).steps
    known = next((b for step in steps if step.id == ASKED_AT and (b := _branch(step, words))), None)
    if talk.step == ASKED_AT:
        return ""
    return known.reply if known else LATER


def help_text(talk: Talk, lang: str = "en") -> str:
    """Help with the open question: how to start first, then a whole answer to repeat; "" when it is over."""
    if talk.is_over:
        return ""
    if talk.question:
        return message("talk", "say_this", lang, text=_question(talk.question)["example"])
    step = _current(talk)
    if talk.stuck <= 1 and talk.trouble != Trouble.HELP:
        return message("talk", "start_with", lang, text=f"{step.start} …")
    return message("talk", "say_this", lang, text=step.example[talk.level])


def needed(weak: Sequence[str], corrections: Sequence[Correction] = ()) -> tuple[str, ...]:
    """What a question put in may practise: grammar that was just mended, then the learner's weak sounds."""
    kinds = [edit.kind.value.replace(" ", "_") for correction in corrections for edit in correction.edits]
    known = {*read("questions")["phone"], *read("questions")["structure"]}
    return tuple(key for key in dict.fromkeys((*kinds, *weak)) if key in known)


def summarise(
    talk: Talk,
    scores: Sequence[UtteranceScore] = (),
    corrections: Sequence[Correction] = (),
    learner: LearnerState | None = None,
) -> TalkSummary:
    """What a talk has shown; the scores and corrections are those of the learner's turns."""
    found = [gather(score, learner or LearnerState()) for score in scores]
    missed = [(f.phone, f.word) for e in found for f in e.findings if f.phone is not None and f.sure]
    counts = Counter(phone for phone, _ in missed)
    first = dict(reversed(missed))
    sounds = tuple((phone, first[phone]) for phone, _ in counts.most_common(3))
    clear = [strength.word for e in found for strength in e.strengths if strength.word]
    mended = [(found.heard, found.better) for c in corrections for found in findings(c)[:1]]
    spoken = sum(line.who == "learner" and bool(words_of(line.text)) for line in talk.lines)
    return TalkSummary(
        reached=talk.is_over and not talk.left and spoken > 0,
        n_turns=spoken,
        told=tuple(talk.slots.items()),
        clear=tuple(dict.fromkeys(clear))[:3],
        sounds=sounds,
        grammar=tuple(dict.fromkeys(mended))[:3],
        following=_sentence(sounds[0][0]) if sounds else None,
    )


def _sentence(phone: str) -> Exercise | None:
    return next((s for s in sentence_bank() if phone in s.focus), None)


def _current(talk: Talk) -> Step:
    return next(step for step in scenario(talk.scenario).steps if step.id == talk.step)


def _question(key: str) -> dict[str, str]:
    found: dict[str, str] = {**read("questions")["phone"], **read("questions")["structure"]}[key]
    return found


def _asking(talk: Talk) -> str:
    """The open question, with what was told before in its slots."""
    if talk.question:
        return _question(talk.question)["ask"]
    return _with_slots(_current(talk).say[talk.level], talk)


def _with_slots(text: str, talk: Talk) -> str:
    unfilled = {step.id: step.unfilled for step in scenario(talk.scenario).steps}
    return re.sub(r"\{(\w+)\}", lambda slot: talk.slots.get(slot[1], unfilled[slot[1]]), text)


def _trouble(talk: Talk, words: Sequence[str], branch: Branch | None) -> str:
    """Why an answer does not do, "" when it does."""
    if not words:
        return Trouble.SILENCE
    if set(words) & word_set("insults", group="refused"):
        return Trouble.UNKIND
    if branch is not None:
        return ""
    if asks_help(words):
        return Trouble.HELP
    if not talk.question and _option(_current(talk), words):
        return ""
    if len(words) < MIN_WORDS[talk.level]:
        return Trouble.SHORT
    # Once a question: who says the same again may mean it.
    strayed = not talk.question and not talk.stuck and strays(_current(talk), words)
    return Trouble.OFF_TOPIC if strayed else ""


def _branch(step: Step, words: Sequence[str]) -> Branch | None:
    for branch in step.branches:
        if any(holds(words, phrase) and not denied(words, phrase) for phrase in branch.any):
            return branch
    return None


def _filled(talk: Talk, branch: Branch | None, words: Sequence[str]) -> Talk:
    value = branch.fill if branch and branch.fill else _option(_current(talk), words)
    return replace(talk, slots={**talk.slots, talk.step: value}) if value else talk


def _option(step: Step, words: Sequence[str]) -> str:
    """The first word of the script that was said and not denied."""
    heard = [word for word in words if word in step.options and not denied(words, word)]
    return heard[0] if heard else ""


def _thanks(before: Talk, talk: Talk) -> str:
    """That it was understood: by its own word where the script knows it, else in general, in turn."""
    value = talk.slots.get(talk.step, "")
    n_turns = sum(line.who == "learner" for line in talk.lines)
    # Every other time, or it would sound like a machine that repeats everything.
    if value and value != before.slots.get(talk.step) and n_turns % 2 and not _is_said_next(talk):
        return f"{value.capitalize()}, I see."
    return ACKNOWLEDGED[n_turns % len(ACKNOWLEDGED)]


def _is_said_next(talk: Talk) -> bool:
    """Whether the next line says what was just told anyway."""
    steps = scenario(talk.scenario).steps
    at = [step.id for step in steps].index(talk.step) + 1
    text = steps[at].say[talk.level] if at < len(steps) else scenario(talk.scenario).closing
    return f"{{{talk.step}}}" in text


def _closing(talk: Talk) -> str:
    return _with_slots(scenario(talk.scenario).closing, talk)


def _onward(talk: Talk, branch: Branch | None, reply: str, needs: Sequence[str]) -> Talk:
    """To the next step, to a question for this learner before it, or to the end."""
    script = scenario(talk.scenario)
    ids = [step.id for step in script.steps]
    at = ids.index(talk.step)
    following = branch.to if branch and branch.to not in (None, talk.step) else [*ids, ""][at + 1]
    talk = replace(talk, step=following or "", stuck=0, trouble="")
    if talk.is_over:
        # The goodbye has its own thanks.
        return _partner(talk, "" if reply in (*ACKNOWLEDGED, GO_ON) else reply, _closing(talk))
    key = next((key for key in needs if key not in talk.asked), "")
    if key and at + 1 in QUESTION_STEPS:
        talk = replace(talk, question=key, asked=(*talk.asked, key))
        reply = f"{reply} {EXTRA}"
    return _partner(talk, reply, _asking(talk))


def _partner(talk: Talk, *parts: str) -> Talk:
    text = " ".join(part for part in parts if part)
    said = {line.text for line in talk.lines if line.who == "partner"}
    # Nobody says the very same line twice; PATIENCE bounds how often one comes up.
    ways = (f"{lead} {text}".strip() for lead in ("", *ONCE_MORE))
    text = next((way for way in ways if way not in said), text)
    return replace(talk, lines=(*talk.lines, Line("partner", text)))
