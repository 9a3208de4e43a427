"""Train the scoring head on features of acoustic models that never heard the speaker.

Data      data_manifests/speechocean762.jsonl; the fold runs and the final run of finetune_phones
Run       python -m recipes.train_scorer --fold-runs runs/phones/fold0/acoustic ... (one per fold)
Expect    see recipes/README.md
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recipes.shared import feature_cache
from recipes.shared import settings as settings_of
from speechtutor import audio, config, hub
from speechtutor.core import CanonicalWord, Utterance
from speechtutor.core.score import UTTERANCE_ASPECTS, WORD_ASPECTS
from speechtutor.corpora import canonical
from speechtutor.errors import InputError
from speechtutor.files import disk, fingerprint
from speechtutor.scoring.features import Seen, without_embedding
from speechtutor.text.phones import confusable

if TYPE_CHECKING:
    from speechtutor.core import Emission
    from speechtutor.models.head import Ensemble, Scores, Shape
    from speechtutor.stages import AcousticModel
    from speechtutor.training.head import Labels

log = logging.getLogger("train_scorer")

WELL_SAID = 0.9
"""In [0, 1]: a phone that raters found good, so that any other phone in its place is wrong."""

MUTANT_WEIGHT, MUTANT_ERROR_WEIGHT = 0.05, 0.2
"""What a phone of a wrong text counts in the score and in the error logit: with more weight the many zeros
cost agreement on real speech, the score's more than the logit's."""

KEEP_EVERY = 250
"""Utterances after which the cues so far are written: a killed run goes on from there."""


@dataclass(frozen=True)
class Config:
    """Where the acoustic models are, and the shape of the head."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    fold_runs: list[Path] = field(default_factory=list)
    """Runs of finetune_phones, in the order of their folds; run i never heard the speakers of fold i."""
    final: str = "whisper-base-phones"
    """Acoustic model that ships: a name or a folder; its features are used for dev."""
    out: Path = Path("runs/scorer")
    """Folder for cached features, results and the trained head."""
    width: int = 64
    """Width of the head's transformer."""
    layers: int = 3
    """Layers of the head's transformer."""
    epochs: int = 20
    """Passes over the train utterances."""
    seeds: int = 5
    """Heads in the ensemble."""
    speaker_folds: int = 0
    """Folds that the acoustic runs were trained with, when not all of their runs are given."""
    embedding: bool = True
    """Use the encoder's frames; not where the acoustic models began from different weights, as then the
    same number means something else in each."""
    version: str = "1"
    """Version of the scorer, shown with every score."""
    folds: int = 5
    """Speaker folds for the out-of-fold predictions that calibrate the scores."""
    device: str = "cpu"
    """cpu or cuda."""
    smoke: bool = False
    """Train on made-up utterances with a tiny encoder."""


def labels_of(row: Utterance) -> Labels:
    """Raters' scores on the 0-2 scale, in the order of the head's outputs."""
    from speechtutor.training.head import Labels

    if row.scores is None:
        raise InputError(f"{row.id} has no human scores")

    def numbers(values: Sequence[float | None]) -> np.ndarray:
        return np.array([np.nan if v is None else 2 * v for v in values], dtype=np.float32)

    words = row.scores.words
    return Labels(
        phones=numbers([p.score for word in words for p in word.phones]),
        words=np.stack([numbers([getattr(word, a) for a in WORD_ASPECTS]) for word in words]),
        utterance=numbers([getattr(row.scores, a) for a in UTTERANCE_ASPECTS]),
    )


def mutate(row: Utterance, share: float = 0.1) -> tuple[tuple[CanonicalWord, ...], tuple[int, ...]]:
    """The words of a row with some well-said phones replaced by confusable ones, always the same ones."""
    rng = random.Random(row.id)
    words, wrong, position = [], [], 0
    human = row.scores.words if row.scores else ()
    for word, rated in zip(canonical.of(row), human, strict=True):
        phones = list(word.pronunciations[0])
        for k, phone in enumerate(phones):
            if rng.random() < share and (rated.phones[k].score or 0) >= WELL_SAID:
                phones[k] = rng.choice(confusable(phone)[:8])
                wrong.append(position + k)
        position += len(phones)
        words.append(replace(word, pronunciations=(tuple(phones),)))
    return tuple(words), tuple(wrong)


