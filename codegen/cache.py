"""Compiled objects on disk: content-addressed, checksummed, written atomically; it knows nothing of LLVM.

The directory is `config.cache`, or the user's cache folder; `off` turns it off. Only a directory that its owner
alone can write is used, since its contents are executed. A bad entry is ignored and rebuilt.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
import warnings
from pathlib import Path

from ..ir.config import config

_MAGIC = b"LITHOBJ2"
_DIGEST = 32


@functools.cache
def _warn(directory: Path, reason: str) -> None:
    warnings.warn(
        f"lithograph: the object cache {directory} is not used: {reason}. Programs are compiled anew in each process; "
        "set LITHOGRAPH_CACHE to a directory that only you can write, or to 'off' to silence this.",
        RuntimeWarning,
        stacklevel=4,
    )


@functools.cache
def _checked(setting: str | None) -> Path | None:
    if setting == "off":
        return None
    if setting:
        directory = Path(setting).expanduser()
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        directory = Path(base) / "lithograph"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = directory.stat()
        if hasattr(os, "getuid") and info.st_uid != os.getuid():
            _warn(directory, "it belongs to another user")
            return None
        if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o022:
            _warn(directory, "others can write to it")
            return None
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        _warn(directory, f"{error.strerror or error}")
        return None


def directory() -> Path | None:
    """The cache directory in force, or None when the cache is off or unusable (one warning says why)."""
    return _checked(config.cache)


def key(*parts: str) -> str:
    """The content hash that names an entry."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _digest(name: str, body: bytes) -> bytes:
    # The name counts, so that an entry that got another's name is a damaged one.
    return hashlib.sha256(name.encode() + b"\0" + body).digest()


def load(name: str) -> bytes | None:
    """The stored object called `name`, or None when it is absent or damaged."""
    folder = directory()
    if folder is None:
        return None
    try:
        blob = (folder / name).read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST
    body = blob[head:]
    if blob[: len(_MAGIC)] != _MAGIC or blob[len(_MAGIC) : head] != _digest(name, body):
        return None
    return body


def store(name: str, body: bytes) -> None:
    """Write an object under `name`, atomically; a failing write (a full disk) leaves the cache as it was."""
    folder = directory()
    if folder is None:
        return
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        with os.fdopen(handle, "wb") as out:
            out.write(_MAGIC + _digest(name, body) + body)
        os.replace(temporary, folder / name)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        _warn(folder, f"{error.strerror or error}")
