"""The API with the fakes: what each route answers, and what is remembered."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.audio import io as audio
from speechtutor.service.settings import Settings
from tests.service.conftest import client, hum, recording, silence

ID = "8f14e45f-ceea-467f-a8f5-3b1a7d6e2c11"


def one_line(answer: Any, status: int, *parts: str) -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"] and "\n" not in answer.json()["error"]
    for part in parts:
        assert part in answer.json()["error"]
    assert answer.headers["x-request-id"]


def test_score_is_that_of_the_command_line(api: Any, tmp_path: Path, capsys: Any) -> None:
    answer = api.post("/v1/score", files=recording(), data={"text": "I think so"})
    assert answer.status_code == 200
    (tmp_path / "me.wav").write_bytes(hum())
    assert cli.main(["score", str(tmp_path / "me.wav"), "I think so", "--model", "fake", "--json"]) == 0
    assert answer.json() == json.loads(capsys.readouterr().out)


def test_without_a_text_what_was_heard_is_scored(api: Any) -> None:
    found = api.post("/v1/score", files=recording()).json()
    assert (found["text"], found["warnings"][0]["code"]) == ("hello world", "free_speech")
    assert api.post("/v1/transcribe", files=recording()).json()["text"] == "hello world"


def test_coach(api: Any) -> None:
    found = api.post("/v1/coach", files=recording(), data={"text": "I think so"}).json()
    assert list(found) == ["schema_version", "transcript", "score", "feedback"]
    assert found["feedback"]["tips"][0]["word"] == "think"
    assert "grammar" in api.post("/v1/coach", files=recording()).json()


def test_speak(api: Any) -> None:
    answer = api.post("/v1/speak", json={"text": "hello", "rate": 0.5})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert audio.decode(answer.content).duration == pytest.approx(1.0)  # 5 letters x 0.1 s / 0.5


def test_silence_has_no_score_and_is_counted(api: Any) -> None:
    found = api.post("/v1/score", files=recording(silence()), data={"text": "I think so"}).json()
    assert set(found["scores"].values()) == {None}
    assert 'speechtutor_declined_total{code="silence"} 1.0' in api.get("/metrics").text


def test_practice_gives_the_same_again(api: Any) -> None:
    first = api.get("/v1/practice", params={"level": "a2", "sounds": "th"}).json()
    again = api.get("/v1/practice", params={"level": "a2", "sounds": "th", "seed": first["seed"]}).json()
    assert first == again and first["text"] and "TH" in first["focus"]
    one_line(api.get("/v1/practice", params={"kind": "nonsense"}), 422, "nonsense")


def attempt(api: Any, data: bytes | None = None, **fields: str) -> Any:
    form = {"id": ID, "learner": "ana", "text": "I think so"} | fields
    return api.post("/v1/attempts", files=recording(data), data=form)


def test_an_attempt_sent_twice_is_kept_once(api: Any) -> None:
    first = attempt(api)
    assert first.status_code == 200 and first.json()["kept"]
    again = attempt(api)
    assert again.json() == first.json()
    known = api.get("/v1/learners/ana").json()
    assert [one["id"] for one in known["attempts"]] == [ID] and known["state"]["n_attempts"] == 1
    one_line(attempt(api, learner="ben"), 409, ID)
    one_line(attempt(api, text="Other words"), 409, ID)
    assert attempt(api, id="another-attempt").json()["kept"]
    assert api.get("/v1/learners/ana").json()["state"]["n_attempts"] == 2


def test_what_cannot_be_judged_is_not_kept(api: Any) -> None:
    found = attempt(api, silence()).json()
    assert (found["kept"], found["at"], found["score"]["scores"]["overall"]) == (False, None, None)
    one_line(api.get("/v1/learners/ana"), 404)


def test_a_learner_is_forgotten(api: Any) -> None:
    attempt(api)
    assert api.delete("/v1/learners/ana").json() == {"learner": "ana", "attempts": 1}
    one_line(api.get("/v1/learners/ana"), 404)
    assert api.delete("/v1/learners/ana").json()["attempts"] == 0


def test_the_exercise_of_a_number_is_remembered(api: Any) -> None:
    first = api.get("/v1/practice", params={"learner": "ana", "seed": 7}).json()
    attempt(api)
    assert api.get("/v1/practice", params={"learner": "ana", "seed": 7}).json() == first


def test_health_and_figures(api: Any) -> None:
    assert api.get("/healthz").json() == api.get("/readyz").json() == {"status": "ok"}
    attempt(api)
    api.get("/v1/learners/ana")
    text = api.get("/metrics").text
    assert 'speechtutor_requests_total{route="/v1/attempts",status="200"} 1.0' in text
    assert 'route="/v1/learners/{learner}"' in text and "ana" not in text  # a route names nobody
    assert "speechtutor_inside 0.0" in text
    paths = api.get("/openapi.json").json()["paths"]
    assert {"/v1/score", "/v1/attempts", "/v1/learners/{learner}", "/healthz"} <= set(paths)


def test_it_stops_when_all_is_done(tmp_path: Path) -> None:
    with client(tmp_path) as api:
        assert api.get("/readyz").status_code == 200
    one_line(api.post("/v1/score", files=recording()), 503, "stopping")
    assert api.get("/readyz").status_code == 503


# The shapes of others

AZURE = "/speech/recognition/conversation/cognitiveservices/v1"


def assessment(value: object) -> dict[str, str]:
    return {
        "Pronunciation-Assessment": base64.b64encode(json.dumps(value).encode()).decode(),
        "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
        "Ocp-Apim-Subscription-Key": "any",
        "Accept": "application/json;text/xml",
    }


def test_azure(api: Any) -> None:
    """The request of Azure's public samples: parameters as strings, the body in pieces."""
    asked = {
        "GradingSystem": "HundredMark", "Dimension": "Comprehensive", "ReferenceText": "I think so",
        "EnableProsodyAssessment": "True", "PhonemeAlphabet": "SAPI", "EnableMiscue": "True",
        "NBestPhonemeCount": "5",
    }  # fmt: skip
    data = hum()
    pieces = (data[i : i + 1024] for i in range(0, len(data), 1024))
    path = f"{AZURE}?format=detailed&language=en-US&X-ConnectionId=abc"
    found = api.post(path, content=pieces, headers=assessment(asked)).json()
    assert (found["RecognitionStatus"], found["DisplayText"]) == ("Success", "I think so")
    assert (found["Offset"], found["Duration"]) == (0, 10_000_000)
    best = found["NBest"][0]
    assert best["PronScore"] == best["PronunciationAssessment"]["PronScore"] == pytest.approx(93.3, abs=1)
    assert [word["Word"] for word in best["Words"]] == ["I", "think", "so"]
    assert best["Words"][1]["ErrorType"] == "Mispronunciation"
    assert best["Words"][1]["Phonemes"][0]["AccuracyScore"] == 20.0


