"""One hostile command of each verb; stages are the fakes, so that what is tried is ours and quick."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.fuzz import (
    DEVICES,
    MODELS,
    NAMES,
    NUMBERS,
    TEXTS,
    World,
    manifest,
    options,
    out,
    run_folder,
    scores,
    store,
)

FAKES = ["--transcriber", "fake", "--scorer", "fake"]
EXPLAIN = ("en", "zh", "es", "xx", "", "EN", "\n", "x" * 900)


def _sound(world: World) -> str:
    return str(world.any(world.sounds))


def _pick(world: World, *choices: str) -> Callable[[], str]:
    return lambda: str(world.any(choices))


def _model(world: World) -> list[str]:
    return ["--model", str(world.any(MODELS))] if world.rng.random() < 0.3 else ["--model", "fake"]


def listen(world: World) -> list[str]:
    """Verbs that take a recording and a text."""
    verb = world.any(["score", "align", "coach", "transcribe"])
    words = [verb, _sound(world)]
    common = {"--device": _pick(world, *DEVICES), "--json": None}
    if verb == "transcribe":
        more = [_sound(world) for _ in range(world.rng.randrange(3))]
        extra = options(
            world,
            common | {"--lang": _pick(world, "en", "xx", "", "\0"), "--adapter": _pick(world, *MODELS)},
            2,
        )
        return [*words, *more, *_model(world), *extra]
    if verb != "coach" or world.rng.random() < 0.7:
        words.append(world.any(TEXTS))
    if verb == "coach":
        known = common | {
            "--learner": _pick(world, *NAMES),
            "--explain": _pick(world, *EXPLAIN),
            "--grammar": _pick(world, *MODELS),
        }
        tutor = world.any(["fake", "rules", *MODELS])
        return [*words, *FAKES, "--tutor", tutor, *options(world, known)]
    if verb == "align":
        return [
            *words,
            *_model(world),
            *options(world, common | {"--textgrid": lambda: out(world, ".TextGrid")}),
        ]
    return [
        *words,
        *_model(world),
        *options(world, common | {"--azure": None, "--learner": _pick(world, *NAMES)}),
    ]


def speak(world: World) -> list[str]:
    """The model voice."""
    phones = ("think=S IH NG K", "TH IH NG K", "", "|", "x=", "=", "think=QQ", "A" * 3000)
    known = {
        "--rate": _pick(world, *NUMBERS, "0.5", "2"),
        "--voice": _pick(world, *NAMES),
        "--device": _pick(world, *DEVICES),
        "--phones": _pick(world, *phones),
    }
    suffix = world.any([".wav", ".flac", ".wav", ".mp3", ".xyz", ""])
    text = world.any([text for text in TEXTS if len(text) < 500])
    return ["speak", text, *_model(world), "-o", out(world, suffix), *options(world, known, 2)]


def practice(world: World) -> list[str]:
    """Exercises, and answers to them."""
    known = {
        "--learner": _pick(world, *NAMES),
        "--level": _pick(world, "A1", "A2", "B1", "B2", "C1", "C3", "", "\n"),
        "--sounds": _pick(world, "TH,R", "QQ", "", ",", "th", "x" * 4000, "TH\n"),
        "--words": _pick(world, "bread", "", "zzz", *TEXTS),
        "--kind": _pick(
            world,
            "sound",
            "pair",
            "retell",
            "sound,pair",
            "",
            "nonsense",
            ",",
            "translate",
            "listen,shadow",
            "picture",
            "question",
            "twister",
            "vocabulary",
            "paraphrase",
        ),
        "--explain": _pick(world, *EXPLAIN),
        "--session": _pick(world, "1", *NUMBERS),
        "--exercise": _pick(world, "91e1b3c443a1", *NAMES),
        "--seed": _pick(world, *NUMBERS),
        "--about": _pick(world, "food", "law", "", "\n"),
        "--tutor": _pick(world, "fake", "rules", *MODELS),
        "--json": None,
    }
    answer = ["--answer", _sound(world), *FAKES] if world.rng.random() < 0.3 else []
    return ["practice", *answer, *options(world, known, 4)]


def content(world: World) -> list[str]:
    """Lists of what there is to practise."""
    known = {
        "--level": _pick(world, "A1", "c1", "C2", "", "\n"),
        "--topic": _pick(world, "food", "war", "", *NAMES),
        "--drawing": _pick(world, "kitchen", "../park", "", "\0"),
        "--json": None,
    }
    kind = world.any(["sentence", "pair", "twister", "opening", "picture", "words", "topics", "song", ""])
    return ["content", kind, *options(world, known, 2)]


def evaluate(world: World) -> list[str]:
    """Evaluations of made-up corpora."""
    kind = world.any(["asr", "asr", "scoring", "tutor", "nonsense"])
    root = str(world.any([world.folder] * 6 + [world.folder / "gone", world.folder / "good.wav"]))
    known = {
        "--split": _pick(world, "train", "dev", "test", "x", ""),
        "--limit": _pick(world, *NUMBERS),
        "--draws": _pick(world, "10", *NUMBERS),
        "--seed": _pick(world, *NUMBERS),
        "--device": _pick(world, *DEVICES),
        "--json": None,
        "--against": lambda: run_folder(world),
    }
    words = ["evaluate", kind, manifest(world), "--out", out(world)]
    words += [] if kind == "tutor" else ["--root", root]
    if kind == "asr":
        known |= {
            "--beams": _pick(world, *NUMBERS),
            "--lang": _pick(world, "en", "xx", "", "\0"),
            "--adapter": _pick(world, *MODELS),
        }
        words += ["--model", str(world.any(["fake", "fake", *MODELS]))]
    elif kind == "scoring":
        known |= {"--train": lambda: manifest(world), "--raters": lambda: manifest(world)}
        words += ["--scorer", "fake"]
    else:
        known |= {
            "--dialogues": lambda: manifest(world),
            "--model": _pick(world, "rules", "fake"),
            "--grammar": _pick(world, "rules", "fake"),
        }
    return [
        *words,
        *([] if "--draws" in words else ["--draws", "20"]),
        *options(world, {k: v for k, v in known.items() if k != "--draws"}, 2),
    ]


def report(world: World) -> list[str]:
    """Pages, classes, graders and labels."""
    kind = world.rng.random()
    known = {
        "--out": lambda: out(world, ".html"),
        "--worst": _pick(world, *NUMBERS),
        "--json": None,
        "--audio": _pick(world, "embed", "link", "none", "x"),
        "--metric": _pick(world, "wer", "phone_error", "", "zzz", "\n"),
        "--against": lambda: run_folder(world),
        "--root": lambda: out(world),
    }
    if kind < 0.45:
        return ["report", run_folder(world), *options(world, known, 2)]
    if kind < 0.7:
        classed = {
            "--out": known["--out"],
            "--worst": known["--worst"],
            "--json": None,
            "--manifest": lambda: manifest(world),
            "--pseudonyms": lambda: world.any([out(world, ".json"), str(world.any(world.sounds))]),
            "--store": lambda: store(world),
        }
        return [
            "report",
            "--class",
            *([scores(world)] if world.rng.random() < 0.8 else []),
            *options(world, classed, 2),
        ]
    if kind < 0.73:
        source = world.any([run_folder(world), scores(world), manifest(world), str(world.folder)])
        suffix = world.any([".xlsx", ".csv", ".pdf", ""])
        return [
            "report", "export-grades", source, "--out", out(world, suffix), *options(world, {"--json": None}),
        ]  # fmt: skip
    if kind < 0.9:
        given = {
            "--phone": _pick(world, *NUMBERS),
            "--score": _pick(world, *NUMBERS, "30"),
            "--note": _pick(world, *TEXTS),
            "--withdraw": None,
            "--json": None,
        }
        who = world.any(["Ann", *NAMES])
        id_ = world.any(["u0", "u1", "u0001", *NAMES])
        return [
            "report",
            "override",
            run_folder(world),
            id_,
            "--word",
            world.any(["1", "2", *NUMBERS]),
            "--who",
            who,
            *options(world, given),
        ]
    return [
        "report",
        "export-labels",
        run_folder(world),
        manifest(world),
        "--out",
        out(world, ".jsonl"),
        *options(world, {"--all": None, "--blind": None, "--json": None}),
    ]


def grade(world: World) -> list[str]:
    """The graders' page, on a port that there is not: one that is free would be listened on."""
    known = {
        "--who": _pick(world, *NAMES, "the machine", "x" * 200, "\ud800"),
        "--manifest": lambda: manifest(world),
        "--root": lambda: out(world),
        "--out": lambda: out(world, ".jsonl"),
        "--host": _pick(world, "nosuchhost.invalid", "256.1.1.1", "", "\n", "0.0.0.0", "::1"),
        "--auth-file": lambda: manifest(world),
    }
    source = world.any([run_folder(world), scores(world), manifest(world), _sound(world), str(world.folder)])
    return ["grade", source, "--port", world.any(["0", "-1", "65536", "x", "1.5"]), *options(world, known, 3)]


