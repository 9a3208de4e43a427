"""The app from outside: who may ask, how much, what is kept, and how it ends. No browser."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo import serving
from demo.serving import Names
from speechtutor.errors import InputError
from tests.conftest import EXAMPLES, PROJECT

GOOD = EXAMPLES / "weather-good.flac"
API = "/gradio_api"


# Addresses, names, accounts


@pytest.mark.parametrize("port", [0, -1, 65_536, 99_999, 10**400])
def test_a_port_out_of_range(port: int) -> None:
    with pytest.raises(InputError, match="--port must be from 1 to 65535, not"):
        serving.check_address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nosuchhost.invalid", "256.1.1.1", "", "x" * 300, "a\nb", "é" * 70])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(InputError, match="no such address on this machine"):
        serving.check_address(host, 7860)


def test_a_port_in_use_and_an_address_of_another_machine() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: Address already in use"):
            serving.check_address("127.0.0.1", port)
    with pytest.raises(InputError, match=r"--host 192\.0\.2\.1 --port 7860: "):
        serving.check_address("192.0.2.1", 7860)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("[::1]", True), ("127.8.9.1", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("school.example", False), ("", False)],
)  # fmt: skip
def test_who_can_reach_a_host(host: str, local: bool) -> None:
    assert serving.is_local(host) is local


@pytest.mark.parametrize(
    ("header", "known"),
    [("127.0.0.1:7860", True), ("localhost", True), ("LOCALHOST:1", True), ("[::1]:7860", True),
     ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example:7860", False),
     ("192.168.1.5:7860", False), ("", False), ("[::1", False), ("a@localhost", True), ("\0", False)],
)  # fmt: skip
def test_the_names_of_a_local_app(header: str, known: bool) -> None:
    assert Names.of("127.0.0.1").hold(header) is known


def test_the_names_of_an_app_for_others() -> None:
    names = Names.of("0.0.0.0", ("Speech.school.example",))
    for header in ("192.168.1.5:7860", "[fe80::1]:7860", socket.gethostname(), "speech.school.example"):
        assert names.hold(header)
    assert not names.hold("evil.example") and not names.hold("1.2.3.4.evil.example")


def test_accounts_come_from_a_file_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "who"
    file.write_text("ann:one:two\n\n bob:pw \n", encoding="utf-8")
    found = serving.accounts(file, {serving.AUTH_VARIABLE: "eve:three"})
    assert found == [("eve", "three"), ("ann", "one:two"), ("bob", "pw")]
    assert serving.accounts(None, {}) == []


def test_roles_come_from_the_headings_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "who"
    file.write_text("ann:one\n[teacher]\nbob:two:three\n\n[admin]\neve:four\n[learner]\nkim:five\n")
    assert serving.roles(file) == {"ann": "learner", "bob": "teacher", "eve": "admin", "kim": "learner"}
    assert serving.accounts(file, {}) == [
        ("ann", "one"),
        ("bob", "two:three"),
        ("eve", "four"),
        ("kim", "five"),
    ]
    assert serving.roles(None) == {}
    file.write_text("[teacher]\n")
    with pytest.raises(InputError, match="no line"):
        serving.accounts(file, {})
    file.write_text("[king]\nann:one\n")
    with pytest.raises(InputError, match="line 1: expected name:password"):
        serving.accounts(file, {})


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"", "no line"), (b"ann\n", "line 1: expected name:password"), (b":pw", "name:password"),
     (b"ann:pw\nsecret-without-colon\n", "line 2: expected"), (b"\xff\xfe:", "characters"),
     (None, "No such file")],
)  # fmt: skip
def test_a_file_of_accounts_that_is_none(tmp_path: Path, content: bytes | None, cause: str) -> None:
    file = tmp_path / "who"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=cause) as told:
        serving.accounts(file, {})
    assert "who" in str(told.value) and "secret" not in str(told.value)


def test_other_machines_need_a_sign_in_or_somebodys_word() -> None:
    serving.check_open("127.0.0.1", signed=False, consent=False)
    serving.check_open("0.0.0.0", signed=True, consent=False)
    serving.check_open("0.0.0.0", signed=False, consent=True)
    with pytest.raises(InputError, match=r"--host 0\.0\.0\.0 .*--auth-file.*--without-sign-in"):
        serving.check_open("0.0.0.0", signed=False, consent=False)


# A process of its own over the fakes


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Running:
    process: subprocess.Popen[str]
    home: Path
    http: httpx.Client

    def kept(self) -> list[Path]:
        """The files that are there of what was said and made; neither locks nor the learners' store."""
        every = [path for path in self.home.rglob("*") if path.is_file() and path.suffix != ".lock"]
        every = [path for path in every if "matplotlib" not in path.parts]  # its list of fonts
        return [path for path in every if path.parent != self.home or path.suffix in (".flac", ".wav")]

    def upload(self, data: bytes = GOOD.read_bytes(), name: str = "me.flac") -> str:
        sent = self.http.post(f"{API}/upload", files={"files": (name, data)})
        assert sent.status_code == 200, sent.text
        return str(sent.json()[0])

    def call(self, button: str, session: str = "", **given: Any) -> list[Any]:
        """What a page's call gives back in the end; `given` are values by the id of their widget.

        `button` is the id of an output that only this call has beside the first inputs; calls of one
        `session` share what the page remembers.
        """
        config = self.http.get("/config").json()
        widgets = {one["id"]: one for one in config["components"]}

        def ids(numbers: list[int]) -> list[str]:
            return [widgets[number]["props"].get("elem_id") or "" for number in numbers]

        calls = [
            one
            for one in config["dependencies"]
            if one["backend_fn"]
            and button in ids(one["outputs"])
            and set(given) <= {name.replace("-", "_") for name in ids(one["inputs"])}
        ]
        data = [
            given.get(name.replace("-", "_"), widgets[number]["props"].get("value"))
            for number, name in zip(calls[0]["inputs"], ids(calls[0]["inputs"]), strict=True)
        ]
        return self.call_number(calls[0], data, session or f"s{time.monotonic_ns()}")

    def clicks(self, button: str) -> list[Any]:
        """The calls that a click on a button makes."""
        config = self.http.get("/config").json()
        found = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == button)
        return [one for one in config["dependencies"] if [found, "click"] in one["targets"]]

    def call_number(self, call: Any, data: list[Any], session: str) -> list[Any]:
        """What one of the page's calls gives back in the end."""
        body = {"data": data, "fn_index": call["id"], "session_hash": session}
        joined = self.http.post(f"{API}/queue/join", json=body)
        assert joined.status_code == 200, joined.text
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                event = json.loads(line[6:]) if line.startswith("data: ") else {}
                if event.get("msg") == "process_completed":
                    assert event["success"], event
                    return list(event["output"]["data"])
        raise AssertionError("the call never ended")

    def check(self, path: str, **more: Any) -> str:
        """Judge a take of a sentence; the words as HTML, or the message where there are none."""
        take = {"path": path, "meta": {"_type": "gradio.FileData"}}
        session = f"s{time.monotonic_ns()}"
        self.call("card", session, kind="own", text="I think so")
        shown = self.call("words", session, mic_upload=take, **more)
        return str(shown[3] or shown[2])


