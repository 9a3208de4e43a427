"""What is done for a request, apart from HTTP: recordings of bytes, the coach's stages, the learner store."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from speechtutor.audio import io as audio
from speechtutor.content.tables import known_language
from speechtutor.core import Attempt, Exercise, Recording, Transcript, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.learner.rows import name_of
from speechtutor.pipeline import Coach
from speechtutor.schema import VERSION, Json, feedback_json, score_json, transcript_json
from speechtutor.service.watched import Tell, timed
from speechtutor.views.session import session_json

if TYPE_CHECKING:
    from speechtutor.learner.store import SqlStore

LONGEST = 2_000
"""Characters of a text that is to be said."""
_ID = re.compile(r"[\w.:-]{8,64}", re.ASCII)


class ConflictError(InputError):
    """An id that is already that of something else."""


class MissingError(InputError):
    """What is asked for is not there."""


@dataclass(frozen=True)
class Desk:
    """A coach without a memory of its own, and the store beside it, where there is one.

    `judged` is told every score, `tell` what decoding and the store took.
    """

    coach: Coach
    store: SqlStore | None
    max_seconds: float
    judged: Callable[[UtteranceScore], None]
    tell: Tell

    def recording(self, data: bytes) -> Recording:
        """The recording in the bytes of a request, whatever its file was called.

        Raises:
            AudioError: when it is none.
        """
        with timed(self.tell, "decode"):
            return audio.decode(data, name="the recording", max_duration=self.max_seconds)

    def transcribe(self, data: bytes, lang: str | None) -> tuple[Recording, Transcript]:
        """What was said."""
        recording = self.recording(data)
        return recording, self.coach.transcriber.transcribe(recording, lang=lang)

    def score(self, data: bytes, text: str | None) -> UtteranceScore:
        """How well a text, or what was heard, was said."""
        score = self.coach.assess(self.recording(data), None if text is None else said(text))
        self.judged(score)
        return score

    def session(self, data: bytes, text: str | None, explain: str | None) -> Json:
        """The whole loop, remembered by nobody."""
        recording = self.recording(data)
        words = None if text is None else said(text)
        found = replace(self.coach, store=None).coach(recording, words, explain=_language(explain))
        self.judged(found.score)
        return session_json(found.transcript or self.coach.transcribe(recording), found)

    def attempt(self, id: str, learner: str, data: bytes, text: str | None, explain: str | None) -> Json:
        """An attempt judged and remembered; the same id again is answered from the store.

        Raises:
            ConflictError: when the id is that of another attempt.
            StorageError: when it cannot be kept; it was not, then.
        """
        if not _ID.fullmatch(id):
            raise InputError("id: expected 8 to 64 letters, digits, . : _ or -, such as a UUID")
        store, name, lang = self._store(), name_of(learner), _language(explain)
        words = None if text is None else said(text)
        kept = store.attempt(id)
        if kept is None:
            score = self.coach.assess(self.recording(data), words)
            self.judged(score)
            if score.overall is not None:
                kept = Attempt(name, Exercise(words or score.text), score, datetime.now(UTC), id=id)
                with timed(self.tell, "store"):
                    store.append(kept)
        elif kept.learner != name or words not in (None, kept.exercise.text):
            raise ConflictError(f"the id {id} is that of another attempt")
        else:
            score = kept.score
        state = replace(store.state(name), explain=lang)
        return {
            "schema_version": VERSION,
            "id": id,
            "learner": name,
            "at": None if kept is None else kept.at.isoformat(timespec="seconds"),
            "kept": kept is not None,
            "score": score_json(score),
            "feedback": feedback_json(self.coach.tutor.advise(score, state)),
        }

    def speak(self, text: str, rate: float, phones: str | None) -> bytes:
        """The model voice, as the bytes of a wav.

        Raises:
            MissingError: when there is no voice.
        """
        if self.coach.synthesizer is None:
            raise MissingError("this server has no voice")
        return audio.encode(
            self.coach.synthesizer.speak(said(text), rate=rate, phones=phones and said(phones))
        )

    def practice(self, learner: str | None, number: int, asked: Any, explain: str | None) -> Exercise:
        """The exercise of a number, for a learner or for nobody in particular."""
        from speechtutor.practice.given import exercise

        lang = _language(explain) or "en"
        if learner is None:
            return exercise(None, "", number, asked, lang)
        return exercise(self._store(), name_of(learner), number, asked, lang)

    def export(self, learner: str) -> dict[str, Any]:
        """All that is known of a learner.

        Raises:
            MissingError: when that is nothing.
        """
        found = self._store().export(name_of(learner))
        if not (found["attempts"] or found["unreadable"] or found["given"]):
            raise MissingError("nobody of that name is known")
        return found

    def forget(self, learner: str) -> Json:
        """Forget a learner; how many attempts went."""
        return {"learner": learner, "attempts": self._store().delete(name_of(learner))}

    def heard(self, data: bytes, lang: str | None) -> Json:
        """What was said, as JSON."""
        return transcript_json(self.transcribe(data, lang)[1])

    def _store(self) -> SqlStore:
        if self.store is None:
            raise MissingError("this server remembers nobody")
        return self.store


def said(text: str) -> str:
    """A text that may be asked for.

    Raises:
        InputError: when it is too long, or holds half a character.
    """
    if len(text) > LONGEST:
        raise InputError(f"text: {len(text)} characters, expected at most {LONGEST}")
    if any(0xD800 <= ord(letter) < 0xE000 or letter == "\0" for letter in text):
        raise InputError("text: holds a null or half a character (a lone surrogate)")
    return text


def _language(explain: str | None) -> str | None:
    return None if explain is None else known_language(said(explain)[:20])
