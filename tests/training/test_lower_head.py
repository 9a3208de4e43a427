"""The head on a lower layer: what it learns, what a checkpoint with it hears, and who listens to it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from recipes import train_lower_head
from recipes.shared import synthetic
from speechtutor.core import Emission, Recording
from speechtutor.errors import InputError, ModelError
from speechtutor.models.acoustic import LOWER, load, restore
from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.scoring.observe import joined
from speechtutor.scoring.signs import views
from speechtutor.training.lower_head import Clip, Recipe, clip, fit
from speechtutor.training.phone_adapter import save

SPEECH = Recording(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ear") / "ear"
    train_lower_head.run(train_lower_head.Config(out=out, smoke=True))
    return out / "ear"


def test_a_checkpoint_with_the_head_hears_twice_in_one_pass(ear: Path, tmp_path: Path) -> None:
    emission = load(ear).emit(SPEECH)
    assert emission.lower is not None and emission.lower.shape == emission.log_probs.shape
    np.testing.assert_allclose(np.exp(emission.lower).sum(1), 1, rtol=1e-3)
    shutil.copytree(ear, tmp_path / "plain")
    known = json.loads((ear / "config.json").read_text(encoding="utf-8"))
    del known["lower"]
    (tmp_path / "plain" / "config.json").write_text(json.dumps(known), encoding="utf-8")
    plain = load(tmp_path / "plain").emit(SPEECH)
    assert plain.lower is None
    np.testing.assert_array_equal(plain.log_probs, emission.log_probs)


def test_an_ear_that_is_trained_further_leaves_the_head_of_its_old_layers(ear: Path, tmp_path: Path) -> None:
    base = json.loads((ear / "config.json").read_text(encoding="utf-8"))["base"]
    save(restore(ear)[0], base, tmp_path / "next", 4, rated=False)
    assert load(tmp_path / "next").emit(SPEECH).lower is None


def test_weights_that_do_not_fit_are_refused_in_one_line(ear: Path, tmp_path: Path) -> None:
    shutil.copytree(ear, tmp_path / "ear")
    rest = load_file(tmp_path / "ear" / "head.safetensors")
    save_file(rest | {"other.weight": torch.zeros(2)}, tmp_path / "ear" / "head.safetensors")
    with pytest.raises(ModelError, match=r"do not fit a phone recogniser: .*other\.weight"):
        load(tmp_path / "ear")


def test_a_damaged_head_is_named(ear: Path, tmp_path: Path) -> None:
    shutil.copytree(ear, tmp_path / "ear")
    (tmp_path / "ear" / LOWER).write_bytes(b"\0" * 64)
    with pytest.raises(ModelError, match="head on a lower layer"):
        load(tmp_path / "ear")


def test_only_a_layer_that_there_is_bears_a_head(tmp_path: Path) -> None:
    network = restore(synthetic.tiny_acoustic(tmp_path))[0]
    with pytest.raises(InputError, match="layer 9"):
        clip(network, SPEECH, ["S"], 9)
    with pytest.raises(InputError, match="no reading"):
        fit([], 1, Recipe(), 0)


def test_it_learns_what_the_states_say() -> None:
    """Each phone is a direction of its own for five frames; the best path becomes the target."""
    rng = torch.Generator().manual_seed(0)
    directions = 3 * torch.randn(len(SYMBOLS), 32, generator=rng)
    clips = []
    for _ in range(48):
        target = torch.randperm(len(SYMBOLS) - 1, generator=rng)[:4] + 1
        states = torch.cat([torch.cat([directions[k].repeat(5, 1), torch.zeros(2, 32)]) for k in target])
        clips.append(Clip(states.half(), target))
    head, loss = fit(clips, 1, Recipe(epochs=40, rate=1e-2), 0)
    assert loss < 0.5
    path = head(clips[0].states[None])[0].argmax(-1).tolist()
    heard = [k for k, before in zip(path, [0, *path], strict=False) if k and k != before]
    assert heard == clips[0].target.tolist()


def test_pieces_are_joined_and_both_opinions_are_asked() -> None:
    rows = np.log(np.full((10, len(SYMBOLS)), 1 / len(SYMBOLS), np.float32))
    one = Emission(rows, SYMBOLS, 0.02, lower=rows - 1)
    whole = joined([(0.0, one), (0.2, replace(one, lower=rows - 2))])
    assert whole.lower is not None
    assert whole.lower[0, 0] == rows[0, 0] - 1 and whole.lower[-1, 0] == rows[0, 0] - 2
    assert joined([(0.0, one), (0.2, replace(one, lower=None))]).lower is None
    plain = replace(one, lower=None)
    assert [view.log_probs[0, 0] for view in views([plain, one])] == [rows[0, 0], rows[0, 0], rows[0, 0] - 1]
    with pytest.raises(ValueError, match="lower"):
        Emission(rows, SYMBOLS, 0.02, lower=rows[:5])
