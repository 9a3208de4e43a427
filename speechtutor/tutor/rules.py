"""The rule-based tutor: one thing at a time, in plain words, from the evidence alone.

It needs no weights, answers at once and is what every other tutor falls back to. It explains in any
language of the catalogue (`content/messages.*.toml`); what is to be said stays English.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from dataclasses import dataclass
from functools import cache

from speechtutor.content.tables import hint, join, language, message, minimal_pair, named, read, sentence_bank
from speechtutor.core import Claim, Code, Feedback, LearnerState, Tip, UtteranceScore
from speechtutor.text.phones import pronounce
from speechtutor.tutor.evidence import Evidence, gather
from speechtutor.tutor.findings import Finding, FindingKind

NO_FINDING = "f0"
"""What praise for everything rests on."""

FEW = 5
"""So many sentences with a sound are enough to walk through."""

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

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        """The summary, which is there at once."""
        feedback = self.advise(score, learner)
        yield feedback.summary
        return feedback


def load_rules(checkpoint: str | None = None, device: str | None = None) -> RuleTutor:
    """The rule-based tutor; it has no weights, so both arguments are only there for the registry."""
    del checkpoint, device
    return RuleTutor()


def advise_on(evidence: Evidence, learner: LearnerState) -> Feedback:
    """What the rules say about the evidence."""
    lang = language(learner)
    found = claims(evidence, lang)
    return Feedback(
        join((claim.text for claim in found), lang),
        tuple(_tip(finding, lang) for finding in picked(evidence)) if evidence.judged else (),
        next_step(evidence, learner) if evidence.judged else message("follow_up", "again", lang),
        claims=found,
        lang=lang,
    )


def claims(evidence: Evidence, lang: str = "en") -> tuple[Claim, ...]:
    """What the rules say about the evidence, each part with the id of what it rests on."""
    if not evidence.judged:
        code = _blocking(evidence)
        return (Claim(message("caution", code, lang), code),)
    lines, care = draft(evidence, lang), _care_code(evidence)
    finding = next((f.id for f in picked(evidence)), NO_FINDING)
    best = evidence.strengths[0].id
    parts = [Claim(lines.praise, best), Claim(lines.problem, finding), Claim(lines.how, finding)]
    if finding == NO_FINDING:
        all_good = message("praise", "all_good", lang) if evidence.flawless else ""
        parts = [Claim(all_good, finding), Claim(praise_line(evidence, lang), best)]
    return tuple(claim for claim in (*parts, Claim(lines.care, care)) if claim.text)


def picked(evidence: Evidence) -> tuple[Finding, ...]:
    """The finding to talk about, and at most a second one of another word for the list of tips."""
    if not evidence.findings:
        return ()
    first, *rest = evidence.findings
    if not first.sure:
        return (first,)
    for second in rest:
        if second.tier > first.tier or second.weight < SECOND_TIP * first.weight:
            break
        if second.sure and second.word.lower() != first.word.lower():
            return (first, second)
    return (first,)


def draft(evidence: Evidence, lang: str = "en") -> Lines:
    """The sentences for a judged utterance; `problem` and `how` are empty when all was well."""
    chosen = picked(evidence)
    praise = praise_line(evidence, lang)
    code = _care_code(evidence)
    care = message("care", code, lang) if code else ""
    if not chosen:
        all_good = message("praise", "all_good", lang) if evidence.flawless else ""
        return Lines(join((all_good, praise), lang), "", "", care)
    return Lines(praise, problem_line(chosen[0], lang), how_line(chosen[0], lang), care)


def praise_line(evidence: Evidence, lang: str = "en") -> str:
    """Praise for the best true thing."""
    best = evidence.strengths[0]
    return message("praise", best.kind, lang, word=best.word)


def problem_line(finding: Finding, lang: str = "en") -> str:
    """What was heard; a finding the scorer is not sure of becomes a request to repeat."""
    kind = finding.kind if finding.sure else FindingKind.UNSURE
    values = {"word": quoted(finding, lang)}
    if finding.phone is not None:
        values["sound"] = named(finding.phone, lang)
    if finding.position:
        values["position"] = message("position", finding.position, lang)
    if finding.heard:
        values["heard"] = named(finding.heard, lang)
    return message("problem", kind.value, lang, **values)


def quoted(finding: Finding, lang: str = "en") -> str:
    """The finding's word in quotes, or what it is where it may not be quoted, such as a number."""
    return f'"{finding.word}"' if finding.word else message("called", finding.called, lang)


