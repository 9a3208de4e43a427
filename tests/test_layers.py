"""Imports point to a lower floor, and the free things stay free."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGE = PROJECT / "speechtutor"
FLOORS = {
    0: "core corrections signals errors",
    1: "stages audio containers headers text reading numerals phones features lexicon variants g2p language "
    "languages metrics manifest config schema azure codec hub",
    3: "models",
    4: "registry pipeline",
    5: "speechtutor __main__ cli commands",
}
ELSE = 2
"""Any other module: values in, values out."""
SHARED = {
    f"speechtutor.models.{name}"
    for name in (
        "device",
        "convert",
        "ct2",
        "phone_encoder",
        "head",
        "adapters",
        "lora_cut",
        "whisper_encoder",
    )
}
"""What models share: where to compute, how foreign weights are read, and the networks themselves."""
BUILDS_ON = {
    "speechtutor.models.scorer": {"speechtutor.models.acoustic"},
    "speechtutor.models.acoustic": {"speechtutor.models.ctc_acoustic", "speechtutor.models.onnx_acoustic"},
    "speechtutor.models.wav2vec2": {"speechtutor.models.ctc_acoustic"},
    "speechtutor.models.diagnosis": {"speechtutor.models.acoustic"},
    "speechtutor.models.onnx_whisper": {"speechtutor.models.whisper"},
    "speechtutor.models.export": {
        f"speechtutor.models.{name}"
        for name in ("onnx_acoustic", "onnx_whisper", "whisper", "whisper_graphs")
    },
}
"""A scorer is made of an acoustic model and a head; the acoustic model may be a foreign checkpoint or an
exported one; an exporter takes what is loaded and writes what can be."""
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
FILES = sorted(PACKAGE.rglob("*.py"))
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}


def name_of(path: Path) -> str:
    """speechtutor/hub/store.py -> speechtutor.hub.store; a package by its own name."""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def floor(module: str) -> int:
    parts = module.split(".")
    return FLOOR["speechtutor"] if len(parts) == 1 else FLOOR.get(parts[1], ELSE)


def imports(path: Path, *, top: bool = False) -> Iterator[str]:
    """Every module that a file imports; with `top` only those imported when it is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def own(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "speechtutor"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_arrow_points_up(module: str) -> None:
    up = sorted(name for name in own(MODULES[module]) if floor(name) > floor(module))
    assert not up, f"{module} (floor {floor(module)}) imports {', '.join(f'{n} ({floor(n)})' for n in up)}"


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
    """A training loop is not a model: it may import the one it trains."""
    return floor(module) == FLOOR["models"] and module not in SHARED and not module.endswith("_training")


@pytest.mark.parametrize("module", sorted(filter(is_model, MODULES)))
def test_no_model_imports_another(module: str) -> None:
    others = {n for n in own(MODULES[module]) if n.startswith("speechtutor.models.")} - {module}
    others -= SHARED | BUILDS_ON.get(module, set())
    assert not others, f"{module} imports {sorted(others)}"


@pytest.mark.parametrize("module", sorted(m for m in MODULES if floor(m) != FLOOR["models"]))
def test_engines_live_in_models(module: str) -> None:
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


VERBS = "doctor models transcribe align score coach speak practice evaluate report bench app".split()


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
    assert floor("speechtutor.core") < floor("speechtutor.schema") < floor("speechtutor.align")
    assert floor("speechtutor.models.whisper") < floor("speechtutor.registry") < floor("speechtutor.cli")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_monster(path: Path) -> None:
    """The budget is 300 lines a file and 40 a function; well past it is where the monster begins."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, f"{path.name} is becoming a monster"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= 60, f"{path.name}:{node.lineno}: {node.name} has {lines} lines"
