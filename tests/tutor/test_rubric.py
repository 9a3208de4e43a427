"""The rubric's parts by hand, and how varied replies are, against slow twins."""

from __future__ import annotations

from collections import Counter
from math import exp, log

import pytest

from speechtutor.core import LearnerState
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.rubric import distinct, masked, opening, rubric, self_bleu
from speechtutor.tutor.rules import RuleTutor
from tests.support.judged import LEARNER, SINK

EVIDENCE = gather(SINK, LearnerState())
GOOD = (
    'Great work on "weather"! In "think", the "th" sounded a little closer to "s". '
    'Put the tip of your tongue between your teeth and blow air gently. Can you say "think" again?'
)


def test_a_whole_reply_has_every_part() -> None:
    assert set(rubric(GOOD, EVIDENCE).parts().values()) == {1.0}
    assert rubric(GOOD, EVIDENCE).total == 1.0


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        ('"think"', '"weather"', "word"),
        ('"th"', '"s"', "sound"),
        ("tip of your tongue between your teeth", "air out", "how"),
        (" Can you", " Shall we go on? Can you", "task"),
        ('Can you say "think" again?', "", "task"),
        ('Great work on "weather"!', "Thank you!", "praise"),
    ],
)
def test_a_part_that_is_taken_out_is_missed(before: str, after: str, part: str) -> None:
    found = rubric(GOOD.replace(before, after).strip(), EVIDENCE)
    assert [name for name, value in found.parts().items() if not value] == [part]
    # Six of the seven parts are left.
    assert found.total == pytest.approx(6 / 7)


def test_length_and_level() -> None:
    assert rubric("Yes.", EVIDENCE).length == 0.0
    assert rubric(" ".join([GOOD] * 2), EVIDENCE).length == 0.0
    long = "Unfortunately articulatory characteristics necessitate considerable additional preparation."
    assert rubric(long, EVIDENCE).plain == 0.0
    assert rubric("", EVIDENCE).total == pytest.approx(1 / 7), "nothing said is easy to read, and no more"


def test_the_rules_say_all_but_a_question() -> None:
    found = rubric(RuleTutor().advise(SINK, LEARNER).summary, EVIDENCE).parts()
    assert [name for name, value in found.items() if not value] == ["task"]


def test_openings_do_not_depend_on_what_is_quoted() -> None:
    assert (
        opening('Great work on "weather"!') == opening('Great work on "school bus", yes!') == "great work on"
    )
    assert opening('"think" was nice.') == "q was nice"
    assert masked('In "think", the "th" was off.') == "in q the q was off".split()


def test_distinct_by_hand() -> None:
    # a b, b c | a b: three pairs, two of them different.
    assert distinct(["a b c", "a b"]) == pytest.approx(2 / 3)
    assert distinct([]) == distinct(["one"]) == 0.0


def slow_self_bleu(texts: list[str]) -> float:
    total = 0.0
    for at, text in enumerate(texts):
        words, score = masked(text), 0.0
        for n in range(1, 5):
            mine = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
            matched = 0
            for gram, count in mine.items():
                counts = [
                    sum(" ".join(masked(other)[i : i + n]) == gram for i in range(len(masked(other)) - n + 1))
                    for place, other in enumerate(texts)
                    if place != at
                ]
                matched += min(count, max(counts))
            score += log((matched + 1) / (sum(mine.values()) + 1)) / 4
        lengths = [len(masked(other)) for place, other in enumerate(texts) if place != at]
        nearest = min(lengths, key=lambda n: (abs(n - len(words)), n))
        total += exp(score) * min(1.0, exp(1 - nearest / len(words)))
    return total / len(texts)


def test_self_bleu_is_its_slow_twin() -> None:
    texts = ["great work on the day", "great work on a day we like", "I like the sound of it", "well done"]
    assert self_bleu(texts) == pytest.approx(slow_self_bleu(texts))
    assert self_bleu([GOOD, GOOD]) == pytest.approx(1.0)
    assert self_bleu(["one"]) == 0.0
    assert self_bleu(["a b c d e", "v w x y z"]) < self_bleu(["a b c d e", "a b c y z"])
