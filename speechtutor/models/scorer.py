"""The scorer: acoustic model, alignment, likelihood ratios, head, calibration."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from speechtutor import hub
from speechtutor.audio import prosody
from speechtutor.audio.quality import quality as measure
from speechtutor.core import (
    ERROR_THRESHOLD,
    Alignment,
    CanonicalWord,
    Emission,
    Pitch,
    Quality,
    Recording,
    SentenceScore,
    UtteranceScore,
)
from speechtutor.core.watching import each, part
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.models.acoustic import load as load_acoustic
from speechtutor.models.diagnosis import Diagnoser, check_strictness
from speechtutor.models.diagnosis import load as load_diagnoser
from speechtutor.models.head import Batch, Ensemble, load_ensemble
from speechtutor.scoring import gop, judgement
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import STANDARD, Diagnosis
from speechtutor.scoring.features import Features, without_embedding
from speechtutor.scoring.foreheard import foreheard, judgeable
from speechtutor.scoring.insertions import Extra, ExtraSound, extra_sounds, extra_speech, named_sounds
from speechtutor.scoring.observe import (
    Observation,
    check_length,
    distance_from_text,
    examine,
    listen,
    word_times,
)
from speechtutor.scoring.passages import (
    Passage,
    gaps_of,
    joined_alignment,
    joined_deletions,
    joined_diagnosis,
    passages,
)
from speechtutor.scoring.sentences import sentences
from speechtutor.stages import AcousticModel
from speechtutor.text.phones import pronounce

_Extra = TypeVar("_Extra", Extra, ExtraSound)

HEARD, EXAMINED, DIAGNOSED = 0.45, 0.55, 0.85
"""How much of the work is done after each of its stages: rough shares of the time that a reading takes."""

UNSAID = ""
"""No strictness was asked for."""


@dataclass(frozen=True, slots=True)
class PronunciationScorer:
    """Scores phones, words and the utterance as raters would; abstains where it cannot judge."""

    acoustic: AcousticModel
    head: Ensemble
    calibration: Mapping[str, Any]
    name: str
    version: str
    device: str = "cpu"
    lang: str = "en"
    diagnoser: Diagnoser | None = None
    strictness: str = STANDARD

    def hearing_with(self, acoustic: AcousticModel) -> PronunciationScorer:
        """The same scorer with another acoustic model, such as one that keeps what it hears."""
        return replace(self, acoustic=acoustic)

    def having_heard(self, recordings: Sequence[Recording]) -> PronunciationScorer:
        """The same scorer that has heard these recordings, all at once, with each of its ears."""
        able = judgeable(recordings)
        heard = self.hearing_with(foreheard(self.acoustic, able))
        if self.diagnoser is None:
            return heard
        ear = foreheard(self.diagnoser.ear, able)
        return replace(heard, diagnoser=replace(self.diagnoser, ear=ear))

    def as_strict(self, strictness: str) -> PronunciationScorer:
        """The same scorer at another strictness.

        Raises:
            InputError: for a strictness that there is not.
        """
        check_strictness(strictness)
        return replace(self, strictness=strictness)

    def align(self, recording: Recording, text: str) -> Alignment:
        """When each phone of the text was said.

        Raises:
            TextError: when the text cannot be turned into phones.
            InputError: when the recording is silent, too short for the text or longer than 15 minutes.
        """
        words = pronounce(text, self.lang)
        check_length(recording)
        quality = measure(recording)
        if not quality.judgeable:
            raise InputError("; ".join(caution.message for caution in quality.cautions))
        emission = listen(self.acoustic, recording, quality)
        parts = passages(emission, words)
        found = [align(part.emission(emission), part.words(words)) for part in parts]
        return joined_alignment(emission, parts, found)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """Judge a recording of `text`; `words` gives canonical phones in place of the lexicon's.

        Raises:
            TextError: when the text cannot be turned into phones.
            AudioError: when the recording is longer than 15 minutes.
        """
        began = time.perf_counter()
        words = pronounce(text, self.lang) if words is None else words
        check_length(recording)
        result = self._judged(recording, text, words)
        return replace(
            result,
            lang=self.lang,
            model=self.name,
            model_version=self.version,
            device=self.device,
            elapsed=time.perf_counter() - began,
        )

    def _judged(self, recording: Recording, text: str, words: Sequence[CanonicalWord]) -> UtteranceScore:
        quality = measure(recording)
        if not quality.judgeable:
            return judgement.abstain(text, words, quality)
        with part(0.0, HEARD):
            emission, pitch = listen(self.acoustic, recording, quality), prosody.pitch(recording)
        try:
            with part(HEARD, EXAMINED):
                parts, every = self._examined(emission, recording, words, quality, pitch)
        except InputError:
            # Too few frames for the text: whatever was said, it was not this.
            return judgement.abstain(text, words, quality, [judgement.OFF_TEXT])
        sizes = _sizes(every)
        away = [distance_from_text(seen.emission, seen.alignment) for seen in every]
        if np.average(away, weights=sizes) > float(self.calibration["off_text"]):
            return judgement.abstain(text, words, quality, [judgement.OFF_TEXT])
        predicted = judgement.together([self.predict(seen.features) for seen in every], sizes)
        alignment = joined_alignment(emission, parts, [seen.alignment for seen in every])
        with part(EXAMINED, DIAGNOSED):
            found = self._found(recording, text, parts, every, predicted, alignment)
        with part(DIAGNOSED, 1.0):
            single = self._sentences(emission, recording, text, alignment, quality, pitch)
        return replace(judgement.judge(found, predicted), sentences=single)

    def _examined(
        self,
        emission: Emission,
        recording: Recording,
        words: Sequence[CanonicalWord],
        quality: Quality,
        pitch: Pitch,
    ) -> tuple[Sequence[Passage], list[Observation]]:
        """What was heard against the text, passage by passage."""
        parts = passages(emission, words)
        return parts, [
            examine(self.acoustic, one.emission(emission), recording, one.words(words), quality, pitch)
            for one in each(parts)
        ]

    def _sentences(
        self,
        emission: Emission,
        recording: Recording,
        text: str,
        alignment: Alignment,
        quality: Quality,
        pitch: Pitch,
    ) -> tuple[SentenceScore, ...]:
        """Each sentence of a text of several by itself: the head learnt from readings of one."""
        found = sentences(text, alignment, len(emission.log_probs))
        if len(found) < 2:
            return ()
        judged, times = [], word_times(alignment)
        for k, one in enumerate(found):
            with part(k / len(found), (k + 1) / len(found)):
                _, every = self._examined(
                    one.emission(emission), recording, one.words(alignment.words), quality, pitch
                )
            predicted = judgement.together([self.predict(seen.features) for seen in every], _sizes(every))
            start, end = times[one.first_word][0], times[one.last_word - 1][1]
            judged.append(judgement.sentence(one.words(alignment.words), (start, end), predicted))
        return tuple(judged)

    def _found(
        self,
        recording: Recording,
        text: str,
        parts: Sequence[Passage],
        every: Sequence[Observation],
        predicted: judgement.Predicted,
        alignment: Alignment,
    ) -> judgement.Measurements:
        quality = every[0].quality
        diagnosis = self._diagnosed(recording, parts, every)
        wrong = diagnosis is None and bool((predicted.errors >= ERROR_THRESHOLD).any())
        spoken = [extra_speech(seen.emission, seen.alignment, quality.speech) for seen in every]
        if diagnosis is None:
            sounds = [extra_sounds(seen.emission, seen.alignment, seen.ratios) for seen in every]
        else:
            gaps = gaps_of(diagnosis, _sizes(every))
            sounds = [
                named_sounds(seen.emission, seen.alignment, own)
                for seen, own in zip(every, gaps, strict=True)
            ]
        return judgement.Measurements(
            text=text,
            alignment=alignment,
            evidence=[one for seen in every for one in _goodness(seen, wrong=wrong)],
            word_deletion=joined_deletions(
                [seen.ratios for seen in every], [seen.alignment for seen in every]
            ),
            extras=_placed(parts, spoken),
            sounds=_placed(parts, sounds),
            quality=quality,
            timing=prosody.timing(recording, word_times(alignment), quality.speech),
            pitch=every[0].pitch,
            diagnosis=diagnosis,
        )

    def _diagnosed(
        self, recording: Recording, parts: Sequence[Passage], every: Sequence[Observation]
    ) -> Diagnosis | None:
        """What was said at each phone, passage by passage; None without a diagnosis."""
        if self.diagnoser is None:
            return None
        # Of the second ear only the likelihoods count; its frames would weigh 6 MB a minute.
        with part(0.0, 0.7):
            second = replace(listen(self.diagnoser.ear, recording, every[0].quality), embedding=None)
        with part(0.7, 1.0):
            return joined_diagnosis(
                [
                    self.diagnoser.diagnose(
                        seen.emission,
                        one.emission(second),
                        seen.alignment,
                        strictness=self.strictness,
                        ratios=seen.ratios,
                    )
                    for one, seen in each(list(zip(parts, every, strict=True)))
                ]
            )

    @torch.inference_mode()
    def predict(self, features: Features) -> judgement.Predicted:
        """The head's calibrated opinion."""
        batch = Batch.of([features if self.head.shape.n_dims else without_embedding(features)])
        every = [member(batch) for member in self.head.members]
        mean = {
            n: torch.stack([getattr(s, n)[0] for s in every]).mean(0).double().numpy()
            for n in ("phones", "errors", "words", "utterances")
        }
        spread = torch.stack([s.phones[0] for s in every]).std(0, correction=0).double().numpy() / 2
        return judgement.Predicted(
            phones=judgement.interpolate(self.calibration["phone"], mean["phones"]),
            errors=judgement.interpolate(self.calibration["error"], mean["errors"]),
            words=mean["words"] / 2,
            utterance=mean["utterances"] / 2,
            spread=spread,
        )


