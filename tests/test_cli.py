"""The command line: verbs, exit statuses, one line for a user's mistake; stages are the fakes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, cli, registry
from speechtutor.commands import app as app_verb
from speechtutor.commands import bench as bench_verb
from speechtutor.commands import doctor as doctor_verb
from speechtutor.commands import output
from speechtutor.core import Recording, UtteranceScore
from speechtutor.errors import AudioError
from speechtutor.files import disk
from speechtutor.models.fake import FakeScorer, FakeSynthesizer, FakeTranscriber
from speechtutor.views import tiers
from tests.conftest import PROJECT

TEXT = "I think so"
FAKES = ["--transcriber", "fake", "--scorer", "fake", "--tutor", "fake"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "hum.wav"
    audio.save(FakeSynthesizer().speak("a" * 20), path)  # 2 s
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*argv: object) -> SimpleNamespace:
        status = cli.main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return call


def one_line(done: SimpleNamespace, *parts: str) -> None:
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    assert done.err.startswith("speechtutor: error: ")
    for part in parts:
        assert part in done.err


# The frame


def test_every_verb_has_a_file_and_a_line_of_help(run: Any) -> None:
    files = {path.stem for path in (PROJECT / "speechtutor" / "commands").glob("*.py")} - {
        "__init__", "output", "busy", "door", "page", "timing", "visitors", "learner_own", "learner_data",
    }  # fmt: skip
    assert files == set(cli.VERBS)
    shown = run("--help")
    assert shown.status == 0
    for verb in cli.VERBS:
        assert re.search(rf"^│ {verb} ", shown.out, re.MULTILINE)


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_the_help_of_a_verb(run: Any, verb: str) -> None:
    shown = run(verb, "--help")
    assert shown.status == 0
    assert f"Usage: speechtutor {verb}" in shown.out


def test_version(run: Any) -> None:
    import speechtutor

    assert run("--version").out.strip() == speechtutor.__version__


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["scor"], "score"),
        (["score"], "AUDIO"),
        (["score", "a.wav", "hi", "--jsn"], "--json"),
        (["score", "a.wav", "hi", "more"], "more"),
        (["bench", "--repeats", "few"], "few"),
        (["models", "pul"], "pul"),
        (["speak", "hi"], "--output"),
    ],
)
def test_a_wrong_request_is_one_line(run: Any, words: list[str], cause: str) -> None:
    one_line(run(*words), cause)


def test_our_errors_are_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: object) -> int:
        raise AudioError("a.wav: holds\nno samples")

    monkeypatch.setattr(cli, "_call", fail)
    one_line(run("score"), "a.wav: holds no samples")


def test_a_full_disk_is_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "out.flac")

    monkeypatch.setattr(cli, "_call", fail)
    one_line(run("speak"), "no space left", "out.flac")


def test_a_file_that_the_system_refuses_is_one_line(run: Any, tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)
    one_line(run("report", "--class", name), "File name too long", "xxx")


def test_ctrl_c_is_130(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(argv: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_call", stop)
    done = run("models")
    assert (done.status, done.err) == (130, "speechtutor: interrupted\n")


def test_ctrl_c_inside_a_verb_is_130(run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: object, recording: Recording, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeScorer, "score", stop)
    assert run("score", clip, TEXT, "--model", "fake").status == 130


@pytest.mark.writes_home
@pytest.mark.parametrize("error", [ValueError("bug"), OSError(errno.EIO, "disk"), ZeroDivisionError()])
def test_a_bug_is_a_line_and_keeps_its_traceback_in_a_log(
    run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(argv: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_call", fail)
    done = run("score", "me\n.wav", "hello", "--json")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(r"speechtutor: error: score me\n.wav: failed in a way that nobody foresaw")
    log = Path(done.err.split("report it with ")[1].strip())
    assert log.parent == disk.home() / "logs" and log.stat().st_mode & 0o777 == 0o600
    text = log.read_text(encoding="utf-8")
    assert "Traceback" in text and type(error).__name__ in text and "score me" in text


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_no_result_is_lost_to_the_encoding_of_the_output(tmp_path: Path, encoding: str) -> None:
    name = tmp_path / "名前😀é.wav"
    audio.save(FakeSynthesizer().speak("a" * 5), name)
    code = [sys.executable, "-m", "speechtutor", "transcribe", name, "--model", "fake", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(code, capture_output=True, cwd=PROJECT, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding))["audio"] == str(name)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["evaluate", "asr", "m.jsonl", "--root", ".", "--out", ""], ["--out got an empty value"]),
        (["evaluate", "asr", "m.jsonl", "--root=", "--out", "x"], ["--root got an empty value"]),
        (["speak", "hi", "-o", "", "--model", "fake"], ["-o got an empty value"]),
        (
            ["evaluate", "asr", "m.jsonl", "--root", ".", "--out", "x", "--beams", "9999999"],
            ["beams", "9999999"],
        ),
        (["practice", "--seed", "-1"], ["--seed", "-1"]),
        (["practice", "--kind", ","], ["--kind ','"]),
        (["speak", "hi", "-o", "a.wav", "--model", "fake", "--rate", "nan"], ["--rate", "0.5 to 2", "nan"]),
        (["bench", "--repeats", "9" * 400], ["--repeats", "1 to 10000"]),
        (["practice", "--learner", "\udcff"], [r"\udcff", "neither text in UTF-8 nor a file"]),
        (["score", "a\nb\x1b[31m.wav", "hi", "--model", "fake"], [r"a\nb\x1b[31m.wav: No such file"]),
    ],
)
def test_values_that_make_no_sense_are_one_line(run: Any, words: list[str], parts: list[str]) -> None:
    done = run(*words)
    one_line(done, *parts)
    assert len(done.err) < 700 and done.err.strip().isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="rights are others there")
@pytest.mark.parametrize("verb", ["doctor", "models list", "models verify"])
def test_a_home_that_may_not_be_read_is_a_line(tmp_path: Path, verb: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0)
    tmp_path.chmod(0o755)
    # The first call imports what the second needs: another user may have no right to read Python itself.
    code = f"""import os, sys
