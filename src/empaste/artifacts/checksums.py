"""Checksums of files: SHA-256, in hexadecimal."""

import hashlib
from pathlib import Path


def file_checksum(path: Path) -> str:
    """That of the file at ``path``."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_checksums(folder: Path) -> dict[str, str]:
    """Those of all files below ``folder``, by their names in it, in the order of their paths."""
    return {
        path.relative_to(folder).as_posix(): file_checksum(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
