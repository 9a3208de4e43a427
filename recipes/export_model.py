"""Export a recogniser: adapter merged, CTranslate2 or ONNX, 8 bits, pruned; measured before and after.

Data      data_manifests/speechocean762.jsonl (dev)
Run       python -m recipes.export_model --kind phones
          python -m recipes.export_model --kind whisper --adapter speechtutor/weights/whisper-base-learners
Expect    see recipes/README.md; report.md and report.json in OUT, a folder for each format that loads
Needs     pip install 'speechtutor[export,whisper]' for ONNX and CTranslate2

Without `--formats` all are made. A run that was stopped goes on after the last format that was measured.
An export whose figures are worse by more than `--bound` is refused: its folder goes, the figures stay
in the report, and the run ends with an error. Sizes are those of the weights: in memory before, on
disk after. All are timed in this process, warm, one recording at a time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from recipes.shared import exports, synthetic
from recipes.shared.exports import Item, Measured, Report
from speechtutor import config, hub, registry
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, ModelError
from speechtutor.evaluation.result import clean
from speechtutor.files import disk, fingerprint

FORMATS = {
    "whisper": ("transformers", "ct2", "ct2-int8", "onnx", "onnx-int8", "pruned"),
    "phones": ("onnx", "onnx-int8", "pruned"),
}
"""What is made when nothing is named: `transformers` is one float32 network with the adapter merged in,
`pruned` the same (for phones, the ONNX of it) without its weakest units."""
MORE = {"whisper": ("ct2-int8_float16", "ct2-float16"), "phones": ()}
PRUNED = 0.1
"""Share of the units that go from `pruned` when none is named."""


@dataclass(frozen=True)
class Config:
    """What is exported, and how much worse it may become."""

    kind: Literal["whisper", "phones"] = "phones"
    """A Whisper that writes words, or a phone recogniser."""
    model: str = ""
    """A name or folder; by default whisper-base or whisper-base-phones."""
    adapter: Path | None = None
    """A LoRA adapter of a Whisper, merged in."""
    formats: list[str] = field(default_factory=list)
    """Of transformers, ct2, ct2-int8, ct2-int8_float16, ct2-float16, onnx, onnx-int8, pruned; for phones of
    onnx, onnx-int8, pruned. By default all but the two for GPUs."""
    prune: float = 0.0
    """Share of the feed-forward units of every layer that go, the weakest first: from `pruned` alone (there
    0.1 when not given), or from all formats where `pruned` is none of them."""
    bound: float = 0.01
    """An export is refused when an error rate is higher, or a correlation lower, by more than this."""
    scorer: str = "raters"
    """Scorer whose phone scores are held against raters, with the recogniser in it; "none" leaves it out."""
    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows to measure on."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    split: str = "dev"
    """train, dev or test."""
    limit: int = 100
    """How many rows, evenly chosen; 0 takes all."""
    beams: int = 1
    """Width of the beam search, before and after."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    draws: int = 1000
    """Draws of speakers for the 95 % interval of the change."""
    seed: int = 0
    """Seed of the draws."""
    out: Path = Path("runs/export_model")
    """Folder for the exports, config.json, report.json and report.md."""
    smoke: bool = False
    """Export a tiny random network, measured on made-up utterances."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        for name in self.formats:
            known = FORMATS[self.kind] + MORE[self.kind]
            if name not in known:
                raise ValueError(f"format {name!r} of {self.kind} is none of {', '.join(known)}")
        if not 0 <= self.prune < 1:
            raise ValueError(f"prune must be at least 0 and below 1, not {self.prune}")
        if self.adapter is not None and self.kind != "whisper":
            raise ValueError("only a Whisper takes an adapter; a phone recogniser holds its own")

    def pruned(self, name: str) -> float:
        """The share that goes from a format."""
        if name == "pruned":
            return self.prune or PRUNED
        return 0.0 if "pruned" in self.formats else self.prune


def export_whisper(cfg: Config, name: str) -> Path:
    """One format of a Whisper, from a merged checkpoint that is made once."""
    from speechtutor.training import export

    share = cfg.pruned(name)
    if name in ("transformers", "pruned"):
        return export.merged_whisper(cfg.model, cfg.adapter, cfg.out / name, share)
    merged = cfg.out / ".merged"
    if not (merged / "whole").exists():
        export.merged_whisper(cfg.model, cfg.adapter, merged, share)
        (merged / "whole").touch()
    kind, _, quantization = name.partition("-")
    if kind == "ct2":
        return export.whisper_to_ct2(merged, cfg.out / name, quantization or "float32")
    return export.whisper_to_onnx(merged, cfg.out / name, int8=quantization == "int8")


def export_phones(cfg: Config, name: str) -> Path:
    """One format of a phone recogniser; with a scorer, inside a scorer folder."""
    from speechtutor.models import acoustic
    from speechtutor.training import export

    network, rates = acoustic.restore(Path(hub.resolve(cfg.model, hub=False)))
    if share := cfg.pruned(name):
        export.prune_feed_forward(network.encoder, share)
    inside = cfg.out / name / "acoustic"
    export.phones_to_onnx(network, inside, rates=rates, int8=name.endswith("int8"), source=cfg.model)
    if cfg.scorer != "none":
        home = Path(hub.resolve(registry.find("scorer", cfg.scorer).checkpoint or "scorer", hub=False))
        export.scorer_with(inside, home, cfg.out / name)
    return inside


def measure(
    name: str, rows: Sequence[Utterance], cfg: Config, folder: Path | None
) -> tuple[Measured, list[Item]]:
    """Load a model as a user would, through the registry, and use it on every row."""
    where = str(folder or cfg.model)
    if cfg.kind == "whisper":
        own: dict[str, Any] = {"adapter": cfg.adapter} if folder is None and cfg.adapter else {}
        if name == "ct2":
            own["compute"] = "float32"  # else it would compute in 8 bits on a CPU
        model: Any = registry.load("transcriber", where, device="cpu", beams=cfg.beams, **own)
        items, clock = exports.hear(model, rows, cfg.root, cfg.lang)
    else:
        scorer: Any = None
        if cfg.scorer != "none":
            scorer = registry.load("scorer", cfg.scorer, device="cpu", acoustic=where)
        model = registry.load("acoustic", where, device="cpu") if scorer is None else scorer.acoustic
        items, clock = exports.judge(model, scorer, rows, cfg.root)
    # The original alone is weighed in memory; it is a network of torch.
    network = None if folder else model.network if cfg.kind == "phones" else model.model
    values = {figure: exports.value(figure, items) for figure in items[0]}
    size = exports.megabytes(network, folder)
    return Measured(name, where, size, *clock.factors(), values, {}), items


def _mark(cfg: Config, name: str) -> dict[str, Any]:
    """What a row of the table depends on."""
    from speechtutor.evaluation import provenance

    entry = registry.find("transcriber" if cfg.kind == "whisper" else "acoustic", cfg.model)
    system = provenance.system(cfg.model, entry.checkpoint, entry.revision, adapter=cfg.adapter)
    chosen = {key: getattr(cfg, key) for key in ("kind", "scorer", "split", "limit", "beams", "lang")}
    return {"layout": 1, "format": name, **chosen, "system": system, "prune": cfg.pruned(name),
            "manifest": fingerprint.sha256(cfg.manifest)}  # fmt: skip


def _row(name: str, rows: Sequence[Utterance], cfg: Config) -> tuple[Measured, list[Item]]:
    """One row of the table, from an earlier pass or made now; `original` is the model before."""
    path, mark = cfg.out / "measured" / f"{name}.json", _mark(cfg, name)
    earlier = exports.kept(path, mark)
    if earlier is not None and (name == "original" or Path(earlier[0].folder).is_dir()):
        return earlier
    folder = None
    if name != "original":
        shutil.rmtree(cfg.out / name, ignore_errors=True)
        folder = export_whisper(cfg, name) if cfg.kind == "whisper" else export_phones(cfg, name)
    found, items = measure(name, rows, cfg, folder)
    exports.keep(path, mark, found, items)
    return found, items


def _rows(cfg: Config) -> list[Utterance]:
    rows = manifest.read(cfg.manifest, [cfg.split])
    if not rows:
        raise InputError(f"{cfg.manifest} has no row of the split {cfg.split}")
    n = min(cfg.limit or len(rows), len(rows))
    rows = [rows[i * len(rows) // n] for i in range(n)]
    manifest.check_audio(rows, cfg.root, str(cfg.manifest))
    return rows


def _settled(cfg: Config) -> Config:
    """Defaults of the kind, and for a smoke run its made-up means."""
    if cfg.smoke:
        rows = synthetic.corpus(cfg.out / "corpus")
        tiny = synthetic.tiny_acoustic if cfg.kind == "phones" else synthetic.tiny_asr_whisper
        cfg = replace(
            cfg, model=str(tiny(cfg.out / "model")), manifest=rows, root=rows.parent, scorer="none",
            bound=max(cfg.bound, 10.0) if cfg.bound >= 0 else cfg.bound,
        )  # fmt: skip
    names = {"whisper": "whisper-base", "phones": "whisper-base-phones"}
    return replace(cfg, model=cfg.model or names[cfg.kind], formats=cfg.formats or list(FORMATS[cfg.kind]))


def run(cfg: Config) -> Report:
    """Export, measure, write the report.

    Raises:
        ModelError: when an export was refused; the others and the report are kept.
        SpeechTutorError: for rows or a model that cannot be used.
    """
    cfg = _settled(cfg)
    rows = _rows(cfg)
    speakers = [row.speaker for row in rows]
    original, before = _row("original", rows, cfg)
    measured = [original]
    for name in cfg.formats:
        found, after = _row(name, rows, cfg)
        changes = exports.worsening(before, after, speakers, cfg.draws, cfg.seed)
        refused = exports.verdict(name, changes, cfg.bound)
        if refused:
            shutil.rmtree(cfg.out / name)
        measured.append(replace(found, changes=changes, passed=refused is None, refused=refused))
    shutil.rmtree(cfg.out / ".merged", ignore_errors=True)
    report = Report(measured, len(rows), len(set(speakers)), cfg.bound)
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "report.json", json.dumps(clean(asdict(report)), indent=1) + "\n")
    disk.write_text(cfg.out / "report.md", str(report))
    if bad := [row.refused for row in measured if row.refused]:
        raise ModelError("; ".join(bad))
    return report


if __name__ == "__main__":
    config.main(run, Config)
