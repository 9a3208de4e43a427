"""Engines are prepared before they are loaded: asleep while they wait, and silent."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from speechtutor import engines
from tests.conftest import EXAMPLES, PROJECT, need
from tests.support import network
from tests.support.network import CLEAN

# What is set


def test_what_nobody_set_is_set() -> None:
    environ: dict[str, str] = {}
    engines.prepare(environ)
    assert environ == {**engines.SILENT, **engines.WAITING}
    before = dict(environ)
    engines.prepare(environ)
    assert environ == before


@pytest.mark.parametrize("own", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_a_wish_of_the_user_stays(own: str) -> None:
    environ = {own: "7", "GRADIO_ANALYTICS_ENABLED": "True"}
    engines.prepare(environ)
    assert environ == {**engines.SILENT, own: "7", "GRADIO_ANALYTICS_ENABLED": "True"}
    assert f"{own}=7" in engines.told(environ)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("3", 3), (" 2 ", 2), ("6,2", 6), ("0", None), ("-1", None), ("many", None), ("", None), ("²", None)],
)
def test_threads_are_the_users_or_at_most_four(
    said: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "processors", lambda: 16)
    assert engines.threads({"OMP_NUM_THREADS": said}) == (expected or engines.MOST_THREADS)
    monkeypatch.setattr(engines, "processors", lambda: 1)
    assert engines.threads({}) == 1
    environ: dict[str, str] = {}
    engines.limit_threads(environ)
    assert environ == {"OMP_NUM_THREADS": "1"}


# Before the first engine

WATCH = """
import os, sys
from importlib.abc import MetaPathFinder
ENGINES = {engines!r}
class Watch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ENGINES:
            missing = [key for key in {keys!r} if key not in os.environ]
            print("FIRST", name, missing, file=sys.stderr)
sys.meta_path.insert(0, Watch())
"""
KEYS = [*engines.SILENT, *engines.WAITING]
ENGINES = ["torch", "onnxruntime", "ctranslate2", "gradio", "transformers", "huggingface_hub", "sklearn"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from speechtutor.models import scorer", {"torch", "transformers"}),
        ("from speechtutor.training import loop", {"torch", "transformers"}),
        ("import demo.app", {"gradio"}),
        ("from speechtutor.audio import vad; vad._silero()", {"onnxruntime"}),
        ("from recipes import finetune_phones; import torch", {"torch"}),
        ("from speechtutor.cli import main; main(['doctor'])", set()),
    ],
    ids=["models", "training", "app", "vad", "recipes", "doctor"],
)
def test_the_environment_is_set_before_an_engine_is_loaded(code: str, expected: set[str]) -> None:
    script = WATCH.format(engines=ENGINES, keys=KEYS) + code
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=CLEAN, capture_output=True, text=True, check=False
    )
    first = dict(re.findall(r"^FIRST (\w+) (\[.*\])$", done.stderr, re.MULTILINE)[::-1])
    assert expected <= first.keys(), done.stderr
    assert set(first.values()) <= {"[]"}, first


def test_doctor_says_how_engines_run(capsys: pytest.CaptureFixture[str]) -> None:
    from speechtutor.commands import doctor

    rows = {finding.name: finding for finding in doctor.engine_settings()}
    assert rows.keys() == {"threads", "telemetry"}
    assert re.match(r"\d+ threads? on \d+ processors, waiting by ", rows["threads"].found)
    assert rows["telemetry"].found == "off in every library"


@pytest.mark.parametrize(
    ("value", "loud"), [("1", []), ("True", []), ("on", []), ("0", True), ("", True), ("maybe", True)]
)
def test_a_switch_may_be_spelt_otherwise(value: str, loud: object) -> None:
    set_ = dict(engines.SILENT) | {"HF_HUB_DISABLE_TELEMETRY": value}
    assert engines.loud(set_) == (["HF_HUB_DISABLE_TELEMETRY"] if loud else [])


# Nothing calls home

VERBS = """
import sys
from pathlib import Path
from speechtutor import audio
from speechtutor.audio import vad
from speechtutor.cli import main
clip, text = {clip!r}, "We like rice and chips for dinner."
assert vad.activity(audio.load(Path(clip)))
for verb in (["doctor"], ["score", clip, text], ["align", clip, text], ["transcribe", clip],
             ["speak", "I think so.", "-o", sys.argv[1]], ["models", "list"]):
    status = main(verb)
    print("DONE", verb[0], status, flush=True)
"""


@pytest.mark.timeout(1800)
def test_no_verb_looks_anything_up_or_writes_outside_its_home(models_home: Path, tmp_path: Path) -> None:
    """Engines look hosts up in code of their own, so the sockets of the process are watched as well."""
    for name in ("kokoro-82m", "whisper-base"):
        need((models_home / "models" / name).is_dir(), f"{name} is not pulled")
    watched = network.watch(tmp_path, models_home)
    code = VERBS.format(clip=str(EXAMPLES / "dinner-errors.flac"))
    done = watched.run("-c", code, str(tmp_path / "said.wav"))
    assert re.findall(r"^DONE (\w+) 0$", done.stdout, re.MULTILINE) == [
        "doctor", "score", "align", "transcribe", "speak", "models",
    ], done.stdout[-2000:] + done.stderr[-2000:]  # fmt: skip
    assert watched.looked_up() == []
    assert watched.written() == []
    assert watched.connected() == []
