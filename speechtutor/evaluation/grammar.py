"""How well a corrector mends learners' turns: precision, recall, F0.5, GLEU, and what it spoils.

Speech has no capitals and no marks, so texts are compared as words in lower case. The source is what
a recogniser would have written of the turn; the baseline copies it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from speechtutor.core import GrammarKind
from speechtutor.corpora.eracond import Turn, comparable
from speechtutor.disk import write_text
from speechtutor.errors import InputError
from speechtutor.evaluation.grammar_metrics import Counts, Grams, count, gleu, grams, keys
from speechtutor.evaluation.grammar_typed import mend
from speechtutor.grammar.edits import edits_between
from speechtutor.grammar.edits import tokens as written
from speechtutor.grammar.fluency import fluent
from speechtutor.metrics import Interval, speaker_bootstrap
from speechtutor.stages import GrammarCorrector


@dataclass(frozen=True, slots=True)
class Corrected:
    """One turn's outcome; `elapsed` in seconds."""

    id: str
    dialogue: str
    source: str
    hypothesis: str
    references: tuple[str, ...]
    elapsed: float
    refused: str = ""


@dataclass(frozen=True, slots=True)
class GrammarReport:
    """Figures of a corrector, with intervals over dialogues; `kinds` has right, wrong and missed edits."""

    corrector: str
    n_turns: int
    n_dialogues: int
    n_wrong: int
    right: int
    wrong: int
    missed: int
    precision: Interval
    recall: Interval
    f05: Interval
    gleu: Interval
    gleu_copy: float
    over_correction: float
    p50: float
    p95: float
    kinds: dict[str, tuple[int, int, int]]

    def __str__(self) -> str:
        """A table for people."""
        lines = [
            f"# Grammar: {self.corrector}",
            "",
            "| measure | value [95 % over dialogues] |",
            "| --- | --- |",
            f"| edits right, wrong, missed | {self.right}, {self.wrong}, {self.missed} |",
            f"| precision | {self.precision} |",
            f"| recall | {self.recall} |",
            f"| F0.5 | {self.f05} |",
            f"| GLEU | {self.gleu} |",
            f"| GLEU of the source copied | {self.gleu_copy:.3f} |",
            f"| correct turns that were changed | {self.over_correction:.3f} |",
            f"| seconds a turn, p50 and p95 | {self.p50:.2f}, {self.p95:.2f} |",
            f"| turns, dialogues, turns with errors | {self.n_turns}, {self.n_dialogues}, {self.n_wrong} |",
            "",
            "| type | right | wrong | missed |",
            "| --- | --- | --- | --- |",
            *(f"| {kind} | {a} | {b} | {c} |" for kind, (a, b, c) in self.kinds.items()),
            "",
        ]
        return "\n".join(lines)


def listen(corrector: GrammarCorrector, turns: Sequence[Turn], *, typed: bool = False) -> list[Corrected]:
    """Correct every turn that has words: as spoken, or as typed and then mended."""
    from tqdm import tqdm

    found = []
    for turn in tqdm(turns, desc="correcting", disable=None):
        source = turn.typed if typed else turn.spoken
        if not comparable(source):
            continue
        start = perf_counter()
        made = corrector.correct(mend(source) if typed else source)
        elapsed = perf_counter() - start
        found.append(
            Corrected(turn.id, turn.dialogue, source, made.text, turn.references, elapsed, made.refused)
        )
    return found


