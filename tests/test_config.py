"""Settings: fields are flags, files are replayed as flags, every run can be traced."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from speechtutor import config
from speechtutor.errors import InputError, StorageError


@dataclass(frozen=True)
class Config:
    """Train a thing."""

    manifest: Path
    """Rows to train on."""
    epochs: int = 6
    """Passes over the data."""
    rate: float = 1e-4
    freeze: bool = False
    folds: tuple[int, ...] = (0, 1)
    l1: str | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise InputError(f"epochs must be at least 1, not {self.epochs}")
        if self.rate <= 0:
            raise ValueError(f"rate must be positive, not {self.rate}")


def test_flags_and_defaults() -> None:
    assert config.parse(Config, ["--manifest", "a.jsonl"]) == Config(Path("a.jsonl"))
    words = "--manifest a --epochs 2 --rate 0.5 --freeze --folds 3 --folds 4 --l1 zh".split()
    assert config.parse(Config, words) == Config(Path("a"), 2, 0.5, True, (3, 4), "zh")
    assert config.parse(Config, ["--manifest", "a", "--no-freeze"]).freeze is False


def test_help_shows_the_fields_with_their_strings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        config.parse(Config, ["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for part in (
        "Train a thing.",
        "--manifest",
        "Rows to train on.",
        "Passes over the data.",
        "[default: 6]",
    ):
        assert part in shown


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ([], "--manifest"),
        (["--manifest", "a", "--epoch", "3"], "--epochs"),
        (["--manifest", "a", "--epochs", "many"], "many"),
        (["--manifest", "a", "--epochs", "0"], "at least 1"),
        (["--manifest", "a", "--rate", "-1"], "positive"),
        (["--manifest", "a", "stray"], "stray"),
        (["--config"], "needs a file"),
        (["--config", "nowhere.json"], "nowhere.json"),
    ],
)
def test_a_bad_word_is_one_line_and_status_2(
    words: list[str], cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        config.parse(Config, words)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: ")
    assert cause in said


def test_save_then_replay(tmp_path: Path) -> None:
    cfg = Config(Path("a.jsonl"), 3, 0.25, True, (7,))
    path = config.save(cfg, tmp_path / "run", device="cuda:0")
    assert config.parse(Config, ["--config", str(path)]) == cfg
    assert config.parse(Config, [f"--config={path}"]) == cfg


def test_a_typed_flag_wins_over_the_file(tmp_path: Path) -> None:
    path = config.save(Config(Path("a"), 3, folds=(7, 8)), tmp_path)
    again = config.parse(Config, ["--epochs", "5", "--config", str(path), "--folds", "9"])
    assert again == Config(Path("a"), 5, folds=(9,))


def replay(tmp_path: Path, settings: object) -> Config:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"config": settings}))
    return config.build(Config, ["--config", str(path)])


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"manifest": "a", "epoch": 3}, "epoch"),
        ({"manifest": "a", "epochs": "many"}, "many"),
        ({"manifest": "a", "epochs": 0}, "at least 1"),
        ({"epochs": 3}, "manifest"),
        ([1], "must be an object"),
    ],
)
def test_a_file_meets_the_same_checks(tmp_path: Path, settings: object, cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        replay(tmp_path, settings)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_file_that_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        config.read(path)


def test_the_record_says_what_it_ran_on(tmp_path: Path) -> None:
    record = json.loads(config.save(Config(Path("a")), tmp_path).read_text())
    assert set(record) == {"config", "commit", "versions", "device"}
    assert record["config"]["manifest"] == "a"
    assert record["device"] == "cpu"
    assert {"python", "numpy", "torch"} <= set(record["versions"])


def test_the_commit_and_its_plus(tmp_path: Path) -> None:
    assert config.commit(tmp_path) is None

    def git(*words: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", tmp_path, *settings, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    head = git("rev-parse", "HEAD")
    assert config.commit(tmp_path) == head
    (tmp_path / "a").write_text("2")
    assert config.commit(tmp_path) == f"{head}+"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        config.save(Config(Path("a")), tmp_path / "file" / "run")


def test_only_dataclasses_are_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="dict"):
        config.save({"a": 1}, tmp_path)  # type: ignore[type-var]


@dataclass(frozen=True)
class Free:
    """Do a thing."""

    n: int = 1
    """How often."""


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (InputError("row 7 is odd"), 2, "error: row 7 is odd\n"),
        (OSError(28, "No space left on device", "a.bin"), 2, "error: no space left on the disk: a.bin\n"),
        (KeyboardInterrupt(), 130, "stopped; what is in the output folder stays\n"),
    ],
)
def test_a_recipe_ends_with_one_line(
    error: BaseException,
    status: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(cfg: Free) -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["recipe"])
    with pytest.raises(SystemExit) as ended:
        config.main(run, Free)
    assert (ended.value.code, capsys.readouterr().err) == (status, says)


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(cfg: Free) -> None:
        raise OSError(13, "Permission denied", "a.bin")

    monkeypatch.setattr("sys.argv", ["recipe"])
    with pytest.raises(OSError, match="Permission denied"):
        config.main(run, Free)


def test_a_recipe_prints_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["recipe", "--n", "2"])
    config.main(lambda cfg: [{"n": cfg.n}, {"n": cfg.n + 1}], Free)
    config.main(lambda cfg: {"all": {"per": 0.123456}}, Free)
    config.main(lambda cfg: 0.5, Free, lambda value: f"{value:.2f}")
    assert capsys.readouterr().out == "{'n': 2}\n{'n': 3}\nall {'per': 0.1235}\n0.50\n"
    monkeypatch.setenv("RANK", "1")
    config.main(lambda cfg: "again", Free)
    assert capsys.readouterr().out == ""
