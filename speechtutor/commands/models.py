"""`speechtutor models`: what there is, what is here, and whether it is what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from speechtutor import hub
from speechtutor.commands.output import AsJson, show
from speechtutor.errors import ChecksumError, InputError
from speechtutor.hub import shipped

if TYPE_CHECKING:
    from speechtutor.schema import Json

app = App(name="models", help="List, pull and verify models.")


def _row(name: str) -> Json:
    wanted = hub.checkpoint(name)
    folder = hub.located(name)
    return {
        "name": name,
        "stage": wanted.stage,
        "summary": wanted.summary,
        "size": wanted.size,
        "licence": wanted.licence,
        "present": folder is not None,
        "path": None if folder is None else str(folder),
        "sources": list(wanted.sources),
        "origin": hub.origin(name),
        "files": [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in wanted.files],
    }


def _shipped_row(name: str) -> Json:
    where = shipped.WEIGHTS / name
    files = {inside: where / inside for inside in shipped.sums()[name]}
    sizes = {inside: path.stat().st_size if path.is_file() else 0 for inside, path in files.items()}
    return {
        "name": name,
        "size": sum(sizes.values()),
        "licence": shipped.LICENCE,
        "path": str(where),
        "files": [{"path": p, "sha256": s, "size": sizes[p]} for p, s in shipped.sums()[name].items()],
    }


def _entry_rows() -> list[Json]:
    from speechtutor import registry

    return [
        {
            "stage": entry.stage,
            "name": entry.name,
            "default": registry.default(entry.stage) == entry.name,
            "installed": entry.installed,
            "checkpoint": entry.checkpoint,
            "revision": entry.revision,
            "licence": entry.licence,
            "langs": list(entry.langs),
            "summary": entry.summary,
        }
        for entry in registry.entries()
    ]


@app.default
@app.command(name="list")
def list_models(*, json: AsJson = False) -> None:
    """List the models of every stage, the checkpoints they use, and the weights that ship."""
    entries, rows = _entry_rows(), [_row(name) for name in hub.checkpoints()]
    ours = [_shipped_row(name) for name in shipped.sums()]
    if json:
        show({"models": entries, "checkpoints": rows, "shipped": ours})
        return
    print(f"{'stage':<12} {'model':<28} {'licence':<24} what")
    for entry in entries:
        name = entry["name"] + (" *" if entry["default"] else "")
        missing = "" if entry["installed"] else " (not installed)"
        print(f"{entry['stage']:<12} {name:<28} {entry['licence']:<24} {entry['summary']}{missing}")
    print(f"\n{'checkpoint':<24} {'stage':<12} {'MB':>5} {'here':<4} {'licence':<14} sha256, origin")
    for row in rows:
        here = "yes" if row["present"] else "no"
        print(f"{row['name']:<24} {row['stage']:<12} {row['size'] / 1e6:>5.0f} {here:<4} {row['licence']}")
        for file in row["files"]:
            origin = row["origin"].get(file["path"]) or f"from {', '.join(row['sources'])}"
            print(f"    {file['sha256'][:16]}  {file['path']}  {origin}")
    print(f"\n{'ships with the package':<37} {'MB':>5} {'licence':<14} sha256")
    for row in ours:
        print(f"{row['name']:<37} {row['size'] / 1e6:>5.1f} {row['licence']}")
        for file in row["files"]:
            print(f"    {file['sha256'][:16]}  {file['path']}")
    print("\n* the default of its stage")


@app.command
def pull(
    *names: Annotated[str, Parameter(help="Checkpoints to bring.")],
    source: Annotated[Path | None, Parameter(help="A directory that is asked first.")] = None,
    offline: Annotated[bool, Parameter(help="Ask nothing on a network.")] = False,
    all: Annotated[bool, Parameter(help="Pull every checkpoint there is.")] = False,
) -> None:
    """Bring checkpoints into the cache; what is there already is left alone."""
    if bool(names) == all:
        raise InputError(f"name what to pull, or --all: {', '.join(hub.checkpoints())}")
    for name in names:
        hub.checkpoint(name)  # a misspelt name is said before anything is fetched
    for name in hub.checkpoints() if all else names:
        print(f"{name}\t{hub.pull(name, source=source, offline=offline, check=True)}")


@app.command
def verify(
    *names: Annotated[str, Parameter(help="Checkpoints to verify (those that are here)")],
    json: AsJson = False,
) -> None:
    """Hash every file of the checkpoints and compare with the pinned sums; so too what was made from them."""
    here = (*hub.here(), *shipped.sums())
    results = [shipped.verify(name) if name in shipped.sums() else hub.verify(name) for name in names or here]
    results += [] if names else hub.verify_derived()
    if json:
        files = {r.name: [{"path": f.path, "ok": f.ok, "sha256": f.found} for f in r.files] for r in results}
        show({"ok": all(r.ok for r in results), "checkpoints": files})
    else:
        for result in results:
            print(f"{result.name}\t{'ok' if result.ok else 'DAMAGED'}")
    bad = [f"{r.name}/{f.path}" for r in results for f in r.files if not f.ok]
    if bad:
        cures = dict.fromkeys(_cure(result.name) for result in results if not result.ok)
        raise ChecksumError(f"not the bytes that they should be: {', '.join(bad)}; {', '.join(cures)}")


def _cure(name: str) -> str:
    if name.startswith("derived/"):
        return "what is under derived is made anew when it is next used"
    if name in shipped.sums():
        return "install speechtutor again"
    return "`speechtutor models pull` fetches them"