@contextmanager
def running(home: Path, *more: str) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "tests.support.fake_app", "--port", str(port), *more]
    environment = {"PATH": "/usr/bin:/bin", "SPEECHTUTOR_HOME": str(home), "HOME": str(home / "user")}
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "The app is at" in first, first + process.stdout.read()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            try:
                yield Running(process, home, http)
            finally:
                process.terminate()
                process.wait(30)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("serving") / "home") as made:
        yield made


def test_a_take_is_gone_once_it_is_heard_and_can_still_be_judged_and_played(app: Running) -> None:
    path = app.upload()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert 'data-word="2"' in app.check(path)
    assert not Path(path).exists()
    assert 'data-word="2"' in app.check(path)
    played = app.http.get(f"{API}/file={path}")
    assert played.status_code == 200 and played.content == GOOD.read_bytes()
    assert str(app.home) not in app.check(app.upload(b"no sound", "text.wav"))
    assert [one for one in app.kept() if one.suffix in (".flac", ".wav")] == []


def test_nothing_that_was_forgotten_is_named_by_its_place(app: Running) -> None:
    path = str(Path(app.upload()).with_name("never.flac"))
    told = app.check(path)
    assert "recordings are not kept" in told and str(app.home) not in told


def test_of_what_the_app_says_there_is_no_file_and_its_folders_are_its_own(app: Running) -> None:
    before, session = app.kept(), f"s{time.monotonic_ns()}"
    app.call("card", session, kind="own", text="Good morning.")
    hear = next(one for one in app.clicks("hear") if one["backend_fn"])
    voice = app.call_number(hear, [None, None], session)[0]
    assert voice.startswith("<audio") and "data:audio/wav;base64," in voice
    assert app.kept() == before
    folders = {stat.S_IMODE(one.stat().st_mode) for one in (app.home / "heard").rglob("*") if one.is_dir()}
    assert folders == {0o700}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 400), ({"host": "evil.example:7860"}, 400), ({}, 200),
     ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403), ({"host": "localhost:1"}, 200)],
)  # fmt: skip
def test_no_other_page_can_drive_the_app(app: Running, headers: dict[str, str], status: int) -> None:
    for path in ("/", "/config", f"{API}/info", f"{API}/queue/data"):
        if path.endswith("data") and status == 200:
            continue
        assert app.http.get(path, headers=headers).status_code == status
    answer = app.http.post(f"{API}/upload", headers=headers, files={"files": ("a.wav", b"x")})
    assert answer.status_code == status


