"""Rows to learn from: no leakage, replies that hold; the evaluation from end to end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from recipes import average_adapters, evaluate_tutor, finetune_tutor, prepare_tutor, sample_replies
from recipes.prepare_tutor import Config, apart, check, grammar_row, split_of
from recipes.shared import feedback, sentences, synthetic
from speechtutor import config
from speechtutor.core import Correction, LearnerState
from speechtutor.corpora import eracond
from speechtutor.errors import InputError, ModelError
from speechtutor.evaluation import result
from speechtutor.practice.levels import LEVELS, level_of, words_of
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


def test_the_best_replies_that_hold_are_learnt(tmp_path: Path) -> None:
    notes = sample_replies.asked(sample_replies.Config(scores=tmp_path / "none", made=3))
    assert len(notes) == 3 and all(note.split != "dev" for note in notes)

    def said(note: sample_replies.Asked, text: str, rubric: float, *violations: str) -> dict:  # type: ignore[type-arg]
        return {
            "note": note.id,
            "start": note.start,
            "text": text,
            "rubric": rubric,
            "violations": violations,
        }

    samples = [
        said(notes[0], "Great work, one.", 0.9), said(notes[0], "Great work, two.", 0.9),
        said(notes[0], "Well done, three.", 0.9), said(notes[0], "So, four.", 1.0, "claim: x"),
        said(notes[1], "Great work, one.", 0.5), said(notes[1], "Well, I see that.", 0.5),
    ]  # fmt: skip
    rows = sample_replies.chosen(notes, samples, 2)
    # Of equals the first goes first; then what begins as no other did; refused ones never.
    assert [row["messages"][-1]["content"] for row in rows] == [
        "Great work, one.", "Great work, two.", "Well, I see that.", "Great work, one."
    ]  # fmt: skip
    assert all(row["messages"][1]["content"].startswith(f"Start: {notes[0].start}\n") for row in rows[:2])
    assert sample_replies.chosen(notes, [samples[3]], 2) == []
    both = sample_replies.pairs(notes, samples, 2)
    assert [(row["messages"][-1]["content"], row["refused"]) for row in both] == [
        ("Great work, one.", "So, four.")
    ]


def test_notes_that_are_measured_on_are_not_learnt(tmp_path: Path) -> None:
    cfg = sample_replies.Config(scores=tmp_path / "none", made=6, written=8)
    notes = sample_replies.asked(cfg)
    barred = frozenset(note.plain[-1].content for note in notes)
    assert not barred & {note.plain[-1].content for note in sample_replies.asked(cfg, barred)}
    own = sample_replies.written(cfg)
    assert len(own) == 8
    for row in own:
        start, _, note = row["messages"][1]["content"].partition("\n")
        reply = row["messages"][2]["content"]
        assert reply.startswith(start.removeprefix("Start: "))
        assert ("\nThen: " in note) == (" After that, " in reply or " Then, " in reply)
    plain = {row["messages"][1]["content"].partition("\n")[2] for row in own}
    rows = sample_replies.written(cfg, {note for note in plain if "Then: " not in note})
    assert len(rows) == 8


def test_rows_of_sentences_ask_for_words_that_are_there() -> None:
    rows = list(sentences.rows(60, random.Random(0), "l"))
    assert len(rows) > 50 and len({row["messages"][-1]["content"] for row in rows}) == len(rows)
    for row in rows:
        level, _, asked = row["messages"][1]["content"].partition(": ")
        text = row["messages"][2]["content"]
        assert set(asked.split(", ")) <= set(words_of(text))
        assert LEVELS.index(level) >= LEVELS.index(level_of(text) or "")


def test_training_goes_on_from_an_adapter_of_the_same_shape(tmp_path: Path) -> None:
    from speechtutor.training import llm as training

    finetune_tutor.run(config.build(finetune_tutor.Config, ["--smoke", "--out", str(tmp_path)]))
    first, base = tmp_path / "adapter", str(tmp_path / "smoke" / "base")
    course = training.Recipe(seed=7)
    model, _ = training.build(base, training.Adapter(rank=2), course)
    training.begin_from(model, first)
    training.export(model, tmp_path / "again")
    names = [tmp_path / name / "adapter_model.safetensors" for name in ("adapter", "again")]
    assert names[0].read_bytes() == names[1].read_bytes()
    other, _ = training.build(base, training.Adapter(rank=4), course)
    with pytest.raises(ModelError, match="of another method, rank or network"):
        training.begin_from(other, first)
    with pytest.raises(ModelError, match="holds no adapter"):
        training.begin_from(other, tmp_path)


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


def test_the_mean_of_adapters_by_hand(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    made = average_adapters.run(average_adapters.Config(out=tmp_path, smoke=True))
    assert load_file(made / average_adapters.FILE)["a"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    one, other = ({"a": np.zeros(n, np.float16)} for n in (2, 3))
    with pytest.raises(InputError, match="have no mean"):
        average_adapters.mean([one, other])
    with pytest.raises(InputError, match="holds no adapter"):
        average_adapters.run(average_adapters.Config(str(tmp_path / "none"), tmp_path))


def test_a_turn_is_corrected_by_the_adapter_that_never_saw_its_dialogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"dialogue": f"{i}-{j}", "turn": 0, "source": f"number {i} is with {j} and more", "edits": []}
        for i in range(5)
        for j in range(6)
    ]
    path = tmp_path / "dialogues.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    asked: dict[str, str] = {}

    class Told:
        name, threshold = "told", 1.0

        def __init__(self, adapter: Path) -> None:
            self.adapter = adapter

        def correct(self, text: str) -> Correction:
            asked[text] = self.adapter.name
            return Correction(text, text, text)

    monkeypatch.setattr(
        evaluate_tutor.registry, "load", lambda stage, name, *, adapter, **options: Told(adapter)
    )
    told = evaluate_tutor.Config(
        eracond=path, folds=tmp_path / "folds", out=tmp_path / "out", part="grammar", draws=10
    )
    (tmp_path / "folds").mkdir()
    (found,) = evaluate_tutor.run(told)
    assert found.kind == "grammar" and len(lines) == len(asked)
    for fold in range(eracond.FOLDS):
        held = {turn.spoken for turn in eracond.read(path, fold) if turn.split == "dev"}
        assert {text for text, name in asked.items() if name == f"fold-{fold}"} == held
