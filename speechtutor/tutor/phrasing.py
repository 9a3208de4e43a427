"""A language model words what the rules found; nothing it invents is shown.

The model's reply is checked sentence by sentence while it is being written; at the
first violation, or when it takes too long, the rule-based text takes over. Models write English:
explanations in another language are the rules' own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain

from speechtutor.content.tables import language
from speechtutor.core import Claim, Feedback, LearnerState, Seconds, UtteranceScore
from speechtutor.errors import ServiceError
from speechtutor.stages import Message, TextEngine
from speechtutor.tutor.engine import ReplyCache, timed
from speechtutor.tutor.evidence import Evidence, gather
from speechtutor.tutor.facts import Violation, asks, bears_out
from speechtutor.tutor.prompts import prompt
from speechtutor.tutor.rules import NO_FINDING, RuleTutor, draft, picked
from speechtutor.tutor.verify import normal, split_sentences, verify, verify_sentence

log = logging.getLogger(__name__)

MAX_TOKENS = 80
MAX_CHARACTERS = 2_000
"""Of a reply, whatever a server was asked for; the rest is not read."""

TIMEOUT: Seconds = 15.0
"""For a whole reply; then the rules finish what was begun."""

LIVE: tuple[Seconds, Seconds] = (1.0, 3.0)
"""For the first word and for the whole reply where a learner waits and the rules could have spoken at once;
about two and a half times what an idle core needs."""

_END = re.compile(r'[.!?]["”]?(?=\s)')


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote and why it was refused; without violations it was shown.

    `dropped` is a closing question that did not hold after statements that did.
    """

    text: str
    violations: tuple[Violation, ...] = ()
    dropped: str = ""


class LlmTutor:
    """Lets a model phrase the rule-based advice, and falls back to it.

    `last` holds the newest reply with the reasons for refusing it; refusals are also logged.
    """

    def __init__(
        self,
        engine: TextEngine,
        fallback: RuleTutor | None = None,
        *,
        max_tokens: int = MAX_TOKENS,
        timeout: Seconds = TIMEOUT,
        cache: ReplyCache | None = None,
        shots: bool = True,
        starts: bool = False,
        first: Seconds | None = None,
        quiet: bool = False,
    ) -> None:
        """Phrase with `engine`; `fallback` speaks when the text is refused, late or the engine fails.

        `timeout` is for a whole reply, `first` for its first word; a `cache` may be shared by tutors. A model
        that was trained on our notes is shown no examples (`shots=False`); one that learnt to
        begin as it is told is told so (`starts=True`). `quiet`: nobody asked for this model, so no
        warning says that the rules speak in its place.
        """
        self.engine = engine
        self.fallback = fallback or RuleTutor()
        self.max_tokens = max_tokens
        self.last: Reply | None = None
        self.timeout = timeout
        self.shots, self.starts, self.first, self.quiet = shots, starts, first, quiet
        self.cache = ReplyCache() if cache is None else cache

    @property
    def general(self) -> bool:
        """Whether the engine writes what it is shown examples of; one trained on our notes does not."""
        return self.shots

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        """The advice in the model's words where they hold, else in the rules' from the first word on."""
        rules = self.fallback.advise(score, learner)
        evidence = gather(score, learner)
        messages = self.asked(evidence, learner)
        if messages is None:
            return self._unasked(rules)
        run = _Run(self, messages, evidence)
        text = " ".join(run.sentences())
        return (
            self._in_place(rules, run) if run.violations else worded(rules, text, self.engine.name, evidence)
        )

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        """The advice sentence by sentence, each checked before it is given away; returns the feedback.

        What was already shown stays true when a later sentence is refused; the rest is then the rules'.
        """
        rules = self.fallback.advise(score, learner)
        evidence = gather(score, learner)
        messages = self.asked(evidence, learner)
        if messages is None:
            yield rules.summary
            return self._unasked(rules)
        run, shown = _Run(self, messages, evidence), ""
        for sentence in run.sentences():
            yield f" {sentence}" if shown else sentence
            shown = f"{shown} {sentence}".strip()
        if not run.violations:
            return worded(rules, shown, self.engine.name, evidence)
        told = self._in_place(rules, run)
        remaining = rest(shown, rules, evidence)
        if remaining:
            yield f" {remaining}" if shown else remaining
        return told if not shown else begun(told, shown, remaining, self.engine.name, evidence)

    def asked(self, evidence: Evidence, learner: LearnerState) -> tuple[Message, ...] | None:
        """The chat about the evidence, None where the rules speak."""
        return prompt(evidence, shots=self.shots, starts=self.starts) if language(learner) == "en" else None

    def _unasked(self, rules: Feedback) -> Feedback:
        """The rules' feedback where the model had nothing to word; its language is worth a warning."""
        if rules.lang == "en" or self.quiet:
            return rules
        return replace(rules, warnings=(f"{self.engine.name} writes English only: the rules speak",))

    def _in_place(self, rules: Feedback, run: _Run) -> Feedback:
        """The rules' feedback with why they speak in place of the model."""
        if self.quiet:
            return rules
        first = run.violations[0]
        name = self.engine.name
        cause = (
            f"{name} did not answer ({first.detail})"
            if first.code == "service"
            else f"the text of {name} was refused ({first.code}: {first.detail})"
        )
        return replace(rules, warnings=(f"{cause}: the rules speak",))

    def recall(self, messages: tuple[Message, ...], text: str) -> str | None:
        """The reply to the same prompt about the same text: equal evidence, equal words."""
        return self.cache.get((self.engine.name, self.max_tokens, messages, text))

    def keep(self, messages: tuple[Message, ...], text: str, reply: Reply) -> None:
        """Remember what was written, refused or not, and log why it was refused."""
        self.last = reply
        if reply.violations:
            reasons = "; ".join(f"{v.code}: {v.detail}" for v in reply.violations)
            log.info("the text of %s was refused (%s): %r", self.engine.name, reasons, reply.text)
        if reply.dropped:
            log.info("a question of %s was dropped: %r", self.engine.name, reply.dropped)
        if any(violation.code == "service" for violation in reply.violations):
            return
        self.cache.put((self.engine.name, self.max_tokens, messages, text), reply.text)

    def forget(self) -> None:
        """Empty the cache, for instance to measure the engine."""
        self.cache.clear()


