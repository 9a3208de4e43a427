"""The rule-based tutor: one thing at a time, in plain words, from the evidence alone.

It needs no weights, answers at once and is what every other tutor falls back to.
"""

from __future__ import annotations

from dataclasses import dataclass

from speechtutor.advice import hint, message, minimal_pair, read, sentences, sounds
from speechtutor.core import Code, Feedback, LearnerState, Tip, UtteranceScore
from speechtutor.evidence import Evidence, Finding, Kind, gather

SECOND_TIP = 0.6
"""A second finding is mentioned when it weighs at least this share of the first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The sentences of a piece of advice, before they are joined."""

    praise: str
    problem: str
    how: str
    care: str


class RuleTutor:
    """Picks the most important finding, says what was heard and how to make the sound."""

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        """Feedback that names only what the score holds."""
        return advise_on(gather(score, learner), learner)


def load_rules(checkpoint: str | None = None, device: str | None = None) -> RuleTutor:
    """The rule-based tutor; it has no weights, so both arguments are only there for the registry."""
    del checkpoint, device
    return RuleTutor()


def advise_on(evidence: Evidence, learner: LearnerState) -> Feedback:
    """What the rules say about the evidence."""
    if not evidence.judged:
        return Feedback(_caution(evidence), (), message("follow_up", "again"))
    lines = draft(evidence)
    summary = " ".join(part for part in (lines.praise, lines.problem, lines.how, lines.care) if part)
    return Feedback(
        summary, tuple(_tip(finding) for finding in picked(evidence)), next_step(evidence, learner)
    )


def picked(evidence: Evidence) -> tuple[Finding, ...]:
    """The finding to talk about, and at most a second one of another word for the list of tips."""
    if not evidence.findings:
        return ()
    first, *rest = evidence.findings
    if not first.sure:
        return (first,)
    for second in rest:
        if second.weight < SECOND_TIP * first.weight:
            break
        if second.sure and second.word.lower() != first.word.lower():
            return (first, second)
    return (first,)


def draft(evidence: Evidence) -> Lines:
    """The sentences for a judged utterance; `problem` and `how` are empty when all was well."""
    chosen = picked(evidence)
    praise = praise_line(evidence)
    care = _care(evidence)
    if not chosen:
        return Lines(f"{message('praise', 'all_good')} {praise}".strip(), "", "", care)
    return Lines(praise, problem_line(chosen[0]), how_line(chosen[0]), care)


def praise_line(evidence: Evidence) -> str:
    """Praise for the best true thing."""
    best = evidence.strengths[0]
    return message("praise", best.kind, word=best.word)


def problem_line(finding: Finding) -> str:
    """What was heard; a finding the scorer is not sure of becomes a request to repeat."""
    kind = finding.kind if finding.sure else Kind.UNSURE
    values = {"word": finding.word}
    if finding.phone is not None:
        values["sound"] = str(sounds()[finding.phone])
        values["position"] = message("position", finding.position)
    if finding.heard:
        values["heard"] = str(sounds()[finding.heard])
    return message("problem", kind.value, **values)


def how_line(finding: Finding) -> str:
    """What to do about it."""
    if finding.sure and finding.phone is not None:
        return hint(finding.phone, finding.heard)
    return message("how", finding.kind.value if finding.sure else Kind.UNSURE.value)


def _tip(finding: Finding) -> Tip:
    """The finding with its advice and, where there is one, a minimal pair to compare."""
    advice = f"{problem_line(finding)} {how_line(finding)}"
    if finding.phone is None or not finding.sure:
        return Tip(finding.word, "", None, advice)
    pair = minimal_pair(finding.phone, finding.heard)
    if pair:
        advice = f"{advice} {message('compare', 'pair', first=pair[0], second=pair[1])}"
    return Tip(finding.word, finding.phone, finding.heard, advice)


def next_step(evidence: Evidence, learner: LearnerState) -> str:
    """The next thing to do: repeat, practise the sound in a new sentence, or try a longer one."""
    chosen = picked(evidence)
    if not chosen:
        return message("follow_up", "harder", sentence=_sentence(None, "B1", evidence.text, learner))
    if chosen[0].phone is None or not chosen[0].sure:
        return message("follow_up", "again")
    return message("follow_up", "practise", sentence=_sentence(chosen[0].phone, "A2", evidence.text, learner))


def _sentence(phone: str | None, level: str, text: str, learner: LearnerState) -> str:
    """A bank sentence for the phone; the learner's number of attempts walks through the choices."""
    pool = [
        sentence.exercise.text
        for sentence in sentences()
        if sentence.level == level and (phone is None or phone in sentence.exercise.focus)
    ]
    others = [sentence for sentence in pool if sentence.lower() != text.strip().lower()]
    return others[learner.n_attempts % len(others)]


def _caution(evidence: Evidence) -> str:
    """Why nothing is judged and what to do; the code that blocks comes before a lesser one."""
    order = (Code.SILENCE, Code.TOO_SHORT, Code.TOO_QUIET, Code.OFF_TEXT)
    codes = [caution.code for caution in evidence.cautions if caution.code is not Code.FREE_SPEECH]
    codes.sort(key=lambda code: order.index(code) if code in order else len(order))
    return message("caution", codes[0].value if codes else "unjudged")


def _care(evidence: Evidence) -> str:
    """A warning that the judgement rests on a poor recording."""
    known = read("messages")["care"]
    return next((known[c.code.value] for c in evidence.cautions if c.code.value in known), "")
