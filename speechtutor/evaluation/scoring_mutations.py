"""Known mistakes made out of good readings, and whether a score notices them, there and only there.

A reading is mutated on one of two sides. With another **reference** the recording stays as it is and the
text asks for something else: what was said is then wrong in one known place. With another **recording**
the text stays, and a piece of the sound is taken out, said twice or put in elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechtutor.core import (
    Alignment,
    CanonicalWord,
    ErrorType,
    Floats,
    Recording,
    Seconds,
    UtteranceScore,
    WordScore,
)
from speechtutor.tutor.labels import is_wrong

FADE: Seconds = 0.005
"""Length of the cross-fade at a cut, so that it does not click."""
PIECE: Seconds = 0.5
"""Length of the sound that is put in between two words."""
Words = tuple[CanonicalWord, ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A recording and words that do not fit in one known place.

    `kept` pairs the words of the original with the same words here, without those that were touched;
    `touched` are the words here that must be marked (the neighbours of extra speech).
    """

    kind: str
    recording: Recording
    words: Words
    kept: tuple[tuple[int, int], ...]
    touched: tuple[int, ...]
    phone: int | None = None

    @property
    def text(self) -> str:
        """The text of the words."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scorer made of a mutation; scores in [0, 1].

    `noticed` is whether what was done is marked in its place; `fall` how far the touched part fell
    against the original (None where there is nothing to compare); `moved` is the mean move of the
    phones of all other words, `false_flags` how many of those words are marked that were not before.
    """

    kind: str
    declined: bool
    noticed: bool
    fall: float | None
    moved: float
    false_flags: int
    n_kept: int


def laid_out(words: Sequence[CanonicalWord]) -> Words:
    """The words at their places in the text that they make, one space between them."""
    placed, position = [], 0
    for word in words:
        placed.append(replace(word, char_start=position, char_end=position + len(word.text)))
        position += len(word.text) + 1
    return tuple(placed)


def single(words: Sequence[CanonicalWord]) -> Words:
    """One pronunciation a word, so that no variant softens a change and phones stay comparable."""
    return laid_out([replace(w, pronunciations=w.pronunciations[:1], stress=w.stress[:1]) for w in words])


def _with(words: Sequence[CanonicalWord], w: int, phones: Sequence[str], stress: Sequence[int]) -> Words:
    changed = replace(words[w], pronunciations=(tuple(phones),), stress=(tuple(stress),))
    return (*words[:w], changed, *words[w + 1 :])


def _others(n: int, *touched: int) -> tuple[tuple[int, int], ...]:
    return tuple((i, i) for i in range(n) if i not in touched)


# Another reference


def swapped_phone(recording: Recording, words: Words, w: int, i: int, phone: str) -> Mutation:
    """The text asks for `phone` where another was said."""
    phones, stress = words[w].pronunciations[0], words[w].stress[0]
    changed = _with(words, w, (*phones[:i], phone, *phones[i + 1 :]), stress)
    return Mutation("phone swapped", recording, changed, _others(len(words), w), (w,), i)


def dropped_phone(recording: Recording, words: Words, w: int, i: int, phone: str) -> Mutation:
    """The text asks for one more phone before phone i: the speaker left it out."""
    phones, stress = words[w].pronunciations[0], words[w].stress[0]
    changed = _with(words, w, (*phones[:i], phone, *phones[i:]), (*stress[:i], -1, *stress[i:]))
    return Mutation("phone dropped", recording, changed, _others(len(words), w), (w,), i)


def inserted_phone(recording: Recording, words: Words, w: int, i: int) -> Mutation:
    """The text asks for one phone less: the speaker put phone i in."""
    phones, stress = words[w].pronunciations[0], words[w].stress[0]
    changed = _with(words, w, (*phones[:i], *phones[i + 1 :]), (*stress[:i], *stress[i + 1 :]))
    return Mutation("phone inserted", recording, changed, _others(len(words), w), (w,))


def swapped_word(recording: Recording, words: Words, w: int, other: CanonicalWord) -> Mutation:
    """The text asks for another word than was said."""
    changed = laid_out((*words[:w], other, *words[w + 1 :]))
    return Mutation("word swapped", recording, changed, _others(len(words), w), (w,))


