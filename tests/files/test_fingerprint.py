"""What a fingerprint sees: the code of rooms that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechtutor.files import fingerprint


def test_code_is_known_by_the_bytes_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_PACKAGE", tmp_path)
    for room in ("a", "b"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    before = fingerprint.code("a", "b")
    (tmp_path / "a" / "new.py").write_text("x = 1")
    changed = fingerprint.code("a", "b")
    (tmp_path / "a" / "new.py").write_text("x = 2")
    assert len({before, changed, fingerprint.code("a", "b")}) == 3
    assert fingerprint.code("b") != fingerprint.code("a")


def test_the_rooms_that_make_cues_are_there() -> None:
    # The hash of no file is the same in every version, and cues of other code would be taken for these.
    assert fingerprint.code("scoring", "audio", "text") != fingerprint.of_text("")
    with pytest.raises(ValueError, match="no room 'scores'"):
        fingerprint.code("scores")
