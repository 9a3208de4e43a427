"""Many recordings heard at once, before each is judged by itself.

    recordings ──▶ pieces, as they will be listened to ──▶ `emit_many` ──▶ Foreheard ──▶ judged one by one

A graphics card is hardly busy with one clip. What was heard together is looked up by its samples, so that
whoever judges need not know, and what was not heard before is heard then, with its own error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from speechtutor.audio.quality import quality as measure
from speechtutor.core import Alignment, Emission, Quality, Ratings, Recording, Seconds
from speechtutor.errors import AudioError
from speechtutor.scoring.observe import TOO_LONG, most_heard, pieces
from speechtutor.stages import AcousticModel, ManyHearing, Rater


@dataclass(frozen=True, slots=True)
class Foreheard:
    """An acoustic model and what it has heard already, by `mark`."""

    acoustic: AcousticModel
    known: Mapping[bytes, Emission]

    @property
    def longest(self) -> Seconds:
        """How much the model itself can hear at once."""
        return most_heard(self.acoustic)

    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of phones per frame.

        Raises:
            AudioError: as the model does.
        """
        found = self.known.get(mark(recording))
        return self.acoustic.emit(recording) if found is None else found

    def rate(self, emission: Emission, alignment: Alignment) -> Ratings | None:
        """The first guesses of the model itself; None where it has none."""
        return self.acoustic.rate(emission, alignment) if isinstance(self.acoustic, Rater) else None


def mark(recording: Recording) -> bytes:
    """What tells recordings apart: their samples and rate."""
    found = blake2b(recording.samples.tobytes(), digest_size=16)
    found.update(recording.sample_rate.to_bytes(4, "little"))
    return found.digest()


def judgeable(recordings: Iterable[Recording]) -> list[tuple[Recording, Quality]]:
    """Those that will be listened to; what is wrong with the others is said where they are judged."""
    return [
        (one, quality)
        for one in recordings
        if one.duration <= TOO_LONG and (quality := measure(one)).judgeable
    ]


def foreheard(acoustic: AcousticModel, recordings: Sequence[tuple[Recording, Quality]]) -> AcousticModel:
    """The model with these recordings heard together, cut as `observe.listen` will cut them.

    A model that hears one at a time is given back as it is.
    """
    if not isinstance(acoustic, ManyHearing):
        return acoustic
    wanted = {
        mark(piece): piece
        for recording, quality in recordings
        for _, piece in pieces(acoustic, recording, quality)[1]
    }
    try:
        emissions = acoustic.emit_many(list(wanted.values()))
    except AudioError:  # one of them is refused: each is heard by itself
        return acoustic
    return Foreheard(acoustic, dict(zip(wanted, emissions, strict=True)))
