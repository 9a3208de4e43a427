from __future__ import annotations

import math
from pathlib import Path

import pytest

from recipes import prepare_lexicon, train_g2p
from speechtutor.errors import InputError
from speechtutor.text import g2p
from speechtutor.text.g2p import END, START, PairModel, held_out, one_primary
from speechtutor.text.language import load_language
from speechtutor.text.lexicon import Lexicon, load_lexicon, read_lexicon


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon("en")


def plain(phones: tuple[str, ...]) -> str:
    return " ".join(phone.rstrip("012") for phone in phones)


def test_lexicon_has_all_words_with_stress(lexicon: Lexicon) -> None:
    assert len(read_lexicon(lexicon.language.lexicon)) == 126_052
    assert lexicon.listed("bear") == (("B", "EH1", "R"),)
    assert lexicon.listed("zzyzx") == ()


@pytest.mark.parametrize(
    ("word", "phones"),
    # None is in CMUdict; by the rules of English inflection.
    [
        ("dora's", "D AO R AH Z"),
        ("hazarded", "HH AE Z ER D IH D"),
        ("viewings", "V Y UW IH NG Z"),
        ("jumpped", "JH AH M P T"),
        ("wolfs", "W UH L F S"),
        ("stoped", "S T AA P T"),
        ("walkmans", "W AO K M AE N Z"),
        ("teapotlike", "T IY P AA T L AY K"),
    ],
)
def test_derived_words(lexicon: Lexicon, word: str, phones: str) -> None:
    assert plain(lexicon.pronunciations(word)[0]) == phones


def test_short_halves_are_no_compound(lexicon: Lexicon) -> None:
    assert lexicon.derived("carpetu") == ()
    assert lexicon.derived("") == () == lexicon.derived("s")


def test_held_out_words_keep_their_relatives_out() -> None:
    assert held_out("walks") == held_out("walk") == held_out("walk's")
    assert held_out("transplant") == held_out("transplanting")


def test_accuracy_on_words_the_model_never_saw(lexicon: Lexicon) -> None:
    lines = read_lexicon(lexicon.language.lexicon)
    words = [word for word in lines if word.isascii() and word.isalpha() and held_out(word)][::12]
    references = {word: lexicon.listed(word) for word in words}
    report = train_g2p.measure(lexicon.g2p, references, words)
    assert report.n_words > 150
    # The full measurement is in languages/README.md; this sample is smaller, so the bound is wider.
    assert report.per < 0.11, report
    assert report.size < 1_000_000


def test_any_word_of_letters_has_phones_and_one_primary_stress(lexicon: Lexicon) -> None:
    for word in ("blorptastic", "xylotrim", "qzx", "a", "hmmmm", "nguyen", "pneumatose"):
        phones = lexicon.g2p.phones(word)
        assert phones and set(plain(phones).split()) <= set(lexicon.language.symbols)
        vowels = [phone for phone in phones if phone[-1].isdigit()]
        assert sum(phone.endswith("1") for phone in vowels) == min(1, len(vowels))
    assert lexicon.g2p.phones("") == () == lexicon.g2p.phones("-")


@pytest.mark.parametrize(
    ("phones", "fixed"),
    [
        ("K AE0 T", "K AE1 T"),
        ("K AE1 T IH1 NG", "K AE1 T IH2 NG"),
        ("AH0 B AW2 T", "AH0 B AW1 T"),
        ("S T", "S T"),
    ],
)
def test_one_primary(phones: str, fixed: str) -> None:
    assert " ".join(one_primary(phones.split())) == fixed


TOY = [("a", "AE1"), ("b", "B"), ("b", ""), ("a", "EY1")]
WORDS = [(2, 3), (2, 3), (5, 4), (2, 3, 4), (5, 3), (2, 3, 4, 5)]


