from __future__ import annotations

import itertools

import numpy as np
import pytest

from speechtutor.errors import InputError
from speechtutor.scoring import ctc
from tests.support.emissions import SYMBOLS, all_texts, collapse, random_frames, spoken


def likelihood(log_probs, targets, blank=0):
    return ctc.log_likelihood(ctc.forward(log_probs, targets, blank))


def test_two_frames_by_hand():
    # p(blank, a): .6 .4 | .3 .7. "a" is said by (a,a), (a,-), (-,a): .28 + .12 + .42 = .82
    frames = np.log([[0.6, 0.4], [0.3, 0.7]])
    assert np.exp(likelihood(frames, [1])) == pytest.approx(0.82)
    assert np.exp(likelihood(frames, [])) == pytest.approx(0.18)
    assert likelihood(frames, [1, 1]) == -np.inf  # needs a blank between: three frames
    path = ctc.forced_align(frames, [1])
    assert (path.score, path.spans) == (pytest.approx(np.log(0.42)), ((1, 2),))


@pytest.mark.parametrize("sharpness", [0.0, 2.0, 20.0])
@pytest.mark.parametrize("blank", [0, 2])
def test_sums_and_best_paths_agree_with_walking_all_paths(sharpness, blank):
    rng = np.random.default_rng(1)
    frames = random_frames(rng, 5, 4, sharpness)
    truth = all_texts(frames, blank)
    phones = [symbol for symbol in range(4) if symbol != blank]
    for text in itertools.chain.from_iterable(itertools.product(phones, repeat=n) for n in range(5)):
        assert likelihood(frames, text, blank) == pytest.approx(truth[text], abs=1e-12)
        paths = [p for p in itertools.product(range(4), repeat=5) if collapse(p, blank) == text]
        if not paths:
            with pytest.raises(InputError, match="cannot hold the text: 5 frames"):
                ctc.forced_align(frames, text, blank)
            continue
        best = ctc.forced_align(frames, text, blank)
        assert best.score == pytest.approx(max(frames[np.arange(5), p].sum() for p in paths), abs=1e-12)
        assert collapse(best.symbols.tolist(), blank) == text
        assert best.score == pytest.approx(frames[np.arange(5), best.symbols].sum(), abs=1e-12)


def test_forward_and_backward_meet_at_every_frame():
    rng = np.random.default_rng(2)
    frames, targets = random_frames(rng, 40, 6), [1, 1, 2, 5, 5, 5, 3]
    alpha, beta = ctc.forward(frames, targets), ctc.backward(frames, targets)
    met = np.logaddexp.reduce(alpha + beta, axis=1)
    np.testing.assert_allclose(met, ctc.log_likelihood(alpha), atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_torch_and_torchaudio(seed):
    import torch
    import torchaudio

    rng = np.random.default_rng(seed)
    n_frames, n, n_symbols = int(rng.integers(40, 120)), int(rng.integers(1, 16)), int(rng.integers(2, 12))
    blank = int(rng.integers(n_symbols))
    frames = random_frames(rng, n_frames, n_symbols, rng.choice([0.5, 3.0, 10.0]))
    others = [symbol for symbol in range(n_symbols) if symbol != blank]
    targets = rng.choice(others, n).tolist()
    tensor, text = torch.from_numpy(frames), torch.tensor([targets])
    loss = torch.nn.functional.ctc_loss(
        tensor[:, None], text, torch.tensor([n_frames]), torch.tensor([n]), blank=blank, reduction="none"
    )
    assert likelihood(frames, targets, blank) == pytest.approx(-loss.item(), abs=1e-9)
    _, scores = torchaudio.functional.forced_align(tensor[None], text, blank=blank)
    path = ctc.forced_align(frames, targets, blank)
    assert path.score == pytest.approx(scores.sum().item(), abs=1e-9)
    assert [symbol for symbol in collapse(path.symbols.tolist(), blank)] == targets
    for (start, end), target in zip(path.spans, targets, strict=True):
        assert start < end
        assert set(path.symbols[start:end]) == {target}


def test_hard_zeros_give_no_nan():
    frames = np.full((4, 3), -np.inf)
    frames[[0, 1, 2, 3], [1, 1, 0, 2]] = 0.0  # the one path: 1 1 - 2
    with np.errstate(all="raise", under="ignore"):
        assert likelihood(frames, [1, 2]) == 0.0
        assert likelihood(frames, [2, 1]) == -np.inf
        assert ctc.forced_align(frames, [1, 2]).spans == ((0, 2), (3, 4))
        with pytest.raises(InputError):
            ctc.forced_align(frames, [2, 1])


def test_decoding_merges_repeats_and_drops_blanks():
    emission = spoken("K AE AE T", peak=2, gap=3)
    assert ctc.greedy(emission) == ["K", "AE", "AE", "T"]
    decoded = ctc.decode(emission)
    assert [(d.start_frame, d.end_frame) for d in decoded] == [(3, 5), (8, 10), (13, 15), (18, 20)]
    assert ctc.greedy(spoken("_ _")) == []


@pytest.mark.parametrize(
    ("frames", "targets", "blank", "error", "message"),
    [
        (np.zeros((0, 3)), [1], 0, InputError, "no frames"),
        (np.zeros((4, 3)), [0], 0, ValueError, "other than the blank"),
        (np.zeros((4, 3)), [3], 0, ValueError, "columns of log_probs"),
        (np.zeros((4, 3)), [1], 3, ValueError, "column 3"),
        (np.full((4, 3), np.nan), [1], 0, ValueError, "nan"),
        (np.zeros((30_000, 2)), [1] * 5_000, 0, InputError, "split the recording"),
    ],
)
def test_what_makes_no_sense_is_refused(frames, targets, blank, error, message):
    for function in (ctc.forward, ctc.backward, ctc.forced_align):
        with pytest.raises(error, match=message):
            function(frames, targets, blank)


def test_symbols_of_the_cases_hold_the_blank_first():
    assert SYMBOLS[0] == ""
    assert len(set(SYMBOLS)) == len(SYMBOLS)
