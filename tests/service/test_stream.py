"""`/v1/stream`: what is told while somebody speaks, and what comes of clients that break the rules."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from speechtutor.audio import io as audio
from speechtutor.audio.live import PCM, Live
from speechtutor.core import Recording, Transcript, UtteranceScore, Word
from speechtutor.models.fake import FakeScorer
from speechtutor.schema import score_json
from speechtutor.service import stream
from speechtutor.service.follow import Follower
from speechtutor.service.keys import Role
from speechtutor.service.settings import Settings
from speechtutor.service.watched import watched
from tests.conftest import EXAMPLES
from tests.service.conftest import KEY, client, coach, hum, keys, recording
from tests.service.test_keys import WORDS, bearer, known

OPEN = Settings(hosts=("testserver",))
PIECE = 8_000
"""Bytes: a quarter of a second."""


def pcm(sound: Recording) -> bytes:
    return (sound.samples * 32_767).astype("<i2").tobytes()


SPOKEN = audio.load(EXAMPLES / "dinner-good.flac")
TEXT = "We like rice and chips for dinner."


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    with client(tmp_path, OPEN) as found:
        yield found


def begin(socket: Any, **opening: Any) -> dict[str, Any]:
    socket.send_text(json.dumps(opening))
    return dict(socket.receive_json())


def until_final(socket: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told = []
    while (event := socket.receive_json())["type"] in ("words", "scores"):
        told.append(event)
    return told, event


def closed(socket: Any) -> int:
    """The code with which it closed."""
    with pytest.raises(WebSocketDisconnect) as end:
        socket.receive_json()
    return end.value.code


def test_the_end_is_what_the_recording_at_once_gets(api: Any) -> None:
    data = audio.encode(SPOKEN, "flac")
    with api.websocket_connect("/v1/stream") as socket:
        ready = begin(socket, text=TEXT, format="file", advise=True)
        assert (ready["type"], ready["received"]) == ("ready", 0)
        for i in range(0, len(data), PIECE):
            socket.send_bytes(data[i : i + PIECE])
        socket.send_text('{"end": true}')
        _, final = until_final(socket)
        assert closed(socket) == 1000
    files = {"audio": ("a", data)}
    once = api.post("/v1/score", files=files, data={"text": TEXT}).json()
    assert final["type"] == "final" and final["score"] == once
    assert (
        final["feedback"]["tips"]
        == api.post("/v1/coach", files=files, data={"text": TEXT}).json()["feedback"]["tips"]
    )
    assert "speechtutor_streams 0.0" in api.get("/metrics").text


def test_free_speech(api: Any) -> None:
    """The fake hears "hello world" in everything: words at once, scores once two hypotheses agree."""
    with api.websocket_connect("/v1/stream") as socket:
        begin(socket)
        events = []
        for i in range(0, len(data := pcm(SPOKEN)), PIECE):
            socket.send_bytes(data[i : i + PIECE])
            time.sleep(0.06)
        socket.send_text('{"end": true}')
        events, final = until_final(socket)
    assert final["transcript"]["text"] == "hello world" == final["score"]["text"]
    assert [c["code"] for c in final["score"]["warnings"]] == ["free_speech"]
    assert [w["text"] for w in events[0]["words"]] == ["hello", "world"]


# The follower alone, without a clock


class Growing:
    """Hears one more word of TEXT for every 0.3 s, the last of which it is not sure of."""

    def __init__(self, offset: float = 0.0) -> None:
        self.calls = 0

    def transcribe(self, sound: Recording, *, lang: str | None = None) -> Transcript:
        self.calls += 1
        words = TEXT.rstrip(".").split()[: int(sound.duration / 0.3)]
        if words and self.calls % 2:
            words[-1] += "x"
        return Transcript(tuple(Word(w, 0.3 * i, 0.3 * i + 0.3, 0.9) for i, w in enumerate(words)), "en", 0.9)


def follow(text: str | None, sound: Recording, **stages: Any) -> tuple[list[dict[str, Any]], Follower]:
    follower = Follower(coach(**stages), Live(PCM), text, False, 60.0, lambda _: None)
    events = []
    data = pcm(sound)
    for i in range(0, len(data), PIECE):
        follower.live.add(data[i : i + PIECE])
        events += follower.step()
    return events, follower


def test_words_that_two_hypotheses_agree_on_are_scored_once_and_in_order() -> None:
    events, follower = follow(None, SPOKEN, transcriber=Growing())
    scored = [
        (e["first"] + i, w["text"]) for e in events if e["type"] == "scores" for i, w in enumerate(e["words"])
    ]
    assert [place for place, _ in scored] == list(range(len(scored))) and len(scored) >= 3
    assert [text for _, text in scored] == TEXT.split()[: len(scored)]  # never one with an x
    for event in events:
        if event["type"] == "scores":
            assert all(w["end"] <= event["at"] for w in event["words"])
    assert follower.end()["type"] == "final"


def test_a_look_leaves_the_scores_to_an_end_that_has_been_asked_for() -> None:
    judged: list[str] = []

    class Judging(FakeScorer):
        def score(self, recording: Recording, text: str, **more: Any) -> UtteranceScore:
            judged.append(text)
            return super().score(recording, text, **more)

    _, follower = follow(None, SPOKEN.crop(0.0, 1.0), transcriber=Growing(), scorer=Judging())
    follower.ending = True
    judged.clear()
    for _ in range(3):  # two hypotheses agree, so that there is something to score
        follower.live.add(pcm(SPOKEN.crop(1.0, 2.0)))
        assert [event["type"] for event in follower.step()] == ["words"]
    assert not judged
    follower.ending = False
    follower.live.add(pcm(SPOKEN.crop(1.0, 2.0)))
    assert "scores" in [event["type"] for event in follower.step()] and judged
    follower.ending = True
    assert len(follower.end()["score"]["words"]) == len(TEXT.split())


def test_long_free_speech_is_let_go_of() -> None:
    """What was agreed on is not heard again after ten seconds; the end is made of all of it."""
    sound = Recording(np.tile(SPOKEN.samples, 8)[: 16_000 * 14])
    heard: list[float] = []

    class Watching(Growing):
        def transcribe(self, sound: Recording, *, lang: str | None = None) -> Transcript:
            heard.append(sound.duration)
            return super().transcribe(sound, lang=lang)

    events, follower = follow(None, sound, transcriber=Watching())
    assert max(heard) <= 10.6 and min(heard[-8:]) < 9
    follower.end()
    assert heard[-1] == pytest.approx(sound.duration)
    firsts = [e["first"] for e in events if e["type"] == "words"]
    assert firsts == sorted(firsts) and firsts[-1] > 0


class Drafts(Growing):
    """Also guesses, always at one word."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, float]] = []

    def transcribe(self, sound: Recording, *, lang: str | None = None) -> Transcript:
        self.heard.append(("transcribed", sound.duration))
        return super().transcribe(sound, lang=lang)

    def draft(self, sound: Recording, *, lang: str | None = None) -> Transcript:
        self.heard.append(("drafted", sound.duration))
        return Transcript((Word("perhaps", 0.0, sound.duration, 0.3),), "en", 0.3)