def learner(world: World) -> list[str]:
    """What is known of learners."""
    verb = world.any(["list", "export", "delete", "show", "set", "verify", "rebuild", "audit", "nonsense"])
    name = [] if verb == "list" else [world.any(NAMES)]
    more: dict[str, Callable[[], str] | None] = {}
    if verb == "export":
        more = {"--out": lambda: out(world, ".json")}
    if verb == "show":
        more = {
            "--since": _pick(world, "2026-01-01", "", "yesterday", "\n"),
            "--page": lambda: out(world, ".html"),
        }
    if verb == "set":
        more = {
            "--l1": _pick(world, "es", "zz-top", "", "\n", "x" * 90),
            "--level": _pick(world, "a2", "C9", ""),
            "--goals": _pick(world, "fluency", "none", "win", ","),
            "--interests": _pick(world, "food,travel", "war"),
            "--born": _pick(world, *NUMBERS, "2015"),
            "--guardian": _pick(world, *NAMES),
            "--minutes": _pick(world, *NUMBERS),
            "--keep-audio": None,
        }
    known = {"--store": lambda: store(world), "--json": None} | more
    return ["learner", verb, *name, *options(world, known, 3)]


def learner_store(world: World) -> list[str]:
    """The learner store as a whole; nothing outside of the folder is replaced."""
    verb = world.any(["backup", "sweep", "research", "graph"])
    known: dict[str, Callable[[], str] | None] = {"--json": None}
    if verb == "backup":
        return ["learner", verb, out(world, ".db"), "--store", store(world), *options(world, known)]
    if verb == "research":
        known["--out"] = lambda: out(world, ".csv")
    known |= {"--dot": None} if verb == "graph" else {"--store": lambda: store(world)}
    return ["learner", verb, *options(world, known, 2)]


