from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recipes import finetune_phones, synthetic
from recipes.finetune_phones import Config
from speechtutor import manifest
from speechtutor.errors import InputError, ModelError
from speechtutor.models.phone_training import Example, Recipe, Trainer, average, batches, forced_spans


def examples(tmp_path: Path) -> tuple[Config, list[Example], list[Example]]:
    path = synthetic.corpus(tmp_path / "corpus")
    cfg = Config(manifest=path, root=path.parent, base=str(synthetic.tiny_whisper(tmp_path / "base")))
    train, dev = finetune_phones.read_rows(cfg)
    return (
        cfg,
        [finetune_phones.example(r, cfg.root) for r in train],
        [finetune_phones.example(r, cfg.root) for r in dev],
    )


def test_batches_hold_every_example_once_and_keep_to_the_limit(tmp_path: Path) -> None:
    _, train, _ = examples(tmp_path)
    made = list(batches(train, 4.0, random.Random(0)))
    assert sorted(e.id for batch in made for e in batch) == sorted(e.id for e in train)
    assert all(max(e.duration for e in batch) * len(batch) <= 4.0 for batch in made)


def test_folds_leave_out_whole_speakers() -> None:
    fold = finetune_phones.fold_of(["b", "a", "c", "a", "d"], 2)
    assert fold == {"a": 0, "b": 1, "c": 0, "d": 1}


def test_a_test_row_never_enters_a_trainer(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path / "corpus")
    rows = manifest.read(path)
    manifest.write(path, [replace(row, split="test" if row.split == "dev" else row.split) for row in rows])
    with pytest.raises(InputError, match="test rows"):
        finetune_phones.read_rows(Config(manifest=path))


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    recipe = Recipe(epochs=2, batch_seconds=4.0, warm_utterances=4, bf16=False, patience=9)
    whole = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "whole")
    history = whole.fit(train, dev)

    class Stopped(Exception):
        pass

    class Fragile(Trainer):
        def _save(self, *args: object) -> None:
            super()._save(*args)  # type: ignore[arg-type]
            raise Stopped

    with pytest.raises(Stopped):
        Fragile(finetune_phones.build_model(cfg), recipe, tmp_path / "parts").fit(train, dev)
    resumed = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "parts")
    assert resumed.fit(train, dev) == [pytest.approx(row, nan_ok=True) for row in history]
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, resumed.model.state_dict()[name], atol=1e-6), name


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    broken = [replace(e, samples=np.full_like(e.samples, np.nan)) for e in train]
    with pytest.raises(ModelError, match="the loss is nan"):
        Trainer(
            finetune_phones.build_model(cfg), Recipe(warm_utterances=0, bf16=False), tmp_path / "out"
        ).fit(broken, dev)


def test_a_recording_too_short_for_its_phones_has_no_spans() -> None:
    log_probs = torch.full((3, 40), -3.7)
    assert forced_spans(log_probs, torch.tensor([1, 2, 3, 4])) is None
    assert forced_spans(log_probs, torch.tensor([1, 1, 1])) is None  # two blanks between repeats are needed
    assert forced_spans(log_probs, torch.tensor([1, 2])) is not None


def test_the_average_of_weights_by_hand() -> None:
    states = [{"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}]
    assert average(states)["w"].tolist() == [2.0, 2.0]


def test_lora_trains_only_its_own_matrices(tmp_path: Path) -> None:
    cfg, _, _ = examples(tmp_path)
    model = finetune_phones.build_model(replace(cfg, lora=2))
    trained = {n for n, p in model.named_parameters() if p.requires_grad and n.startswith("encoder.")}
    assert trained and all("lora_" in name for name in trained)
