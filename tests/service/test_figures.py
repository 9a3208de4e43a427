"""What operators watch: every name of the dashboard and the rules is one that the server gives."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import speechtutor.service
from speechtutor.core import Recording
from speechtutor.models.fake import FakeScorer
from speechtutor.service.figures import Figures
from tests.service.conftest import recording

FOLDER = Path(speechtutor.service.__file__).parent / "monitoring"
NAME = re.compile(r"\bspeechtutor_\w+")


def expressions() -> list[str]:
    board = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
    return found + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def test_dashboard_and_rules_ask_for_what_there_is(api: Any) -> None:
    for text in ("I think so", None):
        data = {} if text is None else {"text": text}
        assert api.post("/v1/coach", files=recording(), data=data).status_code == 200
    api.get("/v1/nothing", headers={"host": "evil.example"})
    given = set(NAME.findall(api.get("/metrics").text))
    asked = {name for line in expressions() for name in NAME.findall(line)}
    assert asked and asked <= given, asked - given
    # A label value in a question must be one that is given.
    text = api.get("/metrics").text
    for label in re.findall(r'(?:aspect|stage|le|why)="[\w.]+"', " ".join(expressions())):
        assert label in text or label == 'why="401"', label


def test_rules_are_whole() -> None:
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 8
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert scraped["rule_files"] == ["alerts.yml"]


def test_stages_and_distributions(api: Any) -> None:
    api.post("/v1/coach", files=recording(), data={"text": "I think so"})
    api.post("/v1/speak", json={"text": "hi"})
    text = api.get("/metrics").text
    for stage in ("decode", "waiting", "scorer", "tutor", "synthesizer", "transcriber"):
        assert f'speechtutor_stage_seconds_count{{stage="{stage}"}}' in text, stage
    assert 'speechtutor_score_count{aspect="overall"} 1.0' in text
    assert "speechtutor_audio_seconds_total 1.0" in text


@pytest.mark.parametrize(("snr", "at_most_10"), [(9.0, 1.0), (11.0, 0.0), (None, 0.0)])
def test_signal_to_noise_has_its_bucket(snr: float | None, at_most_10: float) -> None:
    figures = Figures()
    score = FakeScorer().score(Recording(np.full(16_000, 0.1, np.float32)), "hi")
    figures.judged(replace(score, snr_db=snr))
    assert f'speechtutor_snr_db_bucket{{le="10.0"}} {at_most_10}' in figures.text().decode()
