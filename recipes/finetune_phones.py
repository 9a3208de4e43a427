"""Train the phone recogniser that everything else listens with.

Data      data_manifests/speechocean762.jsonl (train; dev for early stopping)
Run       python -m recipes.finetune_phones --out runs/phones/fold0 --fold 0 --folds 3     (likewise 1 and 2)
          python -m recipes.finetune_phones --out runs/phones/all
Expect    see recipes/README.md
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recipes.shared import settings, synthetic
from speechtutor import audio, config, hub
from speechtutor.core import Utterance
from speechtutor.core.score import RATED_WRONG, UTTERANCE_ASPECTS
from speechtutor.corpora import manifest
from speechtutor.errors import AudioError, InputError
from speechtutor.files import fingerprint

if TYPE_CHECKING:
    from speechtutor.models.phone_encoder import PhoneEncoder
    from speechtutor.training.phone_encoder import Example

log = logging.getLogger("finetune_phones")


@dataclass(frozen=True)
class Config:
    """Which speakers train which encoder, and how."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/phones/all")
    """Folder for checkpoints; a run that was stopped goes on from what is there."""
    base: str = "whisper-base"
    """Model to start from: a name, a hub id or a folder of Whisper, Wav2Vec2, HuBERT or WavLM."""
    lora: int = 0
    """Rank of a LoRA on all linear layers; 0 trains the whole encoder but its convolutions."""
    rank: int = 64
    """Rank to which the trained change of each matrix is cut in the exported adapter."""
    folds: int = 0
    """Number of speaker folds; 0 trains on all train speakers."""
    fold: int = 0
    """Which fold of speakers to leave out."""
    init: list[Path] = field(default_factory=list)
    """Runs whose best weights are averaged to start from."""
    extra: list[Path] = field(default_factory=list)
    """More manifests to train on, such as that of make_mistakes; their audio lies beside them."""
    faithful: bool = False
    """Keep readings with a phone rated wrong out of the CTC loss: they do not say what the text says."""
    epochs: int = 7
    """Passes over the data."""
    batch_seconds: float = 48.0
    """Seconds of audio in a batch, padding included."""
    encoder_rate: float = 1e-4
    """Peak learning rate of the encoder."""
    head_rate: float = 1e-3
    """Peak learning rate of the heads."""
    rater_weight: float = 1.0
    """Weight of the raters' scores beside the CTC loss."""
    dev_rows: int = 125
    """How many dev utterances, evenly spread, decide about early stopping; 0 takes all."""
    seed: int = 0
    """Seed of order, augmentation and initial heads."""
    bf16: bool = True
    """Matrix products in bfloat16."""
    device: str = "cpu"
    """cpu or cuda."""
    smoke: bool = False
    """Train a tiny random encoder on three synthetic utterances."""


def read_rows(path: Path, root: Path) -> tuple[list[Utterance], list[Utterance]]:
    """Train and dev rows, with all that can be told without decoding checked; no test row among them.

    Raises:
        InputError: naming the row that cannot be trained on.
    """
    train, dev = settings.read_rows(path)
    _check([*train, *dev], root, path)
    return [row for _, row in train], [row for _, row in dev]


def extra_rows(cfg: Config, known: Sequence[Utterance]) -> list[tuple[Utterance, Path]]:
    """Rows of the further manifests with the folder of their audio, beside the rows that are known.

    Raises:
        InputError: naming a row that is not for training, is known already, is of a dev speaker, or
            cannot be trained on.
    """
    ids = {row.id for row in known}
    held_out = {row.speaker for row in known if row.split == "dev"}
    found = []
    for path in cfg.extra:
        named = settings.named(path)
        for where, row in named:
            if row.split != "train":
                raise InputError(f"{where}: a {row.split} row; only train rows may be added")
            if row.speaker in held_out:
                raise InputError(f"{where}: speaker {row.speaker} is in dev of {cfg.manifest}")
            if row.id in ids:
                raise InputError(f"{where}: the id stands in another manifest of this training")
            ids.add(row.id)
        _check(named, path.parent, path)
        found += [(row, path.parent) for _, row in named]
    return found


def _check(named: Sequence[tuple[str, Utterance]], root: Path, path: Path) -> None:
    for where, row in named:
        if row.scores is None or row.phones is None:
            raise InputError(f"{where}: no canonical phones with scores to train on")
    manifest.check_audio([row for _, row in named], root, str(path))


def example(row: Utterance, root: Path, *, faithful: bool = False) -> Example:
    """A manifest row as arrays; scores on the corpus's 0-2 scale.

    Raises:
        InputError: when the row has no canonical phones, or its recording is damaged.
    """
    from speechtutor.models.phone_encoder import SYMBOLS
    from speechtutor.training.phone_encoder import Example

    if row.scores is None or row.phones is None:
        raise InputError(f"{row.id} has no canonical phones to train on")
    column = {symbol: i for i, symbol in enumerate(SYMBOLS)}
    words = row.scores.words
    try:
        samples = audio.load(root / row.audio).samples
    except AudioError as error:
        raise InputError(f"row {row.id}: {error}") from None

    def numbers(values: Sequence[float | None]) -> np.ndarray:
        return np.array([np.nan if v is None else 2 * v for v in values], dtype=np.float32)

    return Example(
        id=row.id,
        samples=samples,
        phones=np.array([column[p] for word in row.phones for p in word], dtype=np.int64),
        words=np.array([i for i, word in enumerate(row.phones) for _ in word], dtype=np.int64),
        phone_scores=numbers([p.score for word in words for p in word.phones]),
        word_scores=numbers([word.score for word in words]),
        utterance_scores=numbers([getattr(row.scores, aspect) for aspect in UTTERANCE_ASPECTS]),
        faithful=not faithful
        or all(p.score is None or p.score >= RATED_WRONG for w in words for p in w.phones),
    )