@pytest.mark.parametrize("seen_by_a_watch", [False, True])
def test_what_is_short_is_drafted_and_the_end_is_not_made_of_drafts(seen_by_a_watch: bool) -> None:
    transcriber = Drafts()
    given = watched(coach(transcriber=transcriber), lambda stage, seconds: None).transcriber
    events, follower = follow(
        None, SPOKEN.crop(0.0, 1.2), transcriber=given if seen_by_a_watch else transcriber
    )
    assert {how for how, _ in transcriber.heard} == {"drafted"}
    assert [w["text"] for w in events[0]["words"]] == ["perhaps"]
    final = follower.end()
    assert transcriber.heard[-1][0] == "transcribed" and "perhaps" not in final["transcript"]["text"]
    transcriber.heard.clear()
    follow(None, SPOKEN, transcriber=transcriber)
    kinds = [how for how, _ in transcriber.heard]
    assert kinds == sorted(kinds) and set(kinds) == {"drafted", "transcribed"}  # first these, then those


def test_a_reading_with_the_real_scorer(models_home: Path) -> None:
    """Words come in the order of the text while it is spoken, and scores near those of the end."""
    from speechtutor import registry

    scorer = registry.load_scorer()
    events, follower = follow(TEXT, SPOKEN, scorer=scorer)
    words = TEXT.rstrip(".").split()
    halfway = [e for e in events if e["type"] == "words" and e["at"] < 0.55 * SPOKEN.duration]
    assert halfway and 1 <= halfway[-1]["first"] + len(halfway[-1]["words"]) < len(words)
    for event in events:
        if event["type"] == "words":
            said = [w["text"] for w in event["words"]]
            assert said == words[event["first"] : event["first"] + len(said)]
            assert all(0 <= w["start"] < w["end"] <= event["at"] + 0.05 for w in event["words"])
    final = follower.end()["score"]
    plain = score_json(replace(scorer.score(follower.live.whole(), TEXT), elapsed=0.0))
    assert final | {"elapsed_ms": 0} == plain
    early = {e["first"] + i: w for e in events if e["type"] == "scores" for i, w in enumerate(e["words"])}
    assert len(early) >= 3
    for place, word in early.items():
        assert word["text"] == final["words"][place]["text"]
        assert word["score"] == pytest.approx(final["words"][place]["score"], abs=25)
        assert word["start"] == pytest.approx(final["words"][place]["start"], abs=0.15)


