"""The cache: complete directories by content key, file locks, free-space check."""

import errno
import fcntl
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .errors import BootstrapError

COMPLETE = ".complete"


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "codementor"


@dataclass(frozen=True)
class Artefact:
    name: str
    key: str
    links: dict  # link below .deps -> path below the artefact ("" = itself)
    build: Callable  # build(directory, step); fills the empty directory
    packages: tuple = ()  # names of the packages whose archives it reads
    note: str = ""  # said when the build starts
    megabytes: int = 20  # free space the build needs, generously
    in_place: bool = False  # cannot be renamed once built (virtual environments)
    group: str = "base"

    @property
    def directory(self) -> str:
        return f"{self.name}-{self.key}"


class Store:
    def __init__(self, root: Path):
        self.root = root
        self.store = root / "store"
        self.archives = root / "archives"
        self.locks = root / "locks"
        self.temporary = root / "tmp"

    def prepare(self) -> None:
        try:
            for directory in (self.store, self.archives, self.locks, self.temporary):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BootstrapError(f"cannot create cache '{self.root}': {error.strerror}",
                                 "set XDG_CACHE_HOME to a directory you can write") from None

    def path(self, artefact: Artefact) -> Path:
        return self.store / artefact.directory

    def has(self, artefact: Artefact) -> bool:
        path = self.path(artefact)
        return (path / COMPLETE).exists() if artefact.in_place else path.is_dir()

    def need_space(self, megabytes: int, what: str) -> None:
        free = shutil.disk_usage(self.root).free // (1 << 20)
        if free < megabytes:
            raise BootstrapError(
                f"no disk space for {what}: needs {megabytes} MB, '{self.root}' has {free} MB free",
                "free some space, or set XDG_CACHE_HOME to a larger disk; nothing is lost")

    @contextmanager
    def locked(self, name: str, waiting: Callable = lambda: None):
        """Holds one named lock across processes; the kernel drops it if we die."""
        with (self.locks / f"{name}.lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def make(self, artefact: Artefact, report) -> bool:
        """Builds the artefact unless it is there; true if it had to be built."""
        if self.has(artefact):
            return False
        waiting = lambda: report.line(f"{artefact.name}: another bootstrap builds it, waiting")
        with self.locked(artefact.directory, waiting):
            if self.has(artefact):
                return False
            self.need_space(artefact.megabytes, artefact.name)
            with report.step(artefact.name, artefact.note) as step:
                self._build(artefact, step)
        return True

    def _build(self, artefact: Artefact, step) -> None:
        final = self.path(artefact)
        work = final if artefact.in_place else self.temporary / artefact.directory
        shutil.rmtree(work, ignore_errors=True)  # left by a run that was killed
        work.mkdir(parents=True)
        try:
            artefact.build(work, step)
            if artefact.in_place:
                (work / COMPLETE).touch()
            else:
                work.rename(final)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BootstrapError(f"the disk of '{self.root}' became full building {artefact.name}",
                                     "free some space and run again") from None
            raise
        finally:
            if not self.has(artefact):
                shutil.rmtree(work, ignore_errors=True)

    def drop(self, artefact: Artefact) -> None:
        shutil.rmtree(self.path(artefact), ignore_errors=True)


def point(link: Path, target: str) -> bool:
    """Makes `link` a symbolic link to `target`, replacing what was there in one step."""
    if link.is_symlink() and os.readlink(link) == target:
        return False
    if link.exists() and not link.is_symlink():
        raise BootstrapError(f"'{link}' is in the way", f"move it aside: mv {link} {link}.old")
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f"{link.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.symlink_to(target)
    fresh.replace(link)
    return True
