"""Several processes, shards, and a training that is killed: the same end as without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recipes import finetune_whisper
from speechtutor.errors import InputError
from tests.conftest import PROJECT

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def command(out: Path, *flags: str) -> list[str]:
    return ["-m", "recipes.finetune_whisper", "--smoke", "--out", str(out), "--no-tensorboard", *flags]


def result(out: Path) -> dict[str, torch.Tensor]:
    return load_file(max(out.glob("checkpoint-*"), key=_step) / "adapter_model.safetensors")


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _finish(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8000:]


@pytest.mark.slow
def test_two_processes_share_a_training(tmp_path: Path) -> None:
    _finish([*TORCHRUN, *command(tmp_path)])
    # Eight clips in batches of two for each of two processes: two steps an epoch, two epochs.
    assert (tmp_path / "checkpoint-4" / "whole").is_file()
    assert (tmp_path / "checkpoint-4" / "rng_state_1.pth").is_file()
    assert (tmp_path / "best" / "adapter_model.safetensors").is_file()


TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
FSDP = [
    *("-m", "accelerate.commands.launch", "--num_processes", "2", "--main_process_port", "0"),
    *("--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
    str(PROJECT / "tests" / "recipes" / "sharded.py"),
]
"""What recipes/README.md says, but for the CPU and a port that is free."""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["whisper --method full", "whisper", "wav2vec2"])
def test_shards_learn_what_whole_networks_learn(tmp_path: Path, recipe: str) -> None:
    name, *flags = recipe.split()
    common = [f"recipes.finetune_{name}", "--smoke", "--precision", "fp32", "--no-tensorboard", *flags]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _finish([*TORCHRUN, "-m", *common, "--out", str(whole)])
    _finish([*FSDP, *common, "--out", str(cut)])
    assert (cut / "checkpoint-4" / "pytorch_model_fsdp_0" / ".metadata").is_file()
    assert _same_best(whole, cut)
    # Stopped after the first of two epochs, on its way to the end of the second.
    shutil.rmtree(cut / "checkpoint-4")
    shutil.rmtree(cut / "best")
    _finish([*FSDP, *common, "--out", str(cut)])
    assert _same_best(whole, cut)


def _same_best(one: Path, other: Path) -> bool:
    files = [next((out / "best").glob("*.safetensors")) for out in (one, other)]
    first, second = (load_file(path) for path in files)
    return first.keys() == second.keys() and all(
        torch.allclose(first[name].float(), second[name].float(), atol=1e-6) for name in first
    )


def test_adalora_is_not_cut_into_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="take --method lora with FSDP"):
        finetune_whisper.run(finetune_whisper.Config(out=tmp_path, method="adalora"))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_resumed_is_as_if_never_killed(tmp_path: Path, how: signal.Signals) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _finish(command(whole))
    process = subprocess.Popen(
        [sys.executable, *command(killed)], cwd=PROJECT, env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 900
    # In the middle: after the first of four checkpoints.
    while not (killed / "checkpoint-2" / "whole").is_file():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait(300) != 0
    assert not (killed / "checkpoint-8").exists()
    _finish(command(killed))
    first, second = result(whole), result(killed)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    best = [load_file(out / "best" / "adapter_model.safetensors") for out in (whole, killed)]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
