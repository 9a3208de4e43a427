"""What comes from strangers: never a 500, never a traceback, one line of JSON, nothing of ours in it."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speechtutor.models.fake import FakeScorer
from speechtutor.service.gate import MOST_HEADERS
from speechtutor.service.settings import HERE, Settings
from tests.service.conftest import KEY, client, hum, keys, recording
from tests.service.test_app import AZURE, assessment, one_line

LIMIT = 200_000
ID = "8f14e45f-ceea-467f-a8f5-3b1a7d6e2c11"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = Settings(hosts=("testserver",), max_bytes=LIMIT, max_seconds=5)
    with client(tmp_path_factory.mktemp("home"), settings) as found:
        yield found


def form(path: str, data: bytes | None = None, name: str = "me.wav", **fields: str) -> dict[str, Any]:
    audio = {"audio": (name, io.BytesIO(hum() if data is None else data), "audio/wav")}
    return {"method": "POST", "url": path, "files": audio, "data": fields}


def body(path: str, content: Any, kind: str = "application/json", **more: Any) -> dict[str, Any]:
    headers = {"content-type": kind} | more.pop("headers", {})
    return {"method": "POST", "url": path, "content": content, "headers": headers, **more}


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "url": path, **more}


def azure(value: object, data: bytes | None = None) -> dict[str, Any]:
    return body(AZURE, hum() if data is None else data, headers=assessment(value))


MULTIPART = "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
HOSTILE: dict[str, tuple[dict[str, Any], set[int]]] = {
    # Bodies that are no JSON, or another one
    "no json": (body("/v1/speak", b"{"), {422}),
    "json of nothing": (body("/v1/speak", b""), {422}),
    "a list": (body("/v1/speak", b"[1, 2]"), {422}),
    "a number": (body("/v1/speak", b"7"), {422}),
    "null": (body("/v1/speak", b"null"), {422}),
    "not utf-8": (body("/v1/speak", b'{"text": "\xff\xfe"}'), {400, 422}),
    "utf-16": (body("/v1/speak", '{"text": 3}'.encode("utf-16")), {400, 422}),
    "deep": (body("/v1/speak", b'{"text":' + b"[" * 90_000 + b"]" * 90_000 + b"}"), {400, 413, 422}),
    "a bomb of digits": (body("/v1/speak", b'{"text": "a", "rate": ' + b"9" * 9_000 + b"}"), {400, 422}),
    "text is a number": (body("/v1/speak", b'{"text": 5}'), {422}),
    "text is a list": (body("/v1/speak", b'{"text": ["a"]}'), {422}),
    "text is empty": (body("/v1/speak", b'{"text": ""}'), {422}),
    "text is huge": (body("/v1/speak", json.dumps({"text": "a" * 100_000}).encode()), {422}),
    "half a character": (body("/v1/speak", b'{"text": "\\ud800"}'), {422}),
    "a null": (body("/v1/speak", b'{"text": "a\\u0000b"}'), {422}),
    "rate is nan": (body("/v1/speak", b'{"text": "a", "rate": NaN}'), {422}),
    "rate is infinite": (body("/v1/speak", b'{"text": "a", "rate": 1e999}'), {422}),
    "rate is a text": (body("/v1/speak", b'{"text": "a", "rate": "fast"}'), {422}),
    "phones of half a character": (body("/v1/speak", b'{"text": "a", "phones": "\\udfff"}'), {422}),
    "xml": (body("/v1/speak", b"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>", "text/xml"), {422}),
    "an unknown charset": (body("/v1/speak", b'{"text": 1}', "application/json; charset=nonsense"), {422}),
    # Forms
    "no form": (body("/v1/score", b"hello", "text/plain"), {422}),
    "a form without a boundary": (body("/v1/score", b"hello", "multipart/form-data"), {400, 422}),
    "a form that breaks off": (body("/v1/score", b"--x\r\nContent-Disp", MULTIPART), {400, 422}),
    "a form of nothing": (body("/v1/score", b"--x--\r\n", MULTIPART), {400, 422}),
    "a part without a name": (body("/v1/score", b"--x\r\nA: b\r\n\r\nc\r\n--x--", MULTIPART), {400, 422}),
    "a thousand and one fields": (
        body("/v1/score", FIELD * 1_500 + b"--x--\r\n", MULTIPART),
        {400, 422},
    ),
    "audio is a text": ({"method": "POST", "url": "/v1/score", "data": {"audio": "a", "text": "a"}}, {422}),
    "text is a file": (
        {"method": "POST", "url": "/v1/score", "files": {"audio": ("a", hum()), "text": ("t", b"hi")}},
        {422},
    ),
    # Recordings
    "no samples": (form("/v1/score", b"", text="hi"), {422}),
    "no audio": (form("/v1/score", b"not audio at all", text="hi"), {422}),
    "a damaged wav": (form("/v1/score", b"RIFF\0\0\0\0WAVEjunk", text="hi"), {422}),
    "a cut wav": (form("/v1/score", hum()[:1000], text="hi"), {422}),
    "an html page": (form("/v1/coach", b"<html><script>alert(1)</script>", text="hi"), {422}),
    "a zip": (form("/v1/transcribe", b"PK\3\4" + b"\0" * 500), {422}),
    "a svg": (form("/v1/transcribe", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), {422}),
    "a playlist": (form("/v1/transcribe", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a.m3u8"), {422}),
    "a script": (form("/v1/transcribe", b"ffconcat version 1.0\nfile /etc/passwd\n", "a.ffconcat"), {422}),
    "too long": (form("/v1/score", hum(5.5), text="hi"), {422}),
    "a file name that leads away": (form("/v1/score", b"junk", "../../etc/passwd", text="hi"), {422}),
    "a file name with a null": (form("/v1/score", b"junk", "a\0b.wav", text="hi"), {400, 422}),
    # Texts and names
    "a text of signs": (form("/v1/score", text="..."), {422}),
    "an empty text": (form("/v1/score", text=" "), {422}),
    "a huge text": (form("/v1/score", text="word " * 5_000), {422}),
    "a text with a null": (form("/v1/score", text="a\0b"), {422}),
    "a language there is not": (form("/v1/coach", text="hi", explain="../es"), {422}),
    "a long language": (form("/v1/coach", text="hi", explain="e" * 9_000), {422}),
    "no id": (form("/v1/attempts", learner="ana", text="hi"), {422}),
    "a short id": (form("/v1/attempts", id="1", learner="ana", text="hi"), {422}),
    "an id that leads away": (form("/v1/attempts", id="../../../../etc", learner="ana", text="hi"), {422}),
    "a long id": (form("/v1/attempts", id="a" * 10_000, learner="ana", text="hi"), {422}),
    "an empty learner": (form("/v1/attempts", id=ID, learner=" ", text="hi"), {422}),
    "a long learner": (form("/v1/attempts", id=ID, learner="a" * 5_000, text="hi"), {422}),
    "a learner with a line end": (form("/v1/attempts", id=ID, learner="a\nb", text="hi"), {422}),
    "sql in a name": (get("/v1/learners/x'; DROP TABLE attempts; --"), {404}),
    "a null in a name": (get("/v1/learners/a%00b"), {422}),
    "bad utf-8 in a name": (get("/v1/learners/%ff%fe"), {404, 422}),
    "a name of dots": (get("/v1/learners/%2e%2e"), {404}),
    # Paths and methods
    "up and away": (get("/v1/../../etc/passwd"), {404}),
    "coded up and away": (get("/v1/%2e%2e/%2e%2e/etc/passwd"), {404}),
    "backslashes": (get("/..\\..\\windows\\win.ini"), {404}),
    "a path of 10,000": (get("/" + "a" * 10_000), {404}),
    "the docs of others": (get("/docs"), {404}),
    "another method": ({"method": "PUT", "url": "/v1/score"}, {405}),
    "a method of its own": ({"method": "BREW", "url": "/v1/score"}, {405}),
    "trace": ({"method": "TRACE", "url": "/healthz"}, {405}),
    "a preflight": (
        {"method": "OPTIONS", "url": "/v1/score", "headers": {"origin": "http://evil.example"}}, {403},
    ),
    # Headers
    "a flood of headers": (get("/healthz", headers={f"x-{i}": "a" for i in range(MOST_HEADERS + 1)}), {431}),
    "a large header": (get("/healthz", headers={"x-a": "a" * 20_000}), {431}),
    "another host": (get("/healthz", headers={"host": "evil.example"}), {400}),
    "no host": (get("/healthz", headers={"host": ""}), {400}),
    "a page of another site": (
        form("/v1/score", text="hi") | {"headers": {"origin": "http://evil.example"}}, {403},
    ),
    "a page of nowhere": (form("/v1/score", text="hi") | {"headers": {"origin": "null"}}, {403}),
    "an origin that is none": (get("/healthz", headers={"origin": "http://["}), {403}),
    "a length that is none": (body("/v1/speak", b"{}", headers={"content-length": "many"}), {400}),
    "a length below nothing": (body("/v1/speak", b"{}", headers={"content-length": "-1"}), {400}),
    "a length beyond all": (body("/v1/speak", b"{}", headers={"content-length": "9" * 40}), {413}),
    "a large body that says so": (form("/v1/score", b"\0" * (LIMIT + 1), text="hi"), {413}),
    "a large body in pieces": (body(AZURE, (b"\0" * 10_000 for _ in range(30)), "audio/wav"), {413}),
    "a large form in pieces": (body("/v1/score", (b"--x\r\n" * 2_000 for _ in range(30)), MULTIPART), {413}),
    # Queries
    "a seed of letters": (get("/v1/practice?seed=abc"), {422}),
    "a seed beyond": (get("/v1/practice?seed=99999999999999999999"), {422}),
    "a level there is not": (get("/v1/practice?level=Z9"), {422}),
    "a sound there is not": (get("/v1/practice?sounds=XX"), {422}),
    "kinds without end": (get("/v1/practice?kind=" + "sound," * 1_000), {422}),
    "a null in a query": (get("/v1/practice?words=%00&learner=%00"), {422}),
    # The shapes of others
    "azure: a list": (azure([1]), {400}),
    "azure: text is a number": (azure({"ReferenceText": 5}), {400}),
    "azure: half a character": (
        body(AZURE, hum(), headers=assessment({}) | {
            "Pronunciation-Assessment": base64.b64encode(b'{"ReferenceText": "\\ud800"}').decode()
        }), {400, 422},
    ),
    "azure: nothing": (azure({"ReferenceText": "hi"}, b""), {422}),
    "azure: deep": (azure(json.loads('{"a":' * 60 + "1" + "}" * 60), b"junk"), {400, 422}),
    "azure: another language": (body(f"{AZURE}?language=%00", hum()), {400}),
    "openai: no file": ({"method": "POST", "url": "/v1/audio/transcriptions", "data": {"model": "x"}}, {422}),
    "openai: a format": (
        {"method": "POST", "url": "/v1/audio/transcriptions", "files": {"file": ("a", hum())},
         "data": {"response_format": "exe"}}, {422},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_request_is_one_line(api: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    request, allowed = HOSTILE[name]
    if "content" in request and not isinstance(request["content"], bytes):
        request = request | {"content": iter(list(request["content"]))}
    answer = api.request(**request)
    assert answer.status_code in allowed, (answer.status_code, answer.text[:300])
    one_line(answer, answer.status_code)
    told = answer.json()["error"]
    assert 0 < len(told) <= 600
    for leak in (
        "Traceback",
        "site-packages",
        "speechtutor/",
        ".py",
        "sqlite",
        tempfile.gettempdir(),
        "passwd",
        "me.wav",
    ):
        assert leak not in told
    assert "Traceback" not in caplog.text and not [r for r in caplog.records if r.exc_info]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    assert api.get("/healthz").status_code == 200


def test_there_are_many() -> None:
    assert len(HOSTILE) >= 80


def test_a_bug_is_a_500_without_its_traceback(
    api: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(self: object, recording: Any, text: str, words: Any = None) -> Any:
        raise RuntimeError("secret place /srv/x")

    monkeypatch.setattr(FakeScorer, "score", breaks)
    answer = api.post("/v1/score", files=recording(), data={"text": "hi"}, headers={"x-request-id": "abc.1"})
    one_line(answer, 500, "abc.1")
    assert "secret" not in answer.text
    assert "secret" in caplog.text and answer.headers["x-request-id"] == "abc.1"


def test_an_id_that_is_none_is_replaced(api: Any) -> None:
    for given in ("a b", "a" * 65, "", '"><script>'):
        answer = api.get("/healthz", headers={"x-request-id": given})
        assert answer.headers["x-request-id"] != given and len(answer.headers["x-request-id"]) == 32


# Keys


def test_keys(tmp_path: Path) -> None:
    settings = Settings(keys(KEY, "another key of many"), ("testserver",))
    with client(tmp_path, settings) as api:
        assert api.get("/healthz").status_code == api.get("/readyz").status_code == 200
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": KEY}, {"x-api-key": ""}):
            for path in ("/v1/practice", "/metrics", "/openapi.json", "/v1/learners/ana"):
                answer = api.get(path, headers=headers)
                one_line(answer, 401, "Bearer")
                assert answer.headers["www-authenticate"] == "Bearer"
        for headers in (
            {"authorization": f"Bearer {KEY}"},
            {"x-api-key": KEY},
            {"ocp-apim-subscription-key": "another key of many"},
        ):
            assert api.get("/v1/practice", headers=headers).status_code == 200
        assert KEY not in repr(settings) and "keys" not in repr(settings)


def test_a_body_is_not_read_before_the_key(tmp_path: Path) -> None:
    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for i in range(100):
            read.append(i)
            yield b"\0" * 1000

    settings = Settings(keys(KEY), ("testserver",), max_bytes=50_000)
    with client(tmp_path, settings) as api:
        one_line(api.post("/v1/score", content=pieces()), 401)


def test_names_of_this_machine_and_origin(tmp_path: Path) -> None:
    with client(tmp_path, replace(Settings(), hosts=HERE)) as api:
        for host in ("localhost:8000", "127.0.0.1", "[::1]:80"):
            assert api.get("/healthz", headers={"host": host}).status_code == 200
            same = {"host": host, "origin": f"http://{host}"}
            assert api.get("/healthz", headers=same).status_code == 200
        one_line(api.get("/healthz", headers={"host": "localhost.evil.example"}), 400)
