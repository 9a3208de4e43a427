"""The container files: what a linter would say of them, and that they name what there is."""

from __future__ import annotations

import re
import shlex
import tomllib

import yaml

from speechtutor.cli import build
from tests.conftest import PROJECT

LINES = re.sub(r"\\\n\s*", "", (PROJECT / "Containerfile").read_text("utf-8")).splitlines()
STEPS = [(line.split()[0], line.partition(" ")[2]) for line in LINES if line and not line.startswith("#")]
COMPOSE = yaml.safe_load((PROJECT / "compose.yaml").read_text("utf-8"))


def test_the_image() -> None:
    """The rules of hadolint that matter here: DL3002, 3006, 3008, 3009, 3015, 3025, 3042, 3057 and DL4000."""
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in STEPS} <= known
    base = next(value for name, value in STEPS if name == "ARG")
    assert re.fullmatch(r"BASE=[\w./-]+:[\w.-]+", base) and "latest" not in base
    users = [value for name, value in STEPS if name == "USER"]
    assert users == ["speechtutor"]
    for name, value in STEPS:
        if "apt-get install" in value:
            assert "--no-install-recommends" in value and "rm -rf /var/lib/apt/lists/*" in value
            assert all("=" in word for word in re.findall(r"-y (.*?) +&&", value)[0].split())
        if "pip install" in value:
            assert "--no-cache-dir" in value
        if name == "CMD":
            assert value.startswith("[")
        assert (
            "sudo" not in value
            and name != "ADD"
            and not re.search(r"(password|secret|key)=\S", value.lower())
        )
    assert sum(name == "CMD" for name, _ in STEPS) == sum(name == "HEALTHCHECK" for name, _ in STEPS) == 1


def test_what_the_image_copies_and_installs_is_there() -> None:
    for name, value in STEPS:
        if name == "COPY" and not value.startswith("--from"):
            assert all((PROJECT / word).exists() for word in value.split()[:-1]), value
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    (asked,) = re.findall(r"'\.\[([\w,]+)\]'", "\n".join(LINES))
    assert set(asked.split(",")) <= set(extras)


def test_the_commands_are_understood() -> None:
    (command,) = [yaml.safe_load(value) for name, value in STEPS if name == "CMD"]
    inner = COMPOSE["services"]["api"]["command"].partition("exec ")[2].rstrip("'\n ")
    for words in (command, shlex.split(inner)):
        assert words[0] == "speechtutor"
        build().parse_args(words[1:], exit_on_error=False, print_error=False)


def test_compose() -> None:
    services, secrets = COMPOSE["services"], COMPOSE["secrets"]
    for name, service in services.items():
        assert "build" in service or not service["image"].endswith((":latest", "/")), name
        assert set(service.get("secrets", ())) <= set(secrets), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for volume in service.get("volumes", ()):
            place = volume.partition(":")[0]
            assert place in COMPOSE["volumes"] or (PROJECT / place).exists(), volume
    api = services["api"]
    assert api["read_only"] and api["cap_drop"] == ["ALL"] and api["depends_on"]["postgres"]
    assert int(api["stop_grace_period"].removesuffix("s")) > 60  # what was taken is finished
