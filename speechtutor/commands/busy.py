"""Other processes for `speechtutor bench` to measure beside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MOST_BUSY = 64
BUSY = """
import os, sys, threading
def leave():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=leave, daemon=True).start()
print(flush=True)
while True:
    pass
"""
"""A process that counts as busy; it ends with the one that started it."""


@contextmanager
def busy_processes(n: int) -> Iterator[None]:
    """Other processes that each take all of a processor that they get; they end when this one does."""
    pipe = subprocess.PIPE
    others = [subprocess.Popen([sys.executable, "-c", BUSY], stdin=pipe, stdout=pipe) for _ in range(n)]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        yield
    finally:
        for other in others:
            other.kill()
            other.communicate()
