"""A real PostgreSQL, started for the tests of a module, and a database of its own for each."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import need

NUMBERS = count()


def tool(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)]))


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Path]:
    """The folder of a server's socket; as root it runs as the user postgres, since it refuses root."""
    initdb, control = tool("initdb"), tool("pg_ctl")
    need(initdb and control, "no PostgreSQL server on this machine")
    need(importlib.util.find_spec("psycopg"), "psycopg is not installed")
    with tempfile.TemporaryDirectory() as name:  # a socket's path is at most 107 bytes long
        folder, as_user = Path(name), []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]

        def call(*words: object) -> None:
            log = (folder / "said").open("a") if not as_user else subprocess.DEVNULL
            command = [*as_user, *map(str, words)]
            subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT, cwd=folder)

        call(initdb, "-D", folder / "data", "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses="
        call(control, "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield folder
        finally:
            call(control, "-D", folder / "data", "-m", "immediate", "-w", "stop")


@pytest.fixture
def url(postgres_server: Path) -> str:
    """A database of its own."""
    name = f"db{next(NUMBERS)}"
    engine = sa.create_engine(f"postgresql+psycopg://tester@/postgres?host={postgres_server}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"postgresql+psycopg://tester@/{name}?host={postgres_server}"
