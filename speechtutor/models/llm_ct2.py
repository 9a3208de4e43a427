"""A language model through CTranslate2 in int8: greedy for advice, in several versions for content.

On a CPU it is about three times as quick as transformers. It reads no adapter beside a model, so ours is
merged into the store's model first and the result is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer

from speechtutor import engines, hub
from speechtutor.errors import InputError, ModelError, require
from speechtutor.hub import description
from speechtutor.models.adapters import merged
from speechtutor.models.chat import encode, first_line, need_template, pieces, stop_ids
from speechtutor.models.convert import smollm_checkpoint, without_bars
from speechtutor.models.device import pick
from speechtutor.stages import Message

LAYOUT = "ctranslate2-int8-1"

BATCH = 32
REPEATED = 1.2
"""By what a token that was written before is made less likely in content (Keskar et al., 2019)."""
TOPK = 50
"""Most likely tokens among which a draw chooses (Fan et al., 2018)."""


class CTranslate2Engine:
    """Writing with a model converted to CTranslate2's layout, in int8."""

    def __init__(self, folder: str | Path, device: str | None = None, *, name: str | None = None) -> None:
        """Load a directory that holds `model.bin` and the tokenizer.

        Raises:
            ModelError: when it cannot be loaded.
            MissingExtraError: when ctranslate2 is not installed.
        """
        ctranslate2 = require("ctranslate2", extra="whisper")
        self.name = name or Path(folder).name
        self.device = pick(device).kind
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self.generator = ctranslate2.Generator(
                str(folder),
                device=self.device,
                compute_type="int8",
                intra_threads=engines.threads(),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"cannot load the language model {folder}: {first_line(error)}") from error
        need_template(self.tokenizer, folder)
        self._stops = stop_ids(self.tokenizer, None)

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, one per token; closing the iterator stops the writing."""
        ids, n_fixed = encode(self.tokenizer, messages)
        return pieces(self.tokenizer, self._greedy(ids, n_fixed, max_tokens))

    def _greedy(self, ids: list[int], n_fixed: int, max_tokens: int) -> Iterator[int]:
        tokens = self.tokenizer.convert_ids_to_tokens(ids)
        steps = self.generator.generate_tokens(
            tokens[n_fixed:],
            static_prompt=tokens[:n_fixed] or None,
            cache_static_prompt=True,
            max_length=max_tokens,
            sampling_topk=1,
            end_token=sorted(self._stops),
        )
        try:
            for step in steps:
                if step.token_id in self._stops:
                    return
                yield step.token_id
        finally:
            steps.close()

    def answers(self, chats: Sequence[Sequence[Message]], *, max_tokens: int) -> list[str]:
        """The greedy reply to each chat, many at a time: about three times as quick as one by one."""
        rows = [self.tokenizer.convert_ids_to_tokens(encode(self.tokenizer, chat)[0]) for chat in chats]
        found = self.generator.generate_batch(
            rows,
            max_batch_size=BATCH,
            include_prompt_in_result=False,
            max_length=max_tokens,
            sampling_topk=1,
            end_token=sorted(self._stops),
        )
        return [
            self.tokenizer.decode(one.sequences_ids[0], skip_special_tokens=True).strip() for one in found
        ]

    def alternatives(
        self, messages: Sequence[Message], n: int, *, max_tokens: int, words: frozenset[str] | None = None
    ) -> list[str]:
        """`n` replies with different first tokens, the likeliest first, each then written greedily.

        With `words`, lower case, every token must be a whole word of them or a mark: what the model may say
        is cut to the words of a level before it chooses. Nothing is left to chance: the same chat gives the
        same replies.

        Raises:
            InputError: when none of the words is one token of this model.
        """
        barred = None if words is None else [[token] for token in _barred(self.tokenizer, words)]
        ids, n_fixed = encode(self.tokenizer, messages)
        tokens = self.tokenizer.convert_ids_to_tokens(ids)
        how: dict[str, Any] = {
            "static_prompt": tokens[:n_fixed] or None,
            "include_prompt_in_result": False,
            "suppress_sequences": barred,
            "repetition_penalty": REPEATED,
            "end_token": sorted(self._stops),
        }
        # Left to go on by itself, the engine ends some alternatives after their first token.
        firsts = self.generator.generate_batch(
            [tokens[n_fixed:]], num_hypotheses=n, return_alternatives=True, max_length=1, **how
        )[0]
        begun = [row[0] for row in firsts.sequences if row]
        rests = self.generator.generate_batch(
            [[*tokens[n_fixed:], first] for first in begun], max_length=max_tokens - 1, **how
        )
        rows = [
            [*self.tokenizer.convert_tokens_to_ids([first]), *rest.sequences_ids[0]]
            for first, rest in zip(begun, rests, strict=True)
        ]
        return [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]

    def sample(
        self,
        messages: Sequence[Message],
        n: int,
        *,
        seed: int,
        max_tokens: int,
        temperature: float,
        start: str = "",
    ) -> list[str]:
        """`n` replies drawn at random, each beginning with `start`.

        CTranslate2 looks at the seed when its thread first draws: it counts for a whole process, and the
        draws of a process that begins anew with it are the same.
        """
        require("ctranslate2", extra="whisper").set_random_seed(seed % 2**31)
        chance: dict[str, Any] = {"sampling_topk": TOPK, "sampling_temperature": temperature}
        return [f"{start}{text}".strip() for text in self._several(messages, n, max_tokens, start, **chance)]

    def _several(
        self, messages: Sequence[Message], n: int, max_tokens: int, start: str = "", **how: Any
    ) -> list[str]:
        ids, n_fixed = encode(self.tokenizer, messages)
        ids += self.tokenizer(start, add_special_tokens=False)["input_ids"] if start else []
        tokens = self.tokenizer.convert_ids_to_tokens(ids)
        found = self.generator.generate_batch(
            [tokens[n_fixed:]],
            static_prompt=tokens[:n_fixed] or None,
            include_prompt_in_result=False,
            num_hypotheses=n,
            max_length=max_tokens,
            end_token=sorted(self._stops),
            **how,
        )[0]
        texts = [self.tokenizer.decode(row, skip_special_tokens=True) for row in found.sequences_ids]
        return texts if start else [text.strip() for text in texts]

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        """How likely each text is by itself: mean log-probability of a token after the first, in nats."""
        rows = [self.tokenizer.convert_ids_to_tokens(self.tokenizer(text)["input_ids"]) for text in texts]
        start = self.tokenizer.convert_ids_to_tokens([self.tokenizer.bos_token_id])
        scored = self.generator.score_batch([start + row for row in rows], max_batch_size=16)
        return [sum(one.log_probs) / max(len(one.log_probs), 1) for one in scored]


@cache
def _pieces_of(tokenizer: Any) -> list[tuple[str, str]]:
    """Each token with its text, in the order of the ids."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return [(token, tokenizer.convert_tokens_to_string([token])) for token in tokens]


