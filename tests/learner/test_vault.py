"""Recordings: only of those who allow it, sealed, for so long and no longer, and gone with the learner."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechtutor.audio.io import encode, from_array
from speechtutor.core import Exercise
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError, StorageError
from speechtutor.learner.store import SqlStore
from speechtutor.learner.vault import KEY_FILE, NONCE_BYTES
from tests.learner.conftest import NOON, attempt, bytes_of

SOUND = from_array(np.sin(np.arange(4000) * 0.1).astype(np.float32) * 0.3, 16_000)
WISH = Profile("ana", keep_audio=True, keep_days=10)


@pytest.fixture
def kept(store: SqlStore) -> SqlStore:
    store.profiles.put(WISH, NOON)
    store.append(attempt("ana"))
    assert store.keep("ana", "a1", SOUND, NOON)
    return store


def test_nothing_is_kept_of_who_does_not_allow_it(store: SqlStore, path: Path) -> None:
    assert not store.keep("ana", "a1", SOUND, NOON)
    assert store.vault.kept("ana", NOON) == [] and not path.with_name(KEY_FILE).exists()


def test_what_is_kept_opens_with_the_key_and_is_noise_without(kept: SqlStore, path: Path) -> None:
    data = kept.vault.open("ana", "a1", NOON)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == 16_000 and np.allclose(samples, SOUND.samples, atol=1e-4)
    key = path.with_name(KEY_FILE)
    assert len(key.read_bytes()) == 32
    if os.name == "posix":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert encode(SOUND, "flac")[:200] not in bytes_of(path.parent) and b"fLaC" not in bytes_of(path.parent)
    key.write_bytes(bytes(32))
    with pytest.raises(StorageError, match="the recording of a1 does not open with this key"):
        kept.vault.open("ana", "a1", NOON)
    key.write_bytes(b"short")
    with pytest.raises(StorageError, match="a key has 32 bytes, not 5"):
        kept.vault.open("ana", "a1", NOON)
    key.unlink()
    with pytest.raises(StorageError, match="without it no recording opens"):
        kept.vault.open("ana", "a1", NOON)


@pytest.mark.parametrize("column", ["learner", "key", "sealed"])
def test_a_row_that_was_moved_or_changed_does_not_open(kept: SqlStore, path: Path, column: str) -> None:
    with sqlite3.connect(path) as connection:
        if column == "sealed":
            (sealed,) = connection.execute("SELECT sealed FROM recordings").fetchone()
            changed = bytes(
                [*sealed[: NONCE_BYTES + 5], sealed[NONCE_BYTES + 5] ^ 1, *sealed[NONCE_BYTES + 6 :]]
            )
            connection.execute("UPDATE recordings SET sealed = ?", (changed,))
        else:
            connection.execute(f"UPDATE recordings SET {column} = 'b'")
    connection.close()
    who, what = ("b" if column == "learner" else "ana"), ("b" if column == "key" else "a1")
    with pytest.raises(StorageError, match="does not open"):
        kept.vault.open(who, what, NOON)


def test_two_recordings_of_the_same_sound_look_different(kept: SqlStore, path: Path) -> None:
    kept.keep("ana", "a2", SOUND, NOON)
    with sqlite3.connect(path) as connection:
        first, second = (row[0] for row in connection.execute("SELECT sealed FROM recordings"))
    connection.close()
    assert first != second and len(first) == len(second)


def test_what_has_expired_is_not_handed_out_and_goes_with_the_next(kept: SqlStore, path: Path) -> None:
    last = NOON + timedelta(days=10)
    assert kept.vault.open("ana", "a1", last - timedelta(seconds=1))
    with pytest.raises(InputError, match="there is no recording of the attempt 'a1' of ana"):
        kept.vault.open("ana", "a1", last)
    assert kept.vault.kept("ana", last) == []
    kept.keep("ana", "a2", SOUND, last)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT key FROM recordings").fetchall() == [("a2",)]
    connection.close()
    assert kept.vault.sweep(last) == 0 and kept.vault.sweep(last + timedelta(days=10)) == 1


def test_another_learner_s_recording_is_not_handed_out(kept: SqlStore) -> None:
    with pytest.raises(InputError, match="of ben"):
        kept.vault.open("ben", "a1", NOON)


def test_who_takes_back_the_consent_has_no_recording_left(kept: SqlStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        (sealed,) = connection.execute("SELECT sealed FROM recordings").fetchone()
    connection.close()
    assert sealed[:64] in bytes_of(path.parent)
    kept.profiles.put(replace(WISH, keep_audio=False), NOON)
    assert kept.vault.kept("ana", NOON) == [] and sealed[:64] not in bytes_of(path.parent)


def test_delete_leaves_no_byte_of_anything(kept: SqlStore, path: Path) -> None:
    """Attempts, state, exercises given, profile, homework, recordings, log: no trace of any."""
    kept.profiles.put(replace(WISH, guardian="Guardian Rosa"), NOON)
    one = Exercise("A sentence from the teacher.")
    kept.homework.assign(["ana"], [one], "Week Seventeen", "Teacher Ruth", NOON, NOON + timedelta(days=7))
    kept.audit.note("show", "ana")
    kept.give("ana", 7, "x", Exercise("A sentence that was given."))
    with sqlite3.connect(path) as connection:
        (sealed,) = connection.execute("SELECT sealed FROM recordings").fetchone()
    connection.close()
    needles = [
        b"Guardian Rosa",
        b"sentence from the teacher",
        b"Week Seventeen",
        b"sentence that was given",
        sealed[20:60],
    ]
    assert all(needle in bytes_of(path.parent) for needle in needles)
    assert kept.delete("ana") == 1
    left = bytes_of(path.parent)
    assert [needle for needle in [*needles, b"ana"] if needle in left] == []
    assert kept.learners() == () and kept.export("ana")["recordings"] == []


def test_an_export_holds_the_opened_recording(store: SqlStore) -> None:
    import base64
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    store.profiles.put(replace(WISH), now)
    store.keep("ana", "a1", SOUND, now)
    (row,) = store.export("ana")["recordings"]
    assert base64.b64decode(row["flac"]) == store.vault.open("ana", "a1", now) and row["attempt"] == "a1"
