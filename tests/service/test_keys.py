"""Keys, roles, rates and the audit log: what is kept of them, and what each opens."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.errors import InputError, StorageError
from speechtutor.service import keys
from speechtutor.service.audit import Audit
from speechtutor.service.gate import role_of
from speechtutor.service.keys import EVERYONE, Key, Keys, Role, digest, parsed
from speechtutor.service.rates import Rates
from speechtutor.service.settings import Settings, require_keys
from tests.service.conftest import client, recording
from tests.service.test_app import one_line

WORDS = {role: f"a key of the role {role}" for role in Role}


def known(**rates: str) -> Keys:
    return Keys(tuple(Key(r.value, digest(w), frozenset({r}), rates.get(r.value)) for r, w in WORDS.items()))


def bearer(role: Role) -> dict[str, str]:
    return {"authorization": f"Bearer {WORDS[role]}"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    log = Audit(tmp_path / "audit.log", lambda: datetime(2026, 1, 2, tzinfo=UTC))
    with client(tmp_path, Settings(known(), ("testserver",)), log) as found:
        yield found


def attempt(api: Any, role: Role) -> Any:
    form = {"id": "attempt-0001", "learner": "ana", "text": "I think so"}
    return api.post("/v1/attempts", files=recording(), data=form, headers=bearer(role))


def test_each_role_opens_its_own(api: Any) -> None:
    asked = {
        Role.WATCH: lambda role: api.get("/metrics", headers=bearer(role)),
        Role.LEARNERS: lambda role: attempt(api, role),
        Role.JUDGE: lambda role: api.post("/v1/score", files=recording(), headers=bearer(role)),
    }
    for needed, ask in asked.items():
        for role in Role:
            answer = ask(role)
            if role is needed:
                assert answer.status_code == 200
            else:
                one_line(answer, 403, f"role {needed.value}")
    assert api.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "role"),
    [
        ("/v1/practice", b"level=A2", Role.JUDGE),
        ("/v1/practice", b"learner=ana", Role.LEARNERS),
        ("/v1/practice", b"level=A2&%6cearner=ana", Role.LEARNERS),  # however it is spelled
        ("/v1/practice", b"learner=", Role.LEARNERS),
        ("/v1/practice", b"learner=%ed%a0%80", Role.LEARNERS),  # half a character
        ("/v1/learners/ana", b"", Role.LEARNERS),
        ("/v1/attempts", b"", Role.LEARNERS),
        ("/metrics", b"", Role.WATCH),
        ("/v1/nothing", b"", Role.JUDGE),
    ],
)
def test_what_a_path_needs(path: str, query: bytes, role: Role) -> None:
    assert role_of(path, query) is role


def test_an_exercise_for_a_learner_is_of_the_record(api: Any) -> None:
    assert api.get("/v1/practice", headers=bearer(Role.JUDGE)).status_code == 200
    one_line(api.get("/v1/practice?learner=ana", headers=bearer(Role.JUDGE)), 403)
    one_line(api.get("/v1/practice?%6cearner=ana", headers=bearer(Role.JUDGE)), 403)


def test_the_audit_log_tells_who_did_what_to_whom_and_names_nobody(api: Any, tmp_path: Path) -> None:
    attempt(api, Role.LEARNERS)
    api.get("/v1/learners/ana", headers=bearer(Role.LEARNERS))
    api.get("/v1/learners/ana", headers=bearer(Role.JUDGE))
    api.get("/v1/score", headers={"authorization": "Bearer nonsense"})
    api.delete("/v1/learners/ana", headers=bearer(Role.LEARNERS))
    api.get("/v1/practice", headers=bearer(Role.JUDGE))  # nobody's record: no line
    text = (tmp_path / "audit.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    told = [(line["key"], line["method"], line["route"], line["status"], "learner" in line) for line in lines]
    assert told == [
        ("learners", "POST", "/v1/attempts", 200, True),
        ("learners", "GET", "/v1/learners/{learner}", 200, True),
        ("judge", "GET", "none", 403, False),
        ("-", "GET", "none", 401, False),
        ("learners", "DELETE", "/v1/learners/{learner}", 200, True),
    ]
    whose = {line["learner"] for line in lines if "learner" in line}
    again = Audit(tmp_path / "audit.log")
    assert whose == {again.learner("ana")} != {again.learner("ben")}
    assert "ana" not in text and all(word not in text for word in WORDS.values())
    assert lines[0]["at"] == "2026-01-02T00:00:00.000+00:00"
    for name in ("audit.log", "audit.log.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_another_log_has_other_digests(tmp_path: Path) -> None:
    assert Audit(tmp_path / "a").learner("ana") != Audit(tmp_path / "b").learner("ana")
    (tmp_path / "c.key").write_bytes(b"short")
    with pytest.raises(StorageError, match="32 bytes, found 5"):
        Audit(tmp_path / "c")
    with pytest.raises(StorageError):
        Audit(tmp_path / "gone" / "a")


# Rates


def test_a_key_that_is_used_too_often(tmp_path: Path) -> None:
    settings = Settings(known(judge="3/hour"), ("testserver",), rate="5/hour")
    with client(tmp_path, settings) as api:
        for n, role in ((3, Role.JUDGE), (5, Role.WATCH)):
            path = "/metrics" if role is Role.WATCH else "/v1/practice"
            for _ in range(n):
                assert api.get(path, headers=bearer(role)).status_code == 200
            refused = api.get(path, headers=bearer(role))
            one_line(refused, 429, "used too often")
            assert 3_500 <= int(refused.headers["retry-after"]) <= 3_601
        one_line(
            api.get("/v1/practice", headers={"authorization": "Bearer x"}), 401
        )  # not 429: tells nothing


def test_rates() -> None:
    rates = Rates("2/minute")
    assert [rates.wait(EVERYONE) > 0 for _ in range(3)] == [False, False, True]
    assert not any(Rates(None).wait(EVERYONE) for _ in range(100))
    for bad in ("often", "1/fortnight", ""):
        with pytest.raises(InputError, match="such as 60/minute"):
            parsed(bad, "--rate")
    with pytest.raises(InputError, match="--rate-store"):
        Rates("1/second", "nonsense://x")


# Files and the environment


def test_other_machines_need_keys() -> None:
    require_keys("0.0.0.0", known())
    require_keys("127.0.0.1", Keys())
    with pytest.raises(InputError, match="SPEECHTUTOR_API_KEYS"):
        require_keys("0.0.0.0", Keys())


def test_keys_come_by_the_environment() -> None:
    found = keys.from_environment({keys.VARIABLE: "a-key-of-sixteen-1, a-key-of-sixteen-2"})
    assert keys.from_environment({}) == keys.from_environment({keys.VARIABLE: " , "}) == ()
    assert [key.roles for key in found] == [frozenset(Role)] * 2 and "sixteen" not in repr(found)
    with pytest.raises(InputError, match=r"key 2 has 5 characters") as told:
        keys.from_environment({keys.VARIABLE: "a-key-of-sixteen-1,short"})
    assert "short" not in str(told.value)


def test_a_new_key_and_its_file(tmp_path: Path, capsys: Any) -> None:
    words = ["serve", "--new-key", "school", "--role", "judge", "--role", "learners"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    word = printed.splitlines()[0].removeprefix("# ")
    (tmp_path / "keys.toml").write_text(printed.partition("\n")[2] + 'rate = "9/second"\n')
    assert word not in (tmp_path / "keys.toml").read_text() and len(word) >= 43
    (found,) = keys.from_file(tmp_path / "keys.toml")
    assert (found.name, found.roles, found.rate) == ("school", {Role.JUDGE, Role.LEARNERS}, "9/second")
    assert Keys((found,)).of(word) == found and Keys((found,)).of(word + "x") is None
    assert cli.main(["serve", "--new-key", "a b"]) == 2
    assert "name of a key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[keys.a]\nsha256 = 'short'\nroles = ['judge']", "sha256"),
        ("[keys.a]\nroles = ['judge']", "sha256"),
        (f"[keys.a]\nsha256 = '{'0' * 64}'\nroles = []", "roles"),
        (f"[keys.a]\nsha256 = '{'0' * 64}'\nroles = ['king']", "king"),
        (f"[keys.a]\nsha256 = '{'0' * 64}'\nroles = ['judge']\nrate = 'often'", "keys.a.rate"),
        ("keys = 3", "keys"),
        ("no toml", "keys.toml"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, told: str, capsys: Any) -> None:
    (tmp_path / "keys.toml").write_text(text)
    assert cli.main(["serve", "--keys", str(tmp_path / "keys.toml")]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
