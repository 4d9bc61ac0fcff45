"""Reads deps/lock.toml into plain records and refuses one that does not make sense."""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BootstrapError

SCHEMA = 1
SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    registry: str  # npm | pypi
    sha256: str  # of the archive as the registry serves it
    licence: str
    purpose: str
    format: str = "sdist"  # pypi only: sdist | wheel
    group: str = "base"  # base: always; other groups: fetched only by what asks for them
    archs: tuple = ()  # machine names the archive works on; empty = all

    @property
    def spec(self) -> str:
        return f"{self.name}{'@' if self.registry == 'npm' else '=='}{self.version}"

    @property
    def archive(self) -> str:
        """File name in the cache; ours, since registries name archives in different ways."""
        plain = self.name.lstrip("@").replace("/", "-")
        suffix = "whl" if self.format == "wheel" else "tgz"
        return f"{plain}-{self.version}-{self.sha256[:12]}.{suffix}"


@dataclass(frozen=True)
class Grammar:
    id: str  # our name of the language
    package: str
    folder: str  # of parser.c in the package
    symbol: str  # the entry point is tree_sitter_<symbol>
    abi: int
    scanner: bool
    queries: str = "queries"  # folder of the shipped query files, "" = none
    headers: str = ""  # package to borrow tree_sitter/*.h from when this one ships none
    patch: str = ""  # our change, a file in deps/patches


@dataclass
class Lock:
    packages: dict[str, Package] = field(default_factory=dict)
    grammars: list[Grammar] = field(default_factory=list)
    apt: dict[str, list[str]] = field(default_factory=dict)
    model: dict[str, str] = field(default_factory=dict)  # the default completion model

    def package(self, name: str) -> Package:
        try:
            return self.packages[name]
        except KeyError:
            raise BootstrapError(f"lock.toml has no package '{name}'") from None


def _record(kind, table: dict, path: Path):
    table = {("purpose" if k == "for" else k): v for k, v in table.items()}
    if "archs" in table:
        table["archs"] = tuple(table["archs"])
    try:
        return kind(**table)
    except TypeError as error:
        name = table.get("name") or table.get("id") or "?"
        raise BootstrapError(f"{path.name}: entry '{name}': {error}") from None


def _check(lock: Lock, path: Path) -> None:
    for package in lock.packages.values():
        if package.registry not in ("npm", "pypi"):
            raise BootstrapError(f"{path.name}: '{package.name}': unknown registry '{package.registry}'")
        if not SHA256.match(package.sha256):
            raise BootstrapError(f"{path.name}: '{package.name}': sha256 is not 64 hex digits")
    seen = set()
    for grammar in lock.grammars:
        lock.package(grammar.package)
        if grammar.headers:
            lock.package(grammar.headers)
        if grammar.id in seen:
            raise BootstrapError(f"{path.name}: grammar '{grammar.id}' is listed twice")
        seen.add(grammar.id)


def read_lock(path: Path) -> Lock:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BootstrapError(f"cannot read '{path}': {error}") from None
    if data.get("schema") != SCHEMA:
        raise BootstrapError(f"{path.name}: schema {data.get('schema')} is not the known {SCHEMA}")
    lock = Lock(apt=data.get("apt", {}), model=data.get("model", {}))
    for table in data.get("package", []):
        package = _record(Package, table, path)
        if package.name in lock.packages:
            raise BootstrapError(f"{path.name}: package '{package.name}' is listed twice")
        lock.packages[package.name] = package
    lock.grammars = [_record(Grammar, table, path) for table in data.get("grammar", [])]
    _check(lock, path)
    return lock


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(*parts) -> str:
    """Sixteen hex digits that change when any part changes."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]