def toy(path: Path) -> tuple[PairModel, list[dict[g2p.Gram, float]], list[dict[g2p.Gram, float]]]:
    probabilities, counts = train_g2p.kneser_ney(WORDS, 3)
    train_g2p.prune(probabilities, counts, 1)
    probabilities[0][START,] = 1e-9
    backoffs = train_g2p.back_off(probabilities)
    g2p.write(path, TOY, probabilities, backoffs, {})
    return PairModel(path), probabilities, backoffs


def test_probabilities_sum_to_one(tmp_path: Path) -> None:
    _, probabilities, backoffs = toy(tmp_path / "toy.xz")

    def probability(gram: g2p.Gram) -> float:
        if gram in probabilities[len(gram) - 1]:
            return probabilities[len(gram) - 1][gram]
        return backoffs[len(gram) - 2].get(gram[:-1], 1.0) * probability(gram[1:])

    for history in [(), (2,), (START,), (2, 3), (START, 5), (4, 4)]:
        assert sum(probability((*history, p)) for p in (END, 2, 3, 4, 5)) == pytest.approx(1, abs=1e-6)


def test_trie_agrees_with_the_plain_tables(tmp_path: Path) -> None:
    """The packed model against dictionaries, for every history that can arise; costs are rounded to 1/12."""
    model, probabilities, backoffs = toy(tmp_path / "toy.xz")

    def cost(gram: g2p.Gram) -> float:
        if gram in probabilities[len(gram) - 1]:
            return -math.log(probabilities[len(gram) - 1][gram])
        return cost(gram[1:]) - math.log(backoffs[len(gram) - 2].get(gram[:-1], 1.0))

    for word in [(2, 3, 4, 5), (5, 5, 5), (3, 2, 4), (4, 4, 3)]:
        state: g2p.State = ((1, model._find((0, 0), START)), (0, 0))
        past = (START,)
        for pair in word:
            step, state = model._step(state, pair)
            assert step == pytest.approx(cost((*past, pair)[-3:]), abs=0.15)
            past = (*past, pair)


def test_alignment_finds_the_obvious_pairs() -> None:
    lines = "kit K IH1 T,bat B AE1 T,tax T AE1 K S,fox F AA1 K S,bake B EY1 K,kin K IH1 N,bite B AY1 T"
    entries = [(word, tuple(phones)) for word, *phones in map(str.split, lines.split(","))]
    rows = train_g2p.pair_up(entries)
    assert [pair for row in rows for pair in row if pair[0] == "x"] == [("x", "K S")] * 2
    assert rows[4][-1] == ("e", "") == rows[6][-1]


def test_training_smoke(tmp_path: Path) -> None:
    report = train_g2p.run(train_g2p.Config(out=tmp_path, smoke=True))
    assert report.n_words == 20 and 0 < report.per < 1
    assert {path.name for path in tmp_path.iterdir()} == {"en_g2p.xz", "report.json", "config.json"}


def test_packing_the_lexicon(tmp_path: Path) -> None:
    path = prepare_lexicon.run(prepare_lexicon.Config(out=tmp_path, smoke=True))
    assert read_lexicon(path) == {"bear": "B EH1 R", "read": "R EH1 D,R IY1 D"}
    with pytest.raises(InputError, match="a line without phones: 'bear'"):
        prepare_lexicon.pack("bear\n")
    with pytest.raises(InputError, match=r"none\.dict: No such file"):
        prepare_lexicon.run(prepare_lexicon.Config(source=tmp_path / "none.dict", out=tmp_path))


def test_broken_files_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.xz"
    bad.write_bytes(b"not xz")
    with pytest.raises(InputError, match=r"bad\.xz: not a pair n-gram model"):
        PairModel(bad).phones("word")
    with pytest.raises(InputError, match=r"bad\.xz: not a packed lexicon"):
        read_lexicon(bad)
    with pytest.raises(InputError, match=r"gone\.xz: No such file"):
        PairModel(tmp_path / "gone.xz").phones("word")


def test_the_model_says_what_it_is() -> None:
    about = PairModel(load_language("en").g2p).about
    assert about["order"] == 5 and about["n_words"] > 100_000
