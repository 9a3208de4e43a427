"""The diagnosis that ships: it hears what the model voice says wrong, and nothing where all is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechtutor import registry
from speechtutor.audio import quality
from speechtutor.errors import InputError, ModelError
from speechtutor.models import diagnosis
from speechtutor.models.acoustic import load as load_acoustic
from speechtutor.models.diagnosis import Diagnoser
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import Diagnosis
from speechtutor.scoring.observe import listen
from speechtutor.text.phones import pronounce

SENTENCES = (
    ("I think it is a good day.", "think", "TH", "S", "S IH NG K"),
    ("She likes rice and fish.", "rice", "R", "L", "L AY S"),
    ("The food was very nice.", "very", "V", "W", "W EH R IY"),
)


@pytest.fixture(scope="module")
def diagnoser(models_home: object) -> Diagnoser:
    return diagnosis.load()


@pytest.fixture(scope="module")
def first_ear(models_home: object):
    return load_acoustic()


def heard(diagnoser: Diagnoser, ear, recording, text: str, strictness: str = "standard"):
    found = quality.quality(recording)
    first, second = (listen(one, recording, found) for one in (ear, diagnoser.ear))
    alignment = align(first, pronounce(text))
    return alignment, diagnoser.diagnose(first, second, alignment, strictness=strictness)


@pytest.mark.parametrize(("text", "word", "phone", "said", "wrong"), SENTENCES)
def test_the_wrong_sound_is_the_likeliest_alternative_and_the_right_one_is_not_called_wrong(
    diagnoser: Diagnoser, first_ear, text: str, word: str, phone: str, said: str, wrong: str
) -> None:
    voice = registry.load("synthesizer")
    alignment, found = heard(diagnoser, first_ear, voice.speak(text, phones=f"{word}={wrong}"), text)
    w = next(k for k, entry in enumerate(alignment.words) if entry.text.lower() == word)
    own = [i for i, aligned in enumerate(alignment.phones) if aligned.word == w]
    (at,) = [i for i in own if alignment.phones[i].canonical == phone][:1]
    assert found.phones[at].nbest[0].phone == said
    _, clean = heard(diagnoser, first_ear, voice.speak(text), text)
    assert clean.phones[at].heard is None
    assert clean.phones[at].probability < found.phones[at].probability


def test_a_stricter_ear_names_more(diagnoser: Diagnoser, first_ear) -> None:
    text = "I think it is a good day."
    recording = registry.load("synthesizer").speak(text, phones="think=S IH NG K")
    named = []
    for strictness in ("lenient", "standard", "strict"):
        _, found = heard(diagnoser, first_ear, recording, text, strictness)
        assert isinstance(found, Diagnosis)
        named.append({i for i, finding in enumerate(found.phones) if finding.heard is not None})
    assert named[0] <= named[1] <= named[2]
    with pytest.raises(InputError, match="strictness 'severe' is none of lenient, standard, strict"):
        heard(diagnoser, first_ear, recording, text, "severe")


def test_a_folder_without_a_diagnosis_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no diagnosis"):
        diagnosis.load(tmp_path)
