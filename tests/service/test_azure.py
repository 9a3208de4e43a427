"""Azure's public samples against this server: their requests but for host and key, their way of reading.

After the documentation of "Speech to text REST API for short audio" (pronunciation assessment parameters,
chunked upload, response parameters) and the samples that go with it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speechtutor.service.settings import Settings
from speechtutor.service.tokens import SECONDS, Tokens
from tests.service.conftest import KEY, client, hum, keys
from tests.service.test_app import one_line

URL = "/speech/recognition/conversation/cognitiveservices/v1?format=detailed&language=en-us"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    with client(tmp_path, Settings(keys(KEY), ("testserver",))) as found:
        yield found


def get_chunk(audio_source: bytes, chunk_size: int = 1024) -> Iterator[bytes]:
    for start in range(0, len(audio_source), chunk_size):
        time.sleep(0)
        yield audio_source[start : start + chunk_size]


def headers(reference_text: str, **auth: str) -> dict[str, str]:
    """As the sample makes them."""
    params_json = json.dumps(
        {
            "GradingSystem": "HundredMark",
            "Dimension": "Comprehensive",
            "ReferenceText": reference_text,
            "EnableProsodyAssessment": "true",
            "PhonemeAlphabet": "SAPI",
            "EnableMiscue": "true",
            "NBestPhonemeCount": "5",
        }
    )
    return {
        "Accept": "application/json;text/xml",
        "Connection": "Keep-Alive",
        "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
        "Pronunciation-Assessment": str(base64.b64encode(bytes(params_json, "utf-8")), "utf-8"),
        "Transfer-Encoding": "chunked",
        "Expect": "100-continue",
        **auth,
    }


def read(result_json: dict[str, Any]) -> list[str]:
    """As the sample reads a reply: the scores, then every word with its error, its times and its phonemes."""
    lines = [result_json["RecognitionStatus"], result_json["DisplayText"]]
    best = result_json["NBest"][0]
    for name in ("AccuracyScore", "FluencyScore", "CompletenessScore", "PronScore"):
        lines.append(f"{name} {best[name]:.1f}")
    for word in best["Words"]:
        begin = word["Offset"] / 10_000_000
        end = (word["Offset"] + word["Duration"]) / 10_000_000
        lines.append(f"{word['Word']} {word['AccuracyScore']:.1f} {word['ErrorType']} {begin:.2f}-{end:.2f}")
        for phoneme in word["Phonemes"]:
            lines.append(f"{phoneme['Phoneme']} {phoneme['AccuracyScore']:.1f}")
    return lines


def test_the_sample(api: Any) -> None:
    asked = headers("I think so", **{"Ocp-Apim-Subscription-Key": KEY})
    answer = api.post(url=URL, content=get_chunk(hum()), headers=asked)
    lines = read(json.loads(answer.text))
    assert lines[:2] == ["Success", "I think so"]
    (think,) = [line for line in lines if line.startswith("think ")]
    assert think.split()[2:] == ["Mispronunciation", "0.14-0.72"]  # five of seven sounds, in frames of 0.02 s
    assert "th 20.0" in lines and lines.index("th 20.0") < lines.index("ih 100.0")


def test_the_sample_with_a_token(api: Any) -> None:
    """The samples' other way in: a token of ten minutes for the key, then the token alone."""
    fetched = api.post("/sts/v1.0/issueToken", headers={"Ocp-Apim-Subscription-Key": KEY})
    token = str(fetched.text)
    assert fetched.status_code == 200 and KEY not in token
    asked = headers("I think so", Authorization=f"Bearer {token}")
    answer = api.post(url=URL, content=get_chunk(hum()), headers=asked)
    assert read(json.loads(answer.text))[0] == "Success"
    one_line(api.post("/sts/v1.0/issueToken", headers={"Ocp-Apim-Subscription-Key": "wrong"}), 401)
    for bad in (token[:-1], token[1:], token.replace(".", ""), "a.b", ".", "é.é", "=.="):
        refused = api.post(URL, content=hum(), headers={"Authorization": f"Bearer {bad}".encode()})
        one_line(refused, 401)


def test_tokens_end_and_belong_to_one_start() -> None:
    now = [1_000.0]
    tokens = Tokens(b"secret", lambda: now[0])
    token = tokens.issue("a b")
    assert tokens.name(token) == "a b" and Tokens(b"other", lambda: now[0]).name(token) is None
    now[0] += SECONDS - 1
    assert tokens.name(token) == "a b"
    now[0] += 1
    assert tokens.name(token) is None
