"""Replies of a model that are kept as they come, so that a measurement may be stopped and gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from speechtutor.core import UtteranceScore
from speechtutor.errors import InputError, StorageError
from speechtutor.evaluation.journal import changed

SUFFIX = ".rows.jsonl"


class Kept:
    """A file of rows by id: its first line says what was measured, each other line is one reply.

    A reply is taken from it only for the same evidence, so that more utterances may be asked for later.
    """

    def __init__(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        """Open or begin the file.

        Raises:
            InputError: when it holds what another model wrote, naming what differs, or is damaged.
            StorageError: when it cannot be written.
        """
        self.path = path
        wanted = json.loads(json.dumps(dict(fingerprint), default=str))
        self._rows: dict[str, dict[str, Any]] = {}
        try:
            if path.is_file():
                self._read(wanted)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({"fingerprint": wanted}) + "\n", encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from None

    def _read(self, wanted: Mapping[str, Any]) -> None:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            # The process ended while it wrote this row; the reply is asked for again.
            with self.path.open("r+b") as file:
                file.truncate(end)
        try:
            head, *rows = [json.loads(line) for line in whole[:end].decode("utf-8").splitlines()]
            found = dict(head["fingerprint"])
            self._rows = {row["id"]: row for row in rows}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path} holds no replies: {error!r}") from None
        differing = changed(found, wanted)
        if differing:
            raise InputError(
                f"{self.path} holds another measurement ({'; '.join(differing)}): choose another --out"
            )

    def get(self, id: str, score: UtteranceScore) -> dict[str, Any] | None:
        """The row of an utterance with the same score, None where there is none yet."""
        row = self._rows.get(id)
        return row["reply"] if row is not None and row["evidence"] == _hash(score) else None

    def put(self, id: str, score: UtteranceScore, reply: dict[str, Any]) -> None:
        """Keep a row at once.

        Raises:
            StorageError: when the disk refuses.
        """
        row = {"id": id, "evidence": _hash(score), "reply": reply}
        self._rows[id] = row
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from None


def _hash(score: UtteranceScore) -> str:
    return sha256(repr(score).encode()).hexdigest()[:16]
