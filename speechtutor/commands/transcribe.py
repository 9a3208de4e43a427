"""`speechtutor transcribe`: words with times and confidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, complain, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speechtutor.core import Recording, Transcript
    from speechtutor.schema import Json
    from speechtutor.stages import Scorer
    from speechtutor.text.verbatim import Sounded


def run(
    first: Annotated[Path, Parameter(name="AUDIO", help="A recording.")],
    /,
    *others: Annotated[Path, Parameter(help="More recordings.")],
    model: Model = None,
    adapter: Annotated[Path | None, Parameter(help="A LoRA adapter for the model.")] = None,
    lang: Annotated[str | None, Parameter(help="ISO 639-1 code of the language (detected)")] = None,
    device: Device = None,
    verbatim: Annotated[
        bool, Parameter(negative=(), help="Say also which words sounded like others (English).")
    ] = False,
    json: AsJson = False,
) -> int:
    """Write down what was said, with times and confidence.

    A recogniser writes what makes sense; with `--verbatim` the scorer hears the recording once more and
    says where the sounds were those of another word.

    With several recordings a bad one is reported and the others are kept; the exit status is 1.
    """
    from speechtutor import audio, registry
    from speechtutor.schema import transcript_json

    options = {} if adapter is None else {"adapter": adapter}
    transcriber = registry.load("transcriber", model, device=device, **options)
    scorer = registry.load_scorer(device=device) if verbatim else None
    done: list[tuple[Path, Transcript, Sequence[Sounded] | None]] = []
    paths = (first, *others)
    for path in paths:
        try:
            recording = audio.load(path)
            transcript = transcriber.transcribe(recording, lang=lang)
            done.append((path, transcript, _sounded(scorer, recording, transcript) if scorer else None))
        except InputError as error:
            if len(paths) == 1:
                raise
            complain(error, path)
    if json:
        rows = [
            {"audio": str(path)} | transcript_json(transcript) | ({} if words is None else _json(words))
            for path, transcript, words in done
        ]
        show(rows if others else rows[0])
    else:
        for path, transcript, words in done:
            print(f"{path}\t{transcript.text}" if others else transcript.text)
            for word in words or ():
                if word.text != word.meant:
                    print(_told(word))
    return 0 if len(done) == len(paths) else 1


def _sounded(scorer: Scorer, recording: Recording, transcript: Transcript) -> Sequence[Sounded]:
    """The words as they sounded; as they were written where they cannot be judged."""
    from speechtutor.practice.levels import word_levels
    from speechtutor.text.verbatim import sounded

    if not transcript.words:
        return ()
    return sounded(scorer.score(recording, transcript.text), word_levels())


def _json(words: Sequence[Sounded]) -> Json:
    from speechtutor.text import verbatim

    other = [
        {"meant": word.meant, "said": word.word, "phones": list(word.phones)}
        for word in words
        if word.text != word.meant
    ]
    return {"verbatim": {"text": verbatim.text(words), "other": other}}


def _told(word: Sounded) -> str:
    if not word.phones:
        return f'"{word.meant}" was hardly heard'
    return f'I think you wanted to say "{word.meant}"; it sounded like {word.quoted}'