def homework(world: World) -> list[str]:
    """A teacher's homework."""
    verb = world.any(["assign", "list", "report", "withdraw"])
    words = ["homework", verb, *([] if verb == "list" else [world.any(NAMES)])]
    known: dict[str, Callable[[], str] | None] = {"--store": lambda: store(world), "--json": None}
    if verb == "assign":
        words += ["--learners", world.any(["all", "ana,ben", ",", *NAMES])]
        known |= {
            "--items": lambda: manifest(world),
            "--topic": _pick(world, "food", "war", ""),
            "--most": _pick(world, *NUMBERS),
            "--due": _pick(world, "2030-01-01", "1999-01-01", "soon"),
        }
    if verb == "report":
        words += ["--out", out(world, world.any([".html", ".csv", ".xlsx", ".pdf", ""]))]
    return [*words, *options(world, known, 3)]


def models(world: World) -> list[str]:
    """The model store; nothing is fetched."""
    verb = world.any(["list", "verify", "pull", "nonsense"])
    names = [world.any(["kokoro-82m", "scorer", *MODELS]) for _ in range(world.rng.randrange(3))]
    known = {"--json": None}
    return [
        "models",
        verb,
        *([] if verb == "list" else names),
        *(["--offline"] if verb == "pull" else []),
        *options(world, known),
    ]


