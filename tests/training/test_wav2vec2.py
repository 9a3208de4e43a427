from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from recipes import finetune_wav2vec2
from recipes.finetune_wav2vec2 import Config
from recipes.shared import settings, synthetic
from speechtutor import audio, registry
from speechtutor.core import Emission, Recording
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, ModelError, StorageError
from speechtutor.models import acoustic_ctc
from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.scoring.align import align
from speechtutor.text.phones import pronounce
from speechtutor.training import distillation
from speechtutor.training import wav2vec2 as library
from speechtutor.training.augment import Augment
from speechtutor.training.clips import Clip, clip
from speechtutor.training.distillation import IGNORED, distilled, lessons, nearest, placed
from speechtutor.training.wav2vec2 import SPECIAL, Size, Speller, ctc
from tests.support import tiny

SMALL = Size(layers=1, width=16, heads=2, convolutions=(8,) * 3)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("clips")
    rows = manifest.read(synthetic.corpus(folder, n_train=2, n_dev=1))
    return [clip(row, folder, row.id) for row in rows]


def speller(folder: Path, clips: list[Clip], units: str = "phones") -> Speller:
    return Speller(*library.processor(folder, library.vocabulary(units, clips)), units)


def paths(n_frames: int, n_tokens: int) -> Iterator[tuple[int, ...]]:
    yield from itertools.product(range(n_tokens), repeat=n_frames)


def test_ctc_against_all_paths_written_out() -> None:
    log_probs = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    total = 0.0
    for path in paths(4, 3):
        if [k for k, _ in itertools.groupby(path) if k] == [1, 2]:
            total += float(np.exp(sum(float(log_probs[0, t, k]) for t, k in enumerate(path))))
    # A mean over the batch of the loss per token; the second label is padding.
    found = ctc(log_probs, torch.tensor([[1, 2, IGNORED]]), torch.tensor([4]), blank=0)
    assert float(found) == pytest.approx(-np.log(total) / 2, abs=1e-5)


def test_what_the_teacher_costs_by_hand() -> None:
    # Three tokens, two symbols: token 0 and 2 are both the blank. Frame 0: teacher (1/2, 1/2),
    # student (0.5, 0.2 + 0.3) grouped to (0.8, 0.2): KL = ln(0.5/0.8)/2 + ln(0.5/0.2)/2. Its weight
    # is 1 - 0.8 * 0.5 = 0.6. Frame 1: the same as the teacher, KL 0, weight 1 - 0.8 * 1 = 0.2.
    # Frame 2 is padding. Mean: 0.6 KL / 0.8, but the weights add up to less than 1, so by 1.
    student = torch.tensor([[[0.5, 0.2, 0.3], [0.6, 1e-9, 0.4], [0.2, 0.6, 0.2]]]).log()
    teacher = torch.tensor([[[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]])
    found = distilled(student, teacher, torch.tensor([2]), [[0, 2], [1]])
    divergence = 0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2)
    assert float(found) == pytest.approx(0.6 * divergence, abs=1e-5)


def test_the_teacher_is_read_at_the_matching_times(tmp_path: Path, clips: list[Clip]) -> None:
    # The teacher says in frame t the symbol t mod 39 + 1. Whatever the speed and the silence in front,
    # the frame of a student must be that of its middle in the original recording.
    n = int(clips[0].seconds * 50)
    said = np.full((n, len(SYMBOLS)), -1e4, dtype=np.float16)
    said[np.arange(n), np.arange(n) % 39 + 1] = 0.0
    made = speller(tmp_path, clips)
    made.teacher = {clips[0].id: said}
    for seed in range(6):
        torch.manual_seed(seed)
        augment = Augment(random.Random(seed), noise=0.0)
        item = made.prepare(clips[0], augment)
        torch.manual_seed(seed)
        _, factor, left = Augment(random.Random(seed), noise=0.0).warp(clips[0].wave())
        for k, row in enumerate(item["heard"]):
            time = ((k + 0.625) * 0.02 - left / 16_000) * factor
            if 0.02 < time < (n - 1) * 0.02:
                away = abs(int(row.argmax()) - 1 - time / 0.02 % 39)
                assert min(away, 39 - away) <= 0.51
            elif time < -0.02:
                assert int(row.argmax()) == 0


def test_lessons_are_heard_once(tmp_path: Path, clips: list[Clip]) -> None:
    class Teacher:
        n = 0

        def emit(self, recording: Recording) -> Emission:
            self.n += 1
            log_probs = np.log(np.full((80, 40), 1 / 40, dtype=np.float32))
            return Emission(log_probs, SYMBOLS, 0.02, origin=-0.1)

    teacher, path = Teacher(), tmp_path / "teacher.npz"
    first = lessons(teacher, clips, path, known="one")
    again = lessons(teacher, clips, path, known="one")
    assert teacher.n == len(clips) and first.keys() == again.keys()
    # 0.1 s of padding are five frames.
    assert all(len(first[k]) == 75 and np.array_equal(first[k], again[k]) for k in first)


