"""Local language models: a tiny random Llama made here, through both engines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from speechtutor import hub
from speechtutor.errors import InputError, ModelError
from speechtutor.models.chat import encode
from speechtutor.models.llm import TransformersEngine, load
from speechtutor.models.llm_ct2 import CTranslate2Engine, convert
from speechtutor.stages import Batching, Choosing, Message
from speechtutor.tutor.rules import RuleTutor
from tests.conftest import need
from tests.support.judged import LEARNER, SINK

TEMPLATE = (
    "{% for m in messages %}{{ '<s>' + m['role'] + '\n' + m['content'] + '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"
)
CHAT = [
    Message("system", "Be kind."),
    Message("user", "Say this."),
    Message("assistant", "Yes."),
    Message("user", "Hi é😀"),
]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level Llama with random weights, seed 0."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(["<s>", "</s>", *alphabet])}
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.5,  # so that the choice depends on the context
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def engine(checkpoint: Path) -> TransformersEngine:
    return TransformersEngine(checkpoint, "cpu")


def slow_twin(engine: TransformersEngine, messages: list[Message], n_tokens: int) -> str:
    """Greedy choice with the whole text read again for every token."""
    ids, _ = encode(engine.tokenizer, messages)
    start = len(ids)
    for _ in range(n_tokens):
        with torch.no_grad():
            token = int(engine.model(torch.tensor([ids])).logits[0, -1].argmax())
        if token == engine.tokenizer.eos_token_id:
            break
        ids.append(token)
    return str(engine.tokenizer.decode(ids[start:], skip_special_tokens=True))


@pytest.mark.parametrize("chat", [CHAT, CHAT[:2], CHAT[:1], [CHAT[0], CHAT[3]]])
def test_kept_prefixes_change_nothing(engine: TransformersEngine, chat: list[Message]) -> None:
    expected = slow_twin(engine, chat, 12).rstrip("\ufffd")
    for _ in range(2):  # the second time the beginning is kept
        assert "".join(engine.generate(chat, max_tokens=12)).rstrip("\ufffd") == expected


def test_the_kept_part_is_all_but_the_last_turn(engine: TransformersEngine) -> None:
    ids, n_fixed = encode(engine.tokenizer, CHAT)
    assert engine.tokenizer.decode(ids[:n_fixed]).endswith("Yes.</s>")
    assert engine.tokenizer.decode(ids[n_fixed:]) == "<s>user\nHi é😀</s><s>assistant\n"
    assert encode(engine.tokenizer, CHAT[:1])[1] == 0


def test_writing_stops_when_closed_and_at_the_limit(engine: TransformersEngine) -> None:
    pieces = engine.generate(CHAT, max_tokens=10_000)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert len(list(engine.generate(CHAT, max_tokens=5))) <= 5


def test_the_end_token_ends_it(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = int(engine.model(torch.tensor([encode(engine.tokenizer, CHAT)[0]])).logits[0, -1].argmax())
    monkeypatch.setattr(engine, "_stops", frozenset({first}))
    assert list(engine.generate(CHAT, max_tokens=5)) == []


def test_garbage_falls_back_to_the_rules(checkpoint: Path) -> None:
    tutor = load(str(checkpoint), "cpu")
    assert tutor.engine.name == "tiny-llama"
    assert tutor.advise(SINK, LEARNER) == RuleTutor().advise(SINK, LEARNER)
    assert tutor.last is not None
    assert tutor.last.violations
    assert "".join(tutor.stream(SINK, LEARNER)) == RuleTutor().advise(SINK, LEARNER).summary


def test_an_adapter_changes_the_words(checkpoint: Path, tmp_path: Path, engine: TransformersEngine) -> None:
    peft = pytest.importorskip("peft")
    torch.manual_seed(1)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    base = LlamaForCausalLM.from_pretrained(checkpoint)
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "warm")
    tutor = load(str(checkpoint), "cpu", adapter=tmp_path / "warm")
    assert isinstance(tutor.engine, TransformersEngine)
    assert tutor.engine.name == "tiny-llama+warm"
    plain, adapted = (e.model(torch.tensor([[5, 6, 7]])).logits for e in (engine, tutor.engine))
    assert not torch.allclose(plain, adapted)
    with pytest.raises(ModelError, match="adapter"):
        load(str(checkpoint), "cpu", adapter=tmp_path / "warm", engine="ctranslate2")


@pytest.fixture(scope="session")
def converted(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ctranslate2")
    folder = tmp_path_factory.mktemp("ct2") / "tiny-ct2"
    folder.mkdir()
    convert(checkpoint, folder)
    return folder


def test_ctranslate2_speaks_too(converted: Path) -> None:
    tutor = load(str(converted), "cpu")
    assert isinstance(tutor.engine, CTranslate2Engine)
    twice = ["".join(tutor.engine.generate(CHAT, max_tokens=8)) for _ in range(2)]
    assert twice[0] == twice[1]
    pieces = tutor.engine.generate(CHAT, max_tokens=500)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert tutor.advise(SINK, LEARNER).source == "rules"


def test_many_at_once_are_written_as_one_by_one(converted: Path) -> None:
    engine = load(str(converted), "cpu").engine
    assert isinstance(engine, CTranslate2Engine) and isinstance(engine, Batching)
    chats = [CHAT, CHAT[:1], [CHAT[0], CHAT[3]]]
    single = ["".join(engine.generate(chat, max_tokens=8)).strip() for chat in chats]
    # A character that is cut in two is left out of the pieces.
    assert [text.rstrip("\ufffd") for text in engine.answers(chats, max_tokens=8)] == single


def test_alternatives_begin_differently_and_are_always_the_same(converted: Path) -> None:
    engine = load(str(converted), "cpu").engine
    assert isinstance(engine, CTranslate2Engine) and isinstance(engine, Choosing)
    first, again = (engine.alternatives(CHAT, 4, max_tokens=6) for _ in range(2))
    assert first == again and len(first) == 4
    greedy = "".join(engine.generate(CHAT, max_tokens=6)).strip()
    assert first[0][:1] == greedy[:1], "the likeliest beginning is the greedy one"


def test_samples_begin_as_told(converted: Path) -> None:
    engine = load(str(converted), "cpu").engine
    assert isinstance(engine, CTranslate2Engine)
    found = engine.sample(CHAT, 3, seed=1, max_tokens=6, temperature=0.9, start="Well")
    assert len(set(found)) > 1 and all(text.startswith("Well") for text in found)


def test_only_words_that_are_allowed_are_written(converted: Path) -> None:
    engine = load(str(converted), "cpu").engine
    assert isinstance(engine, CTranslate2Engine)
    # Its tokens are single bytes: "A" alone is a whole word of them.
    for text in engine.alternatives(CHAT, 3, max_tokens=8, words=frozenset({"a"})):
        assert set(text) <= set("A.,?!'"), text
    with pytest.raises(InputError, match="none of the 1 words is one token"):
        engine.alternatives(CHAT, 1, max_tokens=8, words=frozenset({"bread"}))


def test_likelihoods_are_the_models_own(converted: Path) -> None:
    engine = load(str(converted), "cpu").engine
    assert isinstance(engine, CTranslate2Engine)
    texts = ["Hello.", "abc"]
    for text, value in zip(texts, engine.likelihoods(texts), strict=True):
        ids = [engine.tokenizer.bos_token_id, *engine.tokenizer(text)["input_ids"]]
        logits = engine.generator.forward_batch([engine.tokenizer.convert_ids_to_tokens(ids)])
        log_probs = torch.as_tensor(np.array(logits))[0, :-1].log_softmax(-1)
        assert value == pytest.approx(float(log_probs[range(len(ids) - 1), ids[1:]].mean()), abs=1e-3)


def test_no_such_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for engine in ("transformers", "ctranslate2"):
        with pytest.raises(ModelError, match="empty") as error:
            load(str(tmp_path / "empty"), "cpu", engine=engine)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)


def test_no_chat_template(checkpoint: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    LlamaForCausalLM.from_pretrained(checkpoint).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="no chat template"):
        TransformersEngine(tmp_path, "cpu")


def test_damaged_config(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    with pytest.raises(ModelError, match="cannot load"):
        TransformersEngine(tmp_path, "cpu")


@pytest.mark.slow
def test_the_real_model_is_used_and_checked(models_home: Path) -> None:
    need(hub.located("smollm2-135m-instruct"), "smollm2-135m-instruct is not pulled")
    tutor = load(device="cpu")
    feedback = tutor.advise(SINK, LEARNER)
    assert feedback.source in ("rules", "smollm2-135m-instruct")
    assert "think" in feedback.summary
