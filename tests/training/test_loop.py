from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from recipes.shared import settings, synthetic
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from speechtutor.training import clips, loop
from speechtutor.training.augment import SPEEDS, Augment
from speechtutor.training.clips import Buckets, Clips
from speechtutor.training.loop import WHOLE, best, last_checkpoint, spelled


def test_an_epoch_holds_every_clip_once_in_batches_of_like_length() -> None:
    seconds = [1.0 + i % 10 for i in range(103)]
    epoch = [0]
    order = Buckets(seconds, 10, 0, lambda: epoch[0])
    first = list(order)
    assert sorted(first) == list(range(103)) and list(order) == first
    spreads = [
        max(seconds[i] for i in first[k : k + 10]) - min(seconds[i] for i in first[k : k + 10])
        for k in range(0, 100, 10)
    ]
    # A length is jittered by a tenth: clips of 10 s and 8.2 s may meet, those of 10 s and 5 s may not.
    assert max(spreads) <= 3
    epoch[0] = 2
    # The number says the epoch, too, so that the augmentation can follow from it.
    assert sorted(i - 2 * 103 for i in order) == sorted(first) and [i - 206 for i in order] != first


def test_an_item_follows_from_seed_epoch_and_clip_alone(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path, n_train=3, n_dev=1)
    rows = manifest.read(path)
    heard = [clips.clip(row, tmp_path, row.id) for row in rows]

    def made(seed: int) -> Clips:
        prepare = lambda clip, augment: {"wave": augment.wave(clip.wave())}  # noqa: E731
        return Clips(heard, prepare, Augment(random.Random(5)), seed)

    first = made(1)[2]["wave"]
    torch.rand(7)
    other = made(1)
    other[0], other[1]
    assert torch.equal(other[2]["wave"], first)
    assert not torch.equal(made(2)[2]["wave"], first)
    assert other[2 + len(heard)]["wave"].shape != first.shape or not torch.equal(other[6]["wave"], first)


def test_what_was_warped_is_told() -> None:
    torch.manual_seed(0)
    augment = Augment(random.Random(0), noise=0.0)
    for _ in range(8):
        made, factor, left = augment.warp(torch.ones(16_000))
        assert factor in SPEEDS and 0 <= left <= 3200
        assert made[:left].eq(0).all() and made[left + 200].abs() > 0.1
        assert abs(len(made.nonzero()) - 16_000 / factor) < 20
    assert Augment(random.Random(0), speed=False, noise=0.0).warp(torch.ones(100))[1] == 1.0


def test_only_a_whole_checkpoint_counts(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step, whole in ((9, True), (50, True), (100, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole:
            (folder / WHOLE).touch()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-50"


def test_best_counts_what_came_after_it() -> None:
    rows: list[dict[str, Any]] = [{"loss": 1.0}, {"eval_wer": 0.5}, {"eval_wer": 0.3}, {"eval_wer": 0.3}]
    assert best(rows, "eval_wer") == (0.3, 1)
    assert best(rows[:1], "eval_wer") == (float("inf"), 0)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, os.strerror(28)),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28) code: 28"),
        RuntimeError(
            "[enforce fail at inline_container.cc:603] PytorchStreamWriter failed writing file data/5"
        ),
    ],
)
def test_a_full_disk_is_named(tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(loop.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match=f"{tmp_path}: No space left on device"), spelled(tmp_path):
        raise error
    with pytest.raises(StorageError, match="need 12 MB"):
        loop.reserve(tmp_path / "run", 12_000_000)


def test_another_error_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"), spelled(tmp_path):
        raise RuntimeError("shapes do not match")


def rows_with(tmp_path: Path, **changes: Any) -> Path:
    path = synthetic.corpus(tmp_path)
    rows = manifest.read(path)
    rows[6] = replace(rows[6], **changes)
    # Written as another tool might, unchecked.
    lines = (manifest.row_of(row) for row in rows)
    path.write_text("".join(f"{manifest.json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_a_test_row_is_refused_by_name(tmp_path: Path) -> None:
    path = rows_with(tmp_path, split="test", speaker="somebody")
    with pytest.raises(InputError, match=r"row 7 \(u6\): a test row"):
        settings.read_rows(path)


def test_a_speaker_in_two_splits_is_refused_by_name(tmp_path: Path) -> None:
    path = rows_with(tmp_path, split="dev")
    with pytest.raises(InputError, match=r"row 7 .*speaker train2 is in dev here and in train"):
        settings.read_rows(path)


def test_damaged_audio_is_named_before_the_training(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path)
    (tmp_path / "u6.flac").write_bytes(b"fLaC no more")
    cfg = settings.Settings(manifest=path, root=tmp_path)
    with pytest.raises(InputError, match=r"row 7 \(u6\): .*u6\.flac"):
        settings.read_clips(cfg)
    (tmp_path / "u6.flac").unlink()
    with pytest.raises(InputError, match=r"row 7 \(u6\): .*u6\.flac"):
        settings.read_clips(cfg)


def test_headers_are_read_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = synthetic.corpus(tmp_path)
    (tmp_path / "u6.flac").unlink()
    (tmp_path / "u9.flac").write_bytes((tmp_path / "u9.flac").read_bytes()[:9000])
    monkeypatch.setattr(clips, "clip", lambda *args: pytest.fail("a recording was decoded"))
    with pytest.raises(InputError, match=r"row 7 \(u6\): .*No such file.*; also bad \(1\): row 10 \(u9\)"):
        settings.read_clips(settings.Settings(manifest=path, root=tmp_path))


def test_rows_to_train_on_and_to_stop_by_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    manifest.write(path, [Utterance("u", "u.wav", "hi", "ann", "train")])
    with pytest.raises(InputError, match="no dev rows"):
        settings.read_rows(path)
    manifest.write(path, [Utterance("u", "u.wav", "hi", "ann", "dev")])
    with pytest.raises(InputError, match="no train rows"):
        settings.read_rows(path)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"rate": 0.0}, {"warmup": 1.0}, {"noise": 2.0}])
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings.Settings(**wrong)


@pytest.mark.parametrize("seconds", [26.6, 27.3, 29.95, 30.0, 31.0])
def test_augmentation_makes_nothing_longer_than_is_heard(seconds: float) -> None:
    """A slow copy of 27 s would be cut at 30 s, and its last words taught as said."""
    samples, lengths = torch.zeros(round(seconds * 16_000)), []
    for seed in range(12):
        torch.manual_seed(seed)
        lengths.append(len(Augment(random.Random(seed)).wave(samples)))
    assert max(lengths) <= max(30 * 16_000, len(samples))
    # It still makes copies of other lengths.
    assert len(set(lengths)) > 1 and min(lengths) < len(samples)
