"""What a diagnosis and a scorer say at every place of a recording whose wrong sounds are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from speechtutor.core import Alignment, Emission, Quality, UtteranceScore
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.errors import InputError
from speechtutor.evaluation.details import Place
from speechtutor.evaluation.known_errors import Case, Labels, labels
from speechtutor.scoring import signs
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import RIGHT, STANDARD, STRICTNESS, Diagnosis
from speechtutor.stages import AcousticModel, Listening
from speechtutor.text.phones import PHONES

if TYPE_CHECKING:
    from speechtutor.models.diagnosis import Diagnoser

SCORER = "scorer"
"""The name of the scorer among the systems; the others are the strictnesses of the diagnosis."""
SYSTEMS = (STANDARD, *(name for name in STRICTNESS if name != STANDARD), SCORER)


@dataclass(frozen=True, slots=True)
class Heard:
    """A case as one or two acoustic models heard it."""

    case: Case
    quality: Quality
    emissions: tuple[Emission, ...]
    alignment: Alignment

    @property
    def signs(self) -> signs.Signs:
        """What the diagnosis rests on."""
        return signs.signs(self.emissions, self.alignment)

    @property
    def labels(self) -> Labels:
        """What was said at each aligned phone."""
        return labels(self.alignment, self.case.truth)


def hear(
    case: Case, ears: Sequence[AcousticModel], last: Heard | None = None, *, gate: bool = True
) -> Heard | None:
    """Listen with every ear and align with the first; None where the scorer would decline.

    `last` is the case before: if it has the same recording, its emissions are taken. Without the `gate`
    what holds no speech is listened to as well: the noise of a trial run.
    """
    from speechtutor.audio.quality import quality as measure
    from speechtutor.scoring.observe import listen

    if last is not None and last.case.recording is case.recording:
        quality, emissions = last.quality, last.emissions
    else:
        quality = measure(case.recording)
        if gate and not quality.judgeable:
            return None
        emissions = tuple(listen(ear, case.recording, quality) for ear in ears)
    try:
        return Heard(case, quality, emissions, align(emissions[0], case.words))
    except InputError:
        return None


def judge(case: Case, scorer: Listening, diagnoser: Diagnoser, *, gate: bool = True) -> list[Place] | None:
    """Every wrong sound of a case, or, where it has none, every phone that is known to be right.

    None where the scorer declines.
    """
    from speechtutor.scoring.observe import listen

    text = " ".join(word.text for word in case.words)
    score = scorer.score(case.recording, text, words=case.words)
    seen = hear(case, [scorer.acoustic], gate=gate)
    if seen is None or score.overall is None:
        return None
    second = listen(diagnoser.ear, case.recording, seen.quality)
    seen = replace(seen, emissions=(*seen.emissions, second))
    signs = seen.signs
    views = {name: diagnoser.model.diagnose(signs, name) for name in STRICTNESS}
    both = _Both(seen, views, _scored(score), [PHONES[c] for c in signs.canonical])
    return list(both.places(seen.labels))


@dataclass(frozen=True, slots=True)
class _Both:
    """A case as it was heard, with what the diagnosis, by strictness, and the scorer say of it."""

    seen: Heard
    views: Mapping[str, Diagnosis]
    old: _Scored
    canonical: Sequence[str]

    def places(self, told: Labels) -> Iterator[Place]:
        """All wrong sounds, or all right phones where there is no wrong one."""
        if (told.phones >= 0).any() or (told.gaps >= 0).any():
            yield from (self.wrong(int(i), int(told.phones[i])) for i in np.flatnonzero(told.phones >= 0))
            yield from (self.added(int(g), int(told.gaps[g])) for g in np.flatnonzero(told.gaps >= 0))
        else:
            yield from (self.right(int(i)) for i in np.flatnonzero(told.phones == RIGHT))

    def wrong(self, i: int, label: int) -> Place:
        """Phone `i`, in whose place another was said, or none."""
        kind = "deletion" if label == len(PHONES) else "substitution"
        found = {name: view.phones[i].heard is not None for name, view in self.views.items()}
        found[SCORER] = self.old.phones[i][0]
        finding = self.views[STANDARD].phones[i]
        heard = {"diagnosis": finding.nbest[0].phone, SCORER: self.old.phones[i][1]}
        return self._place(kind, i, (*PHONES, "")[label], finding.probability, found, heard)

    def right(self, i: int) -> Place:
        """Phone `i`, which was well said; a sound that is found before it is its false alarm too."""
        gaps = (i, i + 1) if i == len(self.canonical) - 1 else (i,)
        found = {
            name: view.phones[i].heard is not None or any(view.gaps[g].heard is not None for g in gaps)
            for name, view in self.views.items()
        }
        found[SCORER] = self.old.phones[i][0] or any(g in self.old.gaps for g in gaps)
        return self._place("right", i, None, self.views[STANDARD].phones[i].probability, found, {})

    def added(self, g: int, label: int) -> Place:
        """A sound that was put in before phone `g`."""
        found = {name: view.gaps[g].heard is not None for name, view in self.views.items()}
        found[SCORER] = g in self.old.gaps
        finding = self.views[STANDARD].gaps[g]
        heard = {"diagnosis": finding.nbest[0].phone, SCORER: self.old.gaps.get(g)}
        return Place(
            kind="insertion", wanted="", said=PHONES[label], place=_gap(self.seen, g),
            level=float(finding.probability), found=found, heard=heard,
        )  # fmt: skip

    def _place(
        self,
        kind: str,
        i: int,
        said: str | None,
        level: float,
        found: dict[str, bool],
        heard: dict[str, str | None],
    ) -> Place:
        return Place(
            kind=kind, wanted=self.canonical[i], said=said, place=_edge(self.seen, i), level=float(level),
            found=found, heard=heard,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Scored:
    """Of each phone whether it is called wrong and what was heard; the sounds found put in, by gap."""

    phones: list[tuple[bool, str | None]]
    gaps: dict[int, str]


def _scored(score: UtteranceScore) -> _Scored:
    phones: list[tuple[bool, str | None]] = []
    gaps: dict[int, str] = {}
    for word in score.words:
        if word.char_start is None:
            continue
        gaps |= {len(phones) + at: said for at, said in word.inserted}
        phones += [(bool((p.error_probability or 0.0) >= ERROR_THRESHOLD), p.heard) for p in word.phones]
    return _Scored(phones, gaps)


def _edge(seen: Heard, i: int) -> str:
    phones = seen.alignment.phones
    first = i == 0 or phones[i - 1].word != phones[i].word
    last = i + 1 == len(phones) or phones[i + 1].word != phones[i].word
    return "first" if first else "last" if last else "inner"


def _gap(seen: Heard, g: int) -> str:
    phones = seen.alignment.phones
    inside = 0 < g < len(phones) and phones[g - 1].word == phones[g].word
    return "inner" if inside else "edge"
