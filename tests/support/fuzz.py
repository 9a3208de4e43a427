"""Commands that nobody in their right mind would give, made from a seed: any verb, flag and file."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechtutor import audio
from speechtutor.evaluation import result
from speechtutor.schema import score_json
from tests.conftest import EXAMPLES
from tests.support import evaluated
from tests.support.judged import SINK
from tests.support.values import BYTES, GONE, VALUES, changed, places

Pick = Callable[[], list[str]]

TEXTS = (
    "I think so",
    "",
    "   ",
    "...",
    "😀",
    "你好",
    "a" * 5000,
    "tx's",
    "123-" * 300,
    "so " * 1200,
    "\u202eevil\x1b[31m",
    "I think\nso",
    "\x00",
    "caf\ud800é",
    "naïve café",
    "<script>alert(1)</script>",
    "1066 $3.5M 9am-5pm",
    "-",
    "--",
    "really really " * 200,
    "ｆｕｌｌ ｗｉｄｔｈ",
    "I'm, well… (he said) – fine!",
    "zzzxqj",
    "%s %d {0} {x}",
    "' OR 1=1 --",
)
NUMBERS = (
    "0",
    "1",
    "3",
    "-1",
    "-0",
    "1e9",
    "nan",
    "inf",
    "-inf",
    "9" * 400,
    "9999999",
    "2147483648",
    "0x10",
    "1_000",
    "",
    " ",
    "three",
    "1.5",
    "٣",
    "1e-320",
)
NAMES = (
    "ana",
    "",
    " ",
    "x" * 5000,
    "../../etc/passwd",
    "a\nb",
    "\x1b[2J",
    "\udcff",
    "名前",
    "-",
    "a/b",
    "null",
    "\x00",
    "a\u2028b",
    "Robert'); DROP TABLE attempts;--",
    ".",
    "fake",
)
MODELS = (
    "fake",
    "fake",
    "fake",
    "nonsense",
    "/no/such/folder",
    "",
    "fake ",
    "\x00",
    "a\nb",
    "x" * 3000,
    "https://",
    "http://[",
    "http://127.0.0.1:9/v1",
    "é",
    "-1",
)
DEVICES = ("cpu", "cpu", "cuda:99", "cuda:" + "9" * 5000, "tpu", "", "cuda:-1", "CPU", "mps", "cuda:٣", "\n")
STORES = (
    "sqlite://",
    "postgresql://u:p@h/db",
    "mysql://x",
    "nonsense",
    "://",
    "sqlite:////no/such/dir/a.db",
    "\x00",
    "sqlite:///{dir}",
    "sqlite:///{text}",
)


@dataclass
class World:
    """A folder full of good and bad files, and the dice."""

    folder: Path
    rng: random.Random
    sounds: list[Path] = field(default_factory=list)
    runs: list[Path] = field(default_factory=list)
    manifests: list[Path] = field(default_factory=list)
    scores: list[Path] = field(default_factory=list)
    made: int = 0

    def any(self, choices: Sequence[Any]) -> Any:
        """One of them."""
        return self.rng.choice(choices)

    def new(self, suffix: str = "") -> Path:
        """A path that is not there yet."""
        self.made += 1
        return self.folder / f"new{self.made}{suffix}"


def build(folder: Path, seed: int) -> World:
    """The files that commands are about."""
    world = World(folder, random.Random(seed))
    spoken = folder / "good.wav"
    audio.save(audio.load(EXAMPLES / "dinner-errors.flac"), spoken)
    whole = spoken.read_bytes()
    flac = (EXAMPLES / "dinner-errors.flac").read_bytes()
    (folder / "folder.wav").mkdir()
    (folder / "a\nb\x1b[31m.wav").write_bytes(b"not sound")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    written = {
        "good.flac": flac,
        "empty.wav": b"",
        "text.wav": b"no sound at all",
        "cut.wav": whole[: len(whole) // 2],
        "header.wav": whole[:44],
        "cut.flac": flac[: len(flac) // 2],
        "html.mp3": b"<html>",
        "zero.ogg": bytes(5000),
        "名前.wav": whole,
        "nist.wav": b"NIST_1A\n   10x4\n" + bytes(2000),
    }
    for i in range(12):
        data = bytearray(flac if i % 2 else whole)
        for _ in range(world.rng.randrange(1, 20)):
            data[world.rng.randrange(len(data) if i % 3 else 200)] ^= 1 << world.rng.randrange(8)
        written[f"flipped{i}.{'flac' if i % 2 else 'wav'}"] = bytes(data)
    for name, content in written.items():
        (folder / name).write_bytes(content)
    world.sounds = (
        [spoken] * 8
        + sorted(p for p in folder.iterdir())
        + [
            folder / "gone.wav",
            Path("/dev/null"),
            Path("-"),
            Path("x" * 5000),
            folder / "\udcff.wav",
            Path("http://x/a.wav"),
        ]
    )
    _rows(world)
    return world


def _rows(world: World) -> None:
    """Manifests, runs and files of scores: a good one of each kind to be damaged anew for each command."""
    row = {
        "id": "u1",
        "audio": "good.wav",
        "text": "We like rice",
        "speaker": "s1",
        "split": "dev",
        "lang": "en",
        "age": 9,
        "gender": "f",
        "scores": {"accuracy": 8, "fluency": 7, "prosodic": 6, "completeness": 10, "total": 7},
    }
    for i, texts in enumerate((("We like rice", "I think so"), ("hello world",) * 3)):
        rows = [row | {"id": f"u{j}", "text": text, "speaker": f"s{j}"} for j, text in enumerate(texts)]
        path = world.folder / f"rows{i}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
        world.manifests.append(path)
    world.runs = [
        evaluated.asr_run(world.folder / "asr", 8, root=world.folder),
        evaluated.scoring_run(world.folder / "scoring", 6, root=world.folder),
    ]
    path = world.folder / "scores.jsonl"
    named = [{"learner": f"l{i % 2}", "at": "2026-01-02T03:04:05+00:00"} | score_json(SINK) for i in range(6)]
    path.write_text("".join(json.dumps(one) + "\n" for one in named), encoding="utf-8")
    world.scores.append(path)


def damaged(world: World, path: Path) -> Path:
    """A copy of a file of JSON lines (or of one JSON value) that is wrong in one place, or in its bytes."""
    kept = world.new(path.suffix)
    kept.write_bytes(path.read_bytes())
    _damage(world, kept)
    return kept


def _damage(world: World, path: Path) -> None:
    data = path.read_bytes()
    if world.rng.random() < 0.25:
        path.write_bytes(world.any(list(BYTES.values()))(data))
        return
    lines = data.splitlines() if path.suffix == ".jsonl" else [data]
    at = world.rng.randrange(len(lines))
    value = json.loads(lines[at])
    wrong = changed(value, world.any(list(places(value))), world.any((*VALUES, GONE)))
    lines[at] = json.dumps(wrong).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")


def manifest(world: World) -> str:
    """A manifest, mostly a damaged one."""
    kind = world.rng.random()
    if kind < 0.2:
        return str(world.any(world.manifests))
    if kind < 0.3:
        return str(
            world.any([world.folder, world.folder / "gone.jsonl", Path("/dev/null"), *world.sounds[8:]])
        )
    return str(damaged(world, world.any(world.manifests)))


def run_folder(world: World) -> str:
    """The folder of an evaluation, mostly a damaged one."""
    kind = world.rng.random()
    if kind < 0.15:
        return str(
            world.any([world.folder, world.folder / "gone", world.folder / "good.wav", Path("/dev/null")])
        )
    copied = world.new()
    shutil.copytree(world.any(world.runs), copied)
    if kind > 0.25:
        _damage(world, copied / world.any([result.ROWS, result.SUMMARY, result.CONFIG]))
    return str(copied)


def scores(world: World) -> str:
    """A file of scores for the class report."""
    return str(damaged(world, world.scores[0]) if world.rng.random() < 0.8 else world.scores[0])


def store(world: World) -> str:
    """The URL of a learner store."""
    return str(world.any(STORES)).format(dir=world.folder, text=world.folder / "text.wav")


def out(world: World, suffix: str = "") -> str:
    """Where a result goes."""
    odd = [
        "",
        "/dev/null",
        str(world.folder),
        "/proc/x",
        "\x00",
        "x" * 300,
        str(world.folder / "text.wav" / "x"),
    ]
    return str(world.new(suffix)) if world.rng.random() < 0.7 else str(world.any(odd))


def options(world: World, known: dict[str, Callable[[], str] | None], most: int = 3) -> list[str]:
    """Some options of a verb; None is a flag without a value."""
    words: list[str] = []
    for name in world.rng.sample(list(known), min(len(known), world.rng.randrange(most + 1))):
        value = known[name]
        words += [name] if value is None else [name, value()]
    if world.rng.random() < 0.03:
        words.append(world.any(["--nonsense", "-x", "--json=maybe", "--", "--help", "-"]))
    return words
