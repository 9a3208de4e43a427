from __future__ import annotations

import itertools

import numpy as np
import pytest

from speechtutor.core import Candidate
from speechtutor.errors import InputError
from speechtutor.scoring import ctc
from speechtutor.scoring.align import align
from speechtutor.scoring.gop import gop, in_context, log_add, measure, ratios
from tests.support.emissions import SYMBOLS, all_texts, random_frames, spoken, word, words


def difference(changed: float, own: float) -> float:
    """The documented ratio, impossible texts included."""
    if own == -np.inf:
        return np.inf if changed > -np.inf else 0.0
    return changed - own


def check_against_all_texts(truth, frames, text, blank):
    n, own = len(text), truth[text]
    phones = [symbol for symbol in range(frames.shape[1]) if symbol != blank]
    spans = list(itertools.combinations(range(n + 1), 2))
    found = ratios(frames, text, blank, words=spans, insertions=True)
    assert found.columns.tolist() == phones
    assert found.log_likelihood == pytest.approx(own, abs=1e-12)
    near = {"abs": 1e-10, "rel": 1e-10}
    for i, (k, q) in itertools.product(range(n), enumerate(phones)):
        expected = difference(truth[(*text[:i], q, *text[i + 1 :])], own)
        assert found.substitution[i, k] == pytest.approx(expected, **near)
    for g, (k, q) in itertools.product(range(n + 1), enumerate(phones)):
        assert found.insertion[g, k] == pytest.approx(
            difference(truth[(*text[:g], q, *text[g:])], own), **near
        )
    for i in range(n):
        assert found.deletion[i] == pytest.approx(difference(truth[text[:i] + text[i + 1 :]], own), **near)
    for (start, stop), value in zip(spans, found.word_deletion, strict=True):
        assert value == pytest.approx(difference(truth[text[:start] + text[stop:]], own), **near)


@pytest.mark.parametrize(
    ("n_frames", "blank", "sharpness"),
    [(1, 0, 2.0), (2, 0, 2.0), (3, 1, 2.0), (4, 3, 2.0), (5, 0, 0.0), (5, 2, 20.0), (6, 0, 2.0)],
)
def test_every_change_agrees_with_walking_all_paths(n_frames, blank, sharpness):
    rng = np.random.default_rng(n_frames)
    frames = random_frames(rng, n_frames, 4, sharpness)
    phones = [symbol for symbol in range(4) if symbol != blank]
    texts = [text for n in range(4) for text in itertools.product(phones, repeat=n)]
    truth = all_texts(frames, blank)
    for index in rng.choice(len(texts), 20, replace=False):
        check_against_all_texts(truth, frames, texts[index], blank)


def test_deletions_and_substitutions_that_bring_equal_phones_together():
    # without b, a b a becomes a a, which needs a blank between: the trap of joining the ends carelessly
    rng = np.random.default_rng(5)
    frames = random_frames(rng, 6, 3)
    truth = all_texts(frames)
    for text in [(1, 2, 1), (1, 1, 1), (1, 1, 2), (2, 1, 1), (1, 2, 2), (1, 2, 1, 2), (2, 1, 1, 2)]:
        check_against_all_texts(truth, frames, text, blank=0)


@pytest.mark.parametrize("seed", range(8))
def test_every_change_agrees_with_torch(seed):
    import torch

    rng = np.random.default_rng(seed)
    n_frames, n, n_symbols = int(rng.integers(20, 60)), int(rng.integers(1, 8)), int(rng.integers(3, 9))
    blank = int(rng.integers(n_symbols))
    frames = random_frames(rng, n_frames, n_symbols, rng.choice([0.5, 3.0, 10.0]))
    text = rng.choice([symbol for symbol in range(n_symbols) if symbol != blank], n).tolist()
    found = ratios(frames, text, blank, insertions=True, words=[(0, n)])
    texts = [[*text[:i], q, *text[i + 1 :]] for i in range(n) for q in found.columns]
    texts += [text[:i] + text[i + 1 :] for i in range(n)]
    texts += [[*text[:g], q, *text[g:]] for g in range(n + 1) for q in found.columns] + [[]]
    lengths = torch.tensor([len(other) for other in texts])
    padded = torch.zeros(len(texts), n + 1, dtype=torch.long)
    for row, other in zip(padded, texts, strict=True):
        row[: len(other)] = torch.tensor(other)
    repeated = torch.from_numpy(frames)[:, None].expand(-1, len(texts), -1)
    n_each = torch.full((len(texts),), n_frames)
    loss = torch.nn.functional.ctc_loss(repeated, padded, n_each, lengths, blank=blank, reduction="none")
    mine = [found.substitution, found.deletion, found.insertion, found.word_deletion]
    flat = np.concatenate([np.ravel(part) for part in mine]) + found.log_likelihood
    np.testing.assert_allclose(flat, -loss.numpy(), atol=1e-9)


