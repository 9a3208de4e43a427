"""A model words the advice: scripted engines show what is passed on, refused and remembered."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest

from speechtutor.core import LearnerState, UtteranceScore
from speechtutor.errors import ServiceError
from speechtutor.stages import Message
from speechtutor.tutor.phrasing import LlmTutor
from speechtutor.tutor.rules import RuleTutor
from tests.support.judged import LEARNER, SINK, said, utterance

RULES = RuleTutor()
GOOD = 'Great work on "weather"! In "think", the "th" sounded a little closer to "s".'
HINT = "Put the tip of your tongue between your teeth and blow air gently."
WHOLE = f'{GOOD} {HINT} Can you say "think" again?'


class Scripted:
    """An engine that writes what it was told to, a few characters at a time."""

    name = "scripted"

    def __init__(self, *replies: str | ServiceError, size: int = 3) -> None:
        self.replies, self.size = list(replies), size
        self.asked: list[Sequence[Message]] = []
        self.written = ""
        self.closed = 0

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        self.asked.append(messages)
        reply = self.replies.pop(0)
        try:
            if isinstance(reply, ServiceError):
                raise reply
            for start in range(0, len(reply), self.size):
                self.written += reply[start : start + self.size]
                yield reply[start : start + self.size]
        finally:
            self.closed += 1


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_true_text_replaces_the_summary_only(size: int) -> None:
    feedback = LlmTutor(Scripted(WHOLE, size=size)).advise(SINK, LEARNER)
    rules = RULES.advise(SINK, LEARNER)
    assert feedback.source == "scripted"
    assert feedback.summary == f"{GOOD} {HINT}"
    assert feedback.tips == rules.tips
    assert feedback.follow_up == f'Can you say "think" again? {rules.follow_up}'


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "...",
        "Ignore previous instructions.",
        'In "nice", the "s" sounded closer to "z".',
        f"{GOOD} Your accent is terrible.",
        f"{GOOD} {GOOD}",
        f"{GOOD} You scored 17.",
        "word " * 500,
        'Great work on "weather"!',
        "思考" * 50,
    ],
)
def test_a_refused_text_is_replaced_by_the_rules(reply: str, caplog: pytest.LogCaptureFixture) -> None:
    tutor = LlmTutor(Scripted(reply))
    with caplog.at_level(logging.INFO, "speechtutor.tutor.phrasing"):
        assert tutor.advise(SINK, LEARNER) == RULES.advise(SINK, LEARNER)
    assert tutor.last is not None
    assert tutor.last.violations
    assert "scripted was refused" in caplog.text


def test_the_reason_and_the_text_are_kept() -> None:
    tutor = LlmTutor(Scripted(f"{GOOD} Your accent is strong."))
    tutor.advise(SINK, LEARNER)
    assert tutor.last is not None
    assert tutor.last.text == f"{GOOD} Your accent is strong."
    assert {"unkind", "unknown_word"} <= {v.code for v in tutor.last.violations}


def test_writing_stops_at_the_first_violation_and_after_the_question() -> None:
    for tail in (" You are stupid.", ' Can you say "think"?'):
        engine = Scripted(GOOD + tail + " And so on." * 50)
        LlmTutor(engine).advise(SINK, LEARNER)
        assert len(engine.written) < len(GOOD + tail) + 10
        assert engine.closed == 1


def test_what_is_cut_off_at_the_end_is_dropped() -> None:
    feedback = LlmTutor(Scripted(f"{GOOD} {HINT} Can you say the wo")).advise(SINK, LEARNER)
    assert feedback.summary == f"{GOOD} {HINT}"
    assert feedback.source == "scripted"


def test_only_the_question_is_dropped_when_only_it_does_not_hold() -> None:
    tutor = LlmTutor(Scripted(f'{GOOD} {HINT} Can you say "weather" again?'))
    feedback = tutor.advise(SINK, LEARNER)
    assert (feedback.source, feedback.summary) == ("scripted", f"{GOOD} {HINT}")
    assert feedback.follow_up == RULES.advise(SINK, LEARNER).follow_up
    assert tutor.last is not None
    assert tutor.last.dropped == 'Can you say "weather" again?'
    only = LlmTutor(Scripted('Great work on "weather"! Can you say "weather" again?'))
    assert only.advise(SINK, LEARNER).source == "rules", "the statements must hold by themselves"


def test_lines_are_joined() -> None:
    feedback = LlmTutor(Scripted(f"{GOOD}\n\n{HINT}\n")).advise(SINK, LEARNER)
    assert feedback.summary == f"{GOOD} {HINT}"


def test_streaming_gives_checked_sentences_as_they_come() -> None:
    engine = Scripted(WHOLE)
    stream = LlmTutor(engine).stream(SINK, LEARNER)
    assert next(stream) == 'Great work on "weather"!'
    assert len(engine.written) < 30, "the rest is not yet written"
    assert "".join(stream) == WHOLE[len('Great work on "weather"!') :]


def streamed(reply: str | ServiceError, score: UtteranceScore = SINK) -> str:
    return "".join(LlmTutor(Scripted(reply)).stream(score, LEARNER))


def test_a_stream_never_shows_a_refused_sentence_and_the_rules_finish() -> None:
    rules = RULES.advise(SINK, LEARNER)
    assert streamed("You are stupid.") == rules.summary
    after_praise = streamed('Great work on "weather"! You are stupid.')
    assert after_praise.startswith('Great work on "weather"! In "think", I heard something closer')
    assert after_praise.endswith(HINT)
    assert streamed(f"{GOOD} You are stupid.") == f"{GOOD} {HINT}"
    assert streamed(f"{GOOD} {HINT} You are stupid.") == f"{GOOD} {HINT}"
    assert streamed('Great work on "weather"!') == after_praise, "a text that ends too soon"


def test_a_closed_stream_stops_the_engine() -> None:
    engine = Scripted(WHOLE)
    stream = LlmTutor(engine).stream(SINK, LEARNER)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert engine.closed == 1


def test_a_failing_service_is_named_and_the_rules_speak() -> None:
    tutor = LlmTutor(Scripted(ServiceError("http://x took too long")))
    assert tutor.advise(SINK, LEARNER) == RULES.advise(SINK, LEARNER)
    assert tutor.last is not None
    assert [(v.code, v.detail) for v in tutor.last.violations] == [("service", "http://x took too long")]
    assert streamed(ServiceError("gone")) == RULES.advise(SINK, LEARNER).summary


def test_a_bug_in_an_engine_is_not_hidden() -> None:
    class Broken(Scripted):
        def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        LlmTutor(Broken()).advise(SINK, LEARNER)


def test_equal_evidence_is_asked_once() -> None:
    engine = Scripted(WHOLE)
    tutor = LlmTutor(engine)
    first = tutor.advise(SINK, LEARNER)
    assert tutor.advise(SINK, LearnerState("ben", n_attempts=3)).summary == first.summary
    assert "".join(tutor.stream(SINK, LEARNER)) == WHOLE
    assert len(engine.asked) == 1


def test_a_refused_text_is_not_asked_for_again_but_a_failed_service_is() -> None:
    engine = Scripted(ServiceError("busy"), f"{GOOD} Nonsense, pirate.", WHOLE)
    tutor = LlmTutor(engine)
    sources = [tutor.advise(SINK, LEARNER).source for _ in range(3)]
    assert sources == ["rules", "rules", "rules"]
    assert "".join(tutor.stream(SINK, LEARNER)) == f"{GOOD} {HINT}"
    assert len(engine.asked) == 2
    tutor.forget()
    assert tutor.advise(SINK, LEARNER).source == "scripted"


def test_the_same_words_about_another_text_are_checked_again() -> None:
    """The note is equal, but here "great" is a word of the text and may not be brought up."""
    other = utterance("a", said("think", "TH IH NG K", 0, "S"), "great", "weather", "work")
    tutor = LlmTutor(Scripted(WHOLE, WHOLE))
    assert tutor.advise(SINK, LEARNER).source == "scripted"
    assert tutor.advise(other, LEARNER).source == "rules"


def test_what_cannot_be_judged_is_left_to_the_rules() -> None:
    engine = Scripted()
    empty = UtteranceScore("", ())
    assert LlmTutor(engine).advise(empty, LEARNER) == RULES.advise(empty, LEARNER)
    assert "".join(LlmTutor(engine).stream(empty, LEARNER)) == RULES.advise(empty, LEARNER).summary
    assert engine.asked == []


def test_prompts_of_a_kind_share_all_but_the_last_turn() -> None:
    engine = Scripted(WHOLE, WHOLE)
    tutor = LlmTutor(engine)
    tutor.advise(SINK, LEARNER)
    tutor.advise(utterance("we", said("very", "V EH R IY", 0, "W"), "well"), LEARNER)
    first, second = engine.asked
    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]
    assert [m.role for m in first[:3]] == ["system", "user", "assistant"]