def others(world: World) -> list[str]:
    """Verbs that are mostly about the machine, and no verb at all."""
    if world.rng.random() < 0.35:
        return [
            world.any(
                ["", "scor", "\n", "x" * 2000, "--version", "--help", "-", "--", "\x1b[31m", "score", "speak"]
            )
        ]
    if world.rng.random() < 0.3:
        return ["doctor", *options(world, {"--json": None})]
    if world.rng.random() < 0.5:
        known = {
            "--port": _pick(world, *NUMBERS),
            "--host": _pick(world, "nosuchhost.invalid", "256.1.1.1", "", "\n", "0.0.0.0", "::1", "x" * 300),
            "--device": _pick(world, *DEVICES),
            "--grammar": _pick(world, *MODELS),
            "--tutor": _pick(world, *MODELS),
        }
        return ["app", *options(world, known, 3)]
    known = {
        "--limit": _pick(world, *NUMBERS),
        "--device": _pick(world, *DEVICES),
        "--busy": _pick(world, "-1", "65", "1.5", "1,2", "", "9" * 40),  # a number that fits starts processes
        "--users": _pick(world, "-1", "201", "x", "9" * 40),
        "--minutes": _pick(world, "0", "-1", "nan", "inf", "1e9", "x"),
        "--json": None,
    }
    return [
        "bench",
        "--clips",
        str(world.folder / world.any(["gone", "folder.wav", "good.wav"])),
        "--repeats",
        world.any(["1", *NUMBERS]),
        "--transcriber",
        "fake",
        "--scorer",
        "fake",
        "--tutors",
        "fake",
        *options(world, known),
    ]


def batch(world: World) -> list[str]:
    """Whole corpora."""
    known = {
        "--root": lambda: str(world.folder),
        "--split": _pick(world, "train", "dev", "x", "\n"),
        "--limit": _pick(world, *NUMBERS),
        "--per": _pick(world, "word", "phone", "utterance", "x"),
        "--textgrid": lambda: out(world),
        "--explain": _pick(world, *EXPLAIN),
        "--processes": _pick(world, "1", "0", "-1", "three"),
        "--feedback": None,
        "--json": None,
    }
    suffix = world.any([".jsonl", ".csv", ".jsonl", ".xyz", ""])
    source = str(world.folder) if world.rng.random() < 0.05 else manifest(world)
    wish = ["--scorer", "fake", "--tutor", "fake"]
    return ["batch", source, "--out", out(world, suffix), *wish, *options(world, known)]


def convert(world: World) -> list[str]:
    """Corpora and scores to other forms."""
    known = {
        "--root": lambda: str(world.folder),
        "--split": _pick(world, "train", "dev", "x", "\n"),
        "--per": _pick(world, "word", "phone", "utterance", "x"),
        "--phones": _pick(world, "ipa", "xsampa", "sampa", ""),
        "--json": None,
    }
    form = world.any("manifest kaldi lhotse datasets csv parquet textgrid eaf vtt ctm nonsense".split())
    suffix = world.any([".jsonl", ".csv", "", ".jsonl.gz"])
    source = world.any([manifest(world), scores(world), _sound(world)])
    return ["convert", source, "--to", form, "--out", out(world, suffix), *options(world, known, 2)]


VERBS = {
    listen: 30,
    speak: 10,
    practice: 14,
    content: 4,
    evaluate: 14,
    report: 20,
    grade: 3,
    learner: 9,
    learner_store: 4,
    homework: 6,
    models: 4,
    batch: 6,
    convert: 6,
    others: 8,
}
"""How often each is tried."""


def command(world: World) -> list[str]:
    """The next command."""
    (made,) = world.rng.choices(list(VERBS), list(VERBS.values()))
    return made(world)
