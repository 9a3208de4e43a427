from __future__ import annotations

import random
import string
from itertools import pairwise

import pytest

from speechtutor.errors import TextError
from speechtutor.text import numerals
from speechtutor.text.tokens import MAX_LETTERS, MAX_WORDS, Token, normalize, tokenize, words_for_wer


def said(text: str) -> str:
    """Spoken words of all tokens, those of one token joined by `_`."""
    return " ".join("_".join(token.spoken) for token in tokenize(text))


def readings(text: str) -> list[str]:
    (token,) = tokenize(text)
    return [" ".join(words) for words in token.readings]


# Read aloud and written down by hand; the number words follow American usage, British "and" second.
@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello, world!", "hello world"),
        ("It's 3:30, Mr. Lee!", "it's three_thirty mister lee"),
        ("In 1999, 2005 and 2024", "in nineteen_ninety_nine two_thousand_five and twenty_twenty_four"),
        ("1905, 1900", "nineteen_oh_five nineteen_hundred"),
        ("the 21st, 2nd and 40th", "the twenty_first second and fortieth"),
        ("the 1990s, '90s and 1900s", "the nineteen_nineties nineties and nineteen_hundreds"),
        ("$5.20, £3, $1 and €0.50", "five_dollars_and_twenty_cents three_pounds one_dollar and fifty_cents"),
        ("$2.5 million", "two_point_five_million_dollars"),
        ("20% of 1,234", "twenty_percent of one_thousand_two_hundred_thirty_four"),
        ("3.14 and 0.5 and .5", "three_point_one_four and zero_point_five and point_five"),
        ("-10 but 8-10", "minus_ten but eight_to_ten"),
        ("Call 555-1234.", "call five_five_five_one_two_three_four"),
        ("5551234", "five_five_five_one_two_three_four"),
        ("Room 101, agent 007", "room one_oh_one agent zero_zero_seven"),
        ("2019-2024", "twenty_nineteen_to_twenty_twenty_four"),
        ("1 Sept 1939, the 3rd Oct", "the_first_of september nineteen_thirty_nine the third october"),
        ("Open Mon–Fri, 9–5", "open monday_to_friday nine_to_five"),
        ("The sun sat. Jan went.", "the sun sat jan went"),
        ("5 ft 11 in tall, 1 foot 1 in", "five_feet_eleven_inches tall one_foot_one_inch"),
        ("5 ft 11 in the rain", "five_feet eleven in the rain"),
        ("on 2024-05-17", "on may_seventeenth_twenty_twenty_four"),
        ("3:00, 3:05, 15:00, 7:00 am", "three_o'clock three_oh_five fifteen_hundred seven a._m."),
        ("1/2, 3/4, 2/3, ½, 24/7", "one_half three_quarters two_thirds one_half twenty_four_seven"),
        ("5km, 10 kg, 1 kg, 20°C", "five_kilometers ten_kilograms one_kilogram twenty_degrees_celsius"),
        ("e.g. this, i.e. that, etc.", "for_example this that_is that et_cetera"),
        ("Dr. Who vs. Mrs. X", "doctor who versus missus x."),
        ("St. Mary's is on Main St.", "saint mary's is on main street"),
        ("He said no. No. 5 is here. The Sun.", "he said no number five is here the sun"),
        ("I watch TV on the BBC in the USA.", "i watch t._v. on the b._b._c. in the u._s._a."),
        ("U.S. and U.S.A. at 5 p.m.", "u._s. and u._s._a. at five p._m."),
        ("IT FOR US", "it for us"),
        ("WE CALL IT BEAR", "we call it bear"),
        ("Work in IT for the US, NATO or UNICEF", "work in i._t. for the u._s. nato or unicef"),
        ("I said NO!", "i said no"),
        ("two CDs and the BBC's WTO", "two c._d.'s and the b._b._c.'s w._t._o."),
        ("MP3, H2O, 3D", "m._p._three h._two_o. three_d."),
        ("Henry VIII, World War II", "henry the_eighth world war two"),
        ("don’t, I'm, we'll, o’clock, ’cause", "don't i'm we'll o'clock 'cause"),
        ("‘hello’ 'there' the dogs' tails", "hello there the dogs tails"),
        ("a well-known x-ray", "a well known x. ray"),
        ("one—two –three", "one two three"),
        ("Café naïve Zoë", "cafe naive zoe"),
        ("example.com & a@b.org #1", "example dot_com and a at b. dot_org number one"),
        ("Good 👍🏽 morning 😀!", "good morning"),
        ("Hola, ¿cómo estás?", "hola como estas"),
        ("I", "i"),
    ],
)  # fmt: skip
def test_golden(text: str, spoken: str) -> None:
    assert said(text) == spoken


