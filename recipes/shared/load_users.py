"""What locust lets its users do: send attempts of real recordings, and come again when they are told to.

LOAD_CLIPS is a JSON list of {"path", "text"}; every id that was acknowledged is added to the file LOAD_KEPT.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.exception import StopUser

CLIPS = [
    (Path(c["path"]).read_bytes(), c["text"]) for c in json.loads(Path(os.environ["LOAD_CLIPS"]).read_text())
]
KEPT = Path(os.environ["LOAD_KEPT"])
LATER = "told to come again"
LONGEST_WAIT = 5.0


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _keep(environment: Any, **_: Any) -> None:
    """What was measured, when all is over: locust's own tables may lack the last second."""
    found = {
        name: {
            "n": one.num_requests, "errors": one.num_failures, "per_second": one.total_rps,
            **{f"p{q}": one.get_response_time_percentile(q / 100) for q in (50, 95, 99)},
        }
        for (name, _), one in environment.stats.entries.items()
    }  # fmt: skip
    Path(os.environ["LOAD_STATS"]).write_text(json.dumps(found), encoding="utf-8")


class Learner(FastHttpUser):
    """One learner: an attempt, its answer, the next attempt."""

    network_timeout = connection_timeout = 90.0

    def on_start(self) -> None:
        """A name and a seed of one's own."""
        self.name = f"learner-{uuid.uuid4().hex[:8]}"
        self.rng = random.Random(self.name)

    @task
    def attempt(self) -> None:
        """Send one recording until it is answered."""
        data, text = self.rng.choice(CLIPS)
        form = {"id": uuid.uuid4().hex, "learner": self.name, "text": text}
        headers = {"x-api-key": os.environ["LOAD_KEY"]}
        body: dict[str, Any] = {"files": {"audio": ("a.flac", data)}, "data": form}
        with self.client.post(
            "/v1/attempts", headers=headers, catch_response=True, **_multipart(body, headers)
        ) as answer:
            if answer.status_code == 429:
                answer.request_meta["name"] = LATER
                answer.success()
                wait = float(answer.headers.get("retry-after", 1))
            elif answer.status_code == 200:
                with KEPT.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"id": form["id"], "kept": answer.json()["kept"]}) + "\n")
                return
            elif answer.status_code == 0:
                raise StopUser  # the server is gone
            else:
                return
        gevent.sleep(min(wait, LONGEST_WAIT))


def _multipart(body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """The form as bytes: this client of locust has none of its own."""
    mark = uuid.uuid4().hex
    headers["content-type"] = f"multipart/form-data; boundary={mark}"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in body["data"].items()
    ]
    for name, (file, data) in body["files"].items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return {"data": b"".join(parts) + f"--{mark}--\r\n".encode()}
