"""Whisper's text normaliser: what published word error rates are computed on (Radford et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable


def normaliser(lang: str = "en") -> Callable[[str], str]:
    """The normaliser of a language: English has its own, every other the basic one.

    English: no fillers and brackets, contractions written out, numbers as figures. The table of
    British spellings comes with Whisper's own checkpoints, not with its code, and is left out:
    "colour" and "color" are two words.
    """
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    made: Callable[[str], str] = EnglishTextNormalizer({}) if lang == "en" else BasicTextNormalizer()
    return made
