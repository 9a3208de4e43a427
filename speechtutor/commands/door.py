"""Where a page of ours listens and who may come in: the same words for every verb that opens one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Door:
    """Where it listens, and who is let in."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    open: bool = False
    """Open the browser."""
    auth_file: Path | None = None
    """Who may sign in: lines of name:password."""
    without_sign_in: bool = False
    """Let everybody in who reaches another --host than this machine."""
    allow_host: tuple[str, ...] = ()
    """What else this machine is called, behind a proxy say."""

    def options(self) -> dict[str, Any]:
        """As a page's `serve` takes them."""
        return {
            "host": self.host,
            "open_browser": self.open,
            "auth_file": self.auth_file,
            "without_sign_in": self.without_sign_in,
            "names": self.allow_host,
        }
