"""Train the pair n-gram that pronounces words outside the lexicon, and measure it on held-out words.

Data      the packed CMUdict in speechtutor/text/languages/ (49 families of words in 50; the rest is the test)
Run       python -m recipes.train_g2p --out runs/train_g2p
Expect    see speechtutor/text/languages/README.md; a minute on one core. Copy en_g2p.xz there
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from speechtutor import config
from speechtutor.text import g2p
from speechtutor.text.g2p import END, START, Gram
from speechtutor.text.language import FOLDER
from speechtutor.text.lexicon import read_lexicon

NAME = "en_g2p.xz"
Phones = tuple[str, ...]
Entry = tuple[str, Phones]
Table = dict[tuple[str, Phones], float]


@dataclass(frozen=True)
class Config:
    """What is trained and how much of it is kept."""

    out: Path = Path("runs/train_g2p")
    """Folder for the model and the report."""
    lexicon: Path = FOLDER / "en_cmudict.txt.xz"
    """The packed lexicon to learn from."""
    order: int = 5
    """Length of the longest n-gram."""
    min_count: int = 2
    """N-grams of four pairs and more are kept when seen this often."""
    min_pair: int = 3
    """Letter-phone pairs seen less often are taken for errors; their words are left out."""
    n_test: int = 2000
    """How many held-out words to measure, drawn with a fixed seed."""
    smoke: bool = False
    """Train on one word in 400 and test 20."""


@dataclass(frozen=True, slots=True)
class Report:
    """Errors on held-out words against the nearest listed pronunciation."""

    n_words: int
    per: float
    """Phone errors per reference phone, stress ignored."""
    word_error: float
    """Share of words with any wrong phone, stress ignored."""
    stress_error: float
    """The same with stress."""
    n_grams: tuple[int, ...]
    size: int
    """Bytes of the model file."""


def _plain(phones: Iterable[str]) -> Phones:
    return tuple(phone.rstrip("012") for phone in phones)


def _arcs(n: int, m: int) -> Iterable[tuple[int, int, int]]:
    """Letter i takes phones j to j + k, for all ways in which n letters can take m phones."""
    for i in range(n):
        rest = 2 * (n - i - 1)
        for j in range(max(0, m - 2 * (n - i)), min(m, 2 * i) + 1):
            for k in range(max(0, m - rest - j), min(2, m - j) + 1):
                yield i, j, k


def fit_pairs(entries: Sequence[Entry], rounds: int = 6) -> Table:
    """Joint probabilities of letter-phone pairs by expectation maximisation (forward-backward)."""
    start = (0.1, 1.0, 0.02)  # one phone a letter is the rule, none or two the exception
    table: Table = {}
    for _ in range(rounds):
        expected: Table = defaultdict(float)
        for word, phones in entries:
            n, m = len(word), len(phones)
            forward = defaultdict(float, {(0, 0): 1.0})
            arcs = []
            for i, j, k in _arcs(n, m):
                pair = (word[i], phones[j : j + k])
                p = table.get(pair, 1e-7) if table else start[k]
                forward[i + 1, j + k] += forward[i, j] * p
                arcs.append((i, j, k, p, pair))
            backward = defaultdict(float, {(n, m): 1.0})
            for i, j, k, p, pair in reversed(arcs):
                through = p * backward[i + 1, j + k]
                backward[i, j] += through
                expected[pair] += forward[i, j] * through / forward[n, m]
        total = sum(expected.values())
        table = {pair: count / total for pair, count in expected.items() if count > 1e-4}
    return table


def best_cuts(word: str, phones: Phones, table: Table) -> tuple[float, tuple[int, ...]]:
    """The likeliest alignment: mean log probability, and per letter where its phones end."""
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for i, letter in enumerate(word):
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        rest = 2 * (len(word) - i - 1)
        for j, (score, cuts) in best.items():
            for end in range(j, min(j + 2, len(phones)) + 1):
                total = score + math.log(table.get((letter, phones[j:end]), 1e-7))
                if len(phones) - end <= rest and (end not in grown or total > grown[end][0]):
                    grown[end] = (total, (*cuts, end))
        best = grown
    score, cuts = best[len(phones)]
    return score / len(word), cuts


def pair_up(entries: Sequence[Entry]) -> list[list[tuple[str, str]]]:
    """Each word as letter-phone pairs; words that are spelt out rather than read are left out."""
    usable = [(word, phones) for word, phones in entries if 0 < len(phones) <= 2 * len(word)]
    sample = random.Random(0).sample(usable, min(20_000, len(usable)))
    table = fit_pairs([(word, _plain(phones)) for word, phones in sample])
    rows = []
    for word, phones in usable:
        score, cuts = best_cuts(word, _plain(phones), table)
        if score > -6:
            starts = (0, *cuts[:-1])
            spans = zip(word, starts, cuts, strict=True)
            rows.append([(letter, " ".join(phones[a:b])) for letter, a, b in spans])
    return rows


def kneser_ney(words: Iterable[Gram], order: int) -> tuple[list[dict[Gram, float]], list[Counter[Gram]]]:
    """Interpolated modified Kneser-Ney probabilities (Chen and Goodman, 1999) and the raw counts.

    Both are indexed by length - 1.
    """
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for word in words:
        padded = (START, *word, END)
        for i in range(1, len(padded)):
            for n in range(min(order, i + 1)):
                counts[n][padded[i - n : i + 1]] += 1
    probabilities: list[dict[Gram, float]] = []
    for n, raw in enumerate(counts):
        seen = raw
        if n + 1 < order:  # how many different pairs come before; nothing can come before the start
            seen = Counter(gram[1:] for gram in counts[n + 1])
            seen.update({gram: count for gram, count in raw.items() if gram[0] == START})
        having = Counter(min(count, 4) for count in seen.values())
        n1, n2, n3, n4 = (max(having[k], 1) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        discount = [0.0, *(max(estimate, 0.05) for estimate in estimates)]
        total: Counter[Gram] = Counter()
        freed: dict[Gram, float] = defaultdict(float)
        for gram, count in seen.items():
            total[gram[:-1]] += count
            freed[gram[:-1]] += discount[min(count, 3)]
        level = {}
        for gram, count in seen.items():
            lower = probabilities[n - 1][gram[1:]] if n else 1 / len(seen)
            past = gram[:-1]
            level[gram] = (count - discount[min(count, 3)] + freed[past] * lower) / total[past]
        probabilities.append(level)
    return probabilities, counts


def prune(probabilities: list[dict[Gram, float]], counts: list[Counter[Gram]], least: int) -> None:
    """Drop rare n-grams of four pairs and more, unless a longer one needs them; in place."""
    needed: set[Gram] = set()
    for n in reversed(range(3, len(probabilities))):
        kept = {g: p for g, p in probabilities[n].items() if g in needed or counts[n][g] >= least}
        probabilities[n] = kept
        needed = {gram[:-1] for gram in kept} | {gram[1:] for gram in kept}


def back_off(probabilities: Sequence[dict[Gram, float]]) -> list[dict[Gram, float]]:
    """Weights that make each history's probabilities sum to one (Katz, 1987)."""
    weights: list[dict[Gram, float]] = [{} for _ in probabilities]

    def probability(gram: Gram) -> float:
        weight = 1.0
        while gram not in probabilities[len(gram) - 1]:
            weight *= weights[len(gram) - 2].get(gram[:-1], 1.0)
            gram = gram[1:]
        return weight * probabilities[len(gram) - 1][gram]

    for n in range(1, len(probabilities)):
        kept: dict[Gram, float] = defaultdict(float)
        lower: dict[Gram, float] = defaultdict(float)
        for gram, p in probabilities[n].items():
            kept[gram[:-1]] += p
            lower[gram[:-1]] += probability(gram[1:])
        weights[n - 1] = {past: max(1 - kept[past], 1e-6) / max(1 - lower[past], 1e-6) for past in kept}
    return weights


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Edit distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def measure(model: g2p.PairModel, lexicon: dict[str, tuple[Phones, ...]], words: Sequence[str]) -> Report:
    """Errors of the model on words, each against its nearest listed pronunciation."""
    errors = length = wrong = wrong_stress = 0
    for word in words:
        phones = model.phones(word)
        nearest, size = min((distance(_plain(phones), _plain(r)), len(r)) for r in lexicon[word])
        errors, length, wrong = errors + nearest, length + size, wrong + (nearest > 0)
        wrong_stress += phones not in lexicon[word]
    n = len(words)
    sizes = tuple(model.about["sizes"])
    return Report(n, errors / length, wrong / n, wrong_stress / n, sizes, model.path.stat().st_size)


