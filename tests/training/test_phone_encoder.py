from __future__ import annotations

import errno
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from recipes import finetune_phones
from recipes.finetune_phones import Config
from recipes.shared import settings, synthetic
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, ModelError, StorageError
from speechtutor.models.phone_encoder import PhoneEncoder
from speechtutor.training import loop
from speechtutor.training.phone_encoder import Example, Recipe, Trainer, average, batches, forced_spans


def examples(tmp_path: Path) -> tuple[Config, list[Example], list[Example]]:
    path = synthetic.corpus(tmp_path / "corpus")
    cfg = Config(manifest=path, root=path.parent, base=str(synthetic.tiny_whisper(tmp_path / "base")))
    train, dev = finetune_phones.read_rows(cfg.manifest, cfg.root)
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
    fold = settings.fold_of(["b", "a", "c", "a", "d"], 2)
    assert fold == {"a": 0, "b": 1, "c": 0, "d": 1}


def test_a_test_row_never_enters_a_trainer(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path / "corpus")
    rows = manifest.read(path)
    manifest.write(path, [replace(row, split="test" if row.split == "dev" else row.split) for row in rows])
    with pytest.raises(InputError, match=r"row 9 \(u8\): a test row"):
        finetune_phones.read_rows(path, Config().root)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    recipe = Recipe(epochs=2, batch_seconds=4.0, warm_utterances=4, bf16=False, patience=9)
    whole = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "whole")
    history = whole.fit(train, dev)

    class Stopped(Exception):
        pass

    class Fragile(Trainer):
        def _save_checkpoint(self, *args: Any) -> None:
            super()._save_checkpoint(*args)
            raise Stopped

    with pytest.raises(Stopped):
        Fragile(finetune_phones.build_model(cfg), recipe, tmp_path / "parts").fit(train, dev)
    resumed = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "parts")
    assert resumed.fit(train, dev) == [pytest.approx(row, nan_ok=True) for row in history]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_run_that_was_asked_to_stop_inside_an_epoch_ends_as_one_that_was_not(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    recipe = Recipe(epochs=2, batch_seconds=4.0, warm_utterances=4, bf16=False, patience=0)
    whole = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "whole")
    history = whole.fit(train, dev)
    asked_at = 2
    assert asked_at < whole.plan.ends[0]

    class Asked(Trainer):
        def batch_loss(self, batch: Any) -> torch.Tensor:
            self.interrupt.asked = self.state.global_step + 1 == asked_at
            return super().batch_loss(batch)

    with pytest.raises(KeyboardInterrupt):
        Asked(finetune_phones.build_model(cfg), recipe, tmp_path / "parts").fit(train, dev)
    assert loop.last_checkpoint(tmp_path / "parts") == tmp_path / "parts" / f"checkpoint-{asked_at}"
    resumed = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "parts")
    assert resumed.fit(train, dev) == [pytest.approx(row, nan_ok=True) for row in history]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    # Started once more it learns nothing: everything is done.
    again = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "parts")
    again.batch_loss = lambda batch: pytest.fail("a step too many")  # type: ignore[method-assign]
    assert again.fit(train, dev) == [pytest.approx(row, nan_ok=True) for row in history]


def test_a_checkpoint_of_an_earlier_version_is_not_written_over(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "last.pt").touch()
    with pytest.raises(InputError, match=r"last\.pt is of an earlier version: choose another --out"):
        Trainer(finetune_phones.build_model(cfg), Recipe(warm_utterances=0), tmp_path / "out").fit(train, dev)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    cfg, train, dev = examples(tmp_path)
    broken = [replace(e, samples=np.full_like(e.samples, np.nan)) for e in train]
    model, recipe = finetune_phones.build_model(cfg), Recipe(warm_utterances=0, bf16=False)
    says = r"the loss is nan at step 0, epoch 0, row u.*: there is no checkpoint"
    with pytest.raises(ModelError, match=says):
        Trainer(model, recipe, tmp_path / "out").fit(broken, dev)


def test_a_disk_that_is_full_costs_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, train, dev = examples(tmp_path)
    recipe = Recipe(epochs=2, batch_seconds=12.0, warm_utterances=0, bf16=False, rater_weight=0.0)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(StorageError, match=r"the checkpoints need .* and 0 MB are free"):
        Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "out").fit(train, dev)
    monkeypatch.undo()
    save, second = torch.save, tmp_path / "out" / "checkpoint-2"

    def refuse(content: Any, path: Any) -> None:
        if Path(path).parent == second:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, path)

    monkeypatch.setattr(torch, "save", refuse)
    with pytest.raises(StorageError, match="out: No space left on device"):
        Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "out").fit(train, dev)
    assert loop.last_checkpoint(tmp_path / "out") == tmp_path / "out" / "checkpoint-1"
    monkeypatch.undo()
    whole = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "whole").fit(train, dev)
    resumed = Trainer(finetune_phones.build_model(cfg), recipe, tmp_path / "out").fit(train, dev)
    assert resumed == [pytest.approx(row, nan_ok=True) for row in whole]


