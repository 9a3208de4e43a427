"""A recording while it is being spoken: bytes come in pieces, and what they hold so far can be asked for.

What is asked for in between is lenient, for a file that is still being written is never whole; the end is
what `audio.decode` makes of all bytes, with all its checks, as if they had come at once.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np

from speechtutor.audio import io as audio
from speechtutor.audio.decoding import Unopened, begun
from speechtutor.core import Recording, Seconds
from speechtutor.errors import AudioError

PCM = "pcm16"
"""Samples without a header: 16 bits, little endian, one channel."""
FILE = "file"
"""A file of any format that recorders write: wav, ogg or webm with Opus, mp3 …"""


@dataclass
class Live:
    """The bytes so far; `rate` in hertz is that of bare samples."""

    form: str = FILE
    rate: int = 16_000
    data: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> None:
        """The next bytes."""
        self.data += piece

    def so_far(self) -> Recording | None:
        """What can be heard by now; None while that is nothing."""
        if self.form == PCM:
            samples = np.frombuffer(bytes(self.data[: len(self.data) // 2 * 2]), "<i2")
            return audio.from_array(samples, self.rate) if len(samples) else None
        try:
            return audio.of_chunks(begun(io.BytesIO(bytes(self.data))))
        except (AudioError, Unopened):
            return None

    def whole(self, longest: Seconds | None = None) -> Recording:
        """The recording, now that all has come.

        Raises:
            AudioError: when it is none, or longer than `longest`.
        """
        if self.form != PCM:
            return audio.decode(bytes(self.data), name="the recording", max_duration=longest)
        if len(self.data) % 2:
            raise AudioError("the recording: ends in the middle of a sample of 16 bits")
        found = audio.from_array(np.frombuffer(bytes(self.data), "<i2"), self.rate, name="the recording")
        if longest is not None and found.duration > longest:
            raise AudioError(
                f"the recording: is {found.duration:.1f} s long, at most {longest:g} s are taken"
            )
        return found
