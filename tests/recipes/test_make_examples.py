from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recipes import make_examples
from recipes.make_examples import EXAMPLES, FOLDER, MANIFEST, MAX_BYTES, Config, readme, row
from speechtutor import audio, hub
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from tests.conftest import PROJECT, need

ENTRIES = map(json.loads, (PROJECT / MANIFEST).read_text("utf-8").splitlines())
ROWS = {entry["id"]: entry for entry in ENTRIES}


def test_committed_files_follow_from_the_recipe() -> None:
    assert list(ROWS.values()) == [json.loads(json.dumps(row(example))) for example in EXAMPLES]
    assert (PROJECT / FOLDER / "README.md").read_text("utf-8") == readme()
    assert {path.stem for path in (PROJECT / FOLDER).glob("*.flac")} == set(ROWS)


def test_manifest_is_valid_and_its_audio_is_small_and_readable() -> None:
    rows = manifest.read(PROJECT / MANIFEST)
    manifest.check(rows, str(MANIFEST), PROJECT)
    for utterance in rows:
        path = PROJECT / utterance.audio
        assert path.stat().st_size < MAX_BYTES
        assert 1 < audio.load(path).duration < 10


def test_the_known_errors_are_in_the_manifest() -> None:
    wrong = {
        (name, word["text"]): " ".join(word["said"])
        for name, entry in ROWS.items()
        for word in entry["words"]
        if word["said"] != word["phones"]
    }
    assert wrong == {
        ("dinner-errors", "rice"): "L AY S",
        ("dinner-errors", "chips"): "SH IH P S",
        ("weather-errors", "think"): "S IH NG K",
        ("weather-errors", "very"): "W EH R IY",
        ("weather-omission", "very"): "",
        ("bench-dropped", "red"): "R EH",
        ("bench-dropped", "bag"): "B AE",
        ("bench-dropped", "old"): "OW L",
    }


def test_a_command_says_what_the_recipe_does() -> None:
    assert EXAMPLES[1].command == (
        'speechtutor speak "I think the weather is very nice today."'
        ' --phones "think=S IH1 NG K; very=W EH1 R IY0"'
        " --voice af_heart -o demo/examples/weather-errors.flac"
    )


def test_smoke_run_makes_the_first_example_again(tmp_path: Path) -> None:
    need(hub.located("kokoro-82m"), "the model voice is not pulled: run `speechtutor models pull kokoro-82m`")
    written = make_examples.run(Config(out=tmp_path, smoke=True))
    assert written.n_rows == 1
    made = audio.load(tmp_path / FOLDER / "weather-good.flac").samples
    committed = audio.load(PROJECT / FOLDER / "weather-good.flac").samples
    # Another processor may round differently, so the sound is compared, not the bits.
    assert abs(len(made) - len(committed)) < 1600
    n = min(len(made), len(committed))
    assert np.corrcoef(made[:n], committed[:n])[0, 1] > 0.9


def test_a_file_too_large_to_commit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(hub.located("kokoro-82m"), "the model voice is not pulled: run `speechtutor models pull kokoro-82m`")
    monkeypatch.setattr(make_examples, "MAX_BYTES", 1000)
    monkeypatch.setattr(make_examples, "EXAMPLES", (make_examples.Example("hi", "Hi.", "short"),))
    with pytest.raises(InputError, match="shorten its text"):
        make_examples.run(Config(out=tmp_path, smoke=True))
    assert not (tmp_path / MANIFEST).exists()
