"""A text as words, words as phones, and how a text is read aloud."""

from speechtutor.text.phones import from_ipa, pronounce, to_ipa
from speechtutor.text.tokens import normalize, tokenize, words_for_wer

__all__ = ["from_ipa", "normalize", "pronounce", "to_ipa", "tokenize", "words_for_wer"]
