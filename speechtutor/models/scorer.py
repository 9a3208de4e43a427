"""The scorer: acoustic model, alignment, likelihood ratios, head, calibration."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
    Recording,
    UtteranceScore,
)
from speechtutor.errors import InputError, ModelError
from speechtutor.models.acoustic import load as load_acoustic
from speechtutor.models.head import Batch, Ensemble, load_ensemble
from speechtutor.scoring import gop, judgement
from speechtutor.scoring.align import align
from speechtutor.scoring.features import Features, without_embedding
from speechtutor.scoring.insertions import extra_sounds, extra_speech
from speechtutor.scoring.observe import Observation, distance_from_text, listen, observe, word_times
from speechtutor.stages import AcousticModel
from speechtutor.text.phones import pronounce


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

    def hearing_with(self, acoustic: AcousticModel) -> PronunciationScorer:
        """The same scorer with another acoustic model, such as one that keeps what it hears."""
        return replace(self, acoustic=acoustic)

    def align(self, recording: Recording, text: str) -> Alignment:
        """When each phone of the text was said.

        Raises:
            TextError: when the text cannot be turned into phones.
            InputError: when the recording is silent or too short for the text.
        """
        words = pronounce(text, self.lang)
        quality = measure(recording)
        if not quality.judgeable:
            raise InputError("; ".join(caution.message for caution in quality.cautions))
        return align(listen(self.acoustic, recording, quality), words)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """Judge a recording of `text`; `words` gives canonical phones in place of the lexicon's.

        Raises:
            TextError: when the text cannot be turned into phones.
        """
        began = time.perf_counter()
        words = pronounce(text, self.lang) if words is None else words
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
        try:
            seen = observe(self.acoustic, recording, words, quality)
        except InputError:
            # Too few frames for the text: whatever was said, it was not this.
            return judgement.abstain(text, words, quality, [judgement.OFF_TEXT])
        if distance_from_text(seen.emission, seen.alignment) > float(self.calibration["off_text"]):
            return judgement.abstain(text, words, quality, [judgement.OFF_TEXT])
        predicted = self.predict(seen.features)
        wrong = bool((predicted.errors >= ERROR_THRESHOLD).any())
        return judgement.judge(self._found(recording, text, seen, wrong=wrong), predicted)

    def _found(
        self, recording: Recording, text: str, seen: Observation, *, wrong: bool
    ) -> judgement.Measurements:
        targets = [seen.emission.symbols.index(phone.canonical) for phone in seen.alignment.phones]
        # Beside a wrong phone, what was heard next door is read with the wrong one in place; it costs
        # several passes, so only where there is something wrong.
        emission = seen.emission
        ratios = gop.in_context(emission.log_probs, targets, emission.blank) if wrong else seen.ratios
        return judgement.Measurements(
            text=text,
            alignment=seen.alignment,
            evidence=gop.gop(ratios, targets, emission.symbols),
            word_deletion=np.zeros(len(seen.alignment.words))
            if seen.ratios.word_deletion is None
            else seen.ratios.word_deletion,
            extras=extra_speech(seen.emission, seen.alignment, seen.quality.speech),
            sounds=extra_sounds(seen.emission, seen.alignment, seen.ratios),
            quality=seen.quality,
            timing=prosody.timing(recording, word_times(seen.alignment), seen.quality.speech),
            pitch=seen.pitch,
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


def load(
    checkpoint: str | Path | None = None, device: str | None = None, **options: Any
) -> PronunciationScorer:
    """The scorer of this project's weights, or of a folder that `recipes.train_scorer` wrote.

    Raises:
        ModelError: when the folder holds no scorer.
    """
    folder = Path(hub.resolve(checkpoint or "scorer", hub=False))
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        head = load_ensemble(settings, load_file(folder / "head.safetensors"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder} holds no scorer: {error}") from None
    # An exported scorer holds its acoustic model in its own folder.
    inside = folder / settings["acoustic"]
    named = options.pop("acoustic", inside if inside.is_dir() else settings["acoustic"])
    acoustic = load_acoustic(named, device)
    return PronunciationScorer(
        acoustic,
        head,
        settings["calibration"],
        settings["name"],
        settings["version"],
        str(acoustic.device),
        **options,
    )
