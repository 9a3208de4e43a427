"""Sample replies to notes, keep those that hold and serve best, and write them as rows to learn from.

Data      rows of `score --json` or `batch` with ids of train speakers; notes about made-up slips besides
Run       python -m recipes.sample_replies --scores TRAIN.jsonl --out runs/tutor-sampled
          python -m recipes.finetune_tutor --data runs/tutor-sampled
              --start speechtutor/weights/tutor-lora --out runs/tutor-sampled/lora
Expect    samples.jsonl (every reply with what was wrong with it), train.jsonl, tune.jsonl, and replies that
          hold beside refused ones in pairs-train.jsonl and pairs-tune.jsonl; ten minutes of CPU

Rejection sampling (Zelikman et al., 2022; Touvron et al., 2023): many replies are drawn for each note, the
verifier (`tutor.verify`) refuses what the evidence does not bear out, the rubric (`tutor.rubric`) chooses
among the rest, and what is chosen is learnt. A stopped run goes on where it was.
"""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recipes.shared import feedback as made_feedback
from recipes.shared import sentences, synthetic
from speechtutor import config
from speechtutor.core import LearnerState, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.evaluation import feedback
from speechtutor.files import jsonio
from speechtutor.files.disk import write_text
from speechtutor.stages import Message
from speechtutor.tutor.evidence import Evidence, gather
from speechtutor.tutor.prompts import ordered, prompt, start_of, started
from speechtutor.tutor.rubric import opening, rubric
from speechtutor.tutor.rules import picked
from speechtutor.tutor.verify import verify

log = logging.getLogger("sample_replies")

APACHE = "Apache-2.0 (speechtutor)"
OWN = "Apache-2.0 (speechtutor; written by SmolLM2-135M-Instruct, Apache-2.0)"
OCEAN = f"{OWN}, about CC-BY-4.0 (speechocean762, Zhang et al., 2021)"

Row = dict[str, Any]


@dataclass(frozen=True)
class Config:
    """Which model writes to which notes, and what is kept."""

    scores: Path = Path("runs/train.jsonl")
    """Judged utterances of train speakers; left out where the file is not there."""
    held: Path | None = None
    """Judged utterances that are measured on: their notes are left out."""
    out: Path = Path("runs/tutor-sampled")
    """Folder for samples.jsonl, train.jsonl and tune.jsonl."""
    base: str = "smollm2-135m-instruct"
    """Chat model: a name or a folder in CTranslate2's layout."""
    adapter: Path | None = Path("speechtutor/weights/tutor-lora")
    """Whose replies are sampled; None for the model as it is."""
    notes: int = 67
    """Notes about utterances, those of rare kinds first."""
    made: int = 0
    """Notes about made-up slips of every kind."""
    draws: int = 8
    """Replies to a note."""
    keep: int = 2
    """Replies of a note that are learnt at most."""
    written: int = 40
    """Rows from our own patterns besides, that begin as their note says."""
    sentences: int = 200
    """Rows that teach to write a sentence with some words of a level, from our own sentences."""
    temperature: float = 0.9
    """Of the draws."""
    tokens: int = 80
    """Longest reply."""
    seed: int = 0
    """Seed of notes and draws."""
    smoke: bool = False
    """Sample a tiny random model on made-up notes."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        for name in ("draws", "keep", "tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A note with the evidence that it is about; `start` is how the reply is to begin."""

    id: str
    source: str
    evidence: Evidence
    plain: tuple[Message, ...]
    start: str

    @property
    def split(self) -> str:
        """By the note alone, so that no copy of it strays; dev notes are nobody's to learn."""
        return made_feedback.split_of_note(self.plain[-1].content)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The chat as the trained model is asked."""
        asked = ordered(self.plain[-1].content, picked(self.evidence)[1:])
        return (*self.plain[:-1], Message("user", started(asked, self.start)))


def _spoken(path: Path | None, split: str) -> list[feedback.Noted]:
    """The judged utterances of a file; none where there is no such file."""
    return feedback.scores(path, split, 10**6) if path is not None and path.is_file() else []


def held_out(cfg: Config) -> frozenset[str]:
    """The notes that are measured on, and so are nobody's to learn."""
    notes = (prompt(gather(one.score, LearnerState()), shots=False) for one in _spoken(cfg.held, "dev"))
    return frozenset(note[-1].content for note in notes if note)


