"""Where a result may be written."""

from __future__ import annotations

from pathlib import Path

from speechtutor.errors import StorageError


def plain(path: Path) -> Path:
    """The plain file, there or not yet, that a path stands for; a link is followed to its end.

    Results are written beside their place and renamed into it, which would put a file where a device,
    a pipe or a link was (/dev/null among them).

    Raises:
        StorageError: when the path is none of a plain file, a link to one, or free.
    """
    try:
        if path.is_symlink() and not path.exists():
            raise StorageError(f"{path}: is a link to nothing, expected the place of a plain file")
        if path.exists() and not path.is_file():
            kind = "a directory" if path.is_dir() else "a device, a pipe or a socket"
            raise StorageError(f"{path}: is {kind}, expected the place of a plain file")
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:  # a loop of links
        raise StorageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