def test_azure_without_assessment_and_its_refusals(api: Any) -> None:
    assert api.post(AZURE, content=hum()).json() == {
        "RecognitionStatus": "Success", "DisplayText": "hello world", "Offset": 0, "Duration": 10_000_000,
    }  # fmt: skip
    best = api.post(f"{AZURE}?format=detailed", content=hum()).json()["NBest"][0]
    assert (best["Lexical"], best["Confidence"]) == ("hello world", 1.0)
    one_line(api.post(f"{AZURE}?language=de-DE", content=hum()), 400, "English")
    headers = {"Pronunciation-Assessment": "no base64!"}
    one_line(api.post(AZURE, content=hum(), headers=headers), 400, "base64")
    one_line(api.post(AZURE, content=hum(), headers=assessment([])), 400, "Pronunciation-Assessment")
    assert api.post(AZURE, content=hum(), headers=assessment({})).json()["DisplayText"] == "hello world"


def test_openai(api: Any) -> None:
    files = {"file": ("me.wav", hum(), "audio/wav")}

    def ask(**fields: str) -> Any:
        return api.post("/v1/audio/transcriptions", files=files, data={"model": "whisper-1"} | fields)

    assert ask().json() == {"text": "hello world"}
    assert ask(response_format="text").text == "hello world\n"
    found = ask(response_format="verbose_json", language="en").json()
    assert found["words"][1] == {"word": "world", "start": 0.5, "end": 1.0} and found["duration"] == 1.0
    one_line(ask(response_format="srt"), 422, "response_format")


def test_no_voice_and_no_memory(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from speechtutor.service.app import build
    from tests.service.conftest import coach

    app = build(coach(synthesizer=None), Settings(hosts=("testserver",)), None)
    with TestClient(app) as api:
        one_line(api.post("/v1/speak", json={"text": "hi"}), 404, "no voice")
        one_line(api.get("/v1/learners/ana"), 404, "remembers nobody")
        assert api.post("/v1/score", files=recording()).status_code == 200
