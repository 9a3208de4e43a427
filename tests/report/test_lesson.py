"""What a teacher may do next: counted by hand, about a sound of the class."""

from __future__ import annotations

from speechtutor.practice import library
from speechtutor.practice.levels import phones_in
from speechtutor.report.classroom import Classroom, Group, Heard, Learner, Verdict, advice
from speechtutor.report.lesson import Mistake, lesson, mistakes


def heard(phone: str, verdict: Verdict, *instead: tuple[str, int]) -> Heard:
    return Heard(phone, 20, 9, 0.4, 0.3, 0.5, verdict, instead)


def room(*groups: Group) -> Classroom:
    ana = Learner(
        "ana",
        9,
        9,
        "",
        "",
        None,
        [heard("TH", Verdict.WORK, ("S", 5), ("T", 2)), heard("S", Verdict.FINE, ("Z", 9))],
    )
    ben = Learner(
        "ben", 9, 9, "", "", None, [heard("TH", Verdict.MAYBE, ("S", 1)), heard("R", Verdict.WORK, ("", 8))]
    )
    return Classroom([ana, ben], groups, ("TH", "R"))


def test_mistakes_by_hand() -> None:
    """TH as S by two learners, six times; what is fine is no mistake."""
    assert mistakes(room()) == [Mistake("TH", "S", 2, 6), Mistake("R", "", 1, 8), Mistake("TH", "T", 1, 2)]


def test_a_lesson_is_about_the_largest_group_s_sound() -> None:
    found = lesson(room(Group("L", ["ana", "ben"], "R", advice("L", "R"))))
    assert found is not None and (found.phone, found.heard, found.learners) == ("L", "R", ["ana", "ben"])
    assert sum(block.minutes for block in found.blocks) == 30
    listen, say, read, twist, talk = (block.items for block in found.blocks)
    pairs = {one.text for one in library.of_kind("pair") if one.sounds == ("L", "R")}
    assert set(listen) <= pairs and listen == say
    assert len(read) == 6 and all(phones_in(text)["L"] > 1 for text in (*read, *twist))
    assert all(text.endswith((".", "?")) for text in talk)


def test_without_a_group_it_is_about_somebody_s_sound() -> None:
    found = lesson(room())
    assert found is not None and (found.phone, found.heard, found.learners) == ("TH", "S", ["ana"])
    assert lesson(Classroom([], [], ())) is None


def test_a_contrast_without_pairs_takes_any_of_the_sound() -> None:
    found = lesson(room(Group("R", ["ana", "ben"], "", None)))
    assert found is not None and all("R" in _sounds(text) for text in found.blocks[0].items)


def _sounds(pair: str) -> tuple[str, ...]:
    return next(one.sounds for one in library.of_kind("pair") if one.text == pair)
