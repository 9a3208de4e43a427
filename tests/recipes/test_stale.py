"""Work is known by what it was made from: the failing sequence of every kind of kept work."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import ablate_scorer, train_scorer
from recipes.shared import feature_cache, settings, synthetic
from speechtutor import config, hub
from speechtutor.core import Emission, Recording, Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import journal, provenance
from speechtutor.hub import shipped
from speechtutor.models import acoustic

QUIET: Mapping[str, Any] = {"smoke": True}
LOGLESS: Mapping[str, Any] = QUIET | {"tensorboard": False}

TRAININGS: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("finetune_phones", QUIET, {"encoder_rate": 1e-2, "seed": 7}),
    ("finetune_ear", QUIET, {"encoder_rate": 1e-2, "seed": 7}),
    ("finetune_whisper", LOGLESS, {"rate": 0.5, "seed": 7}),
    ("finetune_wav2vec2", LOGLESS, {"rate": 0.5, "seed": 7}),
    ("finetune_tutor", QUIET, {"rate": 0.5, "seed": 7}),
]


def weights(out: Path) -> dict[str, bytes]:
    found = [path for path in out.rglob("*") if path.suffix in (".pt", ".safetensors")]
    return {str(path): path.read_bytes() for path in found if "base" not in path.parts}


# Checkpoints


@pytest.mark.parametrize(("recipe", "common", "other"), TRAININGS, ids=[name for name, *_ in TRAININGS])
def test_a_folder_holds_one_training(
    recipe: str, common: Mapping[str, Any], other: Mapping[str, Any], tmp_path: Path
) -> None:
    module = importlib.import_module(f"recipes.{recipe}")
    first = module.run(module.Config(out=tmp_path, **common))
    record, kept = config.recorded(tmp_path), weights(tmp_path)
    for name, value in other.items():
        with pytest.raises(
            InputError, match=rf"{name} was .* and is {value}.*choose another --out"
        ) as caught:
            module.run(module.Config(out=tmp_path, **common, **{name: value}))
        assert "\n" not in str(caught.value)
    # The refused runs changed nothing, and the same settings go on.
    assert config.recorded(tmp_path) == record and weights(tmp_path) == kept
    assert [sorted(row) for row in module.run(module.Config(out=tmp_path, **common))] == [
        sorted(row) for row in first
    ]


def test_what_was_read_counts_by_its_bytes(tmp_path: Path) -> None:
    rows = synthetic.corpus(tmp_path)
    cfg = settings.Settings(manifest=rows, root=tmp_path, out=tmp_path / "out")
    before = settings.mark(cfg, manifest=rows, audio=sorted(tmp_path.glob("*.flac")))
    moved = replace(cfg, out=tmp_path / "elsewhere", cpu=True, save_every=7, workers=3, smoke=True)
    assert settings.mark(moved, manifest=rows, audio=sorted(tmp_path.glob("*.flac"))) == before
    synthetic.tone(tmp_path / "u0.flac")
    after = settings.mark(cfg, manifest=rows, audio=sorted(tmp_path.glob("*.flac")))
    assert {key for key in after if after[key] != before[key]} == {"audio"}
    rows.write_text(rows.read_text(encoding="utf-8").replace("HELLO", "HALLO"), encoding="utf-8")
    assert settings.mark(cfg, manifest=rows)["manifest"] != before["manifest"]


def test_work_that_does_not_say_what_it_is_of_is_refused(tmp_path: Path) -> None:
    (tmp_path / "last.pt").touch()
    with pytest.raises(InputError, match="does not say what it was made from: choose another --out"):
        config.begin(settings.Settings(), tmp_path, {"seed": 0}, work=("last.pt",))
    assert not (tmp_path / config.FILE).exists()


# Cues


class Counting:
    """An acoustic model that counts what it hears."""

    def __init__(self, folder: Path) -> None:
        self.model, self.n = acoustic.load(folder, "cpu"), 0

    def emit(self, recording: Recording) -> Emission:
        self.n += 1
        return self.model.emit(recording)


def test_cues_are_those_of_row_recording_and_model(tmp_path: Path) -> None:
    rows = manifest.read(synthetic.corpus(tmp_path, n_train=3, n_dev=0))
    model = Counting(synthetic.tiny_acoustic(tmp_path / "model"))

    def heard(rows: list[Utterance], known: str = "one") -> int:
        before = model.n
        found = train_scorer.seen(
            rows, tmp_path, model, tmp_path / f"fold0{feature_cache.SUFFIX}", known=known
        )
        assert found.keys() == {row.id for row in rows}
        return model.n - before

    assert heard(rows) == 3
    assert heard(rows) == 0, "what is there is found again"
    assert heard(rows, "another encoder") == 3
    assert heard(rows, "another encoder") == 0
    shutil.copy(tmp_path / "u1.flac", tmp_path / "u0.flac")
    assert heard(rows, "another encoder") == 1, "the recording changed"
    changed = [replace(rows[0], phones=(("HH", "AH", "L", "UW"), ("DH", "EH", "R"))), *rows[1:]]
    assert heard(changed, "another encoder") == 1, "the row changed"


def test_cues_come_back_as_they_were(tmp_path: Path) -> None:
    rows = manifest.read(synthetic.corpus(tmp_path, n_train=2, n_dev=0))
    model, path = Counting(synthetic.tiny_acoustic(tmp_path / "model")), tmp_path / "dev.features"
    made = train_scorer.seen(rows, tmp_path, model, path, known="one")
    for row_id, kept in feature_cache.read(path).items():
        for part in ("features", "mutant"):
            for name in feature_cache._ARRAYS:
                was, found = (getattr(getattr(seen, part), name) for seen in (made[row_id], kept.seen))
                assert np.array_equal(was, found, equal_nan=True) and was.dtype == found.dtype
        assert (kept.seen.wrong, kept.seen.own, kept.seen.other) == (
            made[row_id].wrong, made[row_id].own, made[row_id].other,
        )  # fmt: skip
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"dev\.features holds no features: .*; remove it"):
        feature_cache.read(path)


def test_an_ablation_refuses_cues_of_other_rows(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path, n_train=2, n_dev=2)
    model = Counting(synthetic.tiny_acoustic(tmp_path / "model"))
    for split, stem in (("train", "fold0"), ("dev", "dev")):
        rows = [row for row in manifest.read(path) if row.split == split]
        train_scorer.seen(rows, tmp_path, model, tmp_path / f"{stem}{feature_cache.SUFFIX}", known="one")
    changed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    changed[0]["text"] = "HALLO THERE"
    path.write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"holds cues of another row u0 than .*rows\.jsonl: run train_scorer again"
    ):
        ablate_scorer.run(ablate_scorer.Config(manifest=path, cues=tmp_path, out=tmp_path / "a"))


# Evaluations


def test_a_shipped_adapter_is_part_of_what_was_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base's revision is pinned; the adapter that ships beside it may be another after an upgrade."""
    shutil.copytree(shipped.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "weights")
    system = provenance.system(
        "whisper-base-learners", "whisper-base", hub.checkpoint("whisper-base").revision
    )
    before = provenance.fingerprint("asr", system, {})
    out = tmp_path / "run"
    journal.begin(out, {"fingerprint": before})
    (out / journal.ROWS).touch()
    journal.begin(out, {"fingerprint": provenance.fingerprint("asr", system, {})})
    adapter = tmp_path / "weights" / "whisper-base-learners" / "adapter_model.safetensors"
    content = bytearray(adapter.read_bytes())
    content[-1] ^= 1
    adapter.write_bytes(content)
    with pytest.raises(InputError, match=r"shipped weights was .* choose another --out"):
        journal.begin(out, {"fingerprint": provenance.fingerprint("asr", system, {})})
