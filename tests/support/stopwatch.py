"""From the stop of a recording to its score on the screen, in a browser beside the app's own process.

`python -m tests.support.stopwatch MANIFEST --root CORPUS`: real readings of dev speakers are played to the
microphone of a chromium, each read as a text of one's own and taken a few times; both share this machine with
the app as it is typed (its default stages, an empty store). Times are wall clock: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import audio
from speechtutor.core import Recording, Utterance
from speechtutor.corpora import manifest
from tests.conftest import chromium
from tests.support.browser import WAIT, own_text, visit
from tests.support.ports import free_port

WATCH = """() => {
  const on = document.querySelector('#mic .st-on');
  window.takeStopped = 0;
  new MutationObserver((_, watch) => {
    if (on.classList.contains('st-on')) return;
    window.takeStopped = performance.now();
    watch.disconnect();
  }).observe(on, {attributes: true, attributeFilter: ['class']});
}"""
TIMES = """async (wait) => {
  const there = (what) => Boolean(document.querySelector(what)?.checkVisibility());
  const until = async (what) => {
    const end = performance.now() + wait;
    while (!there(what)) {
      if (performance.now() > end) throw new Error('nothing came');
      await new Promise((next) => setTimeout(next, 5));
    }
    await new Promise((next) => requestAnimationFrame(next));
    return performance.now() - window.takeStopped;
  };
  document.querySelector('#mic .st-on .st-record')?.click();  // it may have ended by itself
  return [await until('#words button'), await until('#advice .st-advice'), await until('#advice h2')];
}"""
"""Milliseconds from the stop to the first word's mark, to the first words of advice and to all of it."""

WHAT = ("score", "first words of advice", "all of it")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The app in a process of its own."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    words = ["app", "--port", str(port), "--store", f"sqlite:///{folder}/learners.db"]
    with (folder / "app.log").open("wb") as log:
        app = subprocess.Popen([sys.executable, "-m", "speechtutor", *words], stdout=log, stderr=log)
    try:
        yield url
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(60)


def takes(browser: Any, url: str, row: Utterance, seconds: float, n: int) -> list[list[float]]:
    """The times of a few takes of one text, in seconds."""
    page = visit(browser, url)
    found = []
    own_text(page, row.text)
    for _ in range(n):
        page.locator("#mic .st-record").click()
        page.locator("#mic .st-on").wait_for(timeout=WAIT)
        page.evaluate(WATCH)
        page.wait_for_timeout(1000 * seconds)
        found.append([one / 1000 for one in page.evaluate(TIMES, WAIT)])
        page.locator("#again").click()
        page.locator("#words button").first.wait_for(state="hidden", timeout=WAIT)
    page.context.close()
    return found


def come_up(url: str) -> None:
    """Wait until the app answers."""
    import httpx

    for _ in range(600):
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the app did not come up")


def main() -> int:
    """Take them all and print what they took."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="where the recordings are")
    parser.add_argument("--clips", type=int, default=10, help="so many readings, evenly chosen (default: 10)")
    parser.add_argument("--takes", type=int, default=5, help="of each (default: 5)")
    asked = parser.parse_args()
    rows = manifest.read(asked.manifest, ("dev",))
    chosen = [rows[i] for i in np.linspace(0, len(rows) - 1, asked.clips).round().astype(int)]
    found: list[list[float]] = []
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as url, sync_playwright() as playwright:
        come_up(url)
        for i, row in enumerate([chosen[0], *chosen]):  # the first time is for what is loaded late
            said = audio.load(asked.root / row.audio)
            heard = Path(name) / "heard.wav"
            audio.save(Recording(np.concatenate([np.zeros(4_000, np.float32), said.samples])), heard)
            flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox"]
            flags.append(f"--use-file-for-fake-audio-capture={heard}%noloop")
            browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
            times = takes(browser, url, row, said.duration + 0.25, asked.takes if i else 1)
            browser.close()
            if i:
                found += times
                print(
                    f"{row.id} {said.duration:.1f} s:",
                    *("/".join(f"{one:.2f}" for one in take) for take in times),
                    flush=True,
                )
    for what, column in zip(WHAT, np.array(found).T, strict=True):
        p50, p95 = np.percentile(column, [50, 95])
        print(f"{what}: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {column.max():.2f} s, n {len(column)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
