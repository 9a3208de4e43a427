"""What graders grade by: three scales with what each step means, after the rubric of speechocean762.

A sentence's and a word's accuracy go from 0 to 10, a sound is 0, 1 or 2 (Zhang et al., Interspeech 2021; the
descriptors are in our own words, in the catalogue). In files every score is 0-100, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from speechtutor.content.tables import message


@dataclass(frozen=True, slots=True)
class Scale:
    """Grades from 0 to `most`; `bands` are lowest and highest grade of each descriptor, best first."""

    unit: str
    most: int
    bands: tuple[tuple[int, int], ...]

    def points(self, grade: int | None) -> float | None:
        """A grade as 0-100; None stays None."""
        return None if grade is None else 100 * grade / self.most

    def grade(self, points: float | None) -> float | None:
        """The inverse, not rounded: a machine's score lies between two grades."""
        return None if points is None else points * self.most / 100

    def descriptors(self, lang: str = "en") -> list[tuple[int, int, str]]:
        """Each band with what it means."""
        return [(low, high, message("grading", f"{self.unit}_{low}", lang)) for low, high in self.bands]


SCALES: Mapping[str, Scale] = {
    "sentence": Scale("sentence", 10, ((9, 10), (7, 8), (5, 6), (3, 4), (0, 2))),
    "word": Scale("word", 10, ((10, 10), (7, 9), (4, 6), (2, 3), (1, 1), (0, 0))),
    "sound": Scale("sound", 2, ((2, 2), (1, 1), (0, 0))),
}
"""By `overrides.UNITS`."""
