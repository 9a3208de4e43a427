"""How good a model's wording of feedback is: does it hold, does it name the finding, how long, how hard.

Every reply is taken as the model wrote it, before the rules would replace it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from speechtutor.core import LearnerState, UtteranceScore
from speechtutor.corpora.manifest import read as read_manifest
from speechtutor.disk import write_text
from speechtutor.errors import InputError
from speechtutor.evaluation.reply_log import Kept
from speechtutor.schema import score_from_json
from speechtutor.tutor.engine import Message, TextEngine
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.facts import facts, words_of
from speechtutor.tutor.phrasing import LlmTutor
from speechtutor.tutor.verify import split_sentences

N_EXAMPLES = 10
"""Shown in full, the first by id, whatever they are."""


@dataclass(frozen=True, slots=True)
class Worded:
    """One reply; `word` and `sound` say whether it names those of the finding (None where there is none)."""

    id: str
    kind: str
    text: str
    passed: bool
    violations: tuple[str, ...]
    dropped: str
    word: bool | None
    sound: bool | None
    n_words: int
    grade: float
    first: float
    total: float

    @property
    def covered(self) -> bool | None:
        """Whether it names the finding's word and, where it has one, its sound; None without a finding."""
        return None if self.word is None else self.word and self.sound is not False


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """Shares of the replies, means, and latencies in seconds."""

    tutor: str
    n: int
    n_rules: int
    passed: float
    names_word: float
    names_sound: float
    n_words: float
    grade: float
    first_p50: float
    first_p95: float
    total_p50: float
    total_p95: float
    violations: dict[str, int]
    kinds: dict[str, tuple[int, int]]
    covered: float = float("nan")

    def __str__(self) -> str:
        """A table for people."""
        lines = [
            f"# Feedback: {self.tutor}",
            "",
            "| measure | value |",
            "| --- | --- |",
            f"| replies (and utterances left to the rules) | {self.n} ({self.n_rules}) |",
            f"| pass the verifier | {self.passed:.3f} |",
            f"| name the word of the top finding | {self.names_word:.3f} |",
            f"| name its sound | {self.names_sound:.3f} |",
            f"| cover it: its word and its sound | {self.covered:.3f} |",
            f"| words | {self.n_words:.1f} |",
            f"| reading level (Flesch-Kincaid grade) | {self.grade:.1f} |",
            f"| first token, p50 and p95 (s) | {self.first_p50:.2f}, {self.first_p95:.2f} |",
            f"| full reply, p50 and p95 (s) | {self.total_p50:.2f}, {self.total_p95:.2f} |",
            f"| reasons for refusing | {', '.join(f'{k} {n}' for k, n in self.violations.items()) or '-'} |",
            "",
            "| kind of finding | passed | of |",
            "| --- | --- | --- |",
            *(f"| {kind} | {a} | {b} |" for kind, (a, b) in self.kinds.items()),
            "",
        ]
        return "\n".join(lines)


class Timed:
    """An engine that remembers when its first piece came."""

    def __init__(self, engine: TextEngine) -> None:
        """Time `engine`."""
        self.engine = engine
        self.first: float | None = None

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.name

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The engine's pieces."""
        start = perf_counter()
        self.first = None
        for piece in self.engine.generate(messages, max_tokens=max_tokens):
            if self.first is None:
                self.first = perf_counter() - start
            yield piece


