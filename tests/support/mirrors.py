"""Small mirrors for the tests of the model store: wheels, a hub and an npm registry on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_wheel(folder: Path, package: str, version: str, members: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, holding `members`."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(
            f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{stem}.dist-info/WHEEL", tags)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def tarball(members: Mapping[str, bytes]) -> bytes:
    """The bytes of a .tgz holding `members`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_catalog(path: Path, name: str, files: Mapping[str, tuple[bytes, list[list[str]]]]) -> Path:
    """A catalog of one checkpoint: path -> its content and its sources."""
    rows = [f'["{name}"]', 'stage = "transcriber"', 'summary = "for tests"', 'licence = "CC0-1.0"']
    for member, (content, sources) in files.items():
        rows += [f'[["{name}".files]]', f'path = "{member}"', f'sha256 = "{sha256(content)}"']
        rows += [f"size = {len(content)}", f"sources = {json.dumps(sources)}"]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@dataclass
class Server:
    """A server on this machine: `pages` maps paths to content; `asked` is what was requested."""

    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    hang: threading.Event | None = None
    url: str = ""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            server.asked.append((self.command, self.path))
            if server.hang is not None:
                server.hang.wait(60)
            content = server.pages.get(self.path.partition("?")[0])
            self.send_response(200 if content is not None else 404)
            content = b"" if content is None else content
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{sha256(content)}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Answer requests until the end of the block."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        if server.hang is not None:
            server.hang.set()
        http.shutdown()
        thread.join()
        http.server_close()