def seen(
    rows: Sequence[Utterance], root: Path, acoustic: AcousticModel, cache: Path, *, known: str
) -> dict[str, Seen]:
    """Cues per utterance id, cached on the way; a cache that lacks rows is completed.

    A row is found again when it, its recording, the other text that it is held against, the acoustic model
    (`known` is its content) and the code that makes cues are the same; else its cues are made anew.
    """
    from tqdm import tqdm

    from speechtutor.scoring.observe import distance_from_text, examine, observe

    half = len(rows) // 2
    # Speakers read the same sentences, so the other text is looked for.
    others = {
        row.id: next((o for o in [*rows[k + half :], *rows] if o.text != row.text), row)
        for k, row in enumerate(rows)
    }
    code = fingerprint.code("scoring", "audio", "text")
    marks = {
        row.id: (
            feature_cache.of_row(row),
            fingerprint.of_value([code, known, fingerprint.sha256(root / row.audio), others[row.id].text]),
        )
        for row in rows
    }
    earlier = feature_cache.read(cache)
    done = {i: kept for i, kept in earlier.items() if marks.get(i) == (kept.row, kept.rest)}
    missing = [row for row in rows if row.id not in done]
    cache.parent.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(tqdm(missing, desc=f"cues {cache.stem}", disable=not missing), start=1):
        recording = audio.load(root / row.audio)
        plain = observe(acoustic, recording, canonical.of(row))
        words, wrong = mutate(row)
        mutant = examine(acoustic, plain.emission, recording, words, plain.quality, plain.pitch)
        own = distance_from_text(plain.emission, plain.alignment)
        other = _distance(plain.emission, canonical.of(others[row.id]))
        done[row.id] = feature_cache.Kept(
            *marks[row.id], Seen(plain.features, mutant.features, wrong, own, other)
        )
        if i % KEEP_EVERY == 0 or i == len(missing):
            feature_cache.write(cache, done)
    return {row_id: kept.seen for row_id, kept in done.items()}


def _distance(emission: Emission, words: Sequence[CanonicalWord]) -> float:
    from speechtutor.scoring.align import align
    from speechtutor.scoring.observe import distance_from_text

    try:
        return distance_from_text(emission, align(emission, words))
    except InputError:
        return float("inf")


def off_text(own: Sequence[float], other: Sequence[float]) -> float:
    """Nats per phone from which on a recording counts as that of another text.

    Halfway between what own readings hardly exceed (one in a thousand) and what others hardly stay below
    (one in a hundred); where the two overlap, the former: no reading is refused for a weak recogniser.
    """
    fitting = [nats for nats in other if np.isfinite(nats)] or [0.0]
    refused, kept = float(np.quantile(own, 0.999)), float(np.quantile(fitting, 0.01))
    return round(max(refused, (refused + kept) / 2), 2)


def mutant_labels(labels: Labels, found: Seen) -> Labels:
    """Nothing but 0 for the phones that were not said; of their words and the utterance nothing is known."""
    phones, words = labels.phones.copy(), labels.words.copy()
    phones[list(found.wrong)] = 0.0
    words[found.features.word[list(found.wrong)]] = np.nan
    return replace(
        labels,
        phones=phones,
        words=words,
        utterance=np.full_like(labels.utterance, np.nan),
        weight=MUTANT_WEIGHT,
        error_weight=MUTANT_ERROR_WEIGHT,
    )


