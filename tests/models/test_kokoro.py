from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from speechtutor import hub
from speechtutor.core import SAMPLE_RATE, Recording
from speechtutor.errors import InputError, ModelError, TextError
from speechtutor.models import kokoro
from speechtutor.models.kokoro import Kokoro, _between, _chunks, _pieces, symbols
from speechtutor.text.phones import PHONES, VOWELS
from speechtutor.text.speech_plan import plan_speech
from tests.conftest import need

TEXT = "I think the weather is very nice today."
# The model's token table, as in its vocab.json; a test below compares it with the real file.
SYMBOLS = frozenset(
    ';:,.!?—…"()“” '
    "\u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyz"
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    folder = hub.located("kokoro-82m")
    need(folder, "the model voice is not pulled: run `speechtutor models pull kokoro-82m`")
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def voice(checkpoint: Path) -> Kokoro:
    return kokoro.load(checkpoint)


@pytest.fixture(scope="session")
def usual(voice: Kokoro) -> Recording:
    return voice.speak(TEXT)


@pytest.mark.parametrize("digit", [0, 1, 2])
@pytest.mark.parametrize("phone", sorted(PHONES))
def test_every_phone_has_symbols_in_the_vocabulary(phone: str, digit: int) -> None:
    spelled = symbols([phone], [digit if phone in VOWELS else -1])
    assert spelled and set(spelled) <= SYMBOLS


def test_no_two_phones_sound_alike() -> None:
    assert len(PHONES) == 39
    for digit in (0, 1):
        spelled = [symbols([p], [digit if p in VOWELS else -1]) for p in PHONES]
        assert len(set(spelled)) == 39


def test_symbols_of_a_known_word() -> None:
    # misaki, which the voice was trained with, writes "station" so.
    assert symbols(["S", "T", "EY", "SH", "AH", "N"], [-1, -1, 1, -1, 0, -1]) == "stˈAʃən"


def test_punctuation_the_voice_knows_is_kept() -> None:
    assert _between(", ") == ", "
    assert _between(" - ") == " — "
    assert _between("?\n") == "? "
    assert _between("-") == _between("*") == ""
    text = "Well, is it so? Yes!"
    assert [p for p in "".join(_pieces(text, plan_speech(text))) if p in ",?!"] == [",", "?", "!"]


def test_chunks_cover_all_words_once_and_prefer_sentence_ends() -> None:
    pieces = ["aaaa. ", "bbbb ", "cccc, ", "dddd ", "eeeeeeeeeeeeee ", "f"]
    ranges = _chunks(pieces, limit=20)
    assert [i for first, last in ranges for i in range(first, last)] == list(range(6))
    # 6+5+6 = 17 fit 20: cut at the sentence end; 5+6+5 fit: cut at the comma; then what fits.
    assert ranges == [(0, 1), (1, 3), (3, 5), (5, 6)]
    assert _chunks(["x" * 50], limit=20) == [(0, 1)]


def test_load_names_what_is_missing(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        kokoro.load(tmp_path)
    with pytest.raises(InputError, match="no voice 'nobody'; known: af_heart"):
        kokoro.load(checkpoint, voice="nobody")


def test_load_by_name(checkpoint: Path) -> None:
    assert set(kokoro.load("kokoro-82m", "cuda").voices) == {"af_heart", "am_michael", "bf_emma", "bm_george"}


def test_symbol_table_is_the_checkpoint_s(checkpoint: Path) -> None:
    assert set(json.loads((checkpoint / "vocab.json").read_text(encoding="utf-8"))["vocab"]) == SYMBOLS


def test_the_same_call_gives_the_same_samples(usual: Recording, checkpoint: Path) -> None:
    assert usual.sample_rate == SAMPLE_RATE and usual.samples.dtype == np.float32
    assert 1.5 < usual.duration < 4.5  # 8 words at an ordinary pace
    assert 0.1 < np.abs(usual.samples).max() <= 1
    np.testing.assert_array_equal(usual.samples, kokoro.load(checkpoint, threads=1).speak(TEXT).samples)


def test_rate_changes_the_duration(voice: Kokoro) -> None:
    slow, normal, quick = (voice.speak("Good morning.", rate=rate).duration for rate in (0.5, 1.0, 2.0))
    assert slow > normal > quick
    assert slow / normal == pytest.approx(2, rel=0.15)


def _spectra(recording: Recording) -> np.ndarray:
    """Log magnitude in 40 bands per 10 ms, shape (n_frames, 40)."""
    frames = np.lib.stride_tricks.sliding_window_view(recording.samples, 400)[::160]
    power = np.abs(np.fft.rfft(frames * np.hanning(400)))[:, 1:]
    return np.log(power.reshape(len(power), 40, -1).mean(axis=2) + 1e-3)


def test_an_override_changes_the_sound_where_its_word_is(voice: Kokoro, usual: Recording) -> None:
    # "today" is last: all before it must stay nearly the same, the end must differ.
    wrong = voice.speak(TEXT, phones="today=T AH0 D OY1")
    assert abs(usual.duration - wrong.duration) < 0.3
    n = min(len(_spectra(usual)), len(_spectra(wrong)))
    distance = np.abs(_spectra(usual)[:n] - _spectra(wrong)[:n]).mean(axis=1)
    loud = np.flatnonzero(_spectra(usual).max(axis=1) > 0)
    first, last = loud[0], min(loud[-1], n)
    third = first + (last - first) // 3
    assert distance[last - 30 : last].mean() > 2 * distance[first:third].mean()


def test_a_left_out_word_makes_it_shorter(voice: Kokoro, usual: Recording) -> None:
    assert voice.speak(TEXT, phones="weather=-").duration < usual.duration - 0.15


def test_a_long_text_is_said_in_parts(voice: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    run = Kokoro._run

    def spy(self: Kokoro, said: str, style: np.ndarray, rate: float) -> np.ndarray:
        parts.append(said)
        return run(self, said, style, rate)

    whole = voice.speak("Good morning. Come in.")
    monkeypatch.setattr(Kokoro, "_run", spy)
    monkeypatch.setattr(kokoro, "MAX_TOKENS", 20)
    split = voice.speak("Good morning. Come in.", voice="am_michael")
    assert len(parts) == 2 and all(part.endswith(".") for part in parts)
    assert 0.7 < split.duration / whole.duration < 1.5
    n = min(len(split.samples), len(whole.samples))
    assert not np.array_equal(split.samples[:n], whole.samples[:n])  # another voice


def test_a_word_longer_than_the_model_s_window_is_refused(voice: Kokoro) -> None:
    with pytest.raises(TextError, match="600 symbols"):
        voice.speak("think", phones="think=" + "S " * 600)


@pytest.mark.parametrize("rate", [0.0, 0.49, 2.01, -1.0, float("nan")])
def test_an_impossible_rate_is_refused(voice: Kokoro, rate: float) -> None:
    with pytest.raises(InputError, match=r"outside 0\.5 to 2"):
        voice.speak(TEXT, rate=rate)


def test_bad_words_are_refused(voice: Kokoro) -> None:
    with pytest.raises(TextError):
        voice.speak("")
    with pytest.raises(TextError, match="'QQ'"):
        voice.speak(TEXT, phones="think=QQ")
    with pytest.raises(InputError, match="no voice"):
        voice.speak(TEXT, voice="robot")
