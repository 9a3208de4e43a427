from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speechtutor.core.inventory import PHONES, VOWELS
from speechtutor.errors import InputError, TextError
from speechtutor.text.language import FOLDER, languages, load_language
from speechtutor.text.phones import pronounce


@pytest.mark.parametrize("code", languages())
def test_every_language_says_its_example(code: str) -> None:
    language = load_language(code)
    said = " | ".join(" ".join(word.pronunciations[0]) for word in pronounce(language.example, code))
    assert said == language.example_phones


@pytest.mark.parametrize("code", languages())
def test_every_file_is_named_for_its_licence(code: str) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    language = load_language(code)
    assert language.lexicon.name in readme and language.g2p.name in readme


def test_english_has_the_inventory() -> None:
    english = load_language("en")
    assert english.symbols == PHONES and english.vowels == VOWELS


def test_the_lexicon_s_notice_is_there() -> None:
    notice = (FOLDER / "CMUDICT-LICENSE.txt").read_text(encoding="utf-8")
    assert "Carnegie Mellon University" in notice and "Redistributions in binary form" in notice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("en.toml", "en_cmudict.txt.xz", "en_g2p.xz", "en_extra.txt", "en_homographs.toml"):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ('code = "en"', 'code = "de"', "code must be 'en', not 'de'"),
        ('stress = "digits"', 'stress = "tones"', "stress must be one of digits, none"),
        ('stress = "digits"', "", "'stress'"),
        ('numbers = "en"', 'numbers = "en"\ncolour = 1', "unknown keys: colour"),
        ("en_cmudict.txt.xz", "gone.xz", "gone.xz is not beside it"),
        ('backend = "pairs"', 'backend = "magic"', "g2p.backend must be one of pairs"),
        ('a = "AH0, EY1"', 'a = "AH0, QQ1"', "a: 'QQ1' is not a phone"),
        ('a = "AH0, EY1"', 'a = "AH, EY1"', "a: 'AH' is not a phone with stress"),
        ('a = "AH0, EY1"', 'a = "AH0,"', "a: an empty pronunciation"),
        ('vowels = "AA', 'vowels = "XX AA', "symbols must be unique and include every vowel"),
        ('spelling = "[eiy]"', 'spelling = "[eiy"', "unterminated character set"),
        ('code = "en"', 'code = "en', "Illegal character"),
    ],
)
def test_a_broken_language_file_is_refused_by_name(folder: Path, old: str, new: str, cause: str) -> None:
    path = folder / "en.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=f"en.toml: .*{cause}"):
        load_language("en", folder)


def test_an_unknown_language_names_those_there(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="no language 'zz'; there is: en"):
        load_language("zz")
    with pytest.raises(TextError, match="there is: none"):
        load_language("en", tmp_path)


def test_every_sense_of_a_homograph_is_accepted() -> None:
    english = load_language("en")
    assert len(english.homographs) > 200
    for word, homograph in english.homographs.items():
        accepted = pronounce(word)[0].pronunciations
        bare = [tuple(phone.rstrip("012") for phone in sense) for sense in homograph.senses]
        assert set(bare) <= set(accepted), word
        assert all(phone in PHONES for sense in bare for phone in sense), word


def test_the_checked_words_are_whole() -> None:
    lines = load_language("en").extra.read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ", 1) for line in lines if line[0] != "#"]
    words = [word for word, _ in rows]
    assert words == sorted(set(words)) and len(words) > 1000
    for word, phones in rows:
        for line in phones.split(","):
            stressed = [phone for phone in line.split() if phone[-1].isdigit()]
            assert all(phone.rstrip("012") in PHONES for phone in line.split()), word
            assert {phone.rstrip("012") in VOWELS for phone in stressed} <= {True}, word
            assert len(stressed) == sum(phone.rstrip("012") in VOWELS for phone in line.split()), word


@pytest.mark.parametrize(
    ("rest", "cause"),
    [
        ('senses = ["a", "b"]\ndefault = "c"\nrules = []\nwords = "x: AH1 | EH1"', "'c' is not in"),
        ('senses = ["a", "b"]\ndefault = "a"\nrules = []\nwords = "x: AH1"', "1 pronunciations for 2 senses"),
        ('senses = ["a", "b"]\ndefault = "a"\nrules = [["a", "(", ""]]\nwords = "x: A | B"', "unterminated"),
        ('senses = ["a", "b"]\nrules = []\nwords = "x: A | B"', "'default'"),
    ],
)
def test_a_broken_list_of_homographs_is_refused(folder: Path, rest: str, cause: str) -> None:
    (folder / "en_homographs.toml").write_text(f"[groups]\n[[kinds]]\n{rest}\n", encoding="utf-8")
    with pytest.raises(InputError, match=cause):
        load_language("en", folder)
