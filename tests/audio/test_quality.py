"""What the signal says: voice activity, quality, trimming, splitting, pitch and timing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from speechtutor import audio
from speechtutor.audio import prosody, quality, vad
from speechtutor.core import SAMPLE_RATE, Code, Fluency, Recording
from tests.conftest import learner_clip
from tests.support import sounds

CLIPS = ["000010011", "000010035", "000010053"]


def voice(index: int = 0) -> np.ndarray:
    return learner_clip(CLIPS[index]).samples


def codes(samples: np.ndarray) -> set[Code]:
    return {caution.code for caution in quality.quality(sounds.recording(samples)).cautions}


# --- voice activity


@pytest.mark.parametrize(
    "samples",
    [
        sounds.silence(0),
        sounds.silence(2),
        sounds.noise(3),
        sounds.noise(3, pink=True),
        sounds.noise(3, 0.001),
        sounds.tone(3),
        sounds.tone(3, 50),
        sounds.music(4),
        sounds.tone(0.1),
        np.full(1, 0.5, np.float32),
        np.full(SAMPLE_RATE, 0.3, np.float32),
    ],
    ids=["empty", "silence", "white", "pink", "faint", "tone", "hum", "music", "short", "sample", "offset"],
)
def test_no_speech_where_nobody_speaks(samples: np.ndarray) -> None:
    assert vad.activity(sounds.recording(samples)) == ()


@pytest.mark.parametrize("index", range(len(CLIPS)))
def test_speech_is_found_where_it_was_put(index: int) -> None:
    clip = sounds.recording(voice(index))
    spans = vad.activity(clip)
    first, last = spans[0][0], spans[-1][1]
    padded = np.concatenate([sounds.silence(2), clip.samples, sounds.silence(3)])
    again = vad.activity(sounds.recording(padded))
    assert again[0][0] - 2 == pytest.approx(first, abs=0.25)  # a breath before may count or not
    assert again[-1][1] - 2 == pytest.approx(last, abs=0.1)


def test_intervals_are_ordered_apart_and_inside() -> None:
    clip = sounds.recording(np.concatenate([voice(i) for i in range(len(CLIPS))] * 2))
    spans = vad.activity(clip)
    assert len(spans) > 3
    edges = [edge for span in spans for edge in span]
    assert all(a < b for a, b in pairwise(edges))
    assert edges[0] >= 0 and edges[-1] <= clip.duration


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.0])
def test_gain_changes_nothing(gain: float) -> None:
    spans = vad.activity(sounds.recording(voice()))
    assert vad.activity(sounds.recording(voice() * np.float32(gain))) == spans


def test_blocks_carry_the_state_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = sounds.recording(voice())
    whole = vad._probabilities(clip)
    monkeypatch.setattr(vad, "BLOCK", 7)
    assert np.allclose(vad._probabilities(clip), whole, atol=1e-5)


def test_probabilities_equal_the_streaming_network() -> None:
    # Slow twin: the package's other file, one frame at a time with the state handed on by hand.
    folder = Path(find_spec("silero_vad").submodule_search_locations[0]) / "data"
    network = onnxruntime.InferenceSession(folder / "silero_vad.onnx")
    clip = voice() * np.float32(vad.PEAK / np.abs(voice()).max())
    state, before, twin = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for start in range(0, len(clip), 512):
        frame = np.zeros(512, np.float32)
        frame[: len(clip[start : start + 512])] = clip[start : start + 512]
        feed = {"input": np.concatenate([before, frame])[None], "state": state, "sr": np.array(16_000)}
        probability, state = network.run(None, feed)
        before = frame[-64:]
        twin.append(probability.item())
    assert np.allclose(vad._probabilities(sounds.recording(clip)), twin, atol=1e-3)


def test_hysteresis_against_a_loop() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        probability = rng.uniform(0, 1, rng.integers(0, 30)).astype(np.float32)
        speaking, expected = False, []
        for value in probability:
            if value >= vad.ENTER:
                speaking = True
            elif value < vad.LEAVE:
                speaking = False
            expected.append(speaking)
        assert vad._hysteresis(probability).tolist() == expected


def test_voice_activity_does_not_load_torch() -> None:
    program = (
        "import sys, numpy\n"
        "from speechtutor import core\nfrom speechtutor.audio.quality import quality\n"
        "quality(core.Recording(numpy.ones(16000, 'float32')))\n"
        "print([name for name in ('torch', 'librosa', 'silero_vad') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_sample_rate_is_a_bug() -> None:
    with pytest.raises(ValueError, match="16000 Hz, not 8000"):
        vad.activity(Recording(sounds.tone(1), 8000))
    with pytest.raises(ValueError, match="16000 Hz, not 8000"):
        prosody.pitch(Recording(sounds.tone(1), 8000))


# --- quality


@pytest.mark.parametrize("index", range(len(CLIPS)))
def test_a_learner_clip_needs_no_caution(index: int) -> None:
    found = quality.quality(sounds.recording(voice(index)))
    assert found.cautions == ()
    assert found.judgeable
    assert -40 < found.level_db < -10
    assert found.snr_db is not None and found.snr_db > 15
    assert found.clipped == 0
    assert found.peak == pytest.approx(np.abs(voice(index)).max())


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (sounds.silence(0), {Code.TOO_SHORT}),
        (sounds.tone(0.1), {Code.TOO_SHORT}),
        (np.full(1, 0.1, np.float32), {Code.TOO_SHORT}),
        (sounds.silence(2), {Code.SILENCE}),
        (sounds.noise(2), {Code.SILENCE}),
        (sounds.noise(2, pink=True), {Code.SILENCE}),
        (sounds.music(3), {Code.SILENCE}),
        (sounds.clipped(sounds.music(3)), {Code.SILENCE, Code.CLIPPED}),
    ],
    ids=["empty", "0.1 s", "one sample", "silence", "white", "pink", "music", "clipped music"],
)
def test_what_cannot_be_judged(samples: np.ndarray, expected: set[Code]) -> None:
    found = quality.quality(sounds.recording(samples))
    assert {caution.code for caution in found.cautions} == expected
    assert not found.judgeable
    assert found.snr_db is None
    assert np.isfinite(found.level_db)


def test_less_speech_than_can_be_judged() -> None:
    clip = sounds.recording(voice())
    start = vad.activity(clip)[0][0]
    short = np.concatenate([sounds.silence(1), clip.crop(start, start + 0.2).samples, sounds.silence(1)])
    found = quality.quality(sounds.recording(short))
    assert 0 < sum(end - begin for begin, end in found.speech) < 0.3
    assert Code.TOO_SHORT in {caution.code for caution in found.cautions}


def test_quiet() -> None:
    quiet = np.round(voice() * 0.01 * 32768).astype(np.float32) / 32768
    assert codes(quiet) == {Code.TOO_QUIET}
    assert quality.quality(sounds.recording(quiet)).judgeable


@pytest.mark.parametrize("kind", ["wav", "mp3", "webm", "m4a"])
def test_clipped_through_every_codec(kind: str) -> None:
    data = sounds.encode(sounds.clipped(voice()), kind)
    found = quality.quality(audio.decode(data))
    assert Code.CLIPPED in {caution.code for caution in found.cautions}
    assert found.clipped > 0.01


def test_a_loud_clip_that_only_touches_full_scale_is_not_clipped() -> None:
    assert codes(voice() / np.abs(voice()).max()) == set()


def test_clipped_share_by_hand() -> None:
    # Of ten samples four are at full scale beside another (two pairs); the lone one is a whole peak.
    samples = np.array([0, 1, 1, 0, -1, -0.96, 0, 1, 0, 0.5], np.float32)
    assert quality._clipped_share(samples) == pytest.approx(0.4)


@pytest.mark.parametrize("pink", [False, True])
@pytest.mark.parametrize(("snr_db", "noisy"), [(0, True), (5, True), (20, False)])
@pytest.mark.parametrize("index", range(len(CLIPS)))
def test_noise_at_a_known_ratio_is_measured(index: int, snr_db: int, noisy: bool, pink: bool) -> None:
    clip = sounds.recording(voice(index))
    spoken = np.concatenate([clip.crop(*span).samples for span in vad.activity(clip)])
    found = quality.quality(sounds.recording(sounds.with_noise(clip.samples, snr_db, spoken, pink=pink)))
    # Drowned speech may be heard in part, and then its loudest part: pink noise at 0 dB reads +1 to +4.
    assert found.snr_db == pytest.approx(snr_db, abs=4.5)
    assert (Code.NOISY in {caution.code for caution in found.cautions}) == noisy


def test_ratio_is_unknown_without_a_pause() -> None:
    clip = sounds.recording(voice())
    spans = vad.activity(clip)
    longest = max(spans, key=lambda span: span[1] - span[0])
    found = quality.quality(clip.crop(longest[0] + 0.1, longest[1] - 0.1))
    assert found.snr_db is None
    assert Code.NOISY not in {caution.code for caution in found.cautions}


def test_digital_silence_around_speech_has_a_finite_ratio() -> None:
    first, last = (
        vad.activity(sounds.recording(voice()))[0][0],
        vad.activity(sounds.recording(voice()))[-1][1],
    )
    inner = sounds.recording(voice()).crop(first, last).samples
    found = quality.quality(sounds.recording(np.concatenate([sounds.silence(1), inner, sounds.silence(1)])))
    assert found.snr_db is not None and 40 < found.snr_db <= quality.HIGHEST_SNR_DB


def test_ten_minutes() -> None:
    one = np.concatenate([voice(), sounds.silence(1)])
    long = sounds.recording(np.tile(one, 600 * SAMPLE_RATE // len(one) + 1)[: 600 * SAMPLE_RATE])
    found = quality.quality(long)
    assert found.cautions == ()
    pieces = vad.split(long, 28, speech=found.speech)
    assert sum(len(piece.samples) for _, piece in pieces) == len(long.samples)


# --- trim and split


def test_trim_keeps_the_speech_and_says_where_it_was() -> None:
    padded = sounds.recording(np.concatenate([sounds.silence(2), voice(), sounds.silence(2)]))
    spans = vad.activity(padded)
    short, offset = vad.trim(padded, 0.2)
    assert offset == pytest.approx(spans[0][0] - 0.2, abs=1 / SAMPLE_RATE)
    assert offset + short.duration == pytest.approx(spans[-1][1] + 0.2, abs=1 / SAMPLE_RATE)
    first = round(offset * SAMPLE_RATE)
    assert np.array_equal(short.samples, padded.samples[first : first + len(short.samples)])


def test_trim_at_the_edges_and_without_speech() -> None:
    clip = sounds.recording(voice())
    whole, offset = vad.trim(clip, 60)
    assert offset == 0 and np.array_equal(whole.samples, clip.samples)
    for samples in (sounds.silence(0), sounds.silence(1), sounds.noise(1)):
        same, offset = vad.trim(sounds.recording(samples))
        assert offset == 0 and np.array_equal(same.samples, samples)


def test_split_never_loses_a_sample() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        n = int(rng.integers(0, 8 * SAMPLE_RATE))
        clip = sounds.recording(rng.standard_normal(n).astype(np.float32) * 0.1)
        edges = np.sort(rng.uniform(0, n / SAMPLE_RATE, 2 * rng.integers(0, 6)))
        spans = [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        longest = float(rng.choice([0.001, 0.05, 0.5, 2.0, 5.0]) if n < SAMPLE_RATE else rng.uniform(0.5, 5))
        pieces = vad.split(clip, longest, speech=spans)
        assert np.array_equal(np.concatenate([piece.samples for _, piece in pieces]), clip.samples)
        assert all(piece.duration <= longest + 1e-9 for _, piece in pieces)
        assert all(len(piece.samples) for _, piece in pieces) or n == 0
        starts = np.cumsum([0, *(len(piece.samples) for _, piece in pieces)])[:-1] / SAMPLE_RATE
        assert [offset for offset, _ in pieces] == pytest.approx(starts.tolist())


def test_split_cuts_in_the_longest_late_pause() -> None:
    # A window of 10 s: pauses at 2-4 (early), 6-6.5 and 8-9 (late). The cut is in the middle of the last.
    clip = sounds.recording(sounds.noise(15))
    spans = [(0.0, 2.0), (4.0, 6.0), (6.5, 8.0), (9.0, 15.0)]
    assert [offset for offset, _ in vad.split(clip, 10, speech=spans)] == [0, 8.5]


def test_split_prefers_an_early_pause_to_cutting_speech() -> None:
    clip = sounds.recording(sounds.noise(12))
    assert [offset for offset, _ in vad.split(clip, 10, speech=[(0, 2), (2.4, 12)])] == pytest.approx(
        [0, 2.2]
    )


def test_split_leaves_leading_silence_in_one_piece() -> None:
    # 5 s of silence before 9.9 s of speech: one cut, 0.1 s before the speech.
    clip = sounds.recording(sounds.noise(14.9))
    assert [offset for offset, _ in vad.split(clip, 10, speech=[(5, 14.9)])] == pytest.approx([0, 4.9])


def test_split_without_a_pause_cuts_at_the_quietest_frame() -> None:
    wave = sounds.noise(12)
    wave[round(7.3 * SAMPLE_RATE) : round(7.34 * SAMPLE_RATE)] *= 0.01
    pieces = vad.split(sounds.recording(wave), 10, speech=[(0, 12)])
    assert len(pieces) == 2
    assert 7.3 <= pieces[1][0] <= 7.34


def test_split_of_real_speech_stays_out_of_speech() -> None:
    clip = sounds.recording(np.concatenate([voice(i % 3) for i in range(12)]))
    spans = vad.activity(clip)
    pieces = vad.split(clip, 10)
    assert len(pieces) > 2
    for offset, _ in pieces[1:]:
        assert not any(start < offset < end for start, end in spans)


def test_split_of_something_short_is_itself() -> None:
    clip = sounds.recording(sounds.tone(0.1))
    [(offset, piece)] = vad.split(clip, 28)
    assert offset == 0 and np.array_equal(piece.samples, clip.samples)
    with pytest.raises(ValueError, match="positive"):
        vad.split(clip, 0)


# --- pitch


@pytest.mark.parametrize("method", ["swift-f0", "pyin"])
def test_pitch_of_a_rising_buzz(method: str) -> None:
    wave, hertz = sounds.glide(2.0, 110, 320)
    found = prosody.pitch(sounds.recording(wave), method=method)
    truth = np.interp(found.times, np.arange(len(hertz)) / SAMPLE_RATE, hertz)
    cents = 1200 * np.abs(np.log2(found.hz / truth))
    assert found.voiced.mean() > 0.9
    assert np.median(cents[found.voiced]) < 25
    assert found.times.dtype == found.hz.dtype == np.float32
    assert found.times.shape == found.hz.shape == found.voiced.shape


@pytest.mark.parametrize("method", ["swift-f0", "pyin"])
@pytest.mark.parametrize("n_samples", [0, 1, 100, 1600, SAMPLE_RATE])
def test_pitch_of_silence_is_nowhere(method: str, n_samples: int) -> None:
    found = prosody.pitch(sounds.recording(np.zeros(n_samples, np.float32)), method=method)
    assert not found.voiced.any()
    assert np.isnan(found.hz).all()
    assert len(found.times) == len(found.hz) == len(found.voiced)


def test_pitch_of_a_learner_is_a_voice_s() -> None:
    found = prosody.pitch(sounds.recording(voice()))
    assert 0.1 < found.voiced.mean() < 0.9
    assert 80 < np.nanmedian(found.hz) < 450
    assert np.isnan(found.hz[~found.voiced]).all() and not np.isnan(found.hz[found.voiced]).any()


def test_pitch_falls_back_where_swift_f0_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    wave, _ = sounds.glide(0.5, 150, 200)
    monkeypatch.setattr(prosody, "find_spec", lambda _: None)
    found = prosody.pitch(sounds.recording(wave))
    assert np.diff(found.times)[0] == pytest.approx(0.01)


# --- timing


def test_timing_by_hand() -> None:
    # Words from 1.0 to 4.0 s: 3 s, 4 words, 6 syllables. The detector is silent 2.0-2.5 (a pause of
    # 0.5 s) and 3.0-3.2 (too short). Speech rate 4 / 3 s = 80 a minute; articulation 6 / 2.5 s = 2.4;
    # two runs, before and after the pause: 6 / 2 = 3 syllables.
    clip = sounds.recording(sounds.silence(5))
    words = [(1.0, 1.5, 2), (1.5, 2.1, 1), (2.4, 3.0, 2), (3.2, 4.0, 1)]
    spans = [(0.9, 2.0), (2.5, 3.0), (3.2, 4.1)]
    found = prosody.timing(clip, words, spans)
    assert (found.speech_rate, found.articulation_rate) == pytest.approx((80.0, 2.4))
    assert (found.pause_count, found.pause_time, found.mean_run) == pytest.approx((1, 0.5, 3.0))


def test_silence_before_and_after_the_words_is_no_pause() -> None:
    clip = sounds.recording(sounds.silence(9))
    found = prosody.timing(clip, [(3.0, 4.0, 2), (4.0, 5.0, 3)], [(3.0, 5.0)])
    assert found == Fluency(60.0, 2.5, 0, 0.0, 5.0)


def test_a_pause_that_the_aligner_gave_to_a_word_still_counts() -> None:
    clip = sounds.recording(sounds.silence(9))
    found = prosody.timing(clip, [(0.0, 2.0, 1), (2.0, 3.0, 1)], [(0.0, 1.0), (2.0, 3.0)])
    assert (found.pause_count, found.pause_time) == (1, 1.0)


def test_two_pauses_side_by_side_make_no_empty_run() -> None:
    # A cough between two pauses holds no word: the runs are "before" and "after".
    clip = sounds.recording(sounds.silence(9))
    found = prosody.timing(clip, [(0.0, 1.0, 2), (3.0, 4.0, 2)], [(0.0, 1.0), (1.9, 2.1), (3.0, 4.0)])
    assert (found.pause_count, found.mean_run) == (2, 2.0)


@pytest.mark.parametrize("words", [[], [(1.0, 1.0, 1)]])
def test_timing_of_nothing_is_zero(words: list[tuple[float, float, int]]) -> None:
    assert prosody.timing(sounds.recording(sounds.silence(2)), words) == Fluency(0.0, 0.0, 0, 0.0, 0.0)


def test_timing_where_the_detector_hears_nothing() -> None:
    # Words without speech under them: no pause can be told, so the whole time counts as spoken.
    found = prosody.timing(sounds.recording(sounds.silence(2)), [(0.0, 1.0, 2), (1.0, 2.0, 2)])
    assert found == Fluency(60.0, 2.0, 0, 0.0, 4.0)


@pytest.mark.parametrize("word", [(1.0, 0.5, 1), (0.0, 1.0, -1)])
def test_impossible_words_are_refused(word: tuple[float, float, int]) -> None:
    with pytest.raises(ValueError, match="not a word"):
        prosody.timing(sounds.recording(sounds.silence(2)), [word], [])


def test_timing_against_a_slow_twin() -> None:
    # The twin walks through the utterance a millisecond at a time.
    rng = np.random.default_rng(4)
    for _ in range(100):
        cuts = np.sort(rng.choice(np.arange(100, 6000), 12, replace=False))
        words = [
            (a / 1000, b / 1000, int(rng.integers(1, 4))) for a, b in zip(cuts[::2], cuts[1::2], strict=True)
        ]
        edges = np.sort(rng.choice(np.arange(6100), 10, replace=False))
        spans = [(a / 1000, b / 1000) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        spoken = np.zeros(6200, bool)
        for a, b in zip(edges[::2], edges[1::2], strict=True):
            spoken[a:b] = True
        inside = spoken[cuts[0] : cuts[-1]]
        if not inside.any():
            continue
        pauses, length = [], 0
        for value in [*inside, True]:
            if value and length >= 250:
                pauses.append(length)
            length = 0 if value else length + 1
        found = prosody.timing(sounds.recording(sounds.silence(7)), words, spans)
        assert found.pause_count == len(pauses)
        assert found.pause_time == pytest.approx(sum(pauses) / 1000)
