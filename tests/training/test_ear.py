"""The wildcard of CTC against the sum over all phones, and what the ear's augmentation leaves."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
import torch

from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.training.ear import (
    CLEAR,
    WILD,
    Harsh,
    contrast,
    masked,
    masked_ctc,
    narrow,
    other_throat,
    rivals,
    room,
)
from speechtutor.training.phone_encoder import Example

N_FRAMES = 7


def logits(seed: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, N_FRAMES, len(SYMBOLS), generator=torch.Generator().manual_seed(seed)).double()


def by_hand(log_probs: torch.Tensor, target: list[int]) -> torch.Tensor:
    """The likelihood of a target with a wildcard, all CTC paths by brute recursion over frames."""
    probs = log_probs.exp()
    any_phone = probs[:, 1:].sum(1)
    states = [0]
    for symbol in target:
        states += [symbol, 0]

    def emission(t: int, state: int) -> torch.Tensor:
        return any_phone[t] if states[state] == WILD else probs[t, states[state]]

    table = [emission(0, s) if s < 2 else torch.zeros((), dtype=torch.double) for s in range(len(states))]
    for t in range(1, len(probs)):
        row = []
        for s in range(len(states)):
            total = table[s] + (table[s - 1] if s else 0)
            if s > 1 and states[s] and states[s] != states[s - 2]:
                total = total + table[s - 2]
            row.append(total * emission(t, s))
        table = row
    return -torch.log(table[-1] + table[-2])


@pytest.mark.parametrize("target", [[3, 5], [3, WILD, 5], [WILD], [WILD, 4, 4]])
def test_loss_and_gradient_are_those_of_all_paths(target: list[int]) -> None:
    raw = logits(1)[0].requires_grad_()
    expected = by_hand(raw.log_softmax(-1), target) / len(target)
    (wanted,) = torch.autograd.grad(expected, raw)
    again = raw.detach().clone().requires_grad_()
    loss = masked_ctc(again.log_softmax(-1)[None], [torch.tensor(target)], torch.tensor([N_FRAMES]))
    (got,) = torch.autograd.grad(loss, again)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)


def test_padding_and_impossible_targets_have_no_gradient() -> None:
    raw = logits(2, batch=2).requires_grad_()
    targets = [torch.tensor([3, WILD]), torch.tensor([5] * 9)]
    loss = masked_ctc(raw.log_softmax(-1), targets, torch.tensor([4, N_FRAMES]))
    (got,) = torch.autograd.grad(loss, raw)
    assert torch.isfinite(loss)
    assert got[0, :4].abs().max() > 0
    assert got[0, 4:].abs().max() == 0
    assert got[1].abs().max() == pytest.approx(0, abs=1e-9)


def an_example(scores: list[float]) -> Example:
    n = len(scores)
    return Example(
        "a", np.zeros(1600, np.float32), np.arange(1, n + 1), np.zeros(n, int),
        np.array(scores, np.float32), np.ones(1, np.float32), np.ones(4, np.float32),
    )  # fmt: skip


def test_only_doubtful_phones_are_masked_and_unrated_ones_stay() -> None:
    found = masked(an_example([2.0, 0.4, float("nan"), 1.0]), 1.0)
    assert found.phones.tolist() == [1, WILD, 3, 4]


@pytest.mark.parametrize("change", [room, narrow])
def test_a_room_and_a_poor_line_keep_length_and_stay_finite(change) -> None:
    for seed in range(5):
        samples = 0.1 * torch.sin(torch.arange(16_000) * 0.3)
        torch.manual_seed(seed)
        found = change(samples, random.Random(seed))
        assert found.shape == samples.shape
        assert torch.isfinite(found).all()
        assert not torch.equal(found, samples)


def test_the_augmentation_follows_from_its_seed() -> None:
    samples = 0.1 * torch.sin(torch.arange(16_000) * 0.3)
    waves = []
    for _ in range(2):
        torch.manual_seed(3)
        waves.append(Harsh(random.Random(3)).wave(samples))
    assert torch.equal(*waves)


def test_a_rival_differs_in_one_sound_at_a_sure_place_and_doubles_none() -> None:
    target = [SYMBOLS.index(phone) for phone in ("TH", "IH", "NG", "K")]
    sure = [True, False, True, False]
    seen = set()
    for seed in range(40):
        for line in rivals(target, sure, 3, random.Random(seed)):
            seen.add(tuple(line))
            assert line != target
            assert all(a != b for a, b in pairwise(line))
            assert line[-1] == target[-1] and SYMBOLS.index("IH") in line
            if len(line) == len(target):
                assert sum(a != b for a, b in zip(line, target, strict=True)) == 1
            else:
                assert abs(len(line) - len(target)) == 1
    assert len(seen) > 20
    assert rivals([WILD, 5], [True, False], 3, random.Random(0)) == []


def test_vowels_that_a_target_does_not_tell_apart_are_no_rivals() -> None:
    target = [SYMBOLS.index("AA")]
    lines = [line for seed in range(60) for line in rivals(target, [True], 3, random.Random(seed))]
    assert [SYMBOLS.index("AO")] not in lines
    assert len(lines) > 60


def test_the_contrast_is_that_of_the_likelihoods_and_so_is_its_gradient() -> None:
    raw = logits(4)[0].requires_grad_()
    own, others = [3, WILD, 5], [[3, WILD, 6], [3, 5]]
    expected = torch.stack(
        [
            torch.nn.functional.softplus(
                CLEAR - (by_hand(raw.log_softmax(-1), o) - by_hand(raw.log_softmax(-1), own))
            )
            for o in others
        ]
    ).mean()
    (wanted,) = torch.autograd.grad(expected, raw)
    again = raw.detach().clone().requires_grad_()
    # The second clip's rival does not fit into the frames and counts nothing.
    both = torch.cat([again[None], logits(5)]).log_softmax(-1)
    rival = [torch.tensor(line) for line in others]
    loss = contrast(
        both,
        [torch.tensor(own), torch.tensor([4])],
        [rival, [torch.tensor([5, 5] * 9)]],
        torch.tensor([7, 7]),
    )
    (got,) = torch.autograd.grad(loss, again)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)


def test_another_throat_moves_the_formants_and_1_leaves_them() -> None:
    mel = torch.zeros(20, 3)
    mel[10] = 1.0
    assert torch.equal(other_throat(mel, 1.0), mel)
    assert int(other_throat(mel, 1.1)[:, 0].argmax()) == 9  # bin 9 reads 9.9, nearest to 10
    assert other_throat(mel, 0.9).shape == mel.shape
