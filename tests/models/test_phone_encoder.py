from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
    WhisperModel,
)

from recipes.shared import synthetic
from speechtutor.models.phone_encoder import SYMBOLS, PhoneEncoder, log_mel, pool_weights, spans_of_path
from speechtutor.text.phones import PHONES
from speechtutor.training import phone_adapter

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperModel:
    return WhisperModel.from_pretrained(synthetic.tiny_whisper(tmp_path_factory.mktemp("tiny"))).eval()


def noise(seconds: float, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(round(seconds * 16_000), generator=torch.Generator().manual_seed(seed))


def test_the_symbols_are_the_phones() -> None:
    assert SYMBOLS[1:] == PHONES and len(SYMBOLS) == 40


def test_the_spectrogram_is_whisper_s_own_without_the_padding() -> None:
    samples = noise(1.3)
    theirs = WhisperFeatureExtractor()(samples.numpy(), sampling_rate=16_000, padding=False, truncation=False)
    assert np.allclose(log_mel(samples).numpy(), theirs["input_features"][0], atol=1e-5)


def test_the_encoder_is_whisper_s_own_on_a_full_window(whisper: WhisperModel) -> None:
    network = PhoneEncoder(whisper.encoder).eval()
    mel = log_mel(noise(30.0))
    with torch.inference_mode():
        assert torch.allclose(network([mel]).hidden, whisper.encoder(mel[None]).last_hidden_state, atol=1e-5)


@pytest.mark.parametrize("family", ["whisper", "wav2vec2", "hubert"])
def test_a_neighbour_in_the_batch_does_not_matter(family: str, whisper: WhisperModel) -> None:
    # Group norm over time, the default of the base models, looks at the padding: layer norm does not.
    layered = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
    encoders = {
        "whisper": lambda: whisper.encoder,
        "wav2vec2": lambda: Wav2Vec2Model(Wav2Vec2Config(**SMALL, **layered)),
        "hubert": lambda: HubertModel(HubertConfig(**SMALL, **layered)),
    }
    network = PhoneEncoder(encoders[family]()).eval()
    short, long = (network.features(noise(s, i)) for i, s in enumerate((0.73, 1.9)))
    with torch.inference_mode():
        alone, together = network([short]), network([short, long])
    n = int(alone.lengths[0])
    assert int(together.lengths[0]) == n == alone.log_probs.shape[1]
    assert torch.allclose(alone.log_probs[0], together.log_probs[0, :n], atol=1e-4)
    assert torch.allclose(alone.log_probs.exp().sum(-1), torch.ones(1, n), atol=1e-5)


def test_spans_of_a_path_by_hand() -> None:
    # Peaks of phone 5 at [2, 4), of 5 again at [7, 8) and of 7 at [9, 11); ten blanks follow.
    # Between 4 and 7 lie three blanks: two to the left, one to the right; then one to the left; at
    # the end five (REACH) of the ten.
    path = [0, 0, 5, 5, 0, 0, 0, 5, 0, 7, 7, *[0] * 10]
    assert spans_of_path(path) == [(0, 6), (6, 9), (9, 16)]


def test_pooling_is_a_mean() -> None:
    weights = pool_weights([(0, 2), (3, 4)], 4)
    assert weights.tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0, 1]]


def test_a_checkpoint_comes_back_from_its_folder(tmp_path: Path) -> None:
    from speechtutor.core import Recording
    from speechtutor.errors import AudioError, ModelError
    from speechtutor.models import acoustic

    base = str(synthetic.tiny_whisper(tmp_path / "base"))
    network = PhoneEncoder(acoustic.base_encoder(base))
    with torch.no_grad():
        for parameter in network.parameters():
            # A change of rank 2 is within what rank 4 can hold.
            if parameter.dim() == 2:
                parameter += 0.01 * torch.randn(parameter.shape[0], 2) @ torch.randn(2, parameter.shape[1])
    phone_adapter.save(network, base, tmp_path / "out", rank=4)
    loaded = acoustic.load(tmp_path / "out", "cpu")
    recording = Recording(noise(0.8).numpy())
    emission = loaded.emit(recording)
    with torch.inference_mode():
        padded = torch.nn.functional.pad(noise(0.8), (1600, 1600))
        wanted = network.eval()([network.features(padded)]).log_probs[0].numpy()
    assert np.allclose(emission.log_probs, wanted, atol=0.02)
    assert emission.symbols == SYMBOLS and emission.origin == -0.1 and emission.embedding is not None
    with pytest.raises(AudioError):
        loaded.emit(Recording(np.zeros(10, np.float32)))
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="is no checkpoint"):
        acoustic.load(tmp_path / "none", "cpu")


def test_the_adapter_is_peft_s_own_layout(tmp_path: Path) -> None:
    from peft import PeftModel

    from speechtutor.models import acoustic

    base = str(synthetic.tiny_whisper(tmp_path / "base"))
    network = PhoneEncoder(acoustic.base_encoder(base))
    weight = network.encoder.layers[0].fc1.weight  # type: ignore[index,union-attr]
    with torch.no_grad():
        weight += 0.1 * torch.randn(weight.shape[0], 1) @ torch.randn(1, weight.shape[1])
    phone_adapter.save(network, base, tmp_path / "out", rank=4)
    merged = PeftModel.from_pretrained(acoustic.base_encoder(base), tmp_path / "out").merge_and_unload()
    assert torch.allclose(merged.layers[0].fc1.weight, weight, atol=2e-3)
