"""The model store: names pinned by content, sources that are only mirrors of it.

`checkpoints()` says what there is, `pull` brings it, `located` finds it, `verify` hashes it
again, `derived` keeps what was converted from it. Sources, in order: a directory of the user, the
cache, the Hugging Face hub, an archive on a package index.
"""

from speechtutor.files.disk import home
from speechtutor.hub.cache import (
    FileCheck,
    Verification,
    derived,
    here,
    located,
    origin,
    pull,
    verify,
    verify_derived,
)
from speechtutor.hub.catalog import Checkpoint, File, Part, checkpoint, checkpoints, unknown
from speechtutor.hub.names import content, folder, is_bare, is_here, is_hub_id, resolve
from speechtutor.hub.sources import hub_file

__all__ = [
    "Checkpoint",
    "File",
    "FileCheck",
    "Part",
    "Verification",
    "checkpoint",
    "checkpoints",
    "content",
    "derived",
    "folder",
    "here",
    "home",
    "hub_file",
    "is_bare",
    "is_here",
    "is_hub_id",
    "located",
    "origin",
    "pull",
    "resolve",
    "unknown",
    "verify",
    "verify_derived",
]
