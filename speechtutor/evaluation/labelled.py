"""A figure with the words that belong to it, and what it becomes when it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from speechtutor.evaluation.result import Metric
from speechtutor.evaluation.sampling import Estimate, Figure, Speakers


@dataclass(frozen=True, slots=True)
class Labelled:
    """A figure that is still to be measured: `who` spoke each of its items, `n` counts what it is made `of`.

    `unit` and `better` are those of `result.Metric`.
    """

    label: str
    figure: Figure
    who: Sequence[str]
    n: int
    of: str
    unit: str = "rate"
    better: str = "lower"

    def measured(self, speakers: Speakers) -> tuple[Metric, Estimate]:
        """The figure of all items with its interval over speakers."""
        estimate = speakers.estimate(self.figure, self.who)
        return self.metric(estimate), estimate

    def metric(self, found: Estimate) -> Metric:
        """An estimate of this figure as it is written, None where it is not defined."""
        value, low, high = (None if x != x else x for x in (found.value, *found.bounds))
        return Metric(
            self.label, value, low, high, self.n, self.of, found.n_speakers, self.unit, self.better, found.why
        )


Figures = Mapping[str, Labelled]
Measured = Mapping[str, tuple[Metric, Estimate]]


def measured(figures: Figures, speakers: Speakers) -> dict[str, tuple[Metric, Estimate]]:
    """Every figure with its interval."""
    return {key: figure.measured(speakers) for key, figure in figures.items()}