def report(
    items: Sequence[Corrected], name: str, draws: int = 1000, seed: int = 0, *, typed: bool = False
) -> GrammarReport:
    """The figures of all turns; `typed` compares capitals, marks and spelling too.

    Raises:
        InputError: when there are none.
    """
    if not items:
        raise InputError("there are no turns to correct")
    triples = [_triple(item, written if typed else _heard) for item in items]
    counted = [count(*words) for words in triples]
    gram = [grams(*words) for words in triples]
    total = sum(counted, Counts(0, 0, 0))
    right = [s == r for s, _, r in triples]
    changed = sum(s != h for (s, h, _), ok in zip(triples, right, strict=True) if ok)
    dialogues = [item.dialogue for item in items]
    seconds = [item.elapsed for item in items]

    def interval(figure: str) -> Interval:
        def of(index: np.ndarray) -> float:
            chosen = sum((counted[i] for i in index), Counts(0, 0, 0))
            return chosen.f_score() if figure == "f05" else float(getattr(chosen, figure))

        return speaker_bootstrap(of, dialogues, draws, seed)

    return GrammarReport(
        corrector=name,
        n_turns=len(items),
        n_dialogues=len(set(dialogues)),
        n_wrong=right.count(False),
        right=total.right,
        wrong=total.wrong,
        missed=total.missed,
        precision=interval("precision"),
        recall=interval("recall"),
        f05=interval("f05"),
        gleu=speaker_bootstrap(lambda index: gleu([gram[i] for i in index]), dialogues, draws, seed),
        gleu_copy=gleu([_copied(s, r) for s, _, r in triples]),
        over_correction=changed / max(sum(right), 1),
        p50=float(np.quantile(seconds, 0.5)),
        p95=float(np.quantile(seconds, 0.95)),
        kinds=by_kind(triples),
    )


def _triple(item: Corrected, words: Callable[[str], list[str]]) -> tuple[list[str], list[str], list[str]]:
    """Source, hypothesis and the reference of the annotator who agrees best, as ERRANT chooses."""
    source, hypothesis = words(item.source), words(item.hypothesis)

    def agreement(reference: list[str]) -> tuple[float, int, int]:
        found = count(source, hypothesis, reference)
        return found.f_score(), -found.wrong, -found.missed

    return source, hypothesis, max(map(words, item.references), key=agreement)


def _heard(text: str) -> list[str]:
    """The words that are compared: disfluencies, which annotators of typed text leave, are no edits."""
    return comparable(fluent(text))


def _copied(source: Sequence[str], reference: Sequence[str]) -> Grams:
    return grams(source, source, reference)


def by_kind(triples: Sequence[tuple[list[str], list[str], list[str]]]) -> dict[str, tuple[int, int, int]]:
    """Edits right, wrong and missed by their type."""
    table: dict[str, Counter[str]] = {kind.value: Counter() for kind in GrammarKind}
    for source, hypothesis, reference in triples:
        made, wanted = edits_between(source, hypothesis), edits_between(source, reference)
        known, done = keys(wanted), keys(made)
        for edit in made:
            hit = (edit.start, edit.end, edit.after) in known
            table[edit.kind.value]["right" if hit else "wrong"] += 1
        for edit in wanted:
            if (edit.start, edit.end, edit.after) not in done:
                table[edit.kind.value]["missed"] += 1
    return {kind: (c["right"], c["wrong"], c["missed"]) for kind, c in table.items() if c}


def best_threshold(
    weighed: Sequence[tuple[Sequence[str], Sequence[tuple[tuple[int, int, str], float]], Sequence[str]]],
    precision: float = 0.5,
) -> float:
    """The gain from which edits are worth making: best F0.5 among those with enough precision.

    Each item is a source, its proposed edits (start, end, after) with what they gain in nats, and the
    reference, all as words. Without any that is precise enough, the one of best precision.
    """
    gains = sorted({gain for _, edits, _ in weighed for _, gain in edits})
    best, choice = (-1.0, -1.0), gains[-1] if gains else 0.0
    for threshold in gains:
        total = Counts(0, 0, 0)
        for source, edits, reference in weighed:
            wanted = keys(edits_between(source, reference))
            made = Counter(edit for edit, gain in edits if gain >= threshold)
            right = sum((made & wanted).values())
            total += Counts(right, sum(made.values()) - right, sum(wanted.values()) - right)
        value = (min(total.precision, precision), total.f_score())
        if value > best:
            best, choice = value, threshold
    return choice


def write(folder: Path, found: GrammarReport, items: Sequence[Corrected], name: str = "grammar") -> None:
    """The report for people and machines, and every turn."""
    lines = (json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
    write_text(folder / f"{name}.jsonl", "".join(lines))
    write_text(folder / f"{name}.md", str(found))
    write_text(folder / f"{name}.json", json.dumps(asdict(found), indent=2) + "\n")
