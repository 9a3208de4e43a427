"""Twenty sentences that every visitor tries, right and with one wrong sound, by voices never trained on.

Data      none; the sentences are in this file, the voices are those of make_mistakes that are held out
Run       npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
          python -m recipes.make_visitors --voices package/voices
Expect    40 Ogg Opus files under 500 kB in all, their README.md and rows.jsonl; a minute or two
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recipes.make_mistakes import HELD_OUT
from speechtutor import config
from speechtutor.errors import InputError
from speechtutor.files import disk

FOLDER = Path("tests/data/visitors")
MAX_BYTES = 500_000


@dataclass(frozen=True)
class Sentence:
    """One sentence and its mistake: in `word`, which is said as `phones`, `heard` stands for `expected`.

    `heard` is "" for a sound left out, `expected` "" for one put in.
    """

    name: str
    text: str
    word: str
    phones: str
    expected: str
    heard: str


SENTENCES = (
    Sentence("think-sink", "I think so.", "think", "S IH1 NG K", "TH", "S"),
    Sentence("think-tink", "I think it is late.", "think", "T IH1 NG K", "TH", "T"),
    Sentence("think-fink", "I think about you.", "think", "F IH1 NG K", "TH", "F"),
    Sentence("very-wery", "It is very good.", "very", "W EH1 R IY0", "V", "W"),
    Sentence("rice-lice", "We eat rice at home.", "rice", "L AY1 S", "R", "L"),
    Sentence("light-right", "Turn on the light.", "light", "R AY1 T", "L", "R"),
    Sentence("ship-sheep", "The ship is here.", "ship", "SH IY1 P", "IH", "IY"),
    Sentence("sheep-ship", "The sheep is here.", "sheep", "SH IH1 P", "IY", "IH"),
    Sentence("bed-bad", "My bed is big.", "bed", "B AE1 D", "EH", "AE"),
    Sentence("bad-bed", "It was a bad day.", "bad", "B EH1 D", "AE", "EH"),
    Sentence("three-tree", "I have three cats.", "three", "T R IY1", "TH", "T"),
    Sentence("three-free", "We have three dogs.", "three", "F R IY1", "TH", "F"),
    Sentence("walked-walk", "She walked home.", "walked", "W AO1 K", "T", ""),
    Sentence("asks-ask", "He asks me.", "asks", "AE1 S K", "S", ""),
    Sentence("world-word", "The world is small.", "world", "W ER1 D", "L", ""),
    Sentence("vine-wine", "The vine is old.", "vine", "W AY1 N", "V", "W"),
    Sentence("wine-vine", "The wine is old.", "wine", "V AY1 N", "W", "V"),
    Sentence("chips-ships", "We want some chips.", "chips", "SH IH1 P S", "CH", "SH"),
    Sentence("this-zis", "I like this one.", "this", "Z IH1 S", "DH", "Z"),
    Sentence("school-eschool", "She likes school.", "school", "EH0 S K UW1 L", "", "EH"),
)


@dataclass(frozen=True)
class Config:
    """Which voices, and where to."""

    voices: Path = Path("package/voices")
    """Folder of the model's voices (`NAME.bin`)."""
    out: Path = FOLDER
    """Folder for the clips."""
    turn: int = 0
    """How many voices further to begin, to try the sentences with others."""
    smoke: bool = False
    """Make two clips of a hum."""


def row(sentence: Sentence, voice: str, *, wrong: bool) -> dict[str, Any]:
    """What a test needs to know of a clip."""
    about = {"word": sentence.word, "expected": sentence.expected, "heard": sentence.heard}
    name = f"{sentence.name}-{'wrong' if wrong else 'right'}"
    return {
        "id": name,
        "audio": f"{name}.opus",
        "text": sentence.text,
        "voice": voice,
        "wrong": wrong,
    } | about


README = """# Twenty sentences that every visitor tries

Synthetic speech by Kokoro-82M (weights and voices Apache-2.0), each sentence once right and once with one
wrong sound, by ten voices that nothing in this project was trained, chosen or calibrated on. `rows.jsonl`
says what was said. Made by `python -m recipes.make_visitors`; no learner's voice is here.
"""


def run(cfg: Config) -> int:
    """Make the clips; returns how many bytes they have.

    Raises:
        InputError: when they are too large to be committed.
    """
    import soundfile

    from speechtutor import registry
    from speechtutor.models import kokoro

    sentences: tuple[Sentence, ...] = SENTENCES
    voice: Any
    if cfg.smoke:
        sentences, voice = SENTENCES[:1], registry.load("synthesizer", "fake")
    else:
        voice = kokoro.load(threads=1)
        voice = replace(voice, voices={path.stem: path for path in sorted(cfg.voices.glob("*.bin"))})
    cfg.out.mkdir(parents=True, exist_ok=True)
    rows, total = [], 0
    for k, sentence in enumerate(sentences):
        speaker = HELD_OUT[(k + k // len(HELD_OUT) + cfg.turn) % len(HELD_OUT)]
        extra: dict[str, Any] = {} if cfg.smoke else {"voice": speaker}
        for wrong in (False, True):
            phones = f"{sentence.word}={sentence.phones}" if wrong else None
            found = row(sentence, speaker, wrong=wrong)
            recording = voice.speak(sentence.text, phones=phones, **extra)
            path = cfg.out / found["audio"]
            soundfile.write(path, recording.samples, recording.sample_rate, format="OGG", subtype="OPUS")
            total += path.stat().st_size
            rows.append(json.dumps(found))
    if total > MAX_BYTES:
        raise InputError(f"{cfg.out} has {total} bytes, more than {MAX_BYTES}: shorten the texts")
    disk.write_text(cfg.out / "rows.jsonl", "\n".join(rows) + "\n")
    disk.write_text(cfg.out / "README.md", README)
    return total


if __name__ == "__main__":
    config.main(run, Config)
