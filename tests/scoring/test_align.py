from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from speechtutor.core import Emission
from speechtutor.errors import InputError, TextError
from speechtutor.scoring.align import MARGIN, align
from speechtutor.scoring.ctc import forced_align
from tests.support.emissions import SYMBOLS, flat, random_frames, spoken, word, words


def spans(alignment):
    return [(phone.start_frame, phone.end_frame) for phone in alignment.phones]


def test_peaks_grow_over_the_blanks_between_them():
    # three blanks, K K, three blanks, AE AE, three blanks; margins of four frames meet the ends
    emission = spoken("K AE", peak=2, gap=3)
    alignment = align(emission, words("K AE"))
    (first, middle), (same, last) = spans(alignment)
    assert middle == same
    assert 5 <= middle <= 8
    assert (first, last) == (0, 13)
    assert alignment.interval(alignment.phones[0]) == pytest.approx((0.0, middle * 0.02))


def test_the_boundary_is_where_the_phones_own_probabilities_say():
    emission = spoken("K AE", peak=2, gap=6)
    k, ae = SYMBOLS.index("K"), SYMBOLS.index("AE")
    for cut in range(7):
        frames = emission.log_probs.copy()
        frames[8:14, [k, ae]] = -9.0
        frames[8 : 8 + cut, k] = frames[8 + cut : 14, ae] = -5.0
        alignment = align(replace(emission, log_probs=frames), words("K AE"))
        assert alignment.phones[0].end_frame == alignment.phones[1].start_frame == 8 + cut
    frames[8:14, [k, ae]] = -9.0  # nothing said: the middle
    assert align(replace(emission, log_probs=frames), words("K AE")).phones[0].end_frame == 11


def test_a_pause_between_words_belongs_to_no_phone():
    said = "_ _ _ _ DH AH _ _ _ _ K AE T _ _ _ _"
    emission = spoken(said, peak=2, gap=4)
    margin = round(MARGIN / 0.02)
    two = align(emission, words("DH AH | K AE T"))
    starts, ends = zip(*spans(two), strict=True)
    assert starts[0] == 20 - margin  # five gaps of four frames before the first peak
    assert ends[-1] == len(emission.log_probs) - 20 + margin
    assert starts[2] - ends[1] == 20 - 2 * margin
    assert ends[0] == starts[1]
    one = align(emission, words("DH AH K AE T"))  # inside a word nothing is left out
    starts, ends = zip(*spans(one), strict=True)
    assert starts[1:] == ends[:-1]


@pytest.mark.parametrize("seed", range(20))
def test_variants_agree_with_trying_every_combination(seed):
    rng = np.random.default_rng(seed)
    n_symbols = 5
    names = tuple("-abcd")
    frames = random_frames(rng, int(rng.integers(12, 30)), n_symbols, 3.0).astype(np.float32)
    text = []
    for _ in range(int(rng.integers(1, 4))):
        made = {" ".join(rng.choice(list("abcd"), rng.integers(1, 4))) for _ in range(3)}
        text.append(word(*sorted(made)))
    alignment = align(Emission(frames, names, 0.02), text)
    scores = {}
    for combination in itertools.product(*(range(len(w.pronunciations)) for w in text)):
        phones = [p for w, k in zip(text, combination, strict=True) for p in w.pronunciations[k]]
        scores[combination] = forced_align(frames, [names.index(p) for p in phones]).score
    assert alignment.log_likelihood == pytest.approx(max(scores.values()), abs=1e-9)
    assert scores[alignment.variants] == pytest.approx(alignment.log_likelihood, abs=1e-9)
    spelled = [(p, i) for i, w in enumerate(text) for p in w.pronunciations[alignment.variants[i]]]
    assert [(phone.canonical, phone.word) for phone in alignment.phones] == spelled


def test_the_variant_that_was_said_is_found_and_the_citation_form_wins_a_tie():
    text = [word("DH IY", "DH AH"), word("IY", "AE", "AE N D"), word("K AE T")]
    assert align(spoken("DH AH AE N D K AE T"), text).variants == (1, 2, 0)
    assert align(spoken("DH IY AE K AE T"), text).variants == (0, 1, 0)
    assert align(flat(30), [word("K AE", "K IH"), word("T", "D")]).variants == (0, 0)


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 10.0])
def test_spans_hold_a_frame_each_in_order_and_inside(sharpness):
    rng = np.random.default_rng(11)
    for n_frames in (7, 8, 20, 150):
        frames = random_frames(rng, n_frames, len(SYMBOLS), sharpness).astype(np.float32)
        alignment = align(Emission(frames, SYMBOLS, 0.02), words("DH AH | K AE T | AA | T"))
        flattened = [edge for span in spans(alignment) for edge in span]
        assert flattened == sorted(flattened)
        assert all(start < end for start, end in spans(alignment))
        assert 0 <= flattened[0] <= flattened[-1] <= n_frames
        for before, after in itertools.pairwise(alignment.phones):
            assert before.word != after.word or before.end_frame == after.start_frame


def test_one_frame_one_phone():
    alignment = align(flat(1), words("AA"))
    assert spans(alignment) == [(0, 1)]
    assert alignment.log_likelihood == pytest.approx(-np.log(len(SYMBOLS)), abs=1e-6)


def test_equal_phones_need_a_blank_also_across_words():
    for text in ("T | T", "T T"):
        with pytest.raises(InputError, match="cannot hold the text: 2 frames for 2 phones"):
            align(flat(2), words(text))
        assert [end - start for start, end in spans(align(flat(3), words(text)))] in ([1, 2], [2, 1])


def test_the_clock_of_the_recording_is_kept():
    emission = replace(spoken("K AE T"), origin=-0.06)
    alignment = align(emission, words("K AE T"))
    assert (alignment.frame_shift, alignment.origin) == (0.02, -0.06)
    assert alignment.interval(alignment.phones[0])[0] == 0.0


def test_what_cannot_be_aligned_is_said():
    with pytest.raises(InputError, match="3 frames for 5 phones"):
        align(flat(3), words("DH AH | K AE T"))
    with pytest.raises(InputError, match="no frames"):
        align(flat(0), words("AA"))
    with pytest.raises(TextError, match="no word"):
        align(flat(3), [])
    with pytest.raises(TextError, match="'ZH' of 'vision'"):
        align(flat(30), [word("V IH ZH".replace("V", "B"), text="vision")])
    with pytest.raises(TextError, match="'hm' has no pronunciation"):
        align(flat(30), [word("", text="hm")])
    with pytest.raises(InputError, match="split the recording"):
        align(flat(30_000), words("AA | B " * 1_000 + "| T"))
