"""Recordings spoken into /v1/stream in real time, and what batching would gain."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import audio
from speechtutor.audio.quality import quality
from speechtutor.errors import require

PIECE = 0.1
"""Seconds of sound in a message."""


async def measured(base: str, key: str, clips: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Speak the clips one after another, every second one with its text.

    Seconds from the beginning of speech (Silero VAD) to the first word, and from the end to the final.
    """
    found: dict[str, list[tuple[float | None, float]]] = {"with a text": [], "free speech": []}
    for number, clip in enumerate(clips):
        text = clip["text"] if number % 2 == 0 else None
        found["free speech" if text is None else "with a text"].append(
            await _spoken(base, key, clip["path"], text)
        )
    told: dict[str, Any] = {}
    for name, rows in found.items():
        first = [row[0] for row in rows if row[0] is not None]
        told[name] = {
            "n": len(rows), "first word after speech began (s)": _spread(first), "no word before the end":
            len(rows) - len(first), "final after the end (s)": _spread([row[1] for row in rows]),
        }  # fmt: skip
    return told


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"p50 {np.percentile(values, 50):.2f}, p95 {np.percentile(values, 95):.2f}, most {max(values):.2f}"


async def _spoken(base: str, key: str, path: str, text: str | None) -> tuple[float | None, float]:
    websockets: Any = require("websockets", extra="serve")
    sound = audio.load(path)
    spoken = quality(sound).speech
    began = spoken[0][0] if spoken else 0.0
    data = (sound.samples * 32_767).astype("<i2").tobytes()
    step = round(PIECE * sound.sample_rate) * 2
    address = base.replace("http", "ws", 1) + "/v1/stream"
    async with websockets.connect(address, additional_headers={"x-api-key": key}) as socket:
        await socket.send(json.dumps({"text": text}))
        await socket.recv()
        start, first = time.monotonic(), [float("nan")]

        async def listening() -> float:
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "words" and event["words"] and first[0] != first[0]:
                    first[0] = time.monotonic() - start - began
                if event["type"] in ("final", "error"):
                    return time.monotonic()
            return time.monotonic()

        heard = asyncio.create_task(listening())
        for i in range(0, len(data), step):
            await asyncio.sleep(max(0.0, start + (i + step) / 2 / sound.sample_rate - time.monotonic()))
            await socket.send(data[i : i + step])
        await socket.send('{"end": true}')
        end = time.monotonic()
        return (None if first[0] != first[0] else first[0]), await heard - end


def batching(paths: Sequence[Path], n: int, repeats: int = 5) -> dict[str, Any]:
    """The acoustic model on `n` clips one after another and as one padded batch: the best of some repeats.

    The clips are those nearest in length to the median, so that padding costs the batch as little as it can.
    """
    import torch

    from speechtutor.models.acoustic import Acoustic, load

    acoustic = load()
    if not isinstance(acoustic, Acoustic):
        return {}
    sounds = sorted((audio.load(path) for path in paths), key=lambda sound: sound.duration)
    middle = max(0, len(sounds) // 2 - n // 2)
    chosen = sounds[middle : middle + n]
    with torch.inference_mode():
        features = [acoustic.network.features(torch.from_numpy(sound.samples)) for sound in chosen]

        def seconds(batches: Sequence[Sequence[Any]]) -> float:
            began = time.perf_counter()
            for batch in batches:
                acoustic.network(list(batch))
            return time.perf_counter() - began

        rows = [(seconds([[one] for one in features]), seconds([features])) for _ in range(repeats)]
    alone, together = (min(column) for column in zip(*rows, strict=True))
    each, batched = 1000 * alone / len(chosen), 1000 * together / len(chosen)
    return {
        "clips": len(chosen),
        "threads": torch.get_num_threads(),
        "one after another (ms a clip)": round(each, 1),
        "as one batch (ms a clip)": round(batched, 1),
        "times as fast": round(alone / together, 2),
    }
