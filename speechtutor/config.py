"""A run's settings: a frozen dataclass that is at once the flags, the help and the record.

    @dataclass(frozen=True)
    class Config:
        manifest: Path
        '''Rows to train on.'''
        epochs: int = 6
        '''Passes over the data.'''

    if __name__ == "__main__":
        main(run, Config)

Fields are the flags, the string under a field is its help, `__post_init__` is the check. `save`
writes config.json beside the results; `--config run/config.json` replays it as if its fields had
been typed, under the same checks, and flags on the command line win. An unknown key stops the run.
A run with `--smoke` and the usual `--out` writes to a temporary folder; `aside` says why.
"""

from __future__ import annotations

import errno
import importlib.metadata
import json
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, TypeVar

from cyclopts import App, CycloptsError, Parameter, convert
from cyclopts.config import Dict

from speechtutor.errors import InputError, SpeechTutorError
from speechtutor.files import fingerprint
from speechtutor.files.disk import write_text

if TYPE_CHECKING:
    from dataclasses import Field

FILE = "config.json"
_RECORDED = ("speechtutor", "numpy", "torch", "torchaudio", "transformers", "peft", "librosa")


class Settings(Protocol):
    """Any dataclass instance."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=Settings)


def read(path: Path) -> dict[str, Any]:
    """The settings of an earlier run.

    Raises:
        InputError: when the file is not a config.json.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["config"]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a {FILE} of a run, expected JSON with a key 'config'") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: 'config' must be an object, not {type(settings).__name__}")
    # A flag that was never given has no spelling; its default does.
    return {key: value for key, value in settings.items() if value is not None}


def _replayed(argv: Sequence[str]) -> tuple[list[str], Path | None]:
    """Take `--config FILE` or `--config=FILE` out of the arguments."""
    rest = list(argv)
    for i, word in enumerate(rest):
        flag, equals, value = word.partition("=")
        if flag != "--config":
            continue
        if not equals and i + 1 == len(rest):
            raise InputError("--config needs a file")
        path = value if equals else rest[i + 1]
        return rest[:i] + rest[i + (1 if equals else 2) :], Path(path)
    return rest, None


def _needs(settings: type[T]) -> list[str]:
    """What a recipe's docstring says that it needs beside the package itself."""
    doc = sys.modules[settings.__module__].__doc__ or ""
    return [line for line in doc.splitlines() if line.startswith("Needs ")]


_WHOLE = re.compile(r"[+-]?[0-9]+")


def exact(type_: Any, tokens: Any) -> Any:
    """What cyclopts makes of an argument, but for whole numbers, which it would round: 1.5 is not 2."""
    return convert(type_, tokens, converter=_leaf)


def _leaf(type_: Any, value: str) -> Any:
    if type_ is int and not _WHOLE.fullmatch(value.strip()):
        raise ValueError(f"{value} is no whole number")
    try:
        return convert(type_, [value])
    except CycloptsError as error:
        raise ValueError(str(error)) from None  # so that cyclopts names the option


def _app(settings: type[T], defaults: Mapping[str, Any], source: str) -> App:
    def accept(*, cfg: Any) -> Any:
        return cfg

    accept.__annotations__["cfg"] = Annotated[settings, Parameter(name="*")]
    if all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(settings)):
        # cyclopts wants a default for an argument whose every part has one.
        accept.__kwdefaults__ = {"cfg": settings()}
    return App(
        help="\n\n".join(
            [str(settings.__doc__), *_needs(settings), f"--config FILE replays the {FILE} of an earlier run."]
        ),
        help_format="plaintext",
        version_flags=[],
        default_parameter=Parameter(negative_iterable=(), converter=exact),
        default_command=accept,
        config=Dict(dict(defaults), source=source),
        result_action="return_value",
    )


