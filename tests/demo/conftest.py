"""Browsers for the tests of the app, and the app itself around stages that need no model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from demo import app, private
from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES, chromium
from tests.demo.test_practice import coach
from tests.support.browser import PHONE, visit


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One whose microphone plays a reading, and one whose microphone is muted and has to be asked for."""
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("mic")
    audio.save(audio.load(EXAMPLES / "weather-good.flac"), folder / "speaking.wav")
    audio.save(Recording(np.zeros(64_000, np.float32)), folder / "muted.wav")
    with sync_playwright() as playwright:
        opened = {}
        for name in ("speaking", "muted"):
            flags = ["--use-fake-device-for-media-stream", "--no-sandbox"]
            flags += [f"--use-file-for-fake-audio-capture={folder / name}.wav%noloop"]
            flags += ["--use-fake-ui-for-media-stream"] if name == "speaking" else []
            opened[name] = playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield opened
        for one in opened.values():
            one.close()


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coach]:
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'learners.db'}")
    yield coach(store=store)
    store.close()


@pytest.fixture(scope="module")
def url(judge: Coach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is served: what was heard is gone from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "home", lambda: tmp_path_factory.mktemp("home"))
        with private.private_folder() as folder:
            page = app.build(judge)
            _, address, _ = app.launch(page, prevent_thread_lock=True)
            yield address
            page.close()
            assert not [*folder.rglob("*.flac"), *folder.rglob("*.wav")], "a recording was kept"


@pytest.fixture
def page(browsers: dict[str, Any], url: str) -> Iterator[Any]:
    """A phone-sized page that may not call anyone else or complain."""
    opened = visit(browsers["speaking"], url)
    outside: list[str] = []
    complaints: list[str] = []
    opened.on(
        "request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else outside.append(r.url)
    )
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    wide = opened.evaluate("document.documentElement.scrollWidth")
    opened.context.close()
    assert outside == []
    assert complaints == []
    assert wide <= PHONE["width"]
