from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from speechtutor.errors import InputError
from speechtutor.models import device
from speechtutor.models.device import Device, pick, resolve


@pytest.mark.parametrize(
    ("wish", "n_cuda", "mps", "expected"),
    [
        (None, 0, False, "cpu"),
        (None, 2, False, "cuda"),
        ("auto", 1, False, "cuda"),
        (None, 0, True, "cpu"),
        ("cpu", 2, True, "cpu"),
        (" CUDA ", 1, False, "cuda"),
        ("cuda:1", 2, False, "cuda:1"),
        ("mps", 0, True, "mps"),
    ],
)
def test_a_wish_becomes_a_device(wish: str | None, n_cuda: int, mps: bool, expected: str) -> None:
    assert resolve(wish, n_cuda=n_cuda, mps=mps) == expected


@pytest.mark.parametrize("wish", ["", "gpu", "cuda:", "cuda:-1", "cpu:0", "tpu", "cuda:1x"])
def test_an_unknown_device_names_the_choices(wish: str) -> None:
    with pytest.raises(InputError, match="choose auto, cpu, cuda, cuda:N or mps") as error:
        resolve(wish, n_cuda=1)
    assert repr(wish) in str(error.value) and "\n" not in str(error.value)


def test_a_number_of_5000_figures_is_no_device() -> None:
    with pytest.raises(InputError, match="unknown device 'cuda:999") as error:
        resolve("cuda:" + "9" * 5000, n_cuda=1)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("wish", "n_cuda", "found"),
    [
        ("cuda", 0, "no CUDA device"),
        ("cuda:1", 1, "only 1 CUDA device;"),
        ("cuda:7", 2, "only 2 CUDA devices"),
    ],
)
def test_a_missing_gpu_is_said(wish: str, n_cuda: int, found: str) -> None:
    with pytest.raises(InputError, match=found):
        resolve(wish, n_cuda=n_cuda)


def test_a_missing_apple_gpu_is_said() -> None:
    with pytest.raises(InputError, match="Apple silicon"):
        resolve("mps", n_cuda=0)


def test_the_cpu_keeps_float32_weights() -> None:
    chosen = pick("cpu")
    assert (chosen.name, chosen.kind, chosen.dtype) == ("cpu", "cpu", torch.float32)


@pytest.mark.parametrize(
    ("capabilities", "mixed"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx2": True}, None),
        ({}, None),
    ],
)
def test_autocast_is_for_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], mixed: torch.dtype | None
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert pick("cpu").autocast_dtype is mixed


def test_autocast_changes_the_numbers_only_where_it_is_on() -> None:
    weights = torch.ones(2, 2)
    with Device("cpu", torch.float32, torch.bfloat16).autocast():
        assert (weights @ weights).dtype is torch.bfloat16
    with Device("cpu", torch.float32).autocast() as context:
        assert context is None and (weights @ weights).dtype is torch.float32
    assert isinstance(Device("mps", torch.float32).autocast(), nullcontext)


@pytest.mark.parametrize(("bf16", "half"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_computes_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, half: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", lambda name: nullcontext(name))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    chosen = device.pick("cuda:1")
    assert (chosen.name, chosen.kind, chosen.dtype, chosen.autocast_dtype) == ("cuda:1", "cuda", half, half)


@pytest.mark.gpu
def test_a_real_gpu_is_the_default() -> None:
    assert pick().kind == "cuda"