from speechtutor import cli
from speechtutor.commands import doctor
doctor.CHECKS = (doctor.storage, doctor.checkpoints)
cli.main(sys.argv[1:])
print("---", flush=True)
print("---", file=sys.stderr, flush=True)
if os.geteuid() == 0:
    os.seteuid(65534)
os.environ["SPEECHTUTOR_HOME"] = {str(home)!r}
sys.exit(cli.main(sys.argv[1:]))"""
    done = subprocess.run(
        [sys.executable, "-c", code, *verb.split()],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
        env=os.environ | {"SPEECHTUTOR_HOME": str(tmp_path / "fine")},
    )
    home.chmod(0o700)
    told = done.stdout.split("---\n")[1] + done.stderr.split("---\n")[1]
    assert not re.search(r"Traceback|\[Errno|nobody foresaw", told), told
    assert done.returncode in (1, 2) and "ermission denied" in told and str(home) in told, told


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    code = f"{sys.executable} -m speechtutor models list --json | head -c 1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert (done.stdout, done.stderr) in {("{", ""), ("[", "")}


# Score and align


def test_score_json(run: Any, clip: Path) -> None:
    done = run("score", clip, TEXT, "--model", "fake", "--json")
    assert (done.status, done.err) == (0, "")
    row = json.loads(done.out)
    assert (row["schema_version"], row["model"], row["text"], row["duration"]) == (1, "fake", TEXT, 2.0)
    assert [word["text"] for word in row["words"]] == ["I", "think", "so"]
    think = row["words"][1]
    assert (think["char_start"], think["char_end"], think["error_type"]) == (2, 7, "Mispronunciation")
    assert [p["heard"] for p in think["phones"]] == ["S", None, None, None]


def test_score_for_people(run: Any, clip: Path) -> None:
    done = run("score", clip, TEXT, "--model", "fake")
    assert done.out.splitlines()[0].startswith("overall ")
    assert "TH 20 (heard S)" in done.out
    assert "prosody -" in done.out  # not measured, so not a number


def test_score_azure(run: Any, clip: Path) -> None:
    row = json.loads(run("score", clip, TEXT, "--model", "fake", "--azure").out)
    assert [word["Word"] for word in row["NBest"][0]["Words"]] == ["I", "think", "so"]


def test_silence_has_no_score_and_a_warning(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    audio.save(Recording(np.zeros(16_000, dtype=np.float32)), path)
    done = run("score", path, TEXT, "--model", "fake")
    assert done.status == 0
    assert done.out.splitlines() == ["overall -  accuracy -  fluency -  prosody -  completeness -"]
    assert done.err.startswith("speechtutor: warning: silence: ")
    row = json.loads(run("score", path, TEXT, "--model", "fake", "--json").out)
    assert set(row["scores"].values()) == {None}
    assert row["warnings"][0]["code"] == "silence"


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty.wav"), (b"not audio at all", "text.wav"), (b"RIFF\0\0\0\0WAVEjunk", "bad.wav")],
)
@pytest.mark.parametrize("verb", ["score", "align", "coach", "transcribe"])
def test_a_bad_recording_is_one_line(run: Any, tmp_path: Path, verb: str, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    options = FAKES if verb == "coach" else ["--model", "fake"]
    texts = [] if verb == "transcribe" else [TEXT]
    one_line(run(verb, tmp_path / name, *texts, *options), name)


def test_a_recording_that_is_not_there(run: Any, tmp_path: Path) -> None:
    one_line(run("score", tmp_path / "gone.wav", TEXT, "--model", "fake"), "gone.wav")


@pytest.mark.parametrize("text", ["", "   ", "😀", "..."])
def test_a_text_that_cannot_be_said(run: Any, clip: Path, text: str) -> None:
    one_line(run("score", clip, text, "--model", "fake"))


def test_an_unknown_model_lists_the_known(run: Any, clip: Path) -> None:
    one_line(run("score", clip, TEXT, "--model", "nonsense"), "nonsense", "fake")


def test_align(run: Any, clip: Path) -> None:
    done = run("align", clip, TEXT, "--model", "fake")
    rows = [line.split("\t") for line in done.out.splitlines()]
    # Three words, seven phones (AY TH IH NG K S OW): the words' lines come before their phones'.
    assert [row[2].strip() for row in rows] == "I AY think TH IH NG K so S OW".split()
    assert float(rows[0][0]) == 0.0
    assert float(rows[-1][1]) == 2.0
    words = json.loads(run("align", clip, TEXT, "--model", "fake", "--json").out)["words"]
    assert [len(word["phones"]) for word in words] == [1, 4, 2]


def test_textgrid(run: Any, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.TextGrid"
    assert run("align", clip, TEXT, "--model", "fake", "--textgrid", target).status == 0
    lines = [line.strip() for line in target.read_text(encoding="utf-8").splitlines()]
    assert lines[:2] == ['File type = "ooTextFile"', 'Object class = "TextGrid"']
    assert [line for line in lines if line.startswith("name")] == ['name = "words"', 'name = "phones"']
    assert [line[8:-1] for line in lines if line.startswith("text = ")][:3] == ["I", "think", "so"]


def test_a_textgrid_has_no_gaps() -> None:
    rows = [(0.5, 1.0, "a"), (1.0, 1.2, "b"), (1.1, 1.15, "inside"), (1.5, 9.0, 'c "d"')]
    whole = tiers.filled(rows, 2.0)
    assert whole == [(0.0, 0.5, ""), (0.5, 1.0, "a"), (1.0, 1.2, "b"), (1.2, 1.5, ""), (1.5, 2.0, 'c "d"')]
    assert tiers.filled([], 2.0) == [(0.0, 2.0, "")]


# Transcribe, coach, speak


def test_transcribe_one(run: Any, clip: Path) -> None:
    assert run("transcribe", clip, "--model", "fake").out == "hello world\n"
    row = json.loads(run("transcribe", clip, "--model", "fake", "--json").out)
    assert row["words"][1] == {"text": "world", "start": 1.0, "end": 2.0, "confidence": 1.0}
    assert row["audio"] == str(clip)


def test_a_verbatim_transcript_says_what_a_word_sounded_like(
    run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in of the scorer hears every TH as S."""
    monkeypatch.setattr(registry, "load_scorer", lambda device: FakeScorer(device=device))
    monkeypatch.setattr(registry, "load", lambda *_, **__: FakeTranscriber("I think so"))
    told = run("transcribe", clip, "--verbatim").out.splitlines()
    assert told == ["I think so", 'I think you wanted to say "think"; it sounded like "sink"']
    row = json.loads(run("transcribe", clip, "--verbatim", "--json").out)
    other = [{"meant": "think", "said": "sink", "phones": ["S", "IH", "NG", "K"]}]
    assert row["text"] == "I think so"
    assert row["verbatim"] == {"text": "I sink so", "other": other}


