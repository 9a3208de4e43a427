"""The house as it stands: rooms, floors, arrows and sizes, read from the files themselves.

python -m tests.support.house            print the drawing and the figures
python -m tests.support.house --write    put both into CONTRIBUTING.md
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "speechtutor"
GUIDE = PROJECT / "CONTRIBUTING.md"
DRAWING = re.compile(r"(<!-- drawing -->\n).*?(<!-- /drawing -->)", re.DOTALL)
TABLE_ROW = re.compile(r"^\| (\d) \| ((?:`\w+` ?)+)\|", re.MULTILINE)


def name_of(path: Path) -> str:
    """speechtutor/hub/cache.py -> speechtutor.hub.cache; a package by its own name."""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(*folders: str) -> list[Path]:
    """The Python files of top-level folders."""
    return sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))


MODULES: Mapping[str, Path] = {name_of(path): path for path in files("speechtutor")}
OUTSIDE: Mapping[str, Path] = {name_of(path): path for path in files("demo", "recipes")}


def room(module: str) -> str:
    """The folder or root file of the package that a module belongs to; `demo` and `recipes` are rooms too."""
    parts = module.split(".")
    return parts[1] if parts[0] == "speechtutor" and len(parts) > 1 else parts[0]


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, top: bool = False) -> Iterator[str]:
    """Every module that a file imports; with `top` only those imported when it is."""
    known = MODULES.keys() | OUTSIDE.keys()
    for node in tree_of(path).body if top else ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def floors() -> dict[str, int]:
    """The floor of every room, as the table of CONTRIBUTING.md says."""
    text = GUIDE.read_text(encoding="utf-8")
    return {name.strip("`"): int(floor) for floor, names in TABLE_ROW.findall(text) for name in names.split()}


@cache
def arrows() -> dict[str, dict[str, int]]:
    """How many modules of a room import how many of another: room -> room -> number of pairs."""
    pairs = {
        (module, target)
        for module, path in {**MODULES, **OUTSIDE}.items()
        for target in imports(path)
        if target.split(".")[0] in ("speechtutor", "demo", "recipes") and room(target) != room(module)
    }
    found: dict[str, dict[str, int]] = {}
    for module, target in sorted(pairs):
        row = found.setdefault(room(module), {})
        row[room(target)] = row.get(room(target), 0) + 1
    return found


def reduced() -> dict[str, list[str]]:
    """The arrows that no longer way through other rooms implies."""
    to = {name: set(row) for name, row in arrows().items()}

    def reach(name: str) -> set[str]:
        return to.get(name, set()).union(*(reach(other) for other in to.get(name, set())))

    return {
        name: sorted(row - set().union(*(reach(other) for other in row))) for name, row in sorted(to.items())
    }


def drawing() -> str:
    """Floor by floor from the top, each room with the rooms that it stands on directly."""
    floor_of, below = floors(), reduced()
    lines = ["```text"]
    for floor in sorted(set(floor_of.values()), reverse=True):
        for name in sorted(name for name in floor_of if floor_of[name] == floor):
            targets = sorted(below.get(name, []), key=lambda other: (-floor_of[other], other))
            lines.append(f"{floor}  {name:<12}" + (f"──▶ {'  '.join(targets)}" if targets else "").rstrip())
        lines.append("")
    return "\n".join(line.rstrip() for line in [*lines[:-1], "```"]) + "\n"


def _functions(paths: list[Path]) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for path in paths for node in ast.walk(tree_of(path)) if isinstance(node, kinds)]


def _spread(sizes: list[int]) -> str:
    return f"{statistics.median(sizes):.0f} / {statistics.quantiles(sizes, n=10)[-1]:.0f} / {max(sizes)}"


def _public(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = list(tree_of(path).body)
    nodes += [sub for node in nodes if isinstance(node, ast.ClassDef) for sub in node.body]
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def figures() -> dict[str, str]:
    """Sizes and coverage by the definitions that the drawing's section states."""
    paths = list(MODULES.values())
    functions = _functions(paths)
    public = [node for path in paths for node in _public(path)]
    documented = sum(ast.get_docstring(node) is not None for node in public)
    typed = sum(node.returns is not None for node in functions)
    tests = {path.relative_to(PROJECT / "tests").with_suffix("") for path in files("tests")}
    mirrored = [m for m, path in MODULES.items() if path.name != "__init__.py" and _mirror(m) in tests]
    modules = [m for m, path in MODULES.items() if path.name != "__init__.py"]
    rooms = {room(module) for module in MODULES}
    entries = [p for p in PACKAGE.iterdir() if p.name != "__pycache__"]
    between = sum(sum(row.values()) for row in arrows().values())
    inside = {name: row for name, row in arrows().items() if name not in ("recipes", "demo")}
    return {
        "file lines, median / p90 / longest": _spread(
            [len(p.read_text(encoding="utf-8").splitlines()) for p in paths if p.name != "__init__.py"]
        ),
        "function lines, median / p90 / longest": _spread(
            [(node.end_lineno or 0) - node.lineno + 1 for node in functions]
        ),
        "functions with a return type": f"{100 * typed / len(functions):.0f} %",
        "public functions with a docstring": f"{100 * documented / len(public):.0f} %",
        "rooms (folders), floors": f"{sum((PACKAGE / name).is_dir() for name in rooms)}, "
        f"{len(set(floors().values()))}",
        "entries at the package's root (modules)": f"{len(entries)} "
        f"({sum(entry.suffix == '.py' for entry in entries)})",
        "room-to-room arrows, package (with demo and recipes)": f"{sum(len(r) for r in inside.values())} "
        f"({sum(len(row) for row in arrows().values())})",
        "module-to-module arrows between rooms": str(between),
        "modules with a test of their name": f"{len(mirrored)} of {len(modules)}",
    }


def _mirror(module: str) -> Path:
    *rooms, name = module.split(".")[1:]
    return Path(*rooms, f"test_{name}")


def main() -> None:
    """Print the drawing and the figures, or write the drawing into CONTRIBUTING.md."""
    if "--write" in sys.argv:
        text = GUIDE.read_text(encoding="utf-8")
        GUIDE.write_text(DRAWING.sub(lambda found: found[1] + drawing() + found[2], text), encoding="utf-8")
    print(drawing())
    for name, value in figures().items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