def damaged(tmp_path: Path, fault: str, path: Path) -> None:
    """A corpus of twelve with one fault in row 7."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    file = tmp_path / path.parent / rows[6]["audio"]
    data = file.read_bytes()
    if fault == "missing":
        file.unlink()
    elif fault == "empty":
        file.write_bytes(b"")
    elif fault == "cut off":
        file.write_bytes(data[: len(data) // 2])
    elif fault == "damaged inside":
        middle = len(data) // 2
        file.write_bytes(data[:middle] + bytes(2000) + data[middle + 2000 :])
    elif fault == "twice":
        rows[6]["id"] = rows[2]["id"]
    elif fault == "two splits":
        rows[6]["split"] = "dev"
    elif fault == "test row":
        rows[6] |= {"split": "test", "speaker": "new"}
    elif fault == "no scores":
        rows[6] |= {"scores": None, "words": None}
    elif fault == "odd rate":
        soundfile.write(file, np.zeros(800, dtype=np.float32), 800)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")


FAULTS = {
    "missing": r"row 7 \(u6\): .*u6\.flac: No such file",
    "empty": r"row 7 \(u6\): .*u6\.flac",
    "cut off": r"row 7 \(u6\): .*u6\.flac",
    "damaged inside": r"u6.*u6\.flac",
    "twice": r"row 7 \(u2\): the id already stands in row 3",
    "two splits": r"row 7 \(u6\): speaker train2 is in dev here and in train at u2",
    "test row": r"row 7 \(u6\): a test row",
    "no scores": r"row 7 \(u6\): no canonical phones",
    "odd rate": r"row 7 \(u6\): .*800 Hz, expected",
}


@pytest.mark.parametrize(("fault", "says"), FAULTS.items(), ids=list(FAULTS))
@pytest.mark.parametrize("where", ["manifest", "extra"])
def test_a_bad_row_is_named_before_anything_is_trained(
    tmp_path: Path, where: str, fault: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = synthetic.corpus(tmp_path / "corpus")
    cfg = Config(manifest=path, root=path.parent, out=tmp_path / "out", base="none")
    if where == "extra":
        other = manifest.write(tmp_path / "other" / "rows.jsonl", [
            replace(row, id=f"{row.id}", speaker=f"voice-{row.speaker}") for row in manifest.read(path)[:8]
        ]).path  # fmt: skip
        for row in manifest.read(other):
            shutil.copy(path.parent / row.audio, other.parent / row.audio)
        cfg = replace(cfg, manifest=synthetic.corpus(tmp_path / "main"), extra=[other])
        cfg = replace(cfg, root=tmp_path / "main")
        renamed(cfg.manifest)
        path, says = other, says.replace("train2 is", "voice-train2 is")
    damaged(tmp_path, fault, path)
    monkeypatch.setattr(finetune_phones, "build_model", lambda cfg: pytest.fail("a model was loaded"))
    with pytest.raises(InputError, match=says):
        finetune_phones.run(cfg)
    assert not cfg.out.exists()


def renamed(path: Path) -> None:
    """Other ids, so that two corpora can be used together."""
    path.write_text(path.read_text("utf-8").replace('"id": "u', '"id": "main-u'), "utf-8")


def test_further_rows_are_strangers_to_dev(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path / "corpus")
    rows = manifest.read(path)
    other = manifest.write(path.parent / "more.jsonl", [rows[0]]).path
    cfg = Config(manifest=path, root=path.parent, extra=[other])
    with pytest.raises(InputError, match=r"more.jsonl, row 1 \(u0\): the id stands in another manifest"):
        finetune_phones.extra_rows(cfg, rows)
    manifest.write(other, [replace(rows[0], id="new", speaker=rows[-1].speaker)])
    with pytest.raises(InputError, match=r"row 1 \(new\): speaker dev3 is in dev of"):
        finetune_phones.extra_rows(cfg, rows)
    manifest.write(other, [replace(rows[0], id="new", split="dev", speaker="x")])
    with pytest.raises(InputError, match="a dev row; only train rows may be added"):
        finetune_phones.extra_rows(cfg, rows)


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


@pytest.mark.parametrize("wanted", [True, False])
def test_full_precision_is_full_from_the_warm_up_to_the_evaluation(
    wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[bool] = set()
    real = PhoneEncoder.forward

    def watched(self: PhoneEncoder, features: list[torch.Tensor]) -> Any:
        seen.add(torch.is_autocast_enabled("cpu"))
        return real(self, features)

    monkeypatch.setattr(PhoneEncoder, "forward", watched)
    finetune_phones.run(finetune_phones.Config(out=tmp_path, smoke=True, bf16=wanted))
    assert seen == {wanted}


def test_a_recording_that_is_not_heard_to_its_end_is_refused_by_name(tmp_path: Path) -> None:
    rows = synthetic.corpus(tmp_path)
    base = synthetic.tiny_whisper(tmp_path / "base")
    synthetic.tone(tmp_path / "u3.flac", seconds=30.5)
    cfg = finetune_phones.Config(manifest=rows, root=tmp_path, out=tmp_path / "run", base=str(base), epochs=1)
    with pytest.raises(InputError, match=r"row u3: 30\.5 s, and the encoder hears 30 s"):
        finetune_phones.run(cfg)
    assert not (tmp_path / "run").exists()