def test_transcribe_keeps_the_good_ones(run: Any, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"")
    done = run("transcribe", clip, bad, clip, "--model", "fake")
    assert done.status == 1
    assert done.out == f"{clip}\thello world\n" * 2
    assert "bad.wav" in done.err
    assert len(json.loads(run("transcribe", clip, bad, clip, "--model", "fake", "--json").out)) == 2


def test_coach_json(run: Any, clip: Path) -> None:
    row = json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)
    assert list(row) == ["schema_version", "transcript", "score", "feedback"]
    assert row["score"]["text"] == TEXT
    assert row["transcript"]["text"] == "hello world"  # what was heard is shown beside what was asked for
    assert row["feedback"]["tips"][0]["word"] == "think"


def test_coach_without_a_text_scores_what_was_heard(run: Any, clip: Path) -> None:
    row = json.loads(run("coach", clip, *FAKES, "--json").out)
    assert row["score"]["text"] == row["transcript"]["text"] == "hello world"


def test_coach_corrects_the_grammar_of_free_speech(
    run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", heard("Um, she don't like it."))
    done = run("coach", clip, *FAKES)
    assert 'Without fillers and repetitions: "She don\'t like it."' in done.out
    assert "\n  She doesn't like it.\n" in done.out and "[g1]" in done.out
    row = json.loads(run("coach", clip, *FAKES, "--json").out)
    assert list(row) == ["schema_version", "transcript", "score", "feedback", "grammar"]
    (edit,) = row["grammar"]["edits"]
    assert (edit["id"], edit["kind"], edit["after"]) == ("g1", "agreement", "doesn't")
    assert [tip["evidence"] for tip in row["grammar"]["tips"]] == ["g1"]
    spanish = ["--transcriber", "fake", "--scorer", "fake", "--tutor", "rules", "--explain", "es"]
    assert "más habitual" in run("coach", clip, *spanish).out
    assert "grammar" not in json.loads(run("coach", clip, *FAKES, "--grammar", "none", "--json").out)
    other = json.loads(run("coach", clip, *FAKES, "--grammar", "fake", "--json").out)["grammar"]
    assert (other["source"], other["edits"]) == ("fake", [])


def test_coach_corrects_no_grammar_of_a_given_text(run: Any, clip: Path) -> None:
    assert "grammar" not in json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)
    one_line(run("coach", clip, TEXT, *FAKES, "--grammar", "rules"), "--grammar rules corrects free speech")
    one_line(run("coach", clip, *FAKES, "--grammar", "no-such-model"), "no-such-model")


