"""Make the committed spoken examples: good readings, readings with known errors, free talk.

Data      none; the texts and the errors are in this file, the voice is the pinned checkpoint kokoro-82m
Run       python -m recipes.make_examples
Expect    7 FLAC files under 150 kB each, their README.md and data_manifests/examples.jsonl; under a minute
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechtutor import audio, config
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.models import kokoro
from speechtutor.text.speech_plan import plan_speech

FOLDER = Path("demo/examples")
MANIFEST = Path("data_manifests/examples.jsonl")
MAX_BYTES = 150_000


@dataclass(frozen=True)
class Example:
    """One recording: `phones` as in `speechtutor.text.speech_plan`; `prompted` is False for free talk."""

    name: str
    text: str
    about: str
    voice: str = "af_heart"
    phones: str | None = None
    prompted: bool = True

    @property
    def command(self) -> str:
        """What makes this file."""
        parts = ["speechtutor speak", f'"{self.text}"']
        if self.phones:
            parts.append(f'--phones "{self.phones}"')
        return " ".join([*parts, f"--voice {self.voice}", f"-o {FOLDER / self.name}.flac"])


WEATHER = "I think the weather is very nice today."
BENCH = "Please put the big red bag beside the old wooden bench."
DINNER = "We like rice and chips for dinner."
EXAMPLES = (
    Example("weather-good", WEATHER, "a good reading"),
    Example(
        "weather-errors",
        WEATHER,
        'the same with "think" as "sink" and "very" as "wery"',
        phones="think=S IH1 NG K; very=W EH1 R IY0",
    ),
    Example("weather-omission", WEATHER, 'the same without the word "very"', phones="very=-"),
    Example("bench-good", BENCH, "a good reading, a man's voice", voice="am_michael"),
    Example(
        "bench-dropped",
        BENCH,
        'final consonants dropped in "red", "bag" and "old"',
        voice="am_michael",
        phones="red=R EH1; bag=B AE1; old=OW1 L",
    ),
    Example(
        "village-long",
        "My three brothers have a farm in the village, and every winter they come down to visit us.",
        "a longer good reading, a British voice",
        voice="bf_emma",
    ),
    Example(
        "beach-free",
        "Last weekend I go to the beach with my friend. We swim and eat fish. It was very fun.",
        'free talk with slips of grammar ("go" for "went", "very fun"), all sounds right',
        voice="bm_george",
        prompted=False,
    ),
    Example("dinner-good", DINNER, "a good reading"),
    Example(
        "dinner-errors",
        DINNER,
        'the same with "rice" as "lice" and "chips" as "ships"',
        phones="rice=L AY1 S; chips=SH IH1 P S",
    ),
)


@dataclass(frozen=True)
class Config:
    """Where the examples go."""

    out: Path = Path()
    """The checkout that gets demo/examples and data_manifests/examples.jsonl."""
    checkpoint: Path | None = None
    """Folder of the model voice; without one the pinned checkpoint is used."""
    smoke: bool = False
    """Make only the first example."""


def row(example: Example) -> dict[str, Any]:
    """The manifest row; beside the canonical phones of a word it says which were `said`."""
    canonical, said = plan_speech(example.text), plan_speech(example.text, example.phones)
    return {
        "id": example.name,
        "audio": str(FOLDER / f"{example.name}.flac"),
        "text": example.text,
        "speaker": f"kokoro-{example.voice}",
        "split": "test",
        "lang": "en",
        "l1": None,
        "age": None,
        "gender": example.voice[1],
        "scores": None,
        "words": [
            {"text": usual.word.text, "phones": list(usual.phones), "said": list(spoken.phones)}
            for usual, spoken in zip(canonical, said, strict=True)
        ],
        "prompted": example.prompted,
        "about": example.about,
    }


def readme(examples: tuple[Example, ...] = EXAMPLES) -> str:
    """README.md of the folder: what each file is and the command that made it."""
    entries = "\n".join(
        f"`{example.name}.flac`: {example.about}.\n\n```\n{example.command}\n```\n" for example in examples
    )
    return f"""# Spoken examples

Synthetic speech: Kokoro-82M (weights Apache-2.0), spoken phone by phone from the project's lexicon, so
the errors in it are known exactly. `{MANIFEST}` says for every word which phones are canonical and which
were said. No learner's voice is here.

All files are made again by `python -m recipes.make_examples`, one by one by the commands below. The same
machine gives the same samples; another kind of processor may differ in the last bits.

{entries}"""


def run(cfg: Config) -> manifest.Written:
    """Make the recordings, then their README.md and manifest.

    Raises:
        InputError: when a recording is too large to be committed.
    """
    examples = EXAMPLES[:1] if cfg.smoke else EXAMPLES
    folder = cfg.out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    voice = kokoro.load(cfg.checkpoint)
    for example in examples:
        path = folder / f"{example.name}.flac"
        audio.save(voice.speak(example.text, phones=example.phones, voice=example.voice), path)
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"{path} has {size} bytes, more than {MAX_BYTES}: shorten its text")
    disk.write_text(folder / "README.md", readme(examples))
    rows = [json.dumps(row(example), ensure_ascii=False) for example in examples]
    manifest.check(list(manifest.parse(rows, str(MANIFEST))), str(MANIFEST), cfg.out)
    disk.write_text(cfg.out / MANIFEST, "\n".join(rows) + "\n")
    return manifest.Written(cfg.out / MANIFEST, len(rows))


if __name__ == "__main__":
    config.main(run, Config)