def run(cfg: Config) -> Report:
    """Train, write the model and the report, and return the report."""
    lines = read_lexicon(cfg.lexicon)
    lexicon = {
        word: tuple(tuple(phones.split()) for phones in line.split(","))
        for word, line in lines.items()
        if re.fullmatch("[a-z]+", word)
    }
    test = [word for word in lexicon if g2p.held_out(word)]
    test = random.Random(0).sample(test, min(20 if cfg.smoke else cfg.n_test, len(test)))
    train = [word for word in lexicon if not g2p.held_out(word)][:: 400 if cfg.smoke else 1]
    rows = pair_up([(word, phones) for word in train for phones in lexicon[word]])
    tally = Counter(pair for row in rows for pair in row)
    number = {pair: i for i, (pair, n) in enumerate(tally.most_common(), START + 2) if n >= cfg.min_pair}
    words = {tuple(number[pair] for pair in row) for row in rows if all(pair in number for pair in row)}
    probabilities, counts = kneser_ney(sorted(words), cfg.order)
    prune(probabilities, counts, cfg.min_count)
    probabilities[0][START,] = 1e-9  # a history, never a prediction
    cfg.out.mkdir(parents=True, exist_ok=True)
    about = {"trained_on": "CMUdict without held-out families", "n_words": len(words)}
    g2p.write(cfg.out / NAME, list(number), probabilities, back_off(probabilities), about)
    report = measure(g2p.PairModel(cfg.out / NAME), lexicon, test)
    (cfg.out / "report.json").write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    config.save(cfg, cfg.out)
    return report


if __name__ == "__main__":
    config.main(run, Config)