def heard(text: str) -> Any:
    """Loads as the registry does, but the fake recogniser hears this."""
    load = registry.load

    def loads(stage: str, name: str | None = None, **options: Any) -> Any:
        return FakeTranscriber(text) if stage == "transcriber" else load(stage, name, **options)

    return loads


def test_coach_for_people(run: Any, clip: Path) -> None:
    done = run("coach", clip, TEXT, *FAKES)
    assert "think: Say TH in think." in done.out
    assert "Try it again." in done.out


@pytest.mark.writes_home
def test_coach_says_once_that_another_tutor_spoke(run: Any, clip: Path) -> None:
    dead = ["--transcriber", "fake", "--scorer", "fake", "--tutor", f"http://127.0.0.1:{closed_port()}/v1"]
    done = run("coach", clip, TEXT, *dead, "--json")
    assert done.status == 0 and done.err.count("the rules speak") == 1 and done.err.count("\n") == 1
    row = json.loads(done.out)
    assert row["feedback"]["source"] == "rules" and len(row["warnings"]) == 1
    assert "did not answer" in row["warnings"][0]
    assert run("coach", clip, TEXT, *dead).err.count("the rules speak") == 1
    assert "warnings" not in json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.writes_home
def test_coach_remembers_a_named_learner(run: Any, clip: Path) -> None:
    from speechtutor.learner.store import open_store

    assert run("coach", clip, TEXT, *FAKES).status == 0
    assert not list(open_store().attempts("anonymous"))
    for _ in range(2):
        assert run("coach", clip, TEXT, *FAKES, "--learner", "ana").status == 0
    assert [attempt.exercise.text for attempt in open_store().attempts("ana")] == [TEXT, TEXT]


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
def test_speak(run: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    done = run("speak", "hello", "--rate", "0.5", "--model", "fake", "-o", path)
    assert (done.status, done.out) == (0, "")
    assert audio.load(path).duration == pytest.approx(1.0)  # 5 letters x 0.1 s / 0.5


def test_speak_where_nothing_can_be_written(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_line(run("speak", "hello", "--model", "fake", "-o", tmp_path / "file" / "a.wav"), "a.wav")


# Models and doctor


def test_models_list(run: Any) -> None:
    from speechtutor import hub, registry

    value = json.loads(run("models", "list", "--json").out)
    assert {row["name"] for row in value["checkpoints"]} == set(hub.checkpoints())
    assert len(value["models"]) == len(registry.entries())
    defaults = [row for row in value["models"] if row["default"]]
    assert all(row["name"] != "fake" for row in defaults)
    assert run("models").out == run("models", "list").out
    for row in (*value["checkpoints"], *value["shipped"]):
        assert row["name"] in run("models").out
    assert sum(row["size"] for row in value["shipped"]) < 90e6


def test_models_pull_says_what_there_is(run: Any) -> None:
    one_line(run("models", "pull"), "whisper-base")
    one_line(run("models", "pull", "whisper-bass"), "whisper-base")


@pytest.mark.writes_home
def test_models_pull_offline_from_nowhere(run: Any) -> None:
    one_line(run("models", "pull", "kokoro-82m", "--offline"), "kokoro-82m")


def test_what_ships_is_what_is_pinned(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from speechtutor.hub import shipped

    there = {
        path.relative_to(shipped.WEIGHTS).as_posix()
        for path in shipped.WEIGHTS.rglob("*")
        if path.is_file() and path.parent != shipped.WEIGHTS
    }
    assert there == {f"{name}/{path}" for name, files in shipped.sums().items() for path in files}
    weights = tmp_path / "weights"
    shutil.copytree(shipped.WEIGHTS / "scorer", weights / "scorer")
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    assert run("models", "verify", "scorer").out == "scorer\tok\n"
    with (weights / "scorer" / "config.json").open("a") as file:
        file.write(" ")
    done = run("models", "verify", "scorer")
    assert done.status == 2 and done.out == "scorer\tDAMAGED\n"
    assert "scorer/config.json; install speechtutor again" in done.err
    (weights / "scorer" / "head.safetensors").unlink()
    assert "scorer/head.safetensors" in run("models", "verify", "scorer").err


@pytest.mark.writes_home
def test_models_verify(run: Any) -> None:
    from speechtutor import hub

    done = run("models", "verify", "--json")
    value = json.loads(done.out)
    # Nothing was pulled into this home: what is here is what ships.
    assert value["ok"] is True and set(value["checkpoints"]) == set(hub.shipped.sums())
    done = run("models", "verify", "kokoro-82m")
    assert done.status == 2
    assert "kokoro-82m/" in done.err


def test_doctor(run: Any) -> None:
    done = run("doctor", "--json")
    value = json.loads(done.out)
    names = [finding["name"] for finding in value["findings"]]
    assert {"python", "torch", "torch with torchaudio", "device", "cache", "free space", "microphone"} <= set(
        names
    )
    assert value["ok"] is all(finding["ok"] for finding in value["findings"])
    assert done.status == (0 if value["ok"] else 1)


def test_doctor_needs_what_pyproject_needs() -> None:
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    assert set(doctor_verb.NEEDED) <= core
    for name, extra in doctor_verb.OPTIONAL.items():
        assert any(line.startswith(name) for line in project["optional-dependencies"][extra])


def test_doctor_names_the_cause(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(doctor_verb, "CHECKS", (doctor_verb.storage,))
    done = run("doctor")
    assert done.status == 1
    assert "BAD cache" in done.out
    assert "SPEECHTUTOR_HOME" in done.out


def test_doctor_explains_a_torch_that_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "OSError: libc10_cuda.so: cannot open shared object file"
    failing = f"print('cpu AVX2, bf16 no')\nimport sys; sys.exit({message!r})"
    monkeypatch.setattr(doctor_verb, "PROBE", failing)
    device, pair = doctor_verb.torch_pair()
    assert (device.ok, device.found) == (True, "cpu AVX2, bf16 no")
    assert not pair.ok
    assert message in pair.found
    assert "CPU-only" in pair.advice
    assert "builds differ" in doctor_verb._pair_advice("undefined symbol: _ZN3c10")


# Bench and app


def test_bench_json(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (2, 3, 4):
        audio.save(FakeSynthesizer().speak("a" * 10 * seconds), tmp_path / f"{seconds}.wav")
    monkeypatch.setattr(bench_verb, "startup", partial(bench_verb.startup, repeats=1))
    (tmp_path / "bad.wav").write_bytes(b"")
    names = ["--transcriber", "fake", "--scorer", "fake", "--tutors", "fake", "--tutors", "rules"]
    done = run("bench", "--clips", tmp_path, "--repeats", "2", *names, "--json")
    assert done.status == 0
    row = json.loads(done.out)
    assert row["clip"] == {"name": "3.wav", "duration": 3.0, "text": "hello world"}
    assert set(row["stages"]) == {"transcribe", "align_and_score", "loop_without_llm"}
    assert set(row["tutors"]) == {"fake", "rules"}
    for part in (*row["stages"].values(), *row["startup"].values(), row["tutors"]["fake"]["total"]):
        assert 0 <= part["p50_ms"] <= part["p95_ms"]
    assert (row["real_time_factor"]["clips"], row["real_time_factor"]["audio_s"]) == (3, 9.0)
    assert "bad.wav" in done.err
    assert {"commit", "versions", "cpus"} <= set(row["machine"])


def test_bench_for_people(run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_verb, "startup", dict)
    names = ["--transcriber", "fake", "--scorer", "fake", "--tutors", "fake"]
    done = run("bench", "--clips", clip.parent, "--repeats", "1", *names)
    assert "align_and_score" in done.out
    assert "peak memory" in done.out


def test_bench_asks_a_tutor_about_each_score_once() -> None:
    asked: list[str] = []

    class Streaming:
        def stream(self, score: UtteranceScore, learner: object) -> Iterator[str]:
            asked.append(score.text)
            yield from ("one", "two")

    row = bench_verb.advising(Streaming(), [UtteranceScore(text, ()) for text in "abc"])
    assert asked == ["a", "b", "c"]
    assert row["first_text"]["n"] == row["total"]["n"] == 2  # the first was the warm-up
    assert row["first_text"]["p50_ms"] <= row["total"]["p50_ms"]


def test_bench_percentiles() -> None:
    # 1, 2 … 101 ms: the median is the 51st value, the 95th percentile the one at 0.95 x 100 = 95 places on.
    row = bench_verb.percentiles([i / 1000 for i in range(1, 102)])
    assert row == {"p50_ms": 51.0, "p95_ms": 96.0, "n": 101}


@pytest.mark.parametrize("words", [["--repeats", "0"], ["--limit", "0"], ["--clips", "nowhere"]])
def test_bench_refuses_nonsense(run: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_verb, "startup", dict)
    done = run("bench", *words, "--transcriber", "fake", "--scorer", "fake")
    assert done.status == 2
    assert done.out == ""


def test_app_finds_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "demo", raising=False)
    assert output.demo() == PROJECT / "demo"
    assert app_verb.module().__file__ == str(PROJECT / "demo" / "app.py")


def test_app_passes_on_what_was_asked(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(app_verb, "module", lambda: SimpleNamespace(serve=lambda **how: calls.append(how)))
    assert run("app", "--port", "7999", "--device", "cpu").status == 0
    given = {"host": "127.0.0.1", "port": 7999, "device": "cpu", "open_browser": False}
    assert calls == [
        given
        | {
            "store": None,
            "grammar": None,
            "tutor": None,
            "strictness": None,
            "auth_file": None,
            "without_sign_in": False,
            "names": (),
        }
    ]


def test_a_strictness_that_a_scorer_does_not_have_is_one_line(run: Any, clip: Path) -> None:
    one_line(run("score", clip, TEXT, "--model", "fake", "--strictness", "strict"), "fake", "strictness")
    one_line(run("coach", clip, TEXT, *FAKES, "--strictness", "strict"), "fake", "strictness")
