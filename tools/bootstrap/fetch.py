"""Fetches package archives by name with the ordinary clients and verifies every one.

Source distributions come by `pip download`, which runs a package's own set-up code to read its name and
version, and needs its build tools to do so. The build back-ends in nobuild/ stand in for those: they read
the two from PKG-INFO, so no third-party code runs, nothing more is fetched, and a set-up that is broken
(one of ours reads a file that it does not ship) does no harm."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .errors import BootstrapError
from .lock import Package, file_sha256
from .run import run
from .store import Store

NOBUILD = Path(__file__).parent / "nobuild"
MEGABYTES = 400


@dataclass
class Clients:
    """Command lines of the registries' clients, made when first asked for."""
    npm: object  # () -> list[str]
    pip: object  # () -> list[str]


def mismatch(package: Package, got: str) -> BootstrapError:
    return BootstrapError(
        f"sha256 mismatch of {package.registry} package '{package.spec}':\n"
        f"  expected {package.sha256}\n  got      {got}",
        "the registry serves other bytes than the ones we checked: do not use them. If this is a "
        "changed version, review it and put the new hash into deps/lock.toml; else try again later")


class Fetcher:
    def __init__(self, store: Store, clients: Clients, report, offline: bool = False):
        self.store = store
        self.clients = clients
        self.report = report
        self.offline = offline

    def path(self, package: Package) -> Path:
        return self.store.archives / package.archive

    def fetch(self, packages: list[Package], what: str) -> None:
        """Makes all archives present and verified; one client call for each registry."""
        wanted = sorted({p.name: p for p in packages if not self.path(p).exists()}.values(),
                        key=lambda p: p.archive)
        if not wanted:
            return
        if self.offline:
            raise BootstrapError("offline, and these packages are not in the cache: "
                                 + " ".join(p.spec for p in wanted),
                                 "run script/bootstrap once with the registries reached")
        self.store.need_space(MEGABYTES, "downloads")
        with ExitStack() as stack:
            for package in wanted:  # sorted: two runs cannot wait for each other
                stack.enter_context(self.store.locked(package.archive))
            wanted = [p for p in wanted if not self.path(p).exists()]
            for registry, client in (("npm", self._npm), ("pypi", self._pip)):
                batch = [p for p in wanted if p.registry == registry]
                if batch:
                    with self.report.step(f"fetch {what}", f"{len(batch)} from {registry}"):
                        self._batch(batch, client)

    def _batch(self, batch: list[Package], client) -> None:
        with tempfile.TemporaryDirectory(dir=self.store.temporary) as scratch:
            into = Path(scratch) / "in"
            into.mkdir()
            client(batch, into, Path(scratch))
            fetched = {file_sha256(path): path for path in into.iterdir()}
            for package in batch:
                self._accept(package, fetched)

    def _accept(self, package: Package, fetched: dict) -> None:
        path = fetched.get(package.sha256)
        if path is None:
            plain = package.name.lstrip("@").replace("/", "-").replace("-", "_").lower()
            stem = f"{plain}_{package.version}"
            others = [s for s, p in fetched.items()
                      if p.name.replace("-", "_").lower().startswith(stem)]
            raise mismatch(package, others[0] if others else "no archive of that name")
        path.replace(self.path(package))

    def _npm(self, batch: list[Package], into: Path, scratch: Path) -> None:
        run([*self.clients.npm(), "pack", "--ignore-scripts", "--silent", "--no-update-notifier",
             "--cache", scratch / "cache", "--pack-destination", into, *(p.spec for p in batch)],
            cwd=scratch, hint="is the npm registry reached? try: npm view tree-sitter version")

    def _pip(self, batch: list[Package], into: Path, scratch: Path) -> None:
        for kind, flags in (("sdist", ["--no-binary", ":all:", "--use-pep517",
                                       "--no-build-isolation"]),
                            ("wheel", ["--only-binary", ":all:"])):
            part = [p for p in batch if p.format == kind]
            if part:
                self._pip_download(part, flags, into, scratch)

    def _pip_download(self, batch: list[Package], flags: list, into: Path, scratch: Path) -> None:
        # The hash is in the requirement, so pip verifies before it opens an archive; we verify again.
        wanted = scratch / f"{batch[0].format}.txt"
        wanted.write_text("".join(f"{p.spec} --hash=sha256:{p.sha256}\n" for p in batch))
        try:
            run([*self.clients.pip(), "download", "-q", "--no-deps", "--no-cache-dir", "--require-hashes",
                 *flags, "-r", wanted, "-d", into],
                cwd=scratch, env={"PYTHONPATH": str(NOBUILD), "TMPDIR": str(scratch)})
        except BootstrapError as error:
            text = str(error)
            if "DO NOT MATCH THE HASHES" not in text:
                raise BootstrapError(text, "is PyPI reached? try: pip download --no-deps pip") from None
            got = [line.split()[-1] for line in text.splitlines() if line.strip().startswith("Got")]
            for package in batch:
                if package.spec in text or package.sha256 in text:
                    raise mismatch(package, got[0] if got else "?") from None
            raise


def npm_command(node_home: Path) -> list[str]:
    """npm as the node package on PyPI ships it."""
    return [str(node_home / "bin" / "node"),
            str(node_home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def host_npm() -> list[str] | None:
    found = shutil.which("npm")
    return [found] if found and shutil.which("node") and not os.environ.get("CODEMENTOR_OWN_NPM") else None