def test_our_own_page_may_upload(app: Running) -> None:
    own = {"origin": str(app.http.base_url).rstrip("/")}
    answer = app.http.post(f"{API}/upload", headers=own, files={"files": ("a.wav", b"x")})
    assert answer.status_code == 200


def test_headers_and_endpoints(app: Running) -> None:
    answer = app.http.get("/")
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy == serving.POLICY and "frame-ancestors 'self'" in policy
    assert "//" not in policy and "*" not in policy, "no other host"
    assert app.http.get(f"{API}/info").json() == {"named_endpoints": {}, "unnamed_endpoints": {}}
    schema = app.http.get(f"{API}/openapi.json").json()
    assert not [path for path in schema.get("paths", {}) if "/run/" in path or "/call/" in path]
    assert app.http.get("/openapi.json").status_code == 404
    assert app.http.get("/docs").status_code == 404
    assert app.http.post(f"{API}/call/judge", json={"data": []}).status_code == 404


def test_what_is_too_large_is_refused_before_it_is_read(app: Running) -> None:
    before = len(app.kept())
    big = bytes(serving.UPLOAD_BYTES // 4)
    five = [("files", (f"{i}.wav", big)) for i in range(5)]
    assert app.http.post(f"{API}/upload", files=five).status_code == 413
    chunked = app.http.post(f"{API}/upload", content=iter([b"x"] * 3))
    assert chunked.status_code == 411
    text = {"data": ["x" * serving.BODY_BYTES], "fn_index": 0, "session_hash": "s"}
    assert app.http.post(f"{API}/queue/join", json=text).status_code == 413
    assert len(app.kept()) == before


def test_after_a_stop_nothing_is_left(tmp_path: Path) -> None:
    with running(tmp_path / "home") as made:
        made.check(made.upload())
        made.upload(name="never-heard.flac")
        assert made.kept()
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(30) == 0
    assert made.kept() == []
    assert not list((tmp_path / "home").glob("*-wal")), "the store was closed"
    assert list((tmp_path / "home" / "heard").iterdir()) == []


def test_with_a_sign_in_nothing_is_given_to_strangers(tmp_path: Path) -> None:
    who = tmp_path / "who"
    who.write_text("ann:secret\n[teacher]\nbob:known\n")
    with running(tmp_path / "home", "--auth-file", str(who)) as made:
        assert made.http.post(f"{API}/upload", files={"files": ("a.wav", b"x")}).status_code == 401
        assert "components" not in made.http.get("/config").text
        wrong = made.http.post("/login", data={"username": "ann", "password": "guess"})
        assert wrong.status_code == 400
        assert made.http.post("/login", data={"username": "ann", "password": "secret"}).status_code == 200
        path = made.upload()
        assert 'data-word="2"' in made.check(path)
        assert made.http.get(f"{API}/file={path}").status_code == 200
        stranger = httpx.get(made.http.base_url.join(f"{API}/file={path}"))
        assert stranger.status_code == 401
        assert made.call("class") == [""], "a learner is shown nothing of the others"
        assert made.http.post("/login", data={"username": "bob", "password": "known"}).status_code == 200
        seen = str(made.call("class")[0])
        assert "Your class" in seen and ">ann<" in seen and ">eve<" not in seen
        made.check(made.upload(), learner="eve")
        assert ">bob<" in str(made.call("class")[0]), "the take is the account's, whatever the page says"
        assert ">eve<" not in str(made.call("class")[0])