@pytest.mark.parametrize("sharpness", [0.0, 3.0, 20.0])
def test_a_phone_replaced_by_itself_changes_nothing(sharpness):
    rng = np.random.default_rng(9)
    frames, text = random_frames(rng, 200, 40, sharpness), rng.integers(1, 40, 24)
    text[5:7] = 3
    found = ratios(frames, text.tolist())
    np.testing.assert_allclose(found.substitution[np.arange(24), text - 1], 0.0, atol=1e-9)
    assert np.isfinite(found.substitution).all()
    assert np.isfinite(found.deletion).all()


def test_occupancy_counts_the_frames_of_all_paths():
    rng = np.random.default_rng(4)
    frames = random_frames(rng, 30, 5, 1.0)
    found = ratios(frames, [1, 2, 2, 4])
    alpha, beta = ctc.forward(frames, [1, 2, 2, 4]), ctc.backward(frames, [1, 2, 2, 4])
    everywhere = np.exp(alpha + beta - found.log_likelihood).sum(axis=0)
    np.testing.assert_allclose(found.occupancy, everywhere[1::2])
    assert everywhere.sum() == pytest.approx(30)  # each frame is in one state
    # one frame, one phone: it is there for exactly that frame
    assert ratios(frames[:1], [3]).occupancy == pytest.approx([1.0])


def test_too_few_frames_are_impossible_but_never_nan():
    rng = np.random.default_rng(3)
    frames = random_frames(rng, 2, 4)
    with np.errstate(all="raise", under="ignore"):
        found = ratios(frames, [1, 1], insertions=True, words=[(0, 2)])
    assert found.log_likelihood == -np.inf
    # 1 1 needs three frames; any other second phone fits in two, and so does a single 1
    np.testing.assert_array_equal(found.substitution, [[0, np.inf, np.inf]] * 2)
    np.testing.assert_array_equal(found.deletion, [np.inf, np.inf])
    np.testing.assert_array_equal(found.word_deletion, [np.inf])
    assert not found.insertion.any()
    assert not found.occupancy.any()
    with pytest.raises(InputError, match="too short for the 2 phones"):
        gop(found, [1, 1], ["", "a", "b", "c"])


def test_hard_zeros_give_no_nan():
    frames = np.full((4, 4), -np.inf)
    frames[[0, 1, 2, 3], [1, 1, 0, 2]] = 0.0
    with np.errstate(all="raise", under="ignore"):
        found = ratios(frames, [1, 2], insertions=True)
    np.testing.assert_array_equal(found.substitution, [[0, -np.inf, -np.inf], [-np.inf, 0, -np.inf]])
    np.testing.assert_array_equal(found.deletion, [-np.inf, -np.inf])
    first, second = gop(found, [1, 2], ["", "a", "b", "c"])
    assert (first.gop, first.probability, first.heard) == (np.inf, 1.0, None)
    assert (second.canonical, second.nbest[0]) == ("b", Candidate("b", 1.0))


def test_a_text_without_phones_has_only_insertions():
    found = ratios(np.log([[0.6, 0.4], [0.3, 0.7]]), [], insertions=True)
    assert found.substitution.shape == (0, 1)
    assert found.log_likelihood == pytest.approx(np.log(0.18))
    assert found.insertion[0, 0] == pytest.approx(np.log(0.82 / 0.18))  # the numbers of test_ctc
    assert gop(found, [], ["", "a"]) == ()


def judged(emission, text):
    alignment = align(emission, words(text))
    found = measure(emission, alignment)
    return found, gop(found, [SYMBOLS.index(phone.canonical) for phone in alignment.phones], SYMBOLS)


