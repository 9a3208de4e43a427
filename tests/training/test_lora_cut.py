from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import WhisperForConditionalGeneration

from recipes import cut_adapter
from recipes.cut_adapter import MATRICES, Config
from recipes.shared import synthetic
from speechtutor.errors import InputError
from speechtutor.hub.description import Description
from speechtutor.training import lora_cut


def matrix(values: list[float], rows: int, columns: int, seed: int) -> torch.Tensor:
    """A matrix with these singular values."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.linalg.qr(torch.randn(rows, rows, generator=generator))[0][:, : len(values)]
    v = torch.linalg.qr(torch.randn(columns, columns, generator=generator))[0][:, : len(values)]
    return u @ torch.diag(torch.tensor(values)) @ v.T


def test_ranks_go_where_they_keep_most() -> None:
    changes = {"a": matrix([4.0, 3.0, 0.1], 6, 6, 0), "b": matrix([2.0, 1.0, 0.5], 6, 6, 1)}
    for budget in (24, 36, 48, 60):
        ranks = lora_cut.ranked(changes, budget)
        assert 12 * sum(ranks.values()) <= budget
        # The slow obvious twin: every way to share out the ranks.
        lost = {
            (i, j): sum(torch.linalg.svdvals(changes["a"])[i:] ** 2)
            + sum(torch.linalg.svdvals(changes["b"])[j:] ** 2)
            for i, j in product(range(1, 7), range(1, 7))
            if 12 * (i + j) <= budget
        }
        assert lost[ranks["a"], ranks["b"]] <= min(lost.values()) + 1e-6


def test_every_matrix_has_a_rank_even_when_the_budget_is_too_small() -> None:
    ranks = lora_cut.ranked({"a": matrix([1.0], 4, 4, 0), "b": matrix([9.0], 4, 4, 1)}, 1)
    assert ranks == {"a": 1, "b": 1}


def test_a_change_of_low_rank_comes_back_whole_through_peft(tmp_path: Path) -> None:
    base = WhisperForConditionalGeneration.from_pretrained(synthetic.tiny_asr_whisper(tmp_path / "base"))
    before = {name: value.clone() for name, value in base.state_dict().items()}
    after = dict(before)
    for i, name in enumerate(n for n in before if n.endswith(("q_proj.weight", "fc1.weight"))):
        after[name] = before[name] + matrix([0.5, 0.2], *before[name].shape, i)
    kept = lora_cut.save(
        after,
        before,
        tmp_path / "cut",
        matrices=MATRICES,
        what=Description("whisper-lora", "base"),
        n_numbers=5000,
    )
    assert kept == pytest.approx(1, abs=1e-3)
    merged = PeftModel.from_pretrained(base, str(tmp_path / "cut")).merge_and_unload().state_dict()
    for name, value in after.items():
        assert torch.allclose(merged[name], value, atol=2e-3), name


def test_the_recipe_keeps_its_size_and_refuses_another_architecture(tmp_path: Path) -> None:
    row = cut_adapter.run(Config(out=tmp_path / "smoke", smoke=True))
    assert 0 < row["kept"] < 1 and row["megabytes"] < 0.11
    other = synthetic.tiny_asr_whisper(tmp_path / "other")
    settings = other / "config.json"
    settings.write_text(settings.read_text().replace('"encoder_ffn_dim": 64', '"encoder_ffn_dim": 32'))
    wide = tmp_path / "smoke" / "a"
    small = WhisperForConditionalGeneration.from_pretrained(other, ignore_mismatched_sizes=True)
    small.save_pretrained(other)
    with pytest.raises(InputError, match="differs in shape"):
        cut_adapter.run(Config(trained=other, base=str(wide), out=tmp_path / "no"))