def test_a_killed_teacher_goes_on(tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []

    class Teacher:
        def emit(self, recording: Recording) -> Emission:
            if len(heard) == 2:
                heard.append(0)
                raise KeyboardInterrupt
            heard.append(0)
            log_probs = np.log(np.full((80, 40), 1 / 40, dtype=np.float32))
            return Emission(log_probs, SYMBOLS, 0.02, origin=-0.1)

    monkeypatch.setattr(distillation, "LESSONS_KEPT", 2)
    path = tmp_path / "run" / "teacher.npz"
    three = clips[:3]
    with pytest.raises(KeyboardInterrupt):
        lessons(Teacher(), three, path, known="one")
    assert lessons(Teacher(), three, path, known="one").keys() == {c.id for c in three} and len(heard) == 4
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: "):
        lessons(Teacher(), three, tmp_path / "file" / "teacher.npz", known="one")


def test_letters_that_a_network_cannot_write_are_named(tmp_path: Path, clips: list[Clip]) -> None:
    made = speller(tmp_path, clips, "letters")
    known = made.tokenizer.get_vocab()
    hello = [known[letter] for letter in "hello"]
    assert made.tokens(clips[0]) == [*hello, known["|"], *(known[letter] for letter in "there")]
    with pytest.raises(InputError, match="odd: the network has no letter for i q u z"):
        made.tokens(Clip("odd", Path(), "quiz", 1.0))


def test_the_filterbank_hears_a_tone_in_its_band_whatever_the_phase() -> None:
    # 24 filters are six bands; on the mel scale (2595 log10(1 + f / 700)) from 60 to 7,700 Hz the third of
    # them is in the middle of the steps 2 and 4 of 7: 60 Hz is 93 mel, 7,700 Hz 2,806, the third at 1,255.
    filters = library.gabor(24, 400)
    assert filters.shape == (24, 400)
    cosine, upside_down = filters[:6], filters[6:12]
    assert torch.equal(cosine, -upside_down)
    middle = 700 * (10 ** ((93.2 + 3 * (2806.3 - 93.2) / 7) / 2595) - 1)
    spectrum = torch.fft.rfft(cosine[2], 16_000).abs()
    assert int(spectrum.argmax()) == pytest.approx(middle, rel=0.02)
    loudness = []
    for phase in np.linspace(0, np.pi, 7):
        tone = torch.cos(2 * np.pi * middle * torch.arange(400) / 16_000 + phase)
        bands = (filters @ tone).relu().reshape(4, 6).sum(0)
        assert int(bands.argmax()) == 2
        loudness.append(float(bands[2]))
    # The sum of absolute cosine and sine is between 1 and the root of 2.
    assert max(loudness) / min(loudness) < 1.45
    # Ten filters are two bands, and two that are left to chance.
    assert torch.equal(library.gabor(10, 400)[0], -library.gabor(10, 400)[2])
    assert not torch.equal(library.gabor(10, 400)[8:], library.gabor(10, 400)[8:])


def test_half_the_size_says_the_same(tmp_path: Path, clips: list[Clip]) -> None:
    torch.manual_seed(0)
    made = speller(tmp_path / "tokens", clips)
    library.compact(SMALL, 5 + 39, masks=0).save_pretrained(tmp_path / "best")
    made.ship(tmp_path / "best")
    recording, weights = audio.load(clips[0].path), tmp_path / "best" / "model.safetensors"
    whole, size = registry.load("acoustic", str(tmp_path / "best")).emit(recording), weights.stat().st_size
    for _ in range(2):  # a finished run may be called again
        library.halve(tmp_path / "best")
    half = registry.load("acoustic", str(tmp_path / "best")).emit(recording)
    assert weights.stat().st_size < 0.6 * size
    assert np.allclose(whole.log_probs, half.log_probs, atol=0.02) and half.log_probs.dtype == np.float32


def test_a_fold_of_speakers_is_left_out(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path, n_train=4, n_dev=1)
    rows = [row for row in manifest.read(path) if row.split == "train"]
    speakers = sorted({row.speaker for row in rows})
    heard = []
    for fold in (0, 1):
        train, dev = settings.read_clips(Config(manifest=path, root=tmp_path, folds=2, fold=fold))
        heard.append({row.speaker for row in rows if row.id in {clip.id for clip in train}})
        assert len(dev) == 1
    assert heard == [set(speakers[1::2]), set(speakers[::2])]
    with pytest.raises(ValueError, match="fold 2 of 2"):
        Config(folds=2, fold=2)
    with pytest.raises(ValueError, match="fold 0 of 1"):
        Config(folds=1)


def test_padding_changes_nothing(tmp_path: Path, clips: list[Clip]) -> None:
    torch.manual_seed(0)
    made = speller(tmp_path, clips)
    model = library.compact(SMALL, 5 + 39, masks=0).eval()
    short, long = torch.randn(8000), torch.randn(16_000)
    batch = made.padded([short, long])
    mask = (torch.arange(16_000) < batch["lengths"][:, None]).long()
    with torch.no_grad():
        alone = model(short[None]).logits[0]
        padded = model(batch["input_values"], attention_mask=mask).logits[0]
    assert torch.allclose(padded[: len(alone)], alone, atol=1e-4)


def test_a_checkpoint_transcribes_and_aligns(tmp_path: Path, clips: list[Clip]) -> None:
    history = finetune_wav2vec2.run(Config(out=tmp_path, smoke=True))
    assert len(history) == 2 and all(row["eval_per"] > 0 for row in history)
    recording = audio.load(clips[0].path)
    registry.load("transcriber", str(tmp_path / "best")).transcribe(recording)
    acoustic = registry.load("acoustic", str(tmp_path / "best"))
    emission = acoustic.emit(recording)
    assert emission.symbols == SYMBOLS and emission.frame_shift == 0.02
    assert np.allclose(np.exp(emission.log_probs).sum(1), 1, atol=1e-4)
    found = align(emission, pronounce("hello there"))
    said = tuple(phone.canonical for phone in found.phones if phone.word == 1)
    assert said in found.words[1].pronunciations


def test_letters_from_a_checkpoint(tmp_path: Path) -> None:
    # The tiny checkpoint writes capital letters, among them all of HELLO THERE but no other case.
    base = tiny.wav2vec2(tmp_path / "base")
    cfg = Config(out=tmp_path / "run", smoke=True, base=str(base), units="letters", tensorboard=False)
    history = finetune_wav2vec2.run(cfg)
    assert "eval_wer" in history[0]
    registry.load("transcriber", str(tmp_path / "run" / "best"))
    with pytest.raises(ModelError, match="nothing stands for"):
        registry.load("acoustic", str(tmp_path / "run" / "best"))


def test_columns_add_up_what_is_the_same_phone() -> None:
    tokens = ["<pad>", "|", *library.vocabulary("phones", [])[len(SPECIAL) :], "ə", "y"]
    found = acoustic_ctc.columns({t: i for i, t in enumerate(tokens)}, frozenset({"<pad>", "|"}))
    assert found[0] == [0, 1] and len(found[SYMBOLS.index("AH")]) == 2
    # The French vowel of "tu" is no sound of English.
    assert sum(map(len, found)) == len(tokens) - 1
    with pytest.raises(ModelError, match="nothing stands for AA AE"):
        acoustic_ctc.columns({"<pad>": 0}, frozenset({"<pad>"}))


def test_no_checkpoint_is_said(tmp_path: Path, clips: list[Clip]) -> None:
    with pytest.raises(ModelError, match="cannot be loaded as a CTC model"):
        library.load(tmp_path, "phones", clips, tmp_path, 0)


def test_the_nearest_phone_of_a_frame() -> None:
    # Symbol 2 in frame 1, symbol 1 in frames 4 and 5: frames 2 and 3 lie between, 12 is beyond six frames.
    heard = torch.zeros(13, 3)
    heard[:, 0] = 1.0
    heard[1] = torch.tensor([0.1, 0.2, 0.7])
    heard[4:6] = torch.tensor([0.4, 0.6, 0.0])
    assert nearest(heard).tolist() == [2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert nearest(heard[6:]).tolist() == [0] * 7


def test_what_the_second_output_costs_by_hand() -> None:
    # Two utterances; equal guesses of three symbols cost ln 3 a frame, and frames beyond the end nothing.
    near = torch.tensor([[0, 1, 2], [1, -100, -100]])
    guess = torch.zeros(2, 4, 3)
    guess[1, 1:] = torch.tensor([9.0, 0.0, 0.0])
    found = placed(guess, near, torch.tensor([3, 1]))
    assert found.item() == pytest.approx(np.log(3), abs=1e-6)


def test_the_second_output_is_not_shipped(tmp_path: Path, clips: list[Clip]) -> None:
    made = speller(tmp_path, clips)
    model = library.with_second_output(library.compact(SMALL, 5 + 39, masks=0))
    model.save_pretrained(tmp_path / "best")
    made.ship(tmp_path / "best")
    names = load_file(tmp_path / "best" / "model.safetensors")
    assert names and not any(name.startswith(library.SECOND) for name in names)
    assert registry.load("acoustic", str(tmp_path / "best")).frame_shift == 0.02


def test_another_teacher_or_recording_is_heard_anew(tmp_path: Path, clips: list[Clip]) -> None:
    class Teacher:
        n = 0

        def emit(self, recording: Recording) -> Emission:
            self.n += 1
            return Emission(np.zeros((80, 40), dtype=np.float32), SYMBOLS, 0.02, origin=-0.1)

    teacher, path = Teacher(), tmp_path / "teacher.npz"
    lessons(teacher, clips, path, known="one")
    lessons(teacher, clips, path, known="another")
    assert teacher.n == 2 * len(clips)
    # The id stays, the recording is another one.
    moved = [replace(clips[0], path=clips[1].path), *clips[1:]]
    lessons(teacher, moved, path, known="another")
    assert teacher.n == 2 * len(clips), "heard before under another id"
    synthetic.tone(tmp_path / "new.flac")
    lessons(teacher, [replace(clips[0], path=tmp_path / "new.flac"), *clips[1:]], path, known="another")
    assert teacher.n == 2 * len(clips) + 1
