"""The values that flow through speechtutor.

Four conventions hold everywhere and are stated only here:

1. Time is in **seconds**; intervals are **half-open** `[start, end)`.
2. Audio inside the library is mono float32 in [-1, 1] at `SAMPLE_RATE` hertz.
3. Scores are in **[0, 1], 1 is best**; `None` means "not measured", never 0 for unknown. Error
   rates are fractions and may exceed 1. People see 0-100: `speechtutor.schema.percent` converts.
4. Arrays have their shape beside the field.

All values are frozen; use `dataclasses.replace` to change one.

    Recording ──Transcriber──▶ Transcript(Word…)                                 what was said
        └──AcousticModel──▶ Emission ──align──▶ Alignment(AlignedPhone…)         when
                                └──scoring──▶ UtteranceScore ▷ WordScore ▷ PhoneScore   how well
    UtteranceScore + LearnerState ──Tutor──▶ Feedback(Tip…)      Attempt* ──replay──▶ LearnerState
"""

from speechtutor.core.corrections import Correction, GrammarEdit, GrammarKind
from speechtutor.core.lesson import (
    Attempt,
    Claim,
    Exercise,
    Feedback,
    LearnerState,
    Mastery,
    Outcome,
    Skill,
    Tip,
)
from speechtutor.core.recording import (
    SAMPLE_RATE,
    Caution,
    Code,
    Emission,
    Floats,
    Quality,
    Recording,
    Seconds,
)
from speechtutor.core.score import (
    ERROR_THRESHOLD,
    LEAST_CONFIDENCE,
    Candidate,
    Edit,
    ErrorType,
    Fluency,
    PhoneScore,
    Pitch,
    Ratings,
    SentenceScore,
    Utterance,
    UtteranceScore,
    WordScore,
)
from speechtutor.core.transcript import AlignedPhone, Alignment, CanonicalWord, Transcript, Word

__all__ = [
    "ERROR_THRESHOLD",
    "LEAST_CONFIDENCE",
    "SAMPLE_RATE",
    "AlignedPhone",
    "Alignment",
    "Attempt",
    "Candidate",
    "CanonicalWord",
    "Caution",
    "Claim",
    "Code",
    "Correction",
    "Edit",
    "Emission",
    "ErrorType",
    "Exercise",
    "Feedback",
    "Floats",
    "Fluency",
    "GrammarEdit",
    "GrammarKind",
    "LearnerState",
    "Mastery",
    "Outcome",
    "PhoneScore",
    "Pitch",
    "Quality",
    "Ratings",
    "Recording",
    "Seconds",
    "SentenceScore",
    "Skill",
    "Tip",
    "Transcript",
    "Utterance",
    "UtteranceScore",
    "Word",
    "WordScore",
]
