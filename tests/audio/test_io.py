"""Recordings in and out: every container, every way to be broken."""

from __future__ import annotations

import io
import struct
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from speechtutor import audio
from speechtutor.audio import containers
from speechtutor.audio.compiled import librosa
from speechtutor.core import SAMPLE_RATE, Recording
from speechtutor.errors import AudioError, StorageError
from tests.support import sounds

LOSSLESS = ["wav", "flac", "aiff", "caf", "w64", "au"]
LOSSY = ["mp3", "ogg", "opus", "m4a", "mp4", "webm", "mka", "aac"]
DECLARING = [*LOSSLESS, "mp3", "ogg", "opus", "m4a", "mp4", "webm", "mka"]
"""Kinds in which a cut at any place can be told."""


def aligned_error(heard: Recording, said: np.ndarray) -> float:
    """RMS of the difference after the best shift within 0.1 s (codecs delay), over the RMS of `said`."""
    reach = SAMPLE_RATE // 10
    n = min(len(heard.samples), len(said)) - 2 * reach
    target = said[reach : reach + n]
    errors = [np.mean((heard.samples[shift : shift + n] - target) ** 2) for shift in range(2 * reach)]
    return float(np.sqrt(min(errors) / np.mean(target**2)))


def sweep(seconds: float = 2.0, rate: int = SAMPLE_RATE) -> np.ndarray:
    return librosa().chirp(fmin=100, fmax=3000, sr=rate, duration=seconds).astype(np.float32) * 0.5


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_lossless_file_at_16_khz_comes_back_bit_by_bit(tmp_path: Path, kind: str) -> None:
    samples = np.round(sweep() * 32768).astype(np.float32) / 32768
    heard = audio.load(sounds.write(tmp_path / f"a.{kind}", samples))
    assert heard.sample_rate == SAMPLE_RATE
    assert np.array_equal(heard.samples, samples)


@pytest.mark.parametrize("kind", LOSSY)
def test_a_lossy_file_sounds_the_same(kind: str) -> None:
    said = sweep()
    heard = audio.decode(sounds.encode(said, kind), name=kind)
    assert heard.duration == pytest.approx(2.0, abs=0.15)
    assert aligned_error(heard, said) < 0.12


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [
        ("PCM_U8", 2**-7),
        ("PCM_16", 2**-15),
        ("PCM_24", 2**-23),
        ("PCM_32", 2**-24),
        ("FLOAT", 0),
        ("DOUBLE", 0),
        ("ALAW", 0.02),
        ("ULAW", 0.02),
    ],
)
def test_every_sample_width(subtype: str, tolerance: float) -> None:
    said = sweep()
    heard = audio.decode(sounds.encode(said, "wav", subtype=subtype))
    assert np.abs(heard.samples - said).max() <= tolerance


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_any_rate_and_channels_become_mono_16_khz(rate: int, n_channels: int) -> None:
    said = np.tile(sounds.tone(1.5, 440, rate=rate)[:, None], (1, n_channels))
    heard = audio.decode(sounds.encode(said, "wav", rate))
    assert heard.duration == pytest.approx(1.5, abs=1 / rate)
    middle = slice(2000, -2000)
    assert np.abs(heard.samples[:24_000] - sounds.tone(1.5, 440))[middle].max() < 2e-3


def test_stereo_in_a_lossy_container() -> None:
    said = np.stack([sweep(), sweep()], axis=1)
    assert aligned_error(audio.decode(sounds.encode(said, "webm")), said[:, 0]) < 0.1