# Clients that break the rules


@pytest.mark.parametrize(
    ("opening", "told"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "the first message"),
        ('{"text": 5}', "text"),
        ('{"format": "exe"}', "format"),
        ('{"rate": 0}', "rate"),
        ('{"rate": 1e9}', "rate"),
        ('{"text": "%s"}' % ("a" * 3_000), "2000"),
        ('{"text": "\\u0000"}', "null"),
        ('{"text": "\\ud800"}', ""),
        ('{"resume": "../../etc"}', "no such stream"),
        ("[" * 100_000, ""),
    ],
)
def test_openings_that_are_refused(api: Any, opening: str, told: str) -> None:
    with api.websocket_connect("/v1/stream") as socket:
        socket.send_text(opening)
        event = socket.receive_json()
        assert event["type"] == "error" and told in event["error"] and "\n" not in event["error"]
        assert "Traceback" not in event["error"]
        assert closed(socket) == stream.BAD
    assert "speechtutor_streams 0.0" in api.get("/metrics").text


@pytest.mark.parametrize("data", [b"", b"\0" * 9, b"\xff" * 5_000, b"#EXTM3U\n/etc/passwd", hum()[:60]])
@pytest.mark.parametrize("form", ["file", "pcm16"])
def test_sound_that_is_none(api: Any, data: bytes, form: str) -> None:
    """An error, or for bare samples (which anything is) a score that says why there is none."""
    with api.websocket_connect("/v1/stream") as socket:
        begin(socket, text="hi", format=form)
        socket.send_bytes(data)
        socket.send_text('{"end": true}')
        _, event = until_final(socket)
        assert event["type"] in (("error",) if form == "file" else ("error", "final"))
        assert "passwd" not in json.dumps(event)
        assert closed(socket) in (1000, stream.BAD)


@pytest.mark.parametrize("message", ["", "hello", '{"end": "perhaps"}', "{}", "[]"])
def test_messages_that_mean_nothing(api: Any, message: str) -> None:
    with api.websocket_connect("/v1/stream") as socket:
        begin(socket, text="hi")
        socket.send_text(message)
        assert socket.receive_json()["type"] == "error"
        assert closed(socket) == stream.BAD


def test_bytes_before_the_opening(api: Any) -> None:
    with api.websocket_connect("/v1/stream") as socket:
        socket.send_bytes(b"\0\0")
        assert "first message" in socket.receive_json()["error"]


def test_too_much_sound_and_too_long_a_silence(tmp_path: Path) -> None:
    with client(tmp_path, replace(OPEN, max_seconds=1.0, idle=0.2)) as api:
        with api.websocket_connect("/v1/stream") as socket:
            begin(socket, text="hi")
            socket.send_bytes(b"\0\0" * 20_000)
            assert "longer than is taken" in socket.receive_json()["error"]
            assert closed(socket) == stream.POLICY
        for opened in (False, True):
            with api.websocket_connect("/v1/stream") as socket:
                if opened:
                    begin(socket, text="hi")
                assert "nothing came for 0.2 s" in socket.receive_json()["error"]
                assert closed(socket) == stream.POLICY


