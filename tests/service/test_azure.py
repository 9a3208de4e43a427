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
from tests.commands.test_serve import server
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


def asking(**what: Any) -> dict[str, str]:
    told = base64.b64encode(json.dumps({"ReferenceText": "I think so", **what}).encode()).decode()
    return {"Ocp-Apim-Subscription-Key": KEY, "Pronunciation-Assessment": told}


def best(api: Any, **what: Any) -> dict[str, Any]:
    answer = api.post(URL, content=hum(), headers=asking(**what))
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["NBest"][0])


def test_what_the_header_asks_for_is_what_comes(api: Any) -> None:
    """The defaults of the documentation: accuracy alone, of five, down to phonemes, no miscue, no prosody."""
    plain = best(api)
    assert plain["PronunciationAssessment"].keys() == {"AccuracyScore"} and plain["AccuracyScore"] <= 5
    think = plain["Words"][1]
    assert [p["Phoneme"] for p in think["Phonemes"]] == ["th", "ih", "ng", "k"]
    assert [s["Syllable"] for s in think["Syllables"]] == ["th ih ng k"]
    assert think["Syllables"][0]["Offset"] == think["Offset"]
    assert not any("NBestPhonemes" in p for p in think["Phonemes"]) and "Feedback" not in think
    of_hundred = best(api, GradingSystem="HundredMark", PhonemeAlphabet="IPA", NBestPhonemeCount=2)
    for one, other in zip(plain["Words"][1]["Phonemes"], of_hundred["Words"][1]["Phonemes"], strict=True):
        assert other["AccuracyScore"] == pytest.approx(20 * one["AccuracyScore"], abs=0.2)
        assert len(other["NBestPhonemes"]) <= 2
    assert [p["Phoneme"] for p in of_hundred["Words"][1]["Phonemes"]] == ["θ", "ɪ", "ŋ", "k"]
    assert of_hundred["Words"][1]["Syllables"][0]["Syllable"] == "θɪŋk"
    words = best(api, Granularity="Word")
    assert words["Words"] and not any({"Phonemes", "Syllables"} & word.keys() for word in words["Words"])
    text = best(api, Granularity="FullText", Dimension="Comprehensive", EnableProsodyAssessment="True")
    assert "Words" not in text and {"FluencyScore", "PronScore", "ProsodyScore"} <= text.keys()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"GradingSystem": "TenPoint"}, "GradingSystem"),
        ({"Granularity": 3}, "Granularity"),
        ({"NBestPhonemeCount": "many"}, "NBestPhonemeCount is 0 to 40"),
        ({"NBestPhonemeCount": -1}, "NBestPhonemeCount is 0 to 40"),
        ({"NBestPhonemeCount": "²"}, "NBestPhonemeCount is 0 to 40"),
        ({"EnableMiscue": "perhaps"}, "EnableMiscue is true or false"),
        ({"EnableProsodyAssessment": 1}, "EnableProsodyAssessment"),
    ],
)
def test_what_the_header_cannot_ask_for_is_named(api: Any, what: dict[str, Any], told: str) -> None:
    answer = api.post(URL, content=hum(), headers=asking(**what))
    one_line(answer, 400)
    assert told in answer.json()["error"]


def test_the_sample_over_a_socket(tmp_path: Path) -> None:
    """`requests`, as in the sample: the chunks of a generator, and the server is asked whether to go on."""
    requests = pytest.importorskip("requests")
    with server(tmp_path) as (_, running):
        asked = headers("I think so", **{"Ocp-Apim-Subscription-Key": KEY})
        where = f"{str(running.base_url).rstrip('/')}{URL}"
        answer = requests.post(url=where, data=get_chunk(hum()), headers=asked, timeout=60)
    lines = read(json.loads(answer.text))
    assert answer.status_code == 200 and lines[:2] == ["Success", "I think so"] and "th 20.0" in lines


def test_tokens_end_and_belong_to_one_start() -> None:
    now = [1_000.0]
    tokens = Tokens(b"secret", lambda: now[0])
    token = tokens.issue("a b")
    assert tokens.name(token) == "a b" and Tokens(b"other", lambda: now[0]).name(token) is None
    now[0] += SECONDS - 1
    assert tokens.name(token) == "a b"
    now[0] += 1
    assert tokens.name(token) is None