def asked(cfg: Config, barred: Collection[str] = ()) -> list[Asked]:
    """The notes to answer, none twice, none barred and none of the dev split."""
    rng, nobody = random.Random(cfg.seed), LearnerState()
    spoken = _spoken(cfg.scores, "train")
    found = _evenly([(one.id, "speechocean762", one.score, nobody) for one in spoken], cfg.notes, barred)
    texts = [one.score.text for one in spoken]
    made = []
    for n in range(6 * cfg.made):
        score = made_feedback.made_score(rng, texts if texts and n % 2 else ())
        made.append((f"made:{n}", "made", score, made_feedback.made_learner(score, rng)))
    return found + _evenly(made, cfg.made, barred)


def _evenly(
    scores: Sequence[tuple[str, str, UtteranceScore, LearnerState]], most: int, barred: Collection[str]
) -> list[Asked]:
    """Up to `most` notes, one of each kind of finding after the other."""
    kinds: dict[str, list[Asked]] = {}
    seen = set(barred)
    for name, source, score, learner in scores:
        evidence = gather(score, learner)
        messages = prompt(evidence, shots=False)
        if messages is None or messages[-1].content in seen:
            continue
        seen.add(messages[-1].content)
        start = start_of(messages[-1].content, evidence.strengths[0], evidence.text)
        one = Asked(name, source, evidence, messages, start)
        if one.split != "dev":
            kind = next((f.kind.value for f in picked(evidence)), "none")
            kinds.setdefault(kind, []).append(one)
    rounds = range(max((len(rows) for rows in kinds.values()), default=0))
    return [rows[n] for n in rounds for rows in kinds.values() if n < len(rows)][:most]


def sampled(cfg: Config, notes: Sequence[Asked]) -> Iterator[Row]:
    """Every reply to every note with the reasons to refuse it; those of a stopped run are taken up again."""
    from speechtutor.models.llm import load

    path = cfg.out / "samples.jsonl"
    known: dict[str, list[Row]] = {}
    for row in jsonio.json_lines(path, dict[str, Any]) if path.is_file() else ():
        known.setdefault(row["note"], []).append(row)
    tutor = load(cfg.base, "cpu", adapter=cfg.adapter, engine="ctranslate2")
    engine: Any = tutor.engine
    for number, note in enumerate(notes):
        # Judged anew: the verifier may have been mended since.
        rows = [_judged(note, row["text"]) | {"start": row["start"]} for row in known.get(note.id, ())]
        if not rows:
            texts = engine.sample(
                note.messages if tutor.starts else note.plain, cfg.draws, seed=cfg.seed,
                max_tokens=cfg.tokens, temperature=cfg.temperature, start="" if tutor.starts else note.start,
            )  # fmt: skip
            rows = [_judged(note, text) for text in dict.fromkeys(texts)]
            with path.open("a", encoding="utf-8") as out:
                out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        log.info("%d of %d notes: %d of %d replies hold", number + 1, len(notes),
                 sum(not row["violations"] for row in rows), len(rows))  # fmt: skip
        yield from rows


def _judged(note: Asked, text: str) -> Row:
    return {
        "note": note.id, "start": note.start, "text": text, "rubric": rubric(text, note.evidence).total,
        "violations": [f"{v.code}: {v.detail}" for v in verify(text, note.evidence)],
    }  # fmt: skip


def chosen(notes: Sequence[Asked], samples: Sequence[Row], keep: int) -> list[Row]:
    """Rows to learn from: the best by the rubric, those whose opening is rare so far first."""
    by_note: dict[str, list[Row]] = {}
    for row in samples:
        by_note.setdefault(row["note"], []).append(row)
    used: Counter[str] = Counter()
    rows: list[Row] = []
    for note in notes:
        good = [row for row in by_note.get(note.id, []) if not row["violations"]]
        picked_here: list[Row] = []
        while good and len(picked_here) < keep:
            best = max(good, key=lambda row: (row["rubric"], -used[opening(row["text"])]))
            used[opening(best["text"])] += 1
            good.remove(best)
            picked_here.append(best)
        rows += [_row(note, row, n) for n, row in enumerate(picked_here)]
    return rows