def test_only_so_many_at_once(tmp_path: Path) -> None:
    with client(tmp_path, replace(OPEN, n_streams=1)) as api:
        with api.websocket_connect("/v1/stream") as one, api.websocket_connect("/v1/stream") as two:
            begin(one, text="hi")
            assert "come again" in begin(two, text="hi")["error"] and closed(two) == stream.LATER
            one.send_bytes(pcm(SPOKEN))
            one.send_text('{"end": true}')
            assert until_final(one)[1]["type"] == "final"
        with api.websocket_connect("/v1/stream") as three:
            assert begin(three, text="hi")["type"] == "ready"


def test_a_connection_that_breaks_is_gone_on_with(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pcm(SPOKEN)
    with api.websocket_connect("/v1/stream") as socket:
        name = begin(socket, text=TEXT)["stream"]
        with api.websocket_connect("/v1/stream") as other:
            assert "no such stream" in begin(other, resume=name)["error"]  # it is not broken
        socket.send_bytes(data[:PIECE])
        time.sleep(0.2)
    with api.websocket_connect("/v1/stream") as socket:
        again = begin(socket, resume=name)
        assert again == {"type": "ready", "stream": name, "received": PIECE}
        socket.send_bytes(data[PIECE:])
        socket.send_text('{"end": true}')
        final = until_final(socket)[1]
    assert final["score"]["duration"] == pytest.approx(SPOKEN.duration, abs=0.001)
    with api.websocket_connect("/v1/stream") as socket:
        assert "no such stream" in begin(socket, resume=name)["error"]  # it ended
    with api.websocket_connect("/v1/stream") as socket:
        late = begin(socket, text=TEXT)["stream"]
    monkeypatch.setattr(stream, "KEPT", 0.0)
    with api.websocket_connect("/v1/stream") as socket:
        assert "no such stream" in begin(socket, resume=late)["error"]


def test_keys_of_streams(tmp_path: Path) -> None:
    settings = Settings(known(), ("testserver",))
    with client(tmp_path, settings) as api:
        for headers in ({}, {"authorization": "Bearer wrong"}, bearer(Role.WATCH)):
            with pytest.raises(WebSocketDisconnect), api.websocket_connect("/v1/stream", headers=headers):
                pass
        with api.websocket_connect("/v1/stream", headers=bearer(Role.JUDGE)) as socket:
            name = begin(socket, text="hi")["stream"]
        word = WORDS[Role.JUDGE].replace(" ", "-")
    settings = Settings(keys(word, KEY), ("testserver",))
    with client(tmp_path, settings) as api:
        offered = [stream.PROTOCOL, f"speechtutor.key.{word}"]
        with api.websocket_connect("/v1/stream", subprotocols=offered) as socket:
            assert socket.accepted_subprotocol == stream.PROTOCOL  # the key is not said back
            name = begin(socket, text="hi")["stream"]
        with api.websocket_connect("/v1/stream", headers={"x-api-key": KEY}) as socket:
            assert "no such stream" in begin(socket, resume=name)["error"]  # another's
        other = {"origin": "http://evil.example", "x-api-key": KEY}
        with pytest.raises(WebSocketDisconnect), api.websocket_connect("/v1/stream", headers=other):
            pass


def test_a_full_line_is_waited_for_at_the_end(tmp_path: Path) -> None:
    """The models are busy and the line is full while the stream ends: it is judged when there is room."""
    import threading
    from concurrent.futures import ThreadPoolExecutor

    from speechtutor.models.fake import FakeScorer

    go, begun = threading.Event(), threading.Event()

    class Slow(FakeScorer):
        def score(self, sound: Any, text: str, *, words: Any = None) -> Any:
            begun.set()
            go.wait(30)
            return super().score(sound, text)

    with client(tmp_path, replace(OPEN, n_waiting=1), scorer=Slow()) as api, ThreadPoolExecutor(2) as people:
        asked = [
            people.submit(api.post, "/v1/score", files=recording(), data={"text": "hi"}) for _ in range(2)
        ]
        begun.wait(30)
        with api.websocket_connect("/v1/stream") as socket:
            begin(socket, text="hi")
            socket.send_bytes(pcm(SPOKEN))
            socket.send_text('{"end": true}')
            time.sleep(0.3)
            go.set()
            assert until_final(socket)[1]["type"] == "final"
        assert [one.result().status_code for one in asked] == [200, 200]
