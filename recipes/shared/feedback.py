"""Notes about findings with many good replies to each, all held against the evidence; no recipe itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from speechtutor.content.tables import contrasts, message, minimal_pair, read, sentence_bank, sounds
from speechtutor.core import (
    CanonicalWord,
    ErrorType,
    LearnerState,
    Mastery,
    PhoneScore,
    UtteranceScore,
    WordScore,
)
from speechtutor.errors import TextError
from speechtutor.text.phones import pronounce
from speechtutor.tutor.evidence import Evidence, gather
from speechtutor.tutor.findings import Finding
from speechtutor.tutor.prompts import prompt
from speechtutor.tutor.rules import how_line, picked
from speechtutor.tutor.verify import verify

PRAISE = {
    "better": [
        'Great, your "{word}" was better than last time!', 'Great, your "{word}" sounded better than before!',
        'Well done, your "{word}" is better than last time!', 'Well done, I heard a better "{word}" today!',
        'Lovely, your "{word}" was better than last time!',
        'Lovely, the "{word}" came out better than before!',
        'Nice, your "{word}" is better than before!',
        'I enjoyed hearing your "{word}", better than last time!',
        'I enjoyed your "{word}", it was better than before!',
        'Good job, your "{word}" is better than before!',
        'I liked your "{word}", it was better than last time!',
        'Today your "{word}" was better than last time!',
        'Today the "{word}" came out better than before!', 'Bravo, your "{word}" was better than last time!',
        'Fantastic, your "{word}" sounded better than last time!', 'Your "{word}" was better than last time!',
        'Your "{word}" came out better than before, well done!',
    ],
    "word": [
        'Great work on "{word}"!', 'Great work, "{word}" was very clear!',
        'Great work with "{word}", well done!',
        'Well done, "{word}" sounded great!', 'Well done on "{word}"!',
        'Well done, I heard "{word}" clearly!',
        'Lovely work with "{word}"!', 'Lovely work on "{word}", it was clear!',
        'Nice, I heard "{word}" very clearly!', 'Nice work on "{word}"!', 'Nice and clear, your "{word}"!',
        'I enjoyed hearing "{word}" so clearly!', 'I enjoyed your "{word}", it was lovely!',
        'Good job on "{word}"!', 'Good job, "{word}" came out clearly!',
        'Good job with "{word}", it was clear!',
        'I liked your "{word}", it was very clear!', 'I liked how you read "{word}"!',
        'I liked hearing "{word}" so clearly!',
        'Today "{word}" was lovely and clear!', 'Today I heard "{word}" very clearly!',
        'Excellent, "{word}" was clear!', 'Excellent work on "{word}"!',
        'Excellent, I heard "{word}" perfectly!',
        'I heard "{word}" very clearly, well done!', 'I heard a lovely clear "{word}"!',
        'Wonderful, "{word}" came out clearly!', 'Wonderful work with "{word}"!',
        'Wonderful, a clear "{word}"!',
        'Bravo, "{word}" sounded great!', 'Bravo for your clear "{word}"!', 'Bravo, I enjoyed your "{word}"!',
        'Fantastic work on "{word}"!', 'Fantastic, "{word}" was easy to hear!',
        'Fantastic, your "{word}" was clear!',
        'Beautiful, "{word}" came out so clearly!', 'Beautiful work with "{word}"!',
        'Good, I heard "{word}" clearly!', 'Good, your "{word}" was nice and clear!',
        'Good work on "{word}"!',
    ],
    "fluency": [
        "Lovely, you have a smooth pace!", "Lovely and smooth, I enjoyed listening!",
        "Great, you spoke at a smooth pace!", "Great, your pace was smooth!",
        "Well done, your pace was smooth and natural!", "Well done for your smooth pace!",
        "Nice smooth pace, I enjoyed listening to you!", "Nice, you kept a smooth pace!",
        "I enjoyed your smooth pace!", "I enjoyed listening to your smooth pace, well done!",
        "I liked your smooth pace!", "I liked how smooth your pace was!",
        "Good job, your pace was smooth!", "Good job with your smooth pace!",
        "Thank you, your pace was lovely and smooth!", "Thank you for your smooth pace!",
    ],
    "complete": [
        "Well done for saying every word!", "Well done, I heard every word!",
        "Great, I heard every word!", "Great, every word was there!",
        "Nice work, you made it through every word!", "Nice work, I heard every word!",
        "Every word was there, well done!", "Every word was there, good job!",
        "Good job, every word was there!", "Good job for saying every word!",
        "I heard every word, well done!", "I heard every word, good work!",
        "Thank you for saying every word!", "Thank you, I heard every word!",
        "Lovely, I heard every word!", "Lovely work, every word was there!",
    ],
    "thanks": [
        "Thank you for recording this!", "Thank you, I am glad to listen to you!",
        "Thank you for practising with me today!", "Thanks for recording this sentence!",
        "Thanks for practising today!", "I am glad that you recorded this!", "I am glad to hear you today!",
        "Nice to hear you today!", "Nice, thank you for recording this!", "Good to hear you today!",
        "Good, thank you for recording this!", "It is good to hear you today!",
        "It is good that you practise with me!", "I enjoyed listening to this, thank you!",
        "I enjoyed hearing you today!", "Well done for recording this!", "Well done for practising today!",
    ],
}  # fmt: skip
PROBLEM = {
    "substitution": [
        'In "{word}", the "{sound}" sounded a little closer to "{heard}".',
        'In "{word}", I heard something closer to "{heard}" than to "{sound}".',
        'The "{sound}" in "{word}" came out a little closer to "{heard}".',
        'In "{word}", I heard "{heard}" instead of "{sound}".',
        'When I listened to "{word}", the "{sound}" sounded more like "{heard}".',
        'The "{sound}" in "{word}" sounded closer to "{heard}".',
        'In "{word}", your "{sound}" was a little closer to "{heard}".',
        'In "{word}", the "{sound}" came out more like "{heard}".',
    ],
    "deletion": [
        'In "{word}", the "{sound}" was missing {position}.',
        'In "{word}", I could not hear the "{sound}" {position}.',
        'I did not hear the "{sound}" {position} of "{word}".',
        'I listened for the "{sound}" {position} of "{word}", but I could not hear it.',
        'The "{sound}" {position} of "{word}" was missing.',
        'In "{word}", I listened for the "{sound}" {position}, but it was missing.',
    ],
    "unclear": [
        'In "{word}", the "{sound}" was not quite clear to me.',
        'The "{sound}" in "{word}" was not very clear to me.',
        'I was not sure that I heard the "{sound}" in "{word}", it was not quite clear.',
        'In "{word}", I listened for the "{sound}", but it was not quite clear.',
        'Only the "{sound}" in "{word}" was not quite clear.',
    ],
    "omission": [
        'The word "{word}" was missing.', 'I did not hear the word "{word}".',
        'I listened for "{word}", but I could not hear it.',
    ],
    "insertion": [
        'The word "{word}" is not in the sentence.', 'I heard "{word}", which is not in the sentence.',
        'I heard the extra word "{word}".',
    ],
    "repetition": [
        'I heard "{word}" more than once.', 'I heard the word "{word}" twice.',
        'The word "{word}" came twice.',
    ],
    "break": [
        'There was a long pause near "{word}".', 'I heard a long pause near "{word}".',
        'I heard a pause at the word "{word}".', 'Near "{word}", there was a long pause.',
        'There was a pause at "{word}".',
    ],
    "none": [
        "All your sounds were clear.", "I heard every sound clearly.", "Every sound was clear.",
        "I heard all your sounds clearly.", "All the sounds were clear to me.",
        "Every sound came out clearly.",
        "I could hear every sound clearly.",
    ],
}  # fmt: skip
HOW = ["{how}", "{how}", "Try this: {lower}", "Next time, {lower}", "To make it clearer, {lower}"]
AGAIN = ['Can you say "{word}" again?', 'Would you like to try "{word}" once more?',
         'Shall we try "{word}" again?',
         'Could you say "{word}" one more time?', 'Ready to say "{word}" again?',
         'Shall we say "{word}" again?',
         'Will you say "{word}" once more?', 'How about saying "{word}" again?']  # fmt: skip
QUESTION = {
    "substitution": AGAIN,
    "deletion": AGAIN,
    "unclear": AGAIN,
    "omission": ['Can you read it with "{word}"?', 'Could you say the sentence again with "{word}"?'],
    "insertion": ["Can you read it again?", "Would you like to read it once more?"],
    "repetition": ["Can you say the sentence again?", "Would you like to say it once more?"],
    "break": ["Can you say the sentence again?", "Shall we say the sentence in one go?"],
    "none": ["Would you like a longer sentence?", "Shall we try a longer sentence?",
             "Are you ready for a longer one?", "Shall we do a longer sentence next?",
             "Would you like to try a longer one?", "How about a longer sentence?"],
}  # fmt: skip
AFTER = {
    "substitution": [
        'After that, look at "{word}", where the "{sound}" sounded closer to "{heard}".',
        'Then, listen to "{word}", where the "{sound}" sounded a little closer to "{heard}".',
        'After that, try "{word}", where I heard "{heard}" instead of "{sound}".',
    ],
    "deletion": [
        'After that, look at "{word}", where the "{sound}" was missing {position}.',
        'Then, try "{word}", where I could not hear the "{sound}" {position}.',
        'After that, listen to "{word}", where the "{sound}" was missing {position}.',
    ],
    "unclear": [
        'After that, look at "{word}", where the "{sound}" was not quite clear.',
        'Then, try "{word}", where the "{sound}" was not quite clear.',
        'After that, listen to the "{sound}" in "{word}", which was not quite clear.',
    ],
    "omission": [
        'After that, read it with "{word}", which was missing.',
        'Then, look at "{word}", which was missing.',
    ],
    "break": [
        'After that, look at "{word}", where there was a long pause.',
        'Then, look at "{word}", there was a long pause near it.',
    ],
}  # fmt: skip
"""What is said of the finding that comes second."""
_KINDS = {"substitution": 10, "deletion": 4, "unclear": 7, "omission": 2, "insertion": 1, "repetition": 1,
          "break": 3, "none": 5}  # fmt: skip
_OF_SOUNDS = ("substitution", "deletion", "unclear")
_SECOND = 0.35
"""Share of utterances with a second slip."""
_WORD_ERRORS = {
    "omission": ErrorType.OMISSION,
    "insertion": ErrorType.INSERTION,
    "repetition": ErrorType.REPETITION,
    "break": ErrorType.UNEXPECTED_BREAK,
}


def rows(n: int, rng: random.Random, licence: str) -> Iterator[dict[str, Any]]:
    """Up to `n` chats about made-up findings; the flagged word decides the split."""
    seen = set()
    for number in range(4 * n):
        evidence = gather(made_score(rng), LearnerState())
        messages = prompt(evidence, shots=False)
        if messages is None:
            continue
        text = reply(evidence, rng)
        key = (messages, text)
        if text is None or key in seen:
            continue
        seen.add(key)
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        yield {
            "id": f"feedback:{number}",
            "task": "feedback",
            "split": split_of_note(messages[-1].content),
            "source": "rules",
            "licence": licence,
            "messages": [*turns, {"role": "assistant", "content": text}],
        }
        if len(seen) == n:
            return


def starts(evidence: Evidence) -> list[str]:
    """How replies to evidence may begin, the longest first."""
    return sorted(read("prompts")["starts"][evidence.strengths[0].kind], key=len, reverse=True)


def split_of_note(note: str) -> str:
    """The split of a note by its words alone."""
    number = crc32(note.encode()) % 20
    return "dev" if number == 0 else "tune" if number == 1 else "train"


def held_out(n: int, seed: int) -> list[tuple[str, UtteranceScore]]:
    """Made-up utterances whose notes are of the dev split, so that none was learnt."""
    rng = random.Random(f"held out {seed}")
    found: list[tuple[str, UtteranceScore]] = []
    for _ in range(100 * n):
        score = made_score(rng)
        messages = prompt(gather(score, LearnerState()), shots=False)
        if messages is not None and split_of_note(messages[-1].content) == "dev":
            found.append((f"made{len(found):03d}", score))
        if len(found) == n:
            break
    return found


def reply(
    evidence: Evidence, rng: random.Random, tries: int = 8, *, start: str = "", ordered: bool = False
) -> str | None:
    """A reply in words drawn at random that the verifier passes; None when none of the tries did.

    It begins with `start`, and names the second finding after the first where it is `ordered`.
    """
    finding, *others = picked(evidence) or (None,)
    kind = finding.kind.value if finding else "none"
    best = evidence.strengths[0]
    praise = [text for text in PRAISE[best.kind] if text.startswith(start)]
    for _ in range(tries if praise else 0):
        lines = [rng.choice(praise).format(word=best.word)]
        lines.append(_filled(rng.choice(PROBLEM[kind]), finding))
        if finding:
            how = how_line(finding)
            lines.append(rng.choice(HOW).format(how=how, lower=how[:1].lower() + how[1:]))
        for other in others if ordered else ():
            if other is not None and other.word and other.kind.value in AFTER:
                lines.append(_filled(rng.choice(AFTER[other.kind.value]), other))
        lines.append(_filled(rng.choice(QUESTION[kind]), finding))
        text = " ".join(lines)
        if not verify(text, evidence):
            return text
    return None


def _filled(template: str, finding: Finding | None) -> str:
    if finding is None:
        return template
    return template.format(
        word=finding.word,
        sound=sounds()[finding.phone].label if finding.phone else "",
        heard=sounds()[finding.heard].label if finding.heard else "",
        position=message("position", finding.position) if finding.position else "",
    )


def made_score(rng: random.Random, texts: Sequence[str] = ()) -> UtteranceScore:
    """A sentence of the bank, or one of some texts, read with a known slip or two."""
    rivals: dict[str, list[str]] = {}
    for contrast in contrasts().values():
        first, second = contrast.phones
        rivals.setdefault(first, []).append(second)
        rivals.setdefault(second, []).append(first)
    pool = texts or [one.text for one in sentence_bank()]
    while True:
        text = rng.choice(pool)
        # Some corpora write their texts in capitals.
        text = text.upper() if rng.random() < 0.25 else text
        try:
            words = pronounce(text)
        except TextError:
            continue
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        slips = {rng.randrange(len(words)): kind}
        if kind in _OF_SOUNDS and rng.random() < _SECOND:
            slips.setdefault(rng.randrange(len(words)), rng.choice(_OF_SOUNDS))
        # Now and then no word is good enough to be praised.
        quiet = rng.random() < 0.2
        scores = [
            _said(word, slips.get(index, ""), 0.7 if quiet else 0.95, rivals, rng)
            for index, word in enumerate(words)
        ]
        return UtteranceScore(text, tuple(scores), overall=0.8, fluency=rng.choice([0.6, 0.9]))


def _said(
    word: CanonicalWord, kind: str, score: float, rivals: dict[str, list[str]], rng: random.Random
) -> WordScore:
    """A word with the slip of a kind, "" for none."""
    phones = [PhoneScore(p, score, error_probability=0.05) for p in word.pronunciations[0]]
    if kind and kind != "none":
        at, score = rng.randrange(len(phones)), 0.7
        phones[at] = _slip(phones[at].canonical, kind, rivals, rng)
    error = _WORD_ERRORS.get(kind, ErrorType.NONE)
    return WordScore(word.text, score, error_type=error, phones=tuple(phones))


def made_learner(score: UtteranceScore, rng: random.Random) -> LearnerState:
    """One who used to miss a sound that the utterance has well and often, or some other record."""
    said = [phone.canonical for word in score.words for phone in word.phones]
    if not said or rng.random() < 0.5:
        return LearnerState()
    often = max(set(said), key=lambda phone: (said.count(phone), rng.random()))
    phone = often if rng.random() < 0.7 else rng.choice(said)
    known = Mastery(rng.choice([0.1, 0.2, 0.3, 0.6]), rng.choice([6, 10, 20]))
    return LearnerState(phones={phone: known}, n_attempts=known.n_attempts)


def _slip(phone: str, kind: str, rivals: dict[str, list[str]], rng: random.Random) -> PhoneScore:
    """One phone as the finding has it; a kind about whole words leaves it good."""
    heard: str | None = None
    if kind == "substitution":
        heard = rng.choice(rivals.get(phone) or list(sounds()))
        if rng.random() < 0.5 and minimal_pair(phone, heard) is None:
            heard = rng.choice(sorted(set(sounds()) - {phone}))
    elif kind == "deletion":
        heard = ""
    elif kind != "unclear":
        return PhoneScore(phone, 0.95, error_probability=0.05)
    return PhoneScore(phone, 0.1, heard=heard, error_probability=0.9)