def scores(path: Path, split: str = "dev", limit: int = 200) -> list[tuple[str, UtteranceScore]]:
    """What there is to give feedback on: rows that `speechtutor batch` wrote, or a manifest's raters.

    Evenly chosen when there are more than `limit`.

    Raises:
        InputError: when the file holds no scores.
    """
    try:
        first = json.loads(path.read_text(encoding="utf-8").partition("\n")[0] or "null")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON lines ({error})") from None
    found: list[tuple[str, UtteranceScore]]
    if isinstance(first, dict) and ("schema_version" in first or "error" in first):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = [(row["id"], score_from_json(row)) for row in lines if "schema_version" in row]
    else:
        found = [(row.id, row.scores) for row in read_manifest(path, [split]) if row.scores is not None]
    if not found:
        raise InputError(f"{path} holds no scores of the split {split}")
    return found if len(found) <= limit else [found[i * len(found) // limit] for i in range(limit)]


def listen(
    tutor: LlmTutor, items: Sequence[tuple[str, UtteranceScore]], kept: Kept | None = None
) -> tuple[list[Worded], int]:
    """The model's reply to each utterance's evidence, and how many were left to the rules.

    Replies that `kept` holds are not asked for again, and new ones go there at once.
    """
    from tqdm import tqdm

    engine = Timed(tutor.engine)
    tutor = LlmTutor(engine, tutor.fallback, max_tokens=tutor.max_tokens, timeout=120.0, shots=tutor.shots)
    found: list[Worded] = []
    n_rules = 0
    for id, score in tqdm(items, desc="wording", disable=None):
        row = None if kept is None else kept.get(id, score)
        if row is None:
            row = _asked(tutor, engine, id, score)
            if kept is not None:
                kept.put(id, score, row)
        if row:
            found.append(Worded(**{**row, "violations": tuple(row["violations"])}))
        else:
            n_rules += 1
    return found, n_rules


def _asked(tutor: LlmTutor, engine: Timed, id: str, score: UtteranceScore) -> dict[str, Any]:
    """The reply to one utterance as a row; an empty one where the rules speak."""
    # The evidence decides, not its cache: every reply is written anew.
    tutor.forget()
    tutor.last = None
    start = perf_counter()
    tutor.advise(score, LearnerState())
    total = perf_counter() - start
    if tutor.last is None:
        return {}
    known = facts(gather(score, LearnerState()))
    text, words = tutor.last.text, words_of(tutor.last.text)
    named = None if known.finding is None else known.flagged in " ".join(words)
    sounded = None if not known.target else bool(re.search(rf"\b{re.escape(known.target)}\b", text.lower()))
    worded = Worded(
        id, known.kind or "none", text, not tutor.last.violations,
        tuple(f"{v.code}: {v.detail}" for v in tutor.last.violations), tutor.last.dropped,
        named, sounded, len(words), reading_grade(text), engine.first or total, total,
    )  # fmt: skip
    return asdict(worded)


def reading_grade(text: str) -> float:
    """The school grade that a text needs (Kincaid et al., 1975); syllables are runs of vowel letters."""
    words = words_of(text)
    if not words:
        return 0.0
    syllables = sum(max(len(re.findall(r"[aeiouy]+", word.removesuffix("e") or word)), 1) for word in words)
    n_sentences = max(len(split_sentences(text)), 1)
    return 0.39 * len(words) / n_sentences + 11.8 * syllables / len(words) - 15.59


def report(items: Sequence[Worded], n_rules: int, name: str) -> FeedbackReport:
    """The figures of all replies.

    Raises:
        InputError: when the model was asked for none.
    """
    if not items:
        raise InputError("the rules speak for all of these utterances: there is no reply to judge")
    kinds: dict[str, tuple[int, int]] = {}
    for kind in sorted({item.kind for item in items}):
        of_kind = [item.passed for item in items if item.kind == kind]
        kinds[kind] = (sum(of_kind), len(of_kind))

    def share(values: Sequence[bool | None]) -> float:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else float("nan")

    first, total = [item.first for item in items], [item.total for item in items]
    reasons = Counter(violation.partition(":")[0] for item in items for violation in item.violations)
    return FeedbackReport(
        tutor=name,
        n=len(items),
        n_rules=n_rules,
        passed=share([item.passed for item in items]),
        names_word=share([item.word for item in items]),
        names_sound=share([item.sound for item in items]),
        n_words=float(np.mean([item.n_words for item in items])),
        grade=float(np.mean([item.grade for item in items])),
        first_p50=float(np.quantile(first, 0.5)),
        first_p95=float(np.quantile(first, 0.95)),
        total_p50=float(np.quantile(total, 0.5)),
        total_p95=float(np.quantile(total, 0.95)),
        violations=dict(reasons.most_common()),
        kinds=kinds,
        covered=share([item.covered for item in items]),
    )


def write(folder: Path, found: FeedbackReport, items: Sequence[Worded], name: str = "feedback") -> None:
    """The report, its first examples by id in full, and every reply."""
    lines = (json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
    write_text(folder / f"{name}.jsonl", "".join(lines))
    shown = sorted(items, key=lambda item: item.id)[:N_EXAMPLES]
    examples = "".join(
        f"- `{item.id}` ({item.kind}) {item.text}"
        f"{'' if item.passed else f' **refused: {item.violations[0]}**'}\n"
        for item in shown
    )
    write_text(folder / f"{name}.md", f"{found}\nThe first {len(shown)} by id:\n\n{examples}")
    write_text(folder / f"{name}.json", json.dumps(asdict(found), indent=2) + "\n")
