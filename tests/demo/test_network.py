"""The app with the real models: nobody but this machine is asked anything, and no id of it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, need
from tests.support import network

VISIT = """
import sys
from speechtutor import audio
from speechtutor.commands import visitors
clip, text, page = sys.argv[1:]
with visitors.running() as app:
    visitor = visitors.Visitor(app.url)
    took = visitors.take(audio.load(clip), 1)
    print("WORDS", visitor.check(visitor.upload(took), text).count("data-word="), flush=True)
    with open(page, "w") as file:
        file.write(visitor.http.get("/").text + visitor.http.get("/theme.css").text)
"""
ASKED = re.compile(
    r"""(?:src|action)=["']?(?:https?:)?//[^"'> ]+|<link[^>]+(?:https?:)?//[^>]+|@import[^;]+//[^;]+"""
    r"""|url\(["']?(?:https?:)?//[^)]+"""
)
"""What makes a browser that reads a page ask another host; `meta` lines are read by nobody here."""

FONTS = re.compile(r"\.(?:cache|config)(?:/matplotlib(?:/fontlist-v[\d.]+\.json(?:\.matplotlib-lock)?)?)?")
"""gradio brings matplotlib, which lists the fonts of the machine for itself: no id, and sent nowhere."""


def test_the_page_parser_finds_what_asks_a_host() -> None:
    asks = (
        '<script src="https://cdn.example/a.js">',
        "<link rel=preconnect href='//fonts.example'>",
        "@import 'https://fonts.example/css';",
        "url(https://fonts.example/a.woff2)",
        "<img src=//x.example/1>",
    )
    assert all(ASKED.search(line) for line in asks)
    own = (
        '<script src="./assets/a.js">',
        "<link href='./theme.css'>",
        "url(./static/a.woff2)",
        "url(data:x)",
    )
    assert not any(ASKED.search(line) for line in own)


@pytest.mark.timeout(1800)
def test_a_check_in_the_app_reaches_nobody_else(models_home: Path, tmp_path: Path) -> None:
    for name in ("kokoro-82m", "whisper-base"):
        need((models_home / "models" / name).is_dir(), f"{name} is not pulled")
    watched, page = network.watch(tmp_path, models_home), tmp_path / "page.html"
    clip = str(EXAMPLES / "dinner-errors.flac")
    done = watched.run("-c", VISIT, clip, "We like rice and chips for dinner.", str(page))
    assert "WORDS 7" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert watched.looked_up() == []
    assert watched.connected() == []
    assert [path for path in watched.written() if not FONTS.fullmatch(path)] == []
    assert ASKED.findall(page.read_text()) == []
    if watched.is_cut_off:
        sockets = (tmp_path / "sockets").read_text()
        assert "127.0.0.1" in sockets, "the check itself went over a socket that was watched"


def test_what_is_watched_would_be_seen(models_home: Path, tmp_path: Path) -> None:
    watched = network.watch(tmp_path, models_home)
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 1)\nexcept OSError: pass\n"
    named = "try: socket.getaddrinfo('telemetry.invalid', 443)\nexcept OSError: pass\n"
    watched.run("-c", f"{code}{named}open(__import__('os').environ['HOME'] + '/id', 'w')")
    assert len(watched.looked_up()) >= 2 and watched.written() == ["id"]
    assert watched.connected() or not watched.is_cut_off
