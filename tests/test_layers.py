"""Imports point to a lower floor, and the free things stay free."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from speechtutor import cli
from tests.conftest import PROJECT
from tests.support.house import (
    DRAWING,
    GUIDE,
    MODULES,
    OUTSIDE,
    arrows,
    drawing,
    floors,
    imports,
    name_of,
    room,
)

FLOOR = floors()
ENGINE_ROOMS = {"models", "training"}
SHARED = {
    f"speechtutor.models.{name}"
    for name in (
        "device",
        "convert",
        "ct2",
        "phone_encoder",
        "head",
        "adapters",
        "chat",
        "description",
        "windows",
        "whisper_encoder",
    )
}
"""What models share: where to compute, how foreign weights are read, and the networks themselves."""
BUILDS_ON = {
    "speechtutor.models.scorer": {"speechtutor.models.acoustic", "speechtutor.models.diagnosis"},
    "speechtutor.models.acoustic": {"speechtutor.models.acoustic_ctc", "speechtutor.models.acoustic_onnx"},
    "speechtutor.models.wav2vec2": {"speechtutor.models.acoustic_ctc"},
    "speechtutor.models.diagnosis": {"speechtutor.models.acoustic"},
    "speechtutor.models.whisper_onnx": {"speechtutor.models.whisper"},
    "speechtutor.models.llm": {"speechtutor.models.llm_ct2"},
}
"""A scorer is made of an acoustic model and a head; the acoustic model may be a foreign checkpoint or an
exported one."""
ENGINES = {"torch", "torchaudio", "transformers", "peft", "accelerate", "faster_whisper", "ctranslate2"}
LATE = {"onnxruntime", "librosa", "soundfile", "av", "scipy", "swift_f0", "silero_vad", "gradio", "sklearn"}
HEAVY = [
    "torch",
    "torchaudio",
    "transformers",
    "peft",
    "gradio",
    "librosa",
    "scipy",
    "onnxruntime",
    "soundfile",
]
FILES = sorted(MODULES.values())


def own(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "speechtutor"}


def test_every_file_has_a_room_and_every_room_a_floor() -> None:
    rooms = {room(module) for module in (*MODULES, *OUTSIDE)}
    assert rooms - FLOOR.keys() == set(), "CONTRIBUTING.md does not give them a floor"
    assert FLOOR.keys() - rooms == set(), "CONTRIBUTING.md names what is not there"


@pytest.mark.parametrize("name", sorted(arrows()))
def test_every_arrow_points_down(name: str) -> None:
    up = sorted(other for other in arrows()[name] if FLOOR[other] >= FLOOR[name])
    assert not up, f"{name} (floor {FLOOR[name]}) imports {', '.join(f'{n} ({FLOOR[n]})' for n in up)}"


def test_the_drawing_is_that_of_the_imports() -> None:
    found = DRAWING.search(GUIDE.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group(0) == found[1] + drawing() + found[2], "python -m tests.support.house --write"


def test_a_file_imports_its_sibling_and_not_the_face_of_its_room() -> None:
    for module, path in MODULES.items():
        face = f"speechtutor.{room(module)}"
        if module != face and path.parent.name == room(module):
            assert face not in own(path), f"{module} imports the face of its own room"


def test_librosa_is_imported_under_its_lock_alone() -> None:
    """Two processes that compile it at once can leave what crashes a third (`audio.compiled`)."""
    paths = {**MODULES, **OUTSIDE, **{str(path): path for path in (PROJECT / "tests").rglob("*.py")}}
    found = {name for name, path in paths.items() if "librosa" in {n.split(".")[0] for n in imports(path)}}
    assert found == {"speechtutor.audio.compiled"}


def test_there_is_no_cycle_even_late() -> None:
    arrows = {
        module: own(path) & MODULES.keys() for module, path in MODULES.items() if module != "speechtutor"
    }
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' -> '.join((*trail[trail.index(module) :], module))}"
        if module in done:
            return
        for name in sorted(arrows.get(module, set()) - {module}):
            walk(name, (*trail, module))
        done.add(module)

    for module in sorted(arrows):
        walk(module, ())


def is_model(module: str) -> bool:
    """What runs a network; what it shares with others is none."""
    return room(module) == "models" and module not in SHARED


@pytest.mark.parametrize("module", sorted(filter(is_model, MODULES)))
def test_no_model_imports_another(module: str) -> None:
    others = {n for n in own(MODULES[module]) if n.startswith("speechtutor.models.")} - {module}
    others -= SHARED | BUILDS_ON.get(module, set())
    assert not others, f"{module} imports {sorted(others)}"


@pytest.mark.parametrize("module", sorted(m for m in MODULES if room(m) not in ENGINE_ROOMS))
def test_engines_live_in_their_rooms(module: str) -> None:
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    assert not roots & ENGINES, f"{module} imports {sorted(roots & ENGINES)}"
    early = {name.split(".")[0] for name in imports(MODULES[module], top=True)}
    assert not early & LATE, f"{module} imports {sorted(early & LATE)} at the top: import it where it is used"


def test_what_is_imported_is_declared() -> None:
    """Not by the grace of another package: a direct import is a dependency of ours."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [
        *project["dependencies"],
        *(line for name, rows in extras.items() if name != "dev" for line in rows),
    ]
    declared = {re.split(r"[<>=!~\[;]", line)[0].lower().replace("_", "-") for line in lines}
    owners = packages_distributions()
    for module, path in MODULES.items():
        for root in (
            {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {"speechtutor"}
        ):
            dists = {dist.lower().replace("_", "-") for dist in owners.get(root, [root])}
            assert dists & declared, f"{module} imports {root}, which pyproject.toml does not name"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nothing_imports_what_stands_outside(module: str) -> None:
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    assert not roots & {"recipes", "demo", "tests"}


VERBS = list(cli.VERBS)


@pytest.mark.parametrize(
    "code",
    [
        "import speechtutor; speechtutor.Recording, speechtutor.SpeechTutorError",
        "import sys; from speechtutor.cli import main; assert main(['--help']) == 0",
        "import sys; from speechtutor.cli import main; assert main(['--version']) == 0",
        f"from speechtutor.cli import main\nfor v in {VERBS}: assert main([v, '--help']) == 0",
        "import speechtutor.registry, speechtutor.pipeline",
    ],
    ids=["import", "help", "version", "verbs", "registry"],
)
def test_loads_nothing_heavy(code: str) -> None:
    code += f"\nimport sys; print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("LOADED []"), done.stdout[-300:]


def test_the_guard_itself_bites() -> None:
    code = "import scipy, sys; assert 'scipy' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert FLOOR["core"] < FLOOR["scoring"] < FLOOR["models"] < FLOOR["commands"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_monster(path: Path) -> None:
    """The budget is 300 lines a file and 40 a function; well past it is where the monster begins."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, f"{path.name} is becoming a monster"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= 60, f"{path.name}:{node.lineno}: {node.name} has {lines} lines"
