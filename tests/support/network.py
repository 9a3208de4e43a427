"""A process whose look-ups, sockets and files are watched, cut off from the network where that can be done.

Python's own look-ups are written down by a `sitecustomize`; engines look hosts up in code of their own, so
that the system calls of the process are watched as well where strace and a network namespace are there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from speechtutor import engines
from tests.conftest import PROJECT

CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in {*engines.SILENT, *engines.WAITING, "GOMP_SPINCOUNT", "OMP_NUM_THREADS"}
}
SITE = """
import os, socket
def told(name, real):
    def call(*args, **options):
        with open(os.environ["LOOKED_UP"], "a") as log:
            log.write(f"{name} {args[:2]}\\n")
        return real(*args, **options)
    return call
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
    setattr(socket, name, told(name, getattr(socket, name)))
"""
OURS = re.compile(r"127\.0\.0\.1|::1|localhost|(?:b?'')|\(None,")
"""What stands in a line about this machine itself."""


def _front(log: Path) -> list[str]:
    """A command in front that cuts off all but loopback and writes down every socket, where there is one."""
    if not shutil.which("unshare") or not shutil.which("strace"):
        return []
    up = 'ip link set lo up 2>/dev/null; exec "$@"'
    front = ["unshare", "-rn", "sh", "-c", up, "sh", "strace", "-f", "-qq", "--seccomp-bpf"]
    front += ["-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]
    works = subprocess.run([*front, os.devnull, "true"], capture_output=True, check=False)
    return [*front, str(log)] if works.returncode == 0 else []


@dataclass(frozen=True)
class Watched:
    """What a process did; all answers are empty as they should be."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def is_cut_off(self) -> bool:
        """Whether sockets are watched, and not only Python's look-ups."""
        return bool(_front(self.folder / "sockets"))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, to its end."""
        command = [*_front(self.folder / "sockets"), sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def looked_up(self) -> list[str]:
        """Names of others that Python looked up or connected to."""
        return self._foreign("looked_up", "")

    def connected(self) -> list[str]:
        """Calls of the process that reach others over the internet's protocols."""
        return self._foreign("sockets", "AF_INET")

    def written(self) -> list[str]:
        """Files and folders that were made in the user's own home."""
        home = self.folder / "home"
        return sorted(path.relative_to(home).as_posix() for path in home.rglob("*"))

    def _foreign(self, name: str, part: str) -> list[str]:
        file = self.folder / name
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if part in line and not OURS.search(line)]


def watch(folder: Path, models_home: Path) -> Watched:
    """A process with an empty home that finds the models and nothing else of the user's."""
    site = folder / "site"
    site.mkdir()
    (folder / "home").mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    environment = CLEAN | {
        "HOME": str(folder / "home"), "SPEECHTUTOR_HOME": str(models_home),
        "PYTHONPATH": f"{site}{os.pathsep}{PROJECT}", "LOOKED_UP": str(folder / "looked_up"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HF_HOME"):
        environment.pop(name, None)
    return Watched(folder, environment)
