"""The site is built without a warning, its links lead somewhere, and no page asks another host."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from tests.conftest import PROJECT, need


class Page(HTMLParser):
    """The links and ids of a page, and what it loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {str(found[name]) for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if tag in ("script", "img", "iframe") and found.get("src"):
            self.loads.append(str(found["src"]))
        if tag == "link" and found.get("rel") in ("stylesheet", "icon") and found.get("href"):
            self.loads.append(str(found["href"]))


def test_every_page_is_in_the_navigation() -> None:
    text = re.sub(r"!!python\S*", "", (PROJECT / "mkdocs.yml").read_text("utf-8"))
    named = re.findall(r"\w+\.(?:md|ipynb)", str(yaml.safe_load(text)["nav"]))
    found = [path.name for kind in ("*.md", "*.ipynb") for path in (PROJECT / "docs").rglob(kind)]
    assert sorted(named) == sorted(found)


def test_the_site(tmp_path: Path) -> None:
    missing = [name for name in ("material", "mkdocstrings", "mkdocs_jupyter") if not find_spec(name)]
    need(not missing, f"{', '.join(missing)} (extra docs) are not installed")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in tmp_path.rglob("*.html")}
    assert len(pages) > 12
    for path, page in pages.items():
        assert not [src for src in page.loads if urlsplit(src).netloc], path.name
        if path.name == "404.html":  # its links are from the root of a server
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name} links to {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.name} links to {link}"
