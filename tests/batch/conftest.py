from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from speechtutor import audio
from speechtutor.core import Recording

TEXTS = ["I think so", "The three men", "Very nice", "A red ship", "Good day", "Sit down"]


def hum(path: Path, seconds: float = 1.0, pitch: float = 120) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * 16_000)) / 16_000
    audio.save(Recording((0.3 * np.sin(2 * np.pi * pitch * times)).astype(np.float32)), path)
    return path


def row(name: str, text: str, **more: object) -> dict[str, object]:
    return {"id": name, "audio": f"{name}.wav", "text": text, "speaker": name[0], "split": "dev"} | more


def write_manifest(path: Path, rows: list[object]) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Six rows whose recordings lie beside it."""
    for i in range(len(TEXTS)):
        hum(tmp_path / "corpus" / f"u{i}.wav", 1 + 0.1 * i)
    return write_manifest(
        tmp_path / "corpus" / "rows.jsonl", [row(f"u{i}", text) for i, text in enumerate(TEXTS)]
    )


def values(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