def calibrate(values: np.ndarray, truth: np.ndarray, n_knots: int = 24) -> dict[str, list[float]]:
    """A monotone curve from prediction to expected truth: isotonic regression, thinned to a few knots."""
    from sklearn.isotonic import IsotonicRegression

    fit = IsotonicRegression(out_of_bounds="clip").fit(values, truth)
    x = np.unique(np.quantile(values, np.linspace(0, 1, n_knots) ** 0.5))
    x = np.unique(np.concatenate([x, np.quantile(values, 1 - np.linspace(0, 1, n_knots) ** 2)]))
    # A knot is the mean of its surroundings: single steps of the isotonic fit are noise.
    width = np.gradient(x) / 2 if len(x) > 1 else np.zeros(1)
    y = [float(fit.predict(np.linspace(a - w, a + w, 9)).mean()) for a, w in zip(x, width, strict=True)]
    return {"x": [round(float(v), 5) for v in x], "y": [round(v, 5) for v in np.maximum.accumulate(y)]}


def flat(scores: Scores, labels: Sequence[Labels]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs (predicted, rated) without the padding, one after another, by name of the aspect."""
    from speechtutor.training.head import ERROR_BELOW

    phones = np.concatenate([scores.phones[i, : len(x.phones)].numpy() for i, x in enumerate(labels)])
    errors = np.concatenate([scores.errors[i, : len(x.phones)].numpy() for i, x in enumerate(labels)])
    words = np.concatenate([scores.words[i, : len(x.words)].numpy() for i, x in enumerate(labels)])
    rated = np.concatenate([x.phones for x in labels])
    pairs = {"phone": (phones, rated), "error": (errors, (rated < ERROR_BELOW).astype(float))}
    rated_words = np.concatenate([x.words for x in labels])
    pairs |= {f"word_{a}": (words[:, k], rated_words[:, k]) for k, a in enumerate(WORD_ASPECTS)}
    whole = np.stack([x.utterance for x in labels])
    return pairs | {
        f"utterance_{a}": (scores.utterances[:, k].numpy(), whole[:, k])
        for k, a in enumerate(UTTERANCE_ASPECTS)
    }


def table(pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Pearson correlations, the phone's mean squared error, and the best possible F1 of error detection."""
    from sklearn.metrics import precision_recall_curve, roc_auc_score

    row = {name: float(np.corrcoef(*pair)[0, 1]) for name, pair in pairs.items() if name != "error"}
    predicted, rated = pairs["phone"]
    row["phone_mse"] = float(np.mean((predicted - rated) ** 2))
    logits, wrong = pairs["error"]
    precision, recall, _ = precision_recall_curve(wrong, logits)
    row["mdd_f1_best"] = float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-9)))
    row["mdd_auc"] = float(roc_auc_score(wrong, logits))
    return row


def _smoke(cfg: Config) -> Config:
    """Settings for a run on made-up data, with the acoustic models it needs."""
    from recipes import finetune_phones

    phones = cfg.out / "phones"
    finetune_phones.run(finetune_phones.Config(out=phones, smoke=True))
    folder = phones / "acoustic"
    rows = phones / "corpus" / "rows.jsonl"
    return replace(
        cfg,
        smoke=False,
        manifest=rows,
        root=rows.parent,
        fold_runs=[folder, folder],
        final=str(folder),
        epochs=1,
        seeds=2,
        folds=2,
    )