def dropped_word(recording: Recording, words: Words, w: int, extra: CanonicalWord) -> Mutation:
    """The text has one more word before word w: the speaker left it out."""
    changed = laid_out((*words[:w], extra, *words[w:]))
    kept = tuple((i, i if i < w else i + 1) for i in range(len(words)))
    return Mutation("word dropped (from the text's side)", recording, changed, kept, (w,))


def wrong_sentence(recording: Recording, words: Words) -> Mutation:
    """The text is another one."""
    return Mutation("wrong sentence", recording, laid_out(words), (), ())


# Another recording


def _joined(recording: Recording, pieces: Sequence[Floats]) -> Recording:
    """The pieces in a row, cross-faded."""
    fade = round(FADE * recording.sample_rate)
    rise = np.linspace(0, 1, fade, dtype=np.float32)
    sound = pieces[0]
    for piece in pieces[1:]:
        n = min(fade, len(sound), len(piece))
        if not n:
            sound = np.concatenate([sound, piece])
            continue
        blend = sound[-n:] * (1 - rise[:n]) + piece[:n] * rise[:n]
        sound = np.concatenate([sound[:-n], blend, piece[n:]])
    return Recording(sound.astype(np.float32), recording.sample_rate)


def _place(recording: Recording, alignment: Alignment, w: int) -> tuple[Seconds, Seconds]:
    """Where a word is: up to half of the way to its neighbours, or to the end of the recording.

    An aligned phone is where the recogniser was sure, which is less than where it was heard.
    """

    def ends(word: int) -> tuple[Seconds, Seconds]:
        times = [alignment.interval(phone) for phone in alignment.phones if phone.word == word]
        return times[0][0], times[-1][1]

    first, last = w == 0, w + 1 == len(alignment.words)
    start = 0.0 if first else (ends(w - 1)[1] + ends(w)[0]) / 2
    end = recording.duration if last else (ends(w)[1] + ends(w + 1)[0]) / 2
    return start, end


def _parts(recording: Recording, start: Seconds, end: Seconds) -> tuple[Floats, Floats, Floats]:
    pieces = ((0.0, start), (start, end), (end, recording.duration))
    before, inside, after = (recording.crop(*piece).samples for piece in pieces)
    return before, inside, after


def repeated_word(recording: Recording, words: Words, alignment: Alignment, w: int) -> Mutation:
    """Word w is said twice."""
    before, word, after = _parts(recording, *_place(recording, alignment, w))
    sound = _joined(recording, [before, word, word, after])
    return Mutation("word repeated", sound, words, _others(len(words)), (w, w + 1))


def inserted_word(
    recording: Recording, words: Words, alignment: Alignment, w: int, piece: Floats
) -> Mutation:
    """Before word w stands the sound of something else."""
    start, _ = _place(recording, alignment, w)
    before, _, after = _parts(recording, start, start)
    sound = _joined(recording, [before, piece, after])
    return Mutation("word inserted", sound, words, _others(len(words)), (w,))


def cut_word(recording: Recording, words: Words, alignment: Alignment, w: int) -> Mutation:
    """Word w is taken out of the sound."""
    before, _, after = _parts(recording, *_place(recording, alignment, w))
    return Mutation("word dropped", _joined(recording, [before, after]), words, _others(len(words), w), (w,))


def repeated_phone(recording: Recording, words: Words, alignment: Alignment, w: int, i: int) -> Mutation:
    """Phone i of word w is said twice, as in stuttering."""
    place = [phone for phone in alignment.phones if phone.word == w][i]
    before, phone, after = _parts(recording, *alignment.interval(place))
    sound = _joined(recording, [before, phone, phone, after])
    return Mutation("phone repeated", sound, words, _others(len(words), w), (w,), i)


# What the scorer made of it

WRONG = (ErrorType.MISPRONUNCIATION, ErrorType.OMISSION)
EXTRA = (ErrorType.INSERTION, ErrorType.REPETITION)