def build(settings: type[T], argv: Sequence[str]) -> T:
    """The settings that the arguments ask for.

    Raises:
        InputError: for an unknown flag or key, a value of the wrong kind, or a failed check.
    """
    rest, path = _replayed(argv)
    app = _app(settings, read(path) if path else {}, str(path))
    try:
        cfg: T = app(rest, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise InputError(" ".join(str(error).split())) from None
    except ValueError as error:  # from __post_init__
        raise InputError(str(error)) from error
    if not isinstance(cfg, settings):  # --help was asked for and printed
        raise SystemExit(0)
    return aside(cfg)


def aside(cfg: T) -> T:
    """A smoke run writes to a new temporary folder, unless another `out` than the usual one was named.

    Where results usually go lie results, or tracked files, that made-up ones must not replace.

    Raises:
        InputError: when several processes, which must share a folder, are to make up one each.
    """
    place = next((field for field in fields(cfg) if field.name == "out"), None)
    if not getattr(cfg, "smoke", False) or place is None or getattr(cfg, "out", None) != place.default:
        return cfg
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("a smoke run of several processes needs --out: they share a folder")
    out = Path(tempfile.mkdtemp(prefix="speechtutor-smoke-")) / place.default.name
    print(f"a smoke run: what it makes is in {out}", file=sys.stderr)
    moved: T = replace(cfg, out=out)
    return moved


def parse(settings: type[T], argv: Sequence[str] | None = None) -> T:
    """The settings from the command line; one line and exit status 2 when they cannot be used."""
    try:
        return build(settings, sys.argv[1:] if argv is None else argv)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _lines(result: Any) -> str:
    """A row a line where there are several."""
    if isinstance(result, Mapping) and all(isinstance(row, Mapping) for row in result.values()):
        tidy = {name: {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
                for name, row in result.items()}  # fmt: skip
        result = [f"{name} {row}" for name, row in tidy.items()]
    return "\n".join(map(str, result)) if isinstance(result, list) else str(result)


def main(run: Callable[[T], Any], settings: type[T], show: Callable[[Any], str] = _lines) -> None:
    """A recipe as a command: settings from the command line, what `run` returns on stdout.

    One line and exit status 2 for a mistake, 130 when it was asked to stop; of several processes only
    the first one prints.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cfg = parse(settings)
    try:
        result = run(cfg)
    except SpeechTutorError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: no space left on the disk: {error.filename or 'while writing'}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("stopped; what is in the output folder stays", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        _leave()
    if os.environ.get("RANK", "0") == "0":
        print(show(result))


def _leave() -> None:
    """Leave the group of processes, if the run joined one: its threads, alive at exit, may abort it."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def commit(folder: Path | None = None) -> str | None:
    """The commit of the checkout, `+` behind it when files differ from it; None outside a checkout."""
    where = folder or Path(__file__).resolve().parent
    if folder is None and not (where.parent / "pyproject.toml").is_file():
        return None  # installed: a checkout around it is that of another project
    command = ["git", "-C", str(where), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def begin(
    cfg: Settings, folder: Path, mark: Mapping[str, Any], *, work: Sequence[str], device: str = "cpu"
) -> Path:
    """Start a run in a folder, or go on with the same one: config.json with a fingerprint.

    `work` are patterns of the files that a run goes on from; where there are any, `mark` must be that of
    the run that made them.

    Raises:
        InputError: when the folder holds work of another run, naming what differs.
        StorageError: when the disk refuses.
    """
    if any(next(folder.glob(pattern), None) for pattern in work):
        fingerprint.require_same(recorded(folder).get("fingerprint"), mark, folder, "another training")
    return save(cfg, folder, device=device, mark=mark)


def recorded(folder: Path) -> dict[str, Any]:
    """What lies in the config.json of a run; empty where there is none that can be read."""
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def save(cfg: Settings, folder: Path, *, device: str = "cpu", mark: Mapping[str, Any] | None = None) -> Path:
    """Write config.json: the settings and what they ran on, with the fingerprint of what is made.

    Raises:
        StorageError: when the disk refuses.
    """
    if not is_dataclass(cfg):
        raise TypeError(f"settings must be a dataclass, not {type(cfg).__name__}")
    record = {"config": asdict(cfg), "commit": commit(), "versions": versions(), "device": device}
    record |= {} if mark is None else {"fingerprint": fingerprint.plain(mark)}
    path = folder / FILE
    write_text(path, json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n")
    return path