class _Run:
    """One reply while it is being written and checked."""

    def __init__(self, tutor: LlmTutor, messages: tuple[Message, ...], evidence: Evidence) -> None:
        self.tutor, self.messages, self.evidence = tutor, messages, evidence
        self.violations: tuple[Violation, ...] = ()

    def sentences(self) -> Iterator[str]:
        """Sentences that hold, until one does not; afterwards `violations` says why it stopped."""
        text = ""
        try:
            for sentence in self._written():
                problems = verify_sentence(sentence, self.evidence, before=text)
                if problems and asks(sentence) and not verify(text, self.evidence):
                    self._finish(text, [], dropped=sentence)
                    return
                text = f"{text} {sentence}".strip()
                if problems:
                    self._finish(text, problems)
                    return
                yield sentence
            self._finish(text, verify(text, self.evidence))
        except ServiceError as error:
            self._finish(text, [Violation("service", str(error))])

    def _written(self) -> Iterator[str]:
        """Whole sentences as they come, up to the question; what is cut off at the end is dropped."""
        known = self.tutor.recall(self.messages, self.evidence.text)
        if known is not None:
            yield from split_sentences(known)
            return
        buffer, n_read = "", 0
        written = self.tutor.engine.generate(self.messages, max_tokens=self.tutor.max_tokens)
        with closing(timed(written, self.tutor.timeout, self.tutor.first)) as pieces:
            for piece in chain(pieces, ["\n"]):
                buffer, n_read = buffer + piece, n_read + len(piece)
                while match := _END.search(buffer):
                    sentence, buffer = normal(buffer[: match.end()]), buffer[match.end() :]
                    yield sentence
                    if asks(sentence):
                        return
                if n_read > MAX_CHARACTERS:
                    return

    def _finish(self, text: str, problems: list[Violation], *, dropped: str = "") -> None:
        self.violations = tuple(problems)
        self.tutor.keep(self.messages, self.evidence.text, Reply(text, self.violations, dropped))


def worded(rules: Feedback, text: str, source: str, evidence: Evidence) -> Feedback:
    """The rules' feedback with the model's summary, and its question before the next step."""
    sentences = split_sentences(text)
    questions = [sentence for sentence in sentences if asks(sentence)]
    statements = [sentence for sentence in sentences if sentence not in questions]
    cited = tuple(Claim(sentence, bears_out(sentence, evidence)) for sentence in statements)
    return replace(
        rules,
        summary=" ".join(statements),
        follow_up=" ".join([*questions, rules.follow_up]),
        source=source,
        claims=cited,
    )


def begun(rules: Feedback, shown: str, remaining: str, source: str, evidence: Evidence) -> Feedback:
    """The rules' feedback with a summary that a model began and the rules ended."""
    statements = split_sentences(shown)
    claims = [Claim(sentence, bears_out(sentence, evidence)) for sentence in statements]
    if remaining:
        claims.append(Claim(remaining, next((f.id for f in picked(evidence)), NO_FINDING)))
    summary = f"{shown} {remaining}".strip()
    return replace(rules, summary=summary, source=source, claims=tuple(claims))


def rest(shown: str, rules: Feedback, evidence: Evidence) -> str:
    """What the rules still have to say after some sentences of a model were shown."""
    if not shown:
        return rules.summary
    finding = next(iter(picked(evidence)), None)
    if finding is None:
        return ""
    lines = draft(evidence)
    if f'"{finding.word.lower()}"' not in shown.lower():
        return f"{lines.problem} {lines.how}"
    return "" if lines.how.lower() in shown.lower() else lines.how