def pairs(notes: Sequence[Asked], samples: Sequence[Row], most: int) -> list[Row]:
    """Rows with a reply that holds and one that is refused, up to `most` a note; the best hold first."""
    by_note: dict[str, list[Row]] = {}
    for row in samples:
        by_note.setdefault(row["note"], []).append(row)
    rows: list[Row] = []
    for note in notes:
        every = sorted(by_note.get(note.id, []), key=lambda row: -float(row["rubric"]))
        good = [row for row in every if not row["violations"]]
        bad = [row for row in every if row["violations"]]
        both = list(zip(good, bad, strict=False))[:most]
        rows += [_row(note, held, n) | {"refused": worse["text"]} for n, (held, worse) in enumerate(both)]
    return rows


def _row(note: Asked, reply: Row, number: int) -> Row:
    # The reply of an earlier run began as its note said then.
    told = replace(note, start=reply["start"])
    turns = [{"role": turn.role, "content": turn.content} for turn in told.messages]
    return {
        "id": f"sampled:{note.id}:{number}", "task": "feedback", "split": note.split, "source": note.source,
        "licence": OWN if note.source == "made" else OCEAN,
        "messages": [*turns, {"role": "assistant", "content": reply["text"]}],
    }  # fmt: skip


def written(cfg: Config, barred: Collection[str] = ()) -> list[Row]:
    """Rows of our own patterns whose replies begin as their note says; none answers a barred note."""
    rng, found, seen = random.Random(cfg.seed + 1), list[Row](), set[str]()
    texts = [one.score.text for one in _spoken(cfg.scores, "train")]
    for number in range(20 * cfg.written):
        if len(found) == cfg.written:
            break
        score = made_feedback.made_score(rng, texts if texts and number % 2 else ())
        evidence = gather(score, made_feedback.made_learner(score, rng))
        plain = prompt(evidence, shots=False)
        if plain is None or plain[-1].content in barred:
            continue
        start = rng.choice(made_feedback.starts(evidence))
        text = made_feedback.reply(evidence, rng, start=start, ordered=True)
        note = Asked(f"written:{number}", "made", evidence, plain, start)
        if text and text not in seen and note.split != "dev":
            seen.add(text)
            found.append(_row(note, {"start": start, "text": text}, 0))
    return found


def run(cfg: Config) -> dict[str, float]:
    """Sample, choose, write the rows, and return how many there are.

    Raises:
        SpeechTutorError: for scores, a model or a disk that cannot be used.
    """
    if cfg.smoke:
        from speechtutor.models.llm_ct2 import convert

        folder = cfg.out / "model"
        folder.mkdir(parents=True, exist_ok=True)
        convert(synthetic.tiny_chat(cfg.out / "base"), folder)
        cfg = replace(
            cfg, scores=Path("none"), base=str(folder), adapter=None, made=2, draws=2, written=6,
            sentences=6, tokens=4, smoke=False,
        )  # fmt: skip
    barred = held_out(cfg)
    notes = asked(cfg, barred)
    if not notes and not cfg.written:
        raise InputError(
            f"{cfg.scores} holds nothing to word, and no notes are made up (--made 0 --written 0)"
        )
    config.save(cfg, cfg.out)
    samples = list(sampled(cfg, notes))
    rows = chosen(notes, samples, cfg.keep)
    rows += written(cfg, barred)
    rows += sentences.rows(cfg.sentences, random.Random(cfg.seed + 2), APACHE)
    either = pairs(notes, samples, cfg.keep)
    for name, some in (
        ("train", [row for row in rows if row["split"] == "train"]),
        ("tune", [row for row in rows if row["split"] == "tune"]),
        ("pairs-train", [row for row in either if row["split"] == "train"]),
        ("pairs-tune", [row for row in either if row["split"] == "tune"]),
    ):
        write_text(
            cfg.out / f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some)
        )
    held = [row for row in samples if not row["violations"]]
    return {
        "notes": len(notes), "replies": len(samples), "hold": len(held) / max(len(samples), 1),
        "rows": len(rows),
    }  # fmt: skip


if __name__ == "__main__":
    config.main(run, Config)