def heard_in_context(emission, text):
    targets = [SYMBOLS.index(phone) for phone in text]
    return gop(in_context(emission.log_probs, targets), targets, SYMBOLS)


@pytest.mark.parametrize("swapped", range(6))
def test_a_wrong_phone_in_the_text_falls_and_its_neighbours_stay(swapped):
    said = "DH AH K AE T S".split()
    emission = spoken(" ".join(said))
    asked = said.copy()
    asked[swapped] = "UW"
    _, right = judged(emission, " ".join(said))
    _, wrong = judged(emission, " ".join(asked))
    assert all(phone.gop > 5 and phone.heard is None for phone in right)
    for i, (before, after) in enumerate(zip(right, wrong, strict=True)):
        if i == swapped:
            assert after.gop < -5
            assert after.heard == after.rival == after.nbest[0].phone == said[i]
        else:
            assert after.heard is None
            assert after.gop > 3
            # two phones away nothing is felt; next door the sound could also be a substitution there
            assert after.gop == pytest.approx(before.gop, abs=0.5 if abs(i - swapped) > 1 else 10)
    for i, (before, after) in enumerate(zip(right, heard_in_context(emission, asked), strict=True)):
        if i == swapped:
            assert (after.heard, after.nbest[0].phone) == (said[i], said[i])
            assert after.gop < -5
        else:  # in context the neighbours are untouched
            assert after.gop == pytest.approx(before.gop, abs=1e-9)


def test_context_is_the_text_itself_where_nothing_fits_better():
    said = "K AE T S".split()
    emission = spoken(" ".join(said))
    targets = [SYMBOLS.index(phone) for phone in said]
    plain, context = ratios(emission.log_probs, targets), in_context(emission.log_probs, targets)
    for name in ("log_likelihood", "substitution", "deletion", "occupancy"):
        np.testing.assert_allclose(getattr(context, name), getattr(plain, name), atol=1e-9)