def test_resampling_in_blocks_equals_one_long_filter() -> None:
    # 64 s is more than two blocks of 30 s with their neighbourhood; the twin resamples all at once.
    rate = 44_100
    said = np.random.default_rng(1).uniform(-0.5, 0.5, 64 * rate + 77).astype(np.float32)
    twin = librosa().resample(said, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq")
    heard = audio.from_array(said, rate).samples
    assert len(heard) == len(twin)
    assert np.abs(heard - twin).max() < 1e-5


def test_nothing_above_the_new_nyquist_folds_back() -> None:
    heard = audio.from_array(sounds.tone(1.0, 11_000, rate=48_000), 48_000).samples
    assert np.abs(heard[1000:-1000]).max() < 1e-3


def test_downmix_is_the_mean() -> None:
    left, right = sounds.tone(0.5, 300, 0.4), sounds.tone(0.5, 500, 0.4)
    heard = audio.from_array(np.stack([left, right], axis=1), SAMPLE_RATE).samples
    assert np.allclose(heard, (left + right) / 2, atol=1e-7)


def test_anti_phase_stereo_keeps_the_louder_channel() -> None:
    voice = sounds.tone(0.5)
    heard = audio.from_array(np.stack([voice, -0.9 * voice], axis=1), SAMPLE_RATE).samples
    assert np.array_equal(heard, voice)


def test_one_live_channel_of_eight_is_not_drowned() -> None:
    channels = np.zeros((8000, 8), np.float32)
    channels[:, 5] = sounds.tone(0.5)
    assert np.abs(audio.from_array(channels, SAMPLE_RATE).samples).max() > 0.49


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint8, np.uint16])
def test_integers_scale_by_their_range(dtype: type) -> None:
    # Half of full scale is +-0.5 in every width; unsigned types are centred on their midpoint.
    info = np.iinfo(dtype)
    half = 2 ** (info.bits - 2)
    middle = 0 if info.min < 0 else 2 ** (info.bits - 1)
    values = np.array([middle, middle + half, middle - half, info.min], dtype)
    assert audio.from_array(values, SAMPLE_RATE).samples.tolist() == [0.0, 0.5, -0.5, -1.0]


def test_a_little_over_full_scale_is_limited() -> None:
    heard = audio.from_array(np.array([1.2, -1.5, 0.25]), SAMPLE_RATE)
    assert heard.samples.tolist() == [1.0, -1.0, 0.25]


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((2, 16_000)), "shape"),
        (np.zeros((4, 4, 4)), "shape"),
        (np.zeros((5, 0)), "shape"),
        (np.float32(1.0), "shape"),
        (np.zeros(0), "no samples"),
        (np.zeros((0, 2)), "no samples"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([0.0, np.inf]), "NaN or infinity"),
        (np.array([0.0, 32_767.0]), r"\[-1, 1\]"),
        (np.array([1j]), "complex"),
        (np.array(["a"]), "expected integers or floats"),
        (np.array([True]), "bool"),
    ],
)
def test_bad_arrays_are_refused(samples: np.ndarray, says: str) -> None:
    with pytest.raises(AudioError, match=says) as caught:
        audio.from_array(samples, SAMPLE_RATE, name="microphone")
    assert str(caught.value).startswith("microphone: ")


@pytest.mark.parametrize("rate", [0, -16_000, 100, 10**6])
def test_bad_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        audio.from_array(sounds.tone(0.1), rate)


def test_not_a_number_in_a_file_is_refused() -> None:
    said = sounds.tone(0.5, rate=48_000)
    said[5000] = np.nan
    with pytest.raises(AudioError, match="NaN"):
        audio.decode(sounds.encode(said, "wav", 48_000, "FLOAT"))