def run(cfg: Config) -> dict[str, dict[str, float]]:
    """Cache cues, predict out of fold, calibrate, train the ensemble, write it; returns the tables."""
    from recipes.finetune_phones import read_rows
    from recipes.shared.settings import fold_of
    from speechtutor.models.acoustic import load as load_acoustic
    from speechtutor.models.head import Batch, Ensemble, Shape
    from speechtutor.training.head import Recipe, Targets, out_of_fold, predict, train_head

    if cfg.smoke:
        cfg = _smoke(cfg)
    train, dev = read_rows(cfg.manifest, cfg.root)

    def heard(rows: Sequence[Utterance], name: str, stem: str) -> dict[str, Seen]:
        model, known = load_acoustic(name, cfg.device), hub.content(name) or name
        return seen(rows, cfg.root, model, cfg.out / f"{stem}{feature_cache.SUFFIX}", known=known)

    fold = fold_of([row.speaker for row in train], cfg.speaker_folds or len(cfg.fold_runs))
    train = [row for row in train if fold[row.speaker] < len(cfg.fold_runs)]
    cached: dict[str, Seen] = {}
    for i, run_ in enumerate(cfg.fold_runs):
        rows = [row for row in train if fold[row.speaker] == i]
        cached |= heard(rows, str(run_), f"fold{i}")
    cached |= heard(dev, cfg.final, "dev")
    use = (lambda found: found) if cfg.embedding else without_embedding
    plain, mutants = (
        [use(getattr(cached[row.id], name)) for row in train] for name in ("features", "mutant")
    )
    dev_cues = [use(cached[row.id].features) for row in dev]
    labels, dev_labels = ([labels_of(row) for row in rows] for rows in (train, dev))
    mutated = [mutant_labels(x, cached[row.id]) for x, row in zip(labels, train, strict=True)]
    first = plain[0]
    shape = Shape(
        first.phones.shape[1], first.embedding.shape[1], len(first.utterance), cfg.width, cfg.layers
    )
    recipe = Recipe(epochs=cfg.epochs)
    speakers = [row.speaker for row in train]
    held_out = flat(
        out_of_fold(plain, labels, speakers, shape, recipe, k=cfg.folds, extra=(mutants, mutated)), labels
    )
    tables = {"out of fold, one seed": table(held_out)}
    batch, targets = Batch.of([*plain, *mutants]), Targets.of([*labels, *mutated])
    ensemble, dev_batch = Ensemble(shape, cfg.seeds), Batch.of(dev_cues)
    for seed in range(cfg.seeds):
        head = train_head(batch, targets, shape, recipe, seed)
        ensemble.members[seed] = head
        tables[f"dev, seed {seed}"] = table(flat(predict(head, dev_batch), dev_labels))
        log.info("%s", tables[f"dev, seed {seed}"])
    tables["dev, ensemble"] = table(flat(predict(ensemble.eval(), dev_batch), dev_labels))
    own, other = ([getattr(cached[row.id], name) for row in train] for name in ("own", "other"))
    write(cfg, ensemble, shape, held_out, off_text(own, other))
    disk.write_text(cfg.out / "tables.json", json.dumps(tables, indent=1) + "\n")
    return tables


def write(
    cfg: Config,
    ensemble: Ensemble,
    shape: Shape,
    held_out: dict[str, tuple[np.ndarray, np.ndarray]],
    limit: float,
) -> None:
    """The folder that the scorer loads; calibrated on out-of-fold predictions alone."""
    from safetensors.torch import save_file

    from speechtutor.hub import description
    from speechtutor.hub.description import Description

    predicted, rated = held_out["phone"]
    calibration = {
        "error": calibrate(*held_out["error"]), "phone": calibrate(predicted, rated / 2),
        "off_text": limit,
    }  # fmt: skip
    out = cfg.out / "scorer"
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in ensemble.state_dict().items()}, out / "head.safetensors")
    settings = {
        "name": "speechtutor-scorer", "version": cfg.version, "acoustic": cfg.final, "shape": asdict(shape),
        "n_heads": cfg.seeds, "calibration": calibration,
    }  # fmt: skip
    disk.write_text(out / "config.json", json.dumps(settings, indent=1) + "\n")
    runs = [hub.content(str(run_)) or str(run_) for run_ in (*cfg.fold_runs, cfg.final)]
    mark = settings_of.mark(cfg, manifest=cfg.manifest, fold_runs=runs[:-1], final=runs[-1])
    description.write(out, Description("scorer", cfg.final, rates=description.ALL_RATED, fingerprint=mark))
    config.save(cfg, out.parent, mark=mark)


if __name__ == "__main__":
    config.main(run, Config)