def how_line(finding: Finding, lang: str = "en") -> str:
    """What to do about it."""
    if finding.sure and finding.phone is not None:
        return hint(finding.phone, finding.heard, lang)
    return message("how", finding.kind.value if finding.sure else FindingKind.UNSURE.value, lang)


def _tip(finding: Finding, lang: str) -> Tip:
    """The finding with its advice and, where there is one, a minimal pair to compare."""
    advice = [problem_line(finding, lang), how_line(finding, lang)]
    if finding.phone is None or not finding.sure:
        return Tip(_title(finding, lang), "", None, join(advice, lang))
    pair = minimal_pair(finding.phone, finding.heard)
    if pair:
        advice.append(message("compare", "pair", lang, first=pair[0], second=pair[1]))
    return Tip(_title(finding, lang), finding.phone, finding.heard, join(advice, lang))


def _title(finding: Finding, lang: str) -> str:
    return finding.word or message("called", finding.called, lang)


def unsaid(feedback: Feedback) -> list[tuple[Tip, str]]:
    """The tips with that part of their advice which the summary does not say already, where there is one."""
    found = []
    for tip in feedback.tips:
        advice = tip.advice
        for claim in feedback.claims:
            advice = advice.replace(claim.text, "")
        if advice.strip():
            found.append((tip, " ".join(advice.split())))
    return found


def next_step(evidence: Evidence, learner: LearnerState) -> str:
    """The next thing to do: repeat, practise the sound in a new sentence, or try a longer one."""
    chosen, lang = picked(evidence), language(learner)
    if evidence.unnamed:
        return message("follow_up", "again", lang)
    if not chosen:
        step, level = ("harder", "B1") if evidence.flawless else ("practise", "A2")
        return message("follow_up", step, lang, sentence=_sentence(None, level, evidence.text, learner))
    phone = chosen[0].phone if chosen[0].sure else None
    if phone is None:
        return message("follow_up", "again", lang)
    return message("follow_up", "practise", lang, sentence=_sentence(phone, "A2", evidence.text, learner))


def _sentence(phone: str | None, level: str, text: str, learner: LearnerState) -> str:
    """A sentence with the phone: the text says where the walk begins, the number of attempts how far it is.

    So the same evidence gives the same sentence, and two readings of a newcomer are not followed by one.
    """
    others = [one for one in _sentences(phone, level) if one.lower() != text.strip().lower()]
    return others[(zlib.crc32(text.strip().lower().encode()) + learner.n_attempts) % len(others)]


@cache
def _sentences(phone: str | None, level: str) -> tuple[str, ...]:
    """Those made for the phone, then those of the library that hold it twice, or once where few do."""
    made = [one.text for one in sentence_bank(level) if phone is None or phone in one.focus]
    topics = read("library")["sentence"].values()
    written = [text for levels in topics for text in levels.get(level, "").strip().splitlines()]
    if phone is None:
        return (*made, *written)
    n_in = {text: sum(w.pronunciations[0].count(phone) for w in pronounce(text)) for text in written}
    often = (*made, *(text for text, n in n_in.items() if n > 1))
    return often if len(often) >= FEW else (*often, *(text for text, n in n_in.items() if n == 1))


def _blocking(evidence: Evidence) -> str:
    """Why nothing is judged: the code that blocks comes before a lesser one."""
    order = (Code.SILENCE, Code.TOO_SHORT, Code.TOO_QUIET, Code.OFF_TEXT)
    codes = [caution.code for caution in evidence.cautions if caution.code is not Code.FREE_SPEECH]
    codes.sort(key=lambda code: order.index(code) if code in order else len(order))
    return codes[0].value if codes else "unjudged"


def _care_code(evidence: Evidence) -> str:
    """The code of a poor recording that was judged all the same, "" for a good one."""
    known = read("messages")["care"]
    return next((c.code.value for c in evidence.cautions if c.code.value in known), "")