def bad_file(name: str) -> bytes:
    whole = sounds.encode(sounds.tone(0.5), "wav")
    return {
        "empty.wav": b"",
        "text.wav": b"This is not a recording.\n" * 40,
        "note.mp3": b"nor is this one\n" * 40,
        "magic.wav": b"XXXX" + whole[4:],
        "header.wav": whole[:20] + b"\xff" * 16 + whole[36:],
        "only_header.wav": whole[:44],
        "half_header.wav": whole[:30],
        "no_samples.wav": sounds.encode(sounds.silence(0), "wav"),
        "zeros.mp3": bytes(5000),
        "random.m4a": np.random.default_rng(0).bytes(5000),
        "playlist.m3u8": b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        "list.txt": b"ffconcat version 1.0\nfile 'other.wav'\n",
        "subtitles.srt": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n" * 9,
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "x.raw": bytes(3200),
    }[name]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty.wav", "the file is empty"),
        ("text.wav", "not an audio file"),
        ("note.mp3", "not an audio file"),
        ("magic.wav", "not an audio file"),
        ("header.wav", "fmt"),
        ("only_header.wav", "cut off"),
        ("half_header.wav", "data"),
        ("no_samples.wav", "no samples"),
        ("zeros.mp3", "not an audio file"),
        ("random.m4a", "not an audio file"),
        ("playlist.m3u8", "not an audio file"),
        ("list.txt", "not an audio file"),
        ("subtitles.srt", "not an audio file"),
        ("picture.png", "not an audio file"),
        ("x.raw", "not an audio file"),
    ],
)
def test_a_bad_file_gets_one_line_with_name_and_cause(tmp_path: Path, name: str, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(bad_file(name))
    with pytest.raises(AudioError, match=says) as caught:
        audio.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nothing\.wav: No such file"):
        audio.load(tmp_path / "nothing.wav")
    with pytest.raises(AudioError, match="is a directory"):
        audio.load(tmp_path)


def test_a_video_without_sound_is_refused() -> None:
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", rate=10)
        track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    with pytest.raises(AudioError, match="no audio stream"):
        audio.decode(stream.getvalue())


def test_too_long_names_the_limit_in_hours() -> None:
    with pytest.raises(AudioError, match=r"longer than the limit of 0\.000556 hours"):
        audio.decode(sounds.encode(sounds.tone(2.1), "wav"), max_duration=2)
    data = sounds.encode(sounds.tone(2.0), "wav")
    assert audio.decode(data, max_duration=2).duration == 2
    assert audio.decode(data, max_duration=None).duration == 2


@pytest.mark.parametrize("kind", DECLARING)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
def test_a_truncated_file_is_never_read_as_a_shorter_one(kind: str, share: float) -> None:
    whole = sounds.encode(sweep(3.0) + sounds.noise(3.0, 0.05), kind)
    with pytest.raises(AudioError):
        audio.decode(whole[: int(share * len(whole))])


def test_a_truncated_live_recording_is_noticed() -> None:
    # What browsers write: no duration, no size of the segment.
    whole = sounds.encode(sweep(3.0), "webm", live="1")
    assert audio.decode(whole).duration == pytest.approx(3.0, abs=0.05)
    with pytest.raises(AudioError, match="cut off"):
        audio.decode(whole[: len(whole) // 2])


def test_a_fragmented_mp4_is_read_and_a_cut_one_refused() -> None:
    # What Safari writes while recording.
    whole = sounds.encode(sweep(3.0), "mp4", movflags="frag_keyframe+empty_moov", frag_duration="500000")
    assert audio.decode(whole).duration == pytest.approx(3.0, abs=0.1)
    with pytest.raises(AudioError, match="cut off"):
        audio.decode(whole[: len(whole) // 2])


def test_an_mp3_without_a_xing_header_is_read_to_its_end() -> None:
    # libsndfile guesses the length from the first frame: a quiet start made it drop the tail.
    said = np.concatenate([sounds.silence(1.0), sounds.noise(3.0)])
    heard = audio.decode(sounds.encode(said, "mp3", write_xing="0"))
    assert heard.duration == pytest.approx(4.0, abs=0.15)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_piped_wav_of_unknown_size_is_read_to_its_end(size: int) -> None:
    whole = bytearray(sounds.encode(sounds.tone(1.0), "wav"))
    whole[40:44] = struct.pack("<I", size)
    assert audio.decode(bytes(whole)).duration == 1.0


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3", "m4a", "webm"])
def test_damage_in_the_middle_is_an_error_or_harmless(kind: str) -> None:
    # Bytes inside a codec's packet may decode to other sound, but no time may vanish unnoticed.
    whole = bytearray(sounds.encode(sweep(3.0), kind))
    middle = len(whole) // 2
    whole[middle : middle + 200] = bytes(200)
    try:
        heard = audio.decode(bytes(whole))
    except AudioError:
        return
    assert heard.duration == pytest.approx(3.0, abs=0.1)


def test_chained_ogg_is_refused_rather_than_read_half() -> None:
    one = sounds.encode(sweep(), "ogg")
    with pytest.raises(AudioError):
        audio.decode(one + one)


def test_damaged_headers_raise_nothing_but_audio_errors(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)
    for kind in ["wav", "flac", "ogg", "mp3", "m4a", "webm", "caf"]:
        whole = sounds.encode(sounds.tone(0.3), kind)
        for _ in range(15):
            broken = bytearray(whole)
            for place in rng.integers(0, min(120, len(whole)), 6):
                broken[place] = rng.integers(256)
            try:
                audio.decode(bytes(broken), max_duration=60)
            except AudioError as error:
                assert "\n" not in str(error)
    assert "Traceback" not in capfd.readouterr().err


def test_random_bytes_are_not_audio() -> None:
    rng = np.random.default_rng(6)
    for n in [1, 2, 3, 12, 100, 3000, 3000, 3000, 20_000]:
        with pytest.raises(AudioError):
            audio.decode(rng.bytes(n))


def test_a_name_that_ends_in_raw_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really_a_wav.raw"
    path.write_bytes(sounds.encode(sounds.tone(0.5), "wav"))
    assert audio.load(path).duration == 0.5


def test_a_stream_that_cannot_seek() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert audio.decode(Pipe(sounds.encode(sounds.tone(0.5), "wav"))).duration == 0.5


def test_the_shortest_recordings() -> None:
    assert len(audio.decode(sounds.encode(sounds.tone(0.1), "wav")).samples) == 1600
    assert len(audio.from_array(np.array([0.5], np.float32), SAMPLE_RATE).samples) == 1
    assert len(audio.from_array(np.array([0.5], np.float32), 48_000).samples) == 1


def test_ten_minutes_fit_in_memory(tmp_path: Path) -> None:
    # Ten minutes of stereo at 48 kHz are 230 MB as float32; decoding in blocks needs little more than
    # the result (two channels of 38 MB at 16 kHz, joined once).
    path = tmp_path / "long.wav"
    second = (np.stack([sounds.tone(1.0, rate=48_000)] * 2, axis=1) * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48_000, 0, "NONE", ""))
        for _ in range(600):
            file.writeframesraw(second)
    tracemalloc.start()
    heard = audio.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert heard.duration == 600
    assert peak < 250e6


@pytest.mark.parametrize("suffix", ["wav", "flac", "WAV"])
def test_save_and_load(tmp_path: Path, suffix: str) -> None:
    said = Recording(sweep())
    path = tmp_path / f"a.{suffix}"
    audio.save(said, path)
    assert np.abs(audio.load(path).samples - said.samples).max() <= 2**-15
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_save_refuses_clearly_and_leaves_nothing(tmp_path: Path) -> None:
    said = Recording(sounds.tone(0.1))
    with pytest.raises(AudioError, match=r"a\.ogg: .*\.wav or \.flac"):
        audio.save(said, tmp_path / "a.ogg")
    with pytest.raises(AudioError, match="no samples"):
        audio.save(Recording(sounds.silence(0)), tmp_path / "a.wav")
    with pytest.raises(StorageError, match=r"a\.wav: cannot be written: the folder is not there"):
        audio.save(said, tmp_path / "missing" / "a.wav")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        audio.save(Recording(sounds.tone(0.1)), path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.wav"]


def test_walkers_leave_the_stream_where_it_was() -> None:
    for kind, name in [("webm", "matroska,webm"), ("m4a", "mov,mp4"), ("ogg", "ogg"), ("mp3", "mp3")]:
        stream = io.BytesIO(sounds.encode(sounds.tone(0.5), kind))
        stream.seek(7)
        containers.check(stream, name)
        containers.check(stream)
        containers.mp3_frames(stream)
        assert stream.tell() == 7


def test_xing_header_counts_the_frames() -> None:
    # MPEG-2 at 16 kHz has 576 samples a frame: 2 s are 55.6 frames, and the codec's delay adds a few.
    said = sweep(2.0)
    assert 56 <= containers.mp3_frames(io.BytesIO(sounds.encode(said, "mp3"))) <= 60
    assert containers.mp3_frames(io.BytesIO(sounds.encode(said, "mp3", write_xing="0"))) == 0
