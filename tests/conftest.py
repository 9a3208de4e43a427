"""What the tests share: means and their absence, real learner speech, homes."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from speechtutor.core import Recording

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"
"""Corpora beside the checkout; never part of it."""
EXAMPLES = PROJECT / "demo" / "examples"


def need(condition: object, reason: str) -> None:
    """Skip a test that lacks its means; where `CI` is set a missing means is a failure."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must provide this: {reason}")
    pytest.skip(reason, allow_module_level=True)


def learner_path(utt_id: str) -> Path:
    """The file of one speechocean762 train utterance, such as 000010011."""
    path = SHARED / "data" / "speechocean762" / "train" / f"{utt_id}.flac"
    need(path.is_file(), f"no learner speech: {path} is not there")
    return path


def learner_clip(utt_id: str) -> Recording:
    """One speechocean762 train utterance at 16 kHz."""
    from speechtutor import audio

    return audio.load(learner_path(utt_id))


def chromium() -> str | None:
    """A full chromium: the headless shell refuses a real microphone."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")
    parser.addoption("--network", action="store_true", help="also run the tests marked network")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for option in ("slow", "network"):
        if option in item.keywords and not item.config.getoption(f"--{option}"):
            pytest.skip(f"needs --{option}")
    if "browser" in item.keywords:
        need(importlib.util.find_spec("playwright"), "playwright is not installed")
        need(chromium(), "chromium is not installed")
    if "gpu" in item.keywords:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture(autouse=True)
def _own_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test marked `writes_home` gets an empty home; all others may read the real one."""
    if "writes_home" in request.keywords:
        monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def models_home() -> Path:
    """The home that holds the pulled models: `SPEECHTUTOR_HOME` or the default cache."""
    from speechtutor import hub

    home = hub.home()
    need(home.is_dir(), f"no models: {home} is not there, run `speechtutor models pull`")
    return home