def test_several_errors_are_heard_in_context():
    evidence = heard_in_context(spoken("S IH NG K".replace("NG", "N")), "TH IY N K T".split())
    assert [phone.heard for phone in evidence] == ["S", "IH", None, None, ""]
    assert evidence[4].gop < -3
    unchanged = in_context(spoken("S IH N K").log_probs, [SYMBOLS.index("TH")], max_changes=0)
    assert unchanged.substitution.shape == (1, len(SYMBOLS) - 1)
    assert in_context(np.log([[0.6, 0.4]]), []).log_likelihood == pytest.approx(np.log(0.6))
    with pytest.raises(InputError, match="too short"):
        in_context(np.log(np.full((2, 3), 1 / 3)), [1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_context_follows_the_texts_it_stands_for(seed):
    # the slow twin: change greedily by walking all texts, then compare each phone in the final one
    rng = np.random.default_rng(seed)
    frames = random_frames(rng, 5, 4)
    truth = all_texts(frames)
    canonical: tuple[int, ...] = tuple(rng.integers(1, 4, 3).tolist())
    if truth[canonical] == -np.inf:
        return
    found = in_context(frames, canonical)
    heard = list(canonical)

    def likelihood(i, said):
        return truth[tuple(p for p in [*heard[:i], said, *heard[i + 1 :]] if p)]

    while True:
        best = max(itertools.product(range(3), range(4)), key=lambda change: likelihood(*change))
        if likelihood(*best) <= truth[tuple(p for p in heard if p)] + 1e-6:
            break
        heard[best[0]] = best[1]  # 0 is "left out"
    for i in range(3):
        expected = [difference(likelihood(i, said), likelihood(i, canonical[i])) for said in (1, 2, 3, 0)]
        assert [*found.substitution[i], found.deletion[i]] == pytest.approx(expected, abs=1e-9)


def test_a_phone_left_out_is_heard_as_nothing():
    _, evidence = judged(spoken("K AE S"), "K AE T S")
    assert [phone.heard for phone in evidence] == [None, None, "", None]
    assert evidence[2].nbest[0].phone == ""


def test_an_omitted_word_shows_in_the_word_deletions():
    found, _ = judged(spoken("DH AH S AE T"), "DH AH | K IH D | S AE T")
    assert found.word_deletion.shape == (3,)
    assert found.word_deletion[1] > 10
    # without "DH AH" the phones of the omitted word would fill the place: less likely all the same
    assert found.word_deletion[0] < found.word_deletion[1] - 10
    assert found.word_deletion[2] < -10


def test_the_posterior_follows_the_ratios_and_the_prior():
    frames = np.log(np.array([[0.2, 0.2, 0.6]] * 3))
    found = ratios(frames, [1])
    (flat,) = gop(found, [1], ["", "a", "b"])
    odds = np.exp([0.0, found.substitution[0, 1], found.deletion[0]])
    assert flat.probability == pytest.approx(1 / odds.sum())
    assert (flat.heard, flat.rival) == ("b", "b")
    assert flat.gop == pytest.approx(-found.substitution[0, 1])
    assert sum(candidate.probability for candidate in flat.nbest) == pytest.approx(1.0)
    prior = np.array([[0.98, 0.01, 0.01], [0.1, 0.8, 0.1]])
    (informed,) = gop(found, [1], ["", "a", "b"], prior=prior, n_best=2)
    assert informed.probability == pytest.approx(0.98 / (odds * prior[0]).sum())
    assert (informed.heard, informed.rival, len(informed.nbest)) == (None, "b", 2)
    assert informed.gop == flat.gop  # the likelihood ratio does not know the prior


def test_in_a_tie_the_canonical_phone_was_heard():
    found = ratios(np.log(np.full((3, 3), 1 / 3)), [2])
    (evidence,) = gop(found, [2], ["", "a", "b"])
    assert evidence.gop == pytest.approx(0.0, abs=1e-12)
    assert (evidence.heard, evidence.nbest[0].phone) == (None, "b")


@pytest.mark.parametrize("prior", [np.ones((3, 3)), np.array([[0.0, 0.5, 0.5]] * 2), -np.ones((2, 3))])
def test_a_prior_that_is_none_is_refused(prior):
    found = ratios(np.log(np.full((3, 3), 1 / 3)), [2])
    with pytest.raises(ValueError, match="prior"):
        gop(found, [2], ["", "a", "b"], prior=prior)


def test_blocks_do_not_show():
    # more frames than one block, and a text that ends in the last frame
    rng = np.random.default_rng(8)
    frames = random_frames(rng, 129, 5, 1.0)
    found = ratios(frames, [1, 2, 2, 3], insertions=True)
    for i, k in itertools.product(range(4), range(4)):
        text = [1, 2, 2, 3]
        text[i] = k + 1
        changed = ctc.log_likelihood(ctc.forward(frames, text))
        assert found.substitution[i, k] == pytest.approx(changed - found.log_likelihood, abs=1e-10)


def test_measure_takes_the_variant_that_was_said():
    emission = spoken("DH AH K AE T")
    alignment = align(emission, [word("DH IY", "DH AH"), word("K AE T")])
    found = measure(emission, alignment, insertions=True)
    assert found.substitution.shape == (5, len(SYMBOLS) - 1)
    assert found.insertion.shape == (6, len(SYMBOLS) - 1)
    assert (found.substitution < 1e-9).all()


@pytest.mark.parametrize("scale", [1.0, 50.0, 2000.0])
def test_adding_in_place_is_the_same_as_the_slow_sum(scale):
    rng = np.random.default_rng(1)
    total, more = rng.normal(size=(2, 40, 39)) * scale
    total[:4], more[2:6] = -np.inf, -np.inf
    more[7] = total[7]
    wanted = np.logaddexp(total, more)
    log_add(total, more, np.empty_like(total))
    np.testing.assert_array_equal(np.isneginf(total), np.isneginf(wanted))
    np.testing.assert_allclose(total, wanted, rtol=1e-14, atol=1e-14)


def test_changes_and_insertions_walk_together_as_they_walk_apart():
    rng = np.random.default_rng(2)
    frames, text = random_frames(rng, 90, 40, 3.0), rng.integers(1, 40, 12).tolist()
    alone, together = ratios(frames, text), ratios(frames, text, insertions=True)
    np.testing.assert_array_equal(alone.substitution, together.substitution)
    np.testing.assert_array_equal(alone.deletion, together.deletion)