@cache
def _barred(tokenizer: Any, words: Collection[str]) -> tuple[str, ...]:
    """All tokens that are no whole word of these, no mark and no end.

    Raises:
        InputError: when nothing is left but marks.
    """
    ends = set(tokenizer.convert_ids_to_tokens(sorted(stop_ids(tokenizer, None))))
    # Without apostrophes: "she's" is no word of a level's list.
    marks = {".", ",", "?", "!"}
    free = {token for token, text in _pieces_of(tokenizer) if token in ends or text in marks}
    # A word inside a text begins with its space; the first one has none, and a capital.
    said = {
        token
        for token, text in _pieces_of(tokenizer)
        if (text[:1] == " " or text[:1].isupper()) and text.strip().lower() in words and text.strip()
    }
    if not said:
        raise InputError(f"none of the {len(words)} words is one token of {tokenizer.name_or_path}")
    return tuple(token for token, _ in _pieces_of(tokenizer) if token not in free | said)


def folder_of(source: str, adapter: str | Path | None = None) -> Path:
    """A directory in CTranslate2's layout; the store's model, with an adapter or without, is converted once.

    Raises:
        ModelError: when the model cannot be found, or an adapter is given for another than the store's.
    """
    if source not in hub.checkpoints():
        if adapter is not None:
            raise ModelError(
                "CTranslate2 reads no adapter: merge it into the model first, or use transformers"
            )
        return Path(hub.resolve(source, hub=False, role=description.CHAT))
    folder = Path(smollm_checkpoint(source))
    if adapter is None:
        return hub.derived(source, LAYOUT, partial(convert, folder), size=150_000_000)
    kind = f"{LAYOUT}-{(hub.content(adapter) or '')[:12]}"
    return hub.derived(source, kind, partial(_convert_merged, folder, adapter), size=700_000_000)


@without_bars()
def convert(source: Path, target: Path) -> None:
    """Write int8 weights and the tokenizer into `target`."""
    converters = require("ctranslate2.converters", extra="whisper")
    converters.TransformersConverter(str(source)).convert(str(target), quantization="int8", force=True)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)


@without_bars()
def _convert_merged(source: Path, adapter: str | Path, target: Path) -> None:
    with TemporaryDirectory(dir=target.parent) as name:
        whole = merged(AutoModelForCausalLM.from_pretrained(source), adapter, description.TUTOR_ADAPTER)
        whole.save_pretrained(name)
        AutoTokenizer.from_pretrained(source).save_pretrained(name)
        convert(Path(name), target)