def _goodness(seen: Observation, *, wrong: bool) -> tuple[gop.Goodness, ...]:
    """The evidence of each phone of a passage; `wrong` says that something in the reading is.

    Beside a wrong phone, what was heard next door is read with the wrong one in place; it costs several
    passes, so only where there is something wrong and no diagnosis, which sees the neighbours itself.
    """
    emission = seen.emission
    targets = [emission.symbols.index(phone.canonical) for phone in seen.alignment.phones]
    ratios = gop.in_context(emission.log_probs, targets, emission.blank) if wrong else seen.ratios
    return gop.gop(ratios, targets, emission.symbols)


def _sizes(every: Sequence[Observation]) -> list[int]:
    """How many phones each passage has."""
    return [len(seen.alignment.phones) for seen in every]


def _placed(parts: Sequence[Passage], found: Sequence[Sequence[_Extra]]) -> list[_Extra]:
    """What was found in each passage, by the words of the whole."""
    return [
        replace(one, word=one.word + part.first_word)
        for part, own in zip(parts, found, strict=True)
        for one in own
    ]


def load(
    checkpoint: str | Path | None = None,
    device: str | None = None,
    *,
    strictness: str | None = UNSAID,
    **options: Any,
) -> PronunciationScorer:
    """The scorer of this project's weights, or of a folder that `recipes.train_scorer` wrote.

    `strictness` (`speechtutor.scoring.diagnosis.STRICTNESS`) is how readily the diagnosis names a wrong
    sound: the standard one where nothing is said, none and no diagnosis for None. Only a scorer that listens
    with the acoustic model that its diagnosis was trained on has one.

    Raises:
        ModelError: when the folder holds no scorer.
        InputError: for a strictness that there is not, or that this scorer cannot have.
    """
    if strictness:
        check_strictness(strictness)
    folder = Path(hub.resolve(checkpoint or "scorer", hub=False, role=description.SCORER))
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        head = load_ensemble(settings, load_file(folder / "head.safetensors"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder} holds no scorer: {error}") from None
    # An exported scorer holds its acoustic model in its own folder.
    inside = folder / settings["acoustic"]
    own = "acoustic" not in options and not inside.is_dir()
    named = options.pop("acoustic", inside if inside.is_dir() else settings["acoustic"])
    diagnosis = settings.get("diagnosis") if own else None
    if strictness and not diagnosis:
        raise InputError(
            f"the scorer {settings['name']} has no diagnosis, so it can be no more or less {strictness}"
        )
    acoustic = load_acoustic(named, device)
    if diagnosis and strictness is not None:
        options |= {"diagnoser": load_diagnoser(diagnosis, device), "strictness": strictness or STANDARD}
    return PronunciationScorer(
        acoustic,
        head,
        settings["calibration"],
        settings["name"],
        settings["version"],
        str(acoustic.device),
        **options,
    )