def test_ambiguous_words_keep_both_readings() -> None:
    assert readings("1999")[:2] == ["nineteen ninety nine", "one thousand nine hundred ninety nine"]
    assert readings("105")[:2] == ["one hundred five", "one hundred and five"]
    assert "one oh five" in readings("105")
    assert readings("3:30") == ["three thirty", "half past three"]
    us = next(token for token in tokenize("the US today") if token.text == "US")
    assert us.readings == (("u.", "s."), ("us",))


@pytest.mark.parametrize(
    "text", ["Mr. Lee’s “big” e.g. café — $5.20, 3:30 a.m.! 👍 'tis", "  two\n\nlines\t "]
)
def test_places_are_those_of_the_text_as_written(text: str) -> None:
    tokens = tokenize(text)
    assert [text[t.char_start : t.char_end] for t in tokens] == [t.text for t in tokens]
    assert all(a.char_end <= b.char_start for a, b in pairwise(tokens))


def test_any_ascii_text_is_read_or_refused_and_places_hold() -> None:
    rng = random.Random(7)
    signs = string.ascii_letters + string.digits * 3 + " " * 20 + "'.,:;-/$%&+@#()!?\n"
    for _ in range(400):
        text = "".join(rng.choices(signs, k=rng.randint(1, 40)))
        try:
            tokens: tuple[Token, ...] = tokenize(text)
        except TextError:
            assert not any(sign.isalnum() for sign in text), text
            continue
        for token in tokens:
            assert text[token.char_start : token.char_end] == token.text
            assert token.readings and all(words and all(words) for words in token.readings)
        covered = "".join(token.text for token in tokens)
        assert sum(s.isalnum() for s in covered) == sum(s.isalnum() for s in text), text


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("?! ...", "no words"),
        ("😀👍", "no words"),
        ("你好", "not English: 你, 好"),
        ("I like 你好", "not English: 你, 好"),
        ("Привет", "not English: П, р, и"),
        ("٣ apples", "not English: ٣"),
        ("word¹", "not English: ¹"),
        ("The ⌘ key", "not English: ⌘"),
        ("a ∑ b", "not English: ∑"),
        ("word " * 10_000, f"10000 words; at most {MAX_WORDS}"),
        ("a" * 3000, f"3000 letters; at most {MAX_LETTERS}"),
        ("1" * 5000, f"5000 letters; at most {MAX_LETTERS}"),
    ],
)
def test_bad_text_is_refused_with_its_cause(text: str, cause: str) -> None:
    with pytest.raises(TextError, match=cause) as caught:
        tokenize(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_unknown_language() -> None:
    with pytest.raises(TextError, match="no language 'xx'; there is: en"):
        tokenize("hello", "xx")


def test_normalize() -> None:
    assert normalize("It's 3:30, Mr. Lee! TV.") == "it's three thirty mister lee t v"


def test_words_for_wer_only_strips() -> None:
    assert words_for_wer("It’s 3:30, Mr. Lee: well-known, 'yes' — 5.20!") == [
        "it's", "3:30", "mr", "lee", "well", "known", "yes", "5.20",
    ]  # fmt: skip
    assert words_for_wer("") == [] == words_for_wer("?!")
    assert words_for_wer("Привет, мир") == ["привет", "мир"]


def value(words: tuple[str, ...]) -> int:
    """The plain inverse of `numerals.cardinal`: add up, multiply at each scale."""
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    small = {word: n for n, word in enumerate(f"{ones} sixteen seventeen eighteen nineteen".split())}
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    small |= {word: 10 * n for n, word in enumerate(tens, start=2)}
    names = "thousand million billion trillion quadrillion".split()
    scales = {word: 1000**n for n, word in enumerate(names, start=1)}
    total = part = 0
    for word in words:
        if word == "hundred":
            part *= 100
        elif word in scales:
            total, part = total + part * scales[word], 0
        elif word != "and":
            part += small[word]
    return total + part


def test_cardinals_can_be_read_back() -> None:
    rng = random.Random(3)
    numbers = [*range(1200), *(rng.randrange(10 ** rng.randint(4, 18)) for _ in range(500))]
    for n in numbers:
        for words in numerals.cardinal(n):
            assert value(words) == n
    assert numerals.cardinal(10**18)[0][:2] == ("one", "zero")  # too big for a name: figure by figure


def test_roman_numerals() -> None:
    golden = {"I": 1, "IV": 4, "VIII": 8, "IX": 9, "XIV": 14, "XXXIX": 39, "LIV": 54, "MCMLXXXIV": 1984}
    assert {numeral: numerals.roman(numeral) for numeral in golden} == golden
    assert [numerals.roman(wrong) for wrong in ("", "IIII", "VX", "IIX", "IC", "ABC")] == [None] * 6


@pytest.mark.parametrize(
    ("year", "spoken"),
    [(1100, "eleven hundred"), (1805, "eighteen oh five"), (2000, "two thousand"), (2010, "twenty ten")],
)
def test_years(year: int, spoken: str) -> None:
    assert " ".join(numerals.year(year)[0]) == spoken


# Kinds of figures and signs, read aloud and written down by hand.
@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("US$5 and C$1m", "five_u._s._dollars and one_million_canadian_dollars"),
        ("Pay in $ or €.", "pay in dollars or euros"),
        ("$10-$20 or $10-20", "ten_dollars_to_twenty_dollars or ten_to_twenty_dollars"),
        ("12,5 kg and 20,50 €", "twelve_point_five_kilograms and twenty_euros_and_fifty_cents"),
        ("1.000.000 or 1 000 000", "one_million or one_million"),
        ("1939-1945, 1990–95", "nineteen_thirty_nine_to_nineteen_forty_five nineteen_ninety_to_ninety_five"),
        ("10 - 5 = 5", "ten minus five equals five"),
        ("2 x 4 and 4x4", "two times four and four_by_four"),
        ("x < y and 5 > 3", "x. less_than y. and five greater_than three"),
        ("0/0/2020, 31/12/99",
         "zero_zero_two_thousand_twenty the_thirty_first_of_december_nineteen_ninety_nine"),
        ("Room 1408, Flight BA249", "room fourteen_oh_eight flight b._a._two_forty_nine"),
        ("AD 79 and 500 BC", "a._d. seventy_nine and five_hundred b._c."),
        ("5 km/h, 3 m/s", "five_kilometers_per_hour three_meters_per_second"),
        ("5 ft 10 in. tall", "five_feet ten_inches tall"),
        ("3 tbsp. oil, 250g flour", "three_tablespoons oil two_hundred_fifty_grams flour"),
        ("on 4/7/2021", "on april_seventh_twenty_twenty_one"),
        ("1-800-555-0199", "one_eight_zero_zero_five_five_five_zero_one_nine_nine"),
        ("World War I, Part I, I am", "world war one part one i am"),
        ("King Charles I was short.", "king charles the_first was short"),
        ("He sat. Sat. at 9", "he sat saturday at nine"),
        ("C++ and C#", "c. plus plus and c. sharp"),
        ("w/o sugar, N/A", "without sugar n._a."),
        ("john.smith@mail.com", "john dot smith at mail dot_com"),
        ("①② 5 µm", "one two five_micrometers"),
        ("goood, nooo, yesss", "good no yes"),
        ("Plan A, I saw a cat", "plan a. i saw a cat"),
    ],
)  # fmt: skip
def test_golden_kinds(text: str, spoken: str) -> None:
    assert said(text) == spoken


def test_any_mixture_of_kinds_is_read_or_refused_and_places_hold() -> None:
    rng = random.Random(11)
    bits = """St. Dr. $ £ € 5 12 1999 0 - – / : . , ' ’ am p.m. km kg m² ½ % k M bn May Jan. XIV I V Henry
    Chapter page xii www. .com @ # & AT&T No. p. U.S. Ph.D. don't goin' read use é ﬁ ５ № °C " ( … x ² TVs 4x4
    2nite sooo tx's 1/2 3.5 2.0.1 +44 7946 911 ~ < > * _ = + ’tis ol' mph in. ft 5' 10" w/o A""".split()
    for _ in range(1500):
        text = "".join(rng.choice(bits) + rng.choice(["", " ", " "]) for _ in range(rng.randint(1, 9)))
        try:
            tokens = tokenize(text)
        except TextError as error:
            assert "\n" not in str(error)
            continue
        for token in tokens:
            assert text[token.char_start : token.char_end] == token.text
            assert token.readings and all(words and all(words) for words in token.readings), text
            assert not any(" " in word for words in token.readings for word in words), text
        assert all(a.char_end <= b.char_start for a, b in pairwise(tokens)), text