def build_model(cfg: Config) -> PhoneEncoder:
    """The encoder of `base`, ready to train: convolutions frozen, LoRA in place when asked for."""
    import torch
    from transformers import AutoModel

    from speechtutor.models.convert import whisper_checkpoint
    from speechtutor.models.phone_encoder import PhoneEncoder

    torch.manual_seed(cfg.seed)
    model = AutoModel.from_pretrained(whisper_checkpoint(cfg.base), dtype=torch.float32)
    encoder = model.encoder if hasattr(model.config, "num_mel_bins") else model
    for name, parameter in encoder.named_parameters():
        if name.startswith(("conv", "embed_positions", "feature_extractor")):
            parameter.requires_grad_(False)
    if cfg.lora:
        from peft import LoraConfig, inject_adapter_in_model

        lora = LoraConfig(
            r=cfg.lora,
            lora_alpha=2 * cfg.lora,
            target_modules=["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
        )
        encoder = inject_adapter_in_model(lora, encoder)
    return PhoneEncoder(encoder)


def check_length(model: PhoneEncoder, examples: Sequence[Example]) -> None:
    """Refuse what the encoder cannot hear to its end, before hours of training end there.

    Raises:
        InputError: naming the longest recording.
    """
    longest = max(examples, key=lambda e: e.duration)
    encoder: Any = model.encoder
    most = encoder.config.max_source_positions / 50 if model.is_whisper else float("inf")
    if longest.duration > most:
        told = f"{longest.duration:.1f} s, and the encoder hears {most:g} s: take it out or cut it"
        raise InputError(f"row {longest.id}: {told}")


def read_examples(cfg: Config) -> tuple[list[Example], list[Example], list[Path]]:
    """What is learnt from and stopped by, without the fold that is left out, and the files of all of it.

    Raises:
        InputError: naming a row that cannot be trained on.
    """
    train_rows, dev_rows = read_rows(cfg.manifest, cfg.root)
    extra = extra_rows(cfg, [*train_rows, *dev_rows])
    fold = settings.fold_of([row.speaker for row in train_rows], max(cfg.folds, 1))
    if cfg.folds:
        train_rows = [row for row in train_rows if fold[row.speaker] != cfg.fold]
        extra = [(row, root) for row, root in extra if fold.get(row.speaker) != cfg.fold]
    if cfg.dev_rows:
        dev_rows = dev_rows[:: max(len(dev_rows) // cfg.dev_rows, 1)]
    train = [example(row, cfg.root, faithful=cfg.faithful) for row in train_rows]
    train += [example(row, root) for row, root in extra]
    dev = [example(row, cfg.root) for row in dev_rows]
    paths = [cfg.root / row.audio for row in (*train_rows, *dev_rows)]
    paths += [root / row.audio for row, root in extra]
    return train, dev, paths


def run(cfg: Config) -> list[dict[str, float]]:
    """Train and return one row of dev figures per epoch.

    Raises:
        SpeechTutorError: for rows, a checkpoint or a disk that cannot be used, or a loss that is no number.
    """
    import torch

    from speechtutor.training.loop import CHECKPOINTS, EARLIER
    from speechtutor.training.phone_adapter import merge_lora, save
    from speechtutor.training.phone_encoder import BEST, Recipe, Trainer, average

    if cfg.smoke:
        rows = synthetic.corpus(cfg.out / "corpus")
        base = str(synthetic.tiny_whisper(cfg.out / "base"))
        cfg = replace(cfg, smoke=False, manifest=rows, root=rows.parent, base=base, epochs=1, rank=4)
    train, dev, paths = read_examples(cfg)
    model = build_model(cfg)
    check_length(model, [*train, *dev])
    if cfg.init:
        model.load_state_dict(
            average([torch.load(path / BEST, weights_only=True, map_location="cpu") for path in cfg.init])
        )
    mark = settings.mark(
        cfg, manifest=cfg.manifest, audio=fingerprint.of_files(paths), extra=cfg.extra,
        base=hub.content(cfg.base) or cfg.base, init=[path / BEST for path in cfg.init],
    )  # fmt: skip
    config.begin(cfg, cfg.out, mark, work=(CHECKPOINTS, EARLIER, BEST), device=cfg.device)
    names = ("epochs", "batch_seconds", "encoder_rate", "head_rate", "rater_weight", "seed", "bf16")
    recipe = Recipe(
        **{name: getattr(cfg, name) for name in names},
        warm_utterances=0 if cfg.init else 500,
    )
    log.info("%d train and %d dev utterances", len(train), len(dev))
    history = Trainer(model, recipe, cfg.out, cfg.device).fit(train, dev)
    save(
        merge_lora(model.cpu()),
        cfg.base,
        cfg.out / "acoustic",
        cfg.rank,
        rated=cfg.rater_weight > 0,
        mark=mark,
    )
    return history


if __name__ == "__main__":
    config.main(run, Config)
