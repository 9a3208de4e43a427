"""Rows to learn from: no leakage, replies that hold; the evaluation from end to end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from recipes import evaluate_tutor, finetune_tutor, prepare_tutor
from recipes.prepare_tutor import Config, apart, check, grammar_row, split_of
from recipes.shared import feedback, synthetic
from speechtutor import config
from speechtutor.core import LearnerState
from speechtutor.errors import InputError
from speechtutor.evaluation import result
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.verify import verify


def read(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_name_their_source_and_licence_and_keep_splits_apart(tmp_path: Path) -> None:
    found = prepare_tutor.run(config.build(Config, ["--smoke", "--out", str(tmp_path)]))
    rows = {split: read(tmp_path / f"{split}.jsonl") for split in ("train", "tune", "dev")}
    assert {f"{s} {t}" for s in rows for t in ("grammar", "feedback") if found.get(f"{s} {t}")} >= {
        "train grammar", "train feedback"
    }  # fmt: skip
    for split, chosen in rows.items():
        assert all(row["split"] == split and row["licence"] and row["source"] for row in chosen)
        assert all([m["role"] for m in row["messages"]] == ["system", "user", "assistant"] for row in chosen)
    assert (tmp_path / "config.json").is_file()


def test_rows_follow_from_the_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        prepare_tutor.run(config.build(Config, ["--smoke", "--out", str(tmp_path / name)]))
    assert (tmp_path / "a" / "train.jsonl").read_bytes() == (tmp_path / "b" / "train.jsonl").read_bytes()


def test_a_leak_is_taken_out_or_found() -> None:
    same = "I like to go home now"
    rows = [grammar_row("a", "train", "s", "l", same, same), grammar_row("b", "dev", "s", "l", same, same)]
    with pytest.raises(InputError, match="b: the same request is in train and in dev"):
        check(rows)
    assert [row["id"] for row in apart(rows)] == ["b"]
    with pytest.raises(InputError, match="two rows have the id a"):
        check([rows[0], rows[0]])
    assert split_of("I like it.") == split_of("i like it")


def test_every_reply_to_learn_passes_the_verifier() -> None:
    rng = random.Random(1)
    texts = set()
    for _ in range(60):
        evidence = gather(feedback.made_score(rng), LearnerState())
        text = feedback.reply(evidence, rng)
        if text is not None:
            assert verify(text, evidence) == []
            texts.add(text)
    assert len(texts) > 40
    made = feedback.held_out(8, 0)
    assert len(made) == 8 and made == feedback.held_out(8, 0)


def test_a_dev_row_never_enters_training(tmp_path: Path) -> None:
    cfg = finetune_tutor.Config(data=tmp_path)
    row = grammar_row("a", "dev", "s", "l", "x", "y")
    with pytest.raises(InputError, match="mixes dev rows"):
        finetune_tutor.chosen([row], cfg)
    with pytest.raises(InputError, match="no rows of the task feedback"):
        finetune_tutor.chosen(
            [row | {"split": "train"}], finetune_tutor.Config(data=tmp_path, task="feedback")
        )


def test_evaluation_runs_from_end_to_end(tmp_path: Path) -> None:
    found = evaluate_tutor.run(config.build(evaluate_tutor.Config, ["--smoke", "--out", str(tmp_path)]))
    assert [one.kind for one in found] == ["grammar", "feedback"]
    for part in ("grammar", "feedback"):
        run = result.read(tmp_path / part)
        assert run.rows and (tmp_path / part / "report.md").is_file()
    assert "speakers" in evaluate_tutor.shown(found)


def test_base_and_adapter_are_measured_on_the_same_and_gone_on_with(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    base = synthetic.tiny_chat(tmp_path / "base")
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(LlamaForCausalLM.from_pretrained(base), lora).save_pretrained(tmp_path / "lora")
    paths = {"base": base, "adapter": tmp_path / "lora", "scores": tmp_path / "none", "out": tmp_path / "out"}
    flags = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    flags += ["--part", "feedback", "--against-base", "--draws", "20"]
    found = []
    for made in ("2", "3"):
        found += evaluate_tutor.run(config.build(evaluate_tutor.Config, [*flags, "--made", made]))
    assert [one.counts["utterances"] for one in found] == [2, 3]
    runs = {name: result.read(tmp_path / "out" / name) for name in ("feedback-made", "feedback-made-base")}
    assert [len(run.rows) for run in runs.values()] == [3, 3]
    ours, theirs = (run.config["fingerprint"] for run in runs.values())
    assert ours["system adapter_content"] and "system adapter_content" not in theirs
    comparison = runs["feedback-made"].summary.comparison
    assert comparison is not None and "passed" in comparison.differences


@pytest.mark.parametrize(
    ("recipe", "flags"),
    [
        (prepare_tutor, ["--unchanged", "2"]),
        (finetune_tutor, ["--rank", "0"]),
        (finetune_tutor, ["--rate", "0"]),
    ],
)
def test_settings_are_checked(recipe, flags: list[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=flags[0][2:]):
        config.build(recipe.Config, flags)
