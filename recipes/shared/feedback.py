"""Notes about findings with many good replies to each, all held against the evidence; no recipe itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from speechtutor.content.tables import contrasts, message, minimal_pair, read, sentence_bank, sounds
from speechtutor.core import ErrorType, LearnerState, PhoneScore, UtteranceScore, WordScore
from speechtutor.errors import TextError
from speechtutor.text.phones import pronounce
from speechtutor.tutor.evidence import Evidence, gather
from speechtutor.tutor.findings import Finding
from speechtutor.tutor.prompts import prompt
from speechtutor.tutor.rules import how_line, picked
from speechtutor.tutor.verify import verify

PRAISE = {
    "word": [
        'Great work on "{word}"!', '"{word}" was lovely and clear!', 'Well done, "{word}" sounded great!',
        'I enjoyed hearing "{word}" so clearly!', '"{word}" came out very clearly, well done!',
        'Nice, I heard "{word}" very clearly!', 'Lovely work with "{word}"!',
    ],
    "fluency": [
        "Lovely, you have a smooth pace!", "Great, you spoke at a smooth pace!",
        "Well done, your pace was smooth and natural!", "Nice smooth pace, I enjoyed listening to you!",
    ],
    "complete": [
        "Well done for saying every word!", "Great, I heard every word!",
        "Nice work, you made it through every word!", "Every word was there, well done!",
    ],
    "thanks": [
        "Thank you for recording this!", "Thanks for recording this sentence!",
        "Thank you, I am glad to listen to you!", "Thank you for practising with me today!",
    ],
}  # fmt: skip
PROBLEM = {
    "substitution": [
        'In "{word}", the "{sound}" sounded a little closer to "{heard}".',
        'In "{word}", I heard something closer to "{heard}" than to "{sound}".',
        'The "{sound}" in "{word}" came out a little closer to "{heard}".',
        'In "{word}", I heard "{heard}" instead of "{sound}".',
        'When I listened to "{word}", the "{sound}" sounded more like "{heard}".',
    ],
    "deletion": [
        'In "{word}", the "{sound}" was missing {position}.',
        'In "{word}", I could not hear the "{sound}" {position}.',
        'I did not hear the "{sound}" {position} of "{word}".',
        'I listened for the "{sound}" {position} of "{word}", but I could not hear it.',
    ],
    "unclear": [
        'In "{word}", the "{sound}" was not quite clear to me.',
        'The "{sound}" in "{word}" was not very clear to me.',
        'I was not sure that I heard the "{sound}" in "{word}", it was not quite clear.',
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
        'I heard a pause at the word "{word}".',
    ],
    "none": [
        "All your sounds were clear.", "I heard every sound clearly.", "Every sound was clear.",
        "I heard all your sounds clearly.",
    ],
}  # fmt: skip
HOW = ["{how}", "{how}", "Try this: {lower}", "Next time, {lower}", "To make it clearer, {lower}"]
AGAIN = ['Can you say "{word}" again?', 'Would you like to try "{word}" once more?',
         'Shall we try "{word}" again?',
         'Could you say "{word}" one more time?', 'Ready to say "{word}" again?']  # fmt: skip
QUESTION = {
    "substitution": AGAIN,
    "deletion": AGAIN,
    "unclear": AGAIN,
    "omission": ['Can you read it with "{word}"?', 'Could you say the sentence again with "{word}"?'],
    "insertion": ["Can you read it again?", "Would you like to read it once more?"],
    "repetition": ["Can you say the sentence again?", "Would you like to say it once more?"],
    "break": ["Can you say the sentence again?", "Shall we say the sentence in one go?"],
    "none": ["Would you like a longer sentence?", "Shall we try a longer sentence?",
             "Are you ready for a longer one?"],
}  # fmt: skip
_KINDS = {"substitution": 10, "deletion": 4, "unclear": 6, "omission": 2, "insertion": 1, "repetition": 1,
          "break": 1,
          "none": 3}  # fmt: skip
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


def reply(evidence: Evidence, rng: random.Random, tries: int = 8) -> str | None:
    """A reply in words drawn at random that the verifier passes; None when none of the tries did."""
    finding = next(iter(picked(evidence)), None)
    kind = finding.kind.value if finding else "none"
    for _ in range(tries):
        best = evidence.strengths[0]
        lines = [rng.choice(PRAISE[best.kind]).format(word=best.word)]
        lines.append(_filled(rng.choice(PROBLEM[kind]), finding))
        if finding:
            how = how_line(finding)
            lines.append(rng.choice(HOW).format(how=how, lower=how[:1].lower() + how[1:]))
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


def made_score(rng: random.Random) -> UtteranceScore:
    """A sentence of the bank read with one known slip."""
    rivals: dict[str, list[str]] = {}
    for contrast in contrasts().values():
        first, second = contrast.phones
        rivals.setdefault(first, []).append(second)
        rivals.setdefault(second, []).append(first)
    bank = sentence_bank()
    while True:
        text = rng.choice(bank).text
        # Some corpora write their texts in capitals.
        text = text.upper() if rng.random() < 0.25 else text
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        try:
            words = pronounce(text)
        except TextError:
            continue
        place = rng.randrange(len(words))
        quiet = rng.random() < 0.35
        scores = []
        for index, word in enumerate(words):
            phones = [
                PhoneScore(p, 0.7 if quiet else 0.95, error_probability=0.1) for p in word.pronunciations[0]
            ]
            error = ErrorType.NONE
            if index == place:
                error = _WORD_ERRORS.get(kind, error)
                at = rng.randrange(len(phones))
                phones[at] = _slip(phones[at].canonical, kind, rivals, rng)
            scores.append(
                WordScore(
                    word.text,
                    0.7 if quiet or index == place else 0.95,
                    error_type=error,
                    phones=tuple(phones),
                )
            )
        return UtteranceScore(text, tuple(scores), overall=0.8, fluency=rng.choice([0.6, 0.9]))


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
        return PhoneScore(phone, 0.95, error_probability=0.1)
    return PhoneScore(phone, 0.1, heard=heard, error_probability=0.9)
