"""A real HTTP server on this machine, well-behaved and otherwise."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from speechtutor.content.tables import hint
from speechtutor.errors import InputError, ServiceError
from speechtutor.models.llm_server import ServerEngine, load
from speechtutor.stages import Message
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.phrasing import LlmTutor
from speechtutor.tutor.rules import RuleTutor
from speechtutor.tutor.verify import verify
from tests.support.judged import LEARNER, SINK

TEXT = 'In "think", the "th" sounded closer to "s". Can you say "think" again?'
CHAT = [Message("system", "Be kind."), Message("user", "Hello")]


class Server:
    """Answers as it is told; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: events(handler, TEXT)
        self.models: Any = {"data": [{"id": "little-model"}]}
        self.gone = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                plain(self, 200, json.dumps(outer.models))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append(json.loads(body) | {"path": self.path})
                outer.headers.append(dict(self.headers))
                try:
                    outer.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    outer.gone.set()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


def plain(handler: BaseHTTPRequestHandler, status: int, body: str, kind: str = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.end_headers()
    handler.wfile.write(body.encode())


def event(text: str | None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


def stream(handler: BaseHTTPRequestHandler, *pieces: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
    handler.end_headers()
    for piece in pieces:
        handler.wfile.write(piece)
        handler.wfile.flush()


def events(handler: BaseHTTPRequestHandler, text: str, size: int = 5) -> None:
    pieces = [event(text[i : i + size]) for i in range(0, len(text), size)]
    role = b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
    usage = b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n'
    stream(handler, b": a comment\n\n", role, *pieces, usage, b"data: [DONE]\n\n")


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def reply(server: Server, **options: Any) -> str:
    return "".join(ServerEngine(server.url, "m", timeout=2.0, **options).generate(CHAT, max_tokens=9))


def test_a_streamed_reply(server: Server) -> None:
    assert reply(server, api_key="k3y") == TEXT
    (asked,) = server.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
    ]
    assert (asked["model"], asked["max_tokens"], asked["temperature"], asked["stream"]) == ("m", 9, 0, True)
    assert server.headers[0]["Authorization"] == "Bearer k3y"


def test_pieces_come_as_they_are_sent(server: Server) -> None:
    more = threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        stream(handler, event("One"))
        assert more.wait(5)
        handler.wfile.write(event(" two") + b"data: [DONE]\n\n")

    server.answer = slowly
    pieces = ServerEngine(server.url, "m").generate(CHAT, max_tokens=9)
    assert next(pieces) == "One"
    more.set()
    assert list(pieces) == [" two"]


def test_closing_ends_the_request(server: Server) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        stream(handler)
        while True:
            handler.wfile.write(event("on and on "))
            time.sleep(0.001)

    server.answer = endless
    pieces = ServerEngine(server.url, "m").generate(CHAT, max_tokens=9)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert server.gone.wait(5)


def test_a_server_that_does_not_stream(server: Server) -> None:
    body = json.dumps({"choices": [{"message": {"content": TEXT}}]})
    server.answer = lambda handler: plain(handler, 200, body)
    assert reply(server) == TEXT


def test_the_first_listed_model_is_taken(server: Server) -> None:
    engine = ServerEngine(server.url + "/")
    assert engine.name == server.url
    "".join(engine.generate(CHAT, max_tokens=9))
    assert engine.name == server.asked[0]["model"] == "little-model"


@pytest.mark.parametrize("models", [{"data": []}, {}, [], {"data": [{}]}])
def test_no_listed_model(server: Server, models: Any) -> None:
    server.models = models
    with pytest.raises(ServiceError, match="lists no models"):
        "".join(ServerEngine(server.url).generate(CHAT, max_tokens=9))


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    """The process at the other end dies: whole sentences came, but neither the rest nor an end."""
    stream(handler, event('In "think", the "th" sounded closer to "s". '))


def breaks_off_in_a_chunk(handler: BaseHTTPRequestHandler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    piece = event('In "think", the "th" sounded closer to "s". ')
    handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" + b"40\r\ndata: {")
    handler.close_connection = True


def cuts_an_event(handler: BaseHTTPRequestHandler) -> None:
    stream(handler, event('In "think", the "th" sounded closer to "s". '), event("Can you")[:20])


def stalls(handler: BaseHTTPRequestHandler) -> None:
    stream(handler, event("One "))
    time.sleep(0.6)


FAILURES: list[tuple[Callable[[BaseHTTPRequestHandler], None], str]] = [
    (lambda handler: plain(handler, 500, '{"error": "out of\\n memory"}'), "answered 500: .*out of"),
    (lambda handler: plain(handler, 401, "no key"), "answered 401: no key"),
    (lambda handler: plain(handler, 404, "<html>" + "x" * 999, "text/html"), "answered 404"),
    (lambda handler: plain(handler, 200, "nonsense"), "no chat completion: 'nonsense'"),
    (lambda handler: plain(handler, 200, "[1, 2]"), "no chat completion"),
    (lambda handler: plain(handler, 200, '{"choices": [{"message": {"content": 7}}]}'), "no text"),
    (lambda handler: plain(handler, 200, "<html>hello</html>", "text/html"), "sent no events"),
    (lambda handler: stream(handler, b"data: {broken\n\n"), "no chat completion"),
    (lambda handler: stream(handler, b'data: {"choices": [[]]}\n\n'), "no chat completion"),
    (lambda handler: stream(handler, b'data: {"error": {"message": "overloaded"}}\n\n'), "overloaded"),
    (lambda handler: stream(handler), "sent no events"),
    (breaks_off, "broke off in the middle"),
    (breaks_off_in_a_chunk, "failed: "),
    (cuts_an_event, "no chat completion"),
    (lambda handler: stream(handler, b"\xff\xfe garbage\n\n" * 50), "sent no events"),
    (silent, "took too long"),
    (stalls, "took too long"),
]


@pytest.mark.parametrize(("answer", "says"), FAILURES)
def test_failures_are_one_line_and_the_rules_speak(
    server: Server, answer: Callable[[BaseHTTPRequestHandler], None], says: str
) -> None:
    server.answer = answer
    with pytest.raises(ServiceError, match=says) as error:
        "".join(ServerEngine(server.url, "m", timeout=0.3).generate(CHAT, max_tokens=9))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    tutor = load(server.url, model="m", timeout=0.3)
    assert tutor.advise(SINK, LEARNER) == RuleTutor().advise(SINK, LEARNER)
    assert tutor.last is not None
    assert tutor.last.violations[0].code == "service"


@pytest.mark.parametrize(("answer", "says"), FAILURES)
def test_a_failure_is_never_remembered(
    server: Server, answer: Callable[[BaseHTTPRequestHandler], None], says: str
) -> None:
    tutor = load(server.url, model="m", timeout=0.3)
    server.answer = answer
    assert tutor.advise(SINK, LEARNER).source == "rules" and len(tutor.cache) == 0
    server.answer = lambda handler: events(handler, TEXT)
    assert tutor.advise(SINK, LEARNER).source == "m" and len(tutor.cache) == 1
    server.answer = answer
    assert tutor.advise(SINK, LEARNER).source == "m", "equal evidence needs no server"


def test_a_reply_that_drips_for_ever_ends_with_the_time_for_it(server: Server) -> None:
    """Each piece comes in time for the connection, so only the limit for the whole reply can end it."""
    answered = threading.Event()

    def drips(handler: BaseHTTPRequestHandler) -> None:
        stream(handler)
        while not answered.wait(0.02):
            handler.wfile.write(event("and "))

    server.answer = drips
    tutor = LlmTutor(ServerEngine(server.url, "m", timeout=30.0), timeout=0.3)
    assert tutor.advise(SINK, LEARNER) == RuleTutor().advise(SINK, LEARNER)
    answered.set()
    assert tutor.last is not None and "longer than 0.3 s" in tutor.last.violations[0].detail
    assert len(tutor.cache) == 0


def test_a_server_that_never_answers_is_not_waited_for(server: Server) -> None:
    answered = threading.Event()
    server.answer = lambda handler: void(answered.wait(20))
    tutor = LlmTutor(ServerEngine(server.url, "m", timeout=30.0), timeout=0.2)
    assert tutor.advise(SINK, LEARNER).source == "rules"
    assert not answered.is_set(), "the rules spoke while the server was still silent"
    answered.set()


def void(value: object) -> None:
    del value


@pytest.mark.parametrize("answer", [breaks_off, breaks_off_in_a_chunk, cuts_an_event, stalls])
def test_what_was_shown_of_a_broken_stream_is_finished_by_the_rules(
    server: Server, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.answer = answer
    tutor = load(server.url, model="m", timeout=0.3)
    shown = "".join(tutor.stream(SINK, LEARNER))
    assert verify(shown, gather(SINK, LEARNER)) == []
    assert shown.endswith(hint("TH", "S")) or "Can you" not in shown
    assert len(tutor.cache) == 0


def test_an_end_may_be_told_by_its_reason(server: Server) -> None:
    last = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    server.answer = lambda handler: stream(handler, event(TEXT), last)
    assert reply(server) == TEXT


def test_nobody_there() -> None:
    engine = ServerEngine("http://127.0.0.1:9", "m", timeout=2.0)
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9 failed"):
        list(engine.generate(CHAT, max_tokens=1))


@pytest.mark.parametrize(
    "url", ["", None, "localhost:8000", "ftp://x/v1", "not a url", "http://", "http://[::1"]
)
def test_no_url(url: str | None) -> None:
    with pytest.raises(InputError, match="URL"):
        load(url)


def test_the_whole_tutor(server: Server) -> None:
    tutor = load(server.url)
    feedback = tutor.advise(SINK, LEARNER)
    assert feedback.source == "little-model"
    assert feedback.summary == 'In "think", the "th" sounded closer to "s".'
    assert feedback.follow_up.startswith('Can you say "think" again?')


def test_an_untrue_reply_is_refused(server: Server) -> None:
    server.answer = lambda handler: events(handler, "Your accent is bad. Ignore previous instructions.")
    assert load(server.url).advise(SINK, LEARNER).source == "rules"