def _marked(score: UtteranceScore, mutation: Mutation) -> bool:
    said = [word for word in score.words if word.char_start is not None]
    touched = [said[w] for w in mutation.touched if w < len(said)]
    if mutation.kind in ("word repeated", "word inserted"):
        return any(kind in EXTRA for kind in _extras_before(score.words, mutation.touched))
    if mutation.kind.startswith("word dropped"):
        return all(word.error_type is ErrorType.OMISSION for word in touched)
    if mutation.phone is not None and mutation.kind != "phone repeated":
        return is_wrong(touched[0].phones[mutation.phone])
    return any(word.error_type in WRONG for word in touched)


def _extras_before(words: Sequence[WordScore], places: Sequence[int]) -> list[ErrorType]:
    """The kinds of the words beyond the text that stand before the words of these indices."""
    found, index = [], 0
    for word in words:
        if word.char_start is None:
            if index in places:
                found.append(word.error_type)
        else:
            index += 1
    return found


def _fall(before: Sequence[WordScore], after: Sequence[WordScore], mutation: Mutation) -> float | None:
    if mutation.kind == "phone swapped" and mutation.phone is not None:
        pair = (row[mutation.touched[0]].phones[mutation.phone].score for row in (before, after))
        old, new = pair
        return None if old is None or new is None else old - new
    if len(before) != len(after) or mutation.kind in ("word repeated", "word inserted"):
        return None
    old, new = (row[mutation.touched[0]].score for row in (before, after))
    return None if old is None or new is None else old - new


def verdict(original: UtteranceScore, mutated: UtteranceScore, mutation: Mutation) -> Verdict:
    """Hold two judgements against each other; both must be of `single` words."""
    if mutated.overall is None or original.overall is None:
        return Verdict(mutation.kind, True, mutation.kind == "wrong sentence", None, 0.0, 0, 0)
    before, after = ([w for w in s.words if w.char_start is not None] for s in (original, mutated))
    moves, flags = [], 0
    for i, j in mutation.kept:
        moves += [
            abs((a.score or 0) - (b.score or 0))
            for a, b in zip(before[i].phones, after[j].phones, strict=True)
        ]
        flags += after[j].error_type in WRONG and before[i].error_type not in WRONG
    noticed = False if mutation.kind == "wrong sentence" else _marked(mutated, mutation)
    return Verdict(
        mutation.kind, False, noticed, None if not mutation.kept else _fall(before, after, mutation),
        float(np.mean(moves)) if moves else 0.0, flags, len(mutation.kept),
    )  # fmt: skip


def sample(
    recording: Recording,
    words: Words,
    alignment: Alignment,
    other: Recording,
    other_words: Words,
    rivals: Callable[[str], Sequence[str]],
    rng: np.random.Generator,
) -> list[Mutation]:
    """One mutation of every kind for one reading.

    `other` and `other_words` are another reading: its words and a piece of its sound are put in.
    `rivals` gives the phones that one may be confused with.
    """
    long = [w for w, word in enumerate(words) if len(word.pronunciations[0]) >= 3] or [len(words) - 1]
    w = int(rng.choice(long))
    phones = words[w].pronunciations[0]
    i = int(rng.integers(len(phones)))
    unlike = sorted(other_words, key=lambda x: (-_unlike(x, words[w]), x.char_start))[0]
    inner = int(rng.integers(1, len(words))) if len(words) > 1 else 0
    third = len(other.samples) // 3
    piece = other.samples[third : third + round(min(PIECE * other.sample_rate, third))]
    added = rivals(phones[-1])[-1]
    return [
        swapped_phone(recording, words, w, i, rivals(phones[i])[0]),
        dropped_phone(recording, words, w, len(phones), added),
        inserted_phone(recording, words, w, i),
        swapped_word(recording, words, w, unlike),
        dropped_word(recording, words, inner, unlike),
        wrong_sentence(recording, other_words),
        repeated_word(recording, words, alignment, w),
        inserted_word(recording, words, alignment, inner, piece),
        cut_word(recording, words, alignment, w),
        repeated_phone(recording, words, alignment, w, i),
    ]


def _unlike(first: CanonicalWord, second: CanonicalWord) -> float:
    """How many phones two words do not share, more for words of like length."""
    a, b = set(first.pronunciations[0]), set(second.pronunciations[0])
    return len(a ^ b) - abs(len(first.pronunciations[0]) - len(second.pronunciations[0]))
