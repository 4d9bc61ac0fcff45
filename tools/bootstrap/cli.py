"""The command line of script/bootstrap."""

import argparse
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import apt
from .errors import BootstrapError
from .fetch import Clients, Fetcher, host_npm
from .lock import key_of, read_lock
from .progress import Report
from .recipes import Recipes, find
from .store import Artefact, Store, cache_root, point

OLDEST_PYTHON = (3, 11)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bootstrap",
        description="Installs, fetches, verifies and builds what CodeMentor needs; a second run does nothing.")
    parser.add_argument("--only", metavar="NAME", action="append", default=[],
                        help="make only this (may be repeated; --list shows the names)")
    parser.add_argument("--without", metavar="NAME", action="append", default=[],
                        help="make everything but this")
    parser.add_argument("--with", metavar="GROUP", action="append", default=[], dest="extra",
                        help="also what is needed only on demand: test, load, fresh, fuzz, peers, postgres, faults")
    parser.add_argument("--rebuild", action="store_true", help="build again what is in the cache")
    parser.add_argument("--offline", action="store_true", help="fetch nothing; say what is missing")
    parser.add_argument("--list", action="store_true", help="show what there is and what is in the cache")
    parser.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                        help="compile jobs at a time (default: the number of cores)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error("--jobs wants a number of at least 1")
    return options


class Bootstrap:
    def __init__(self, checkout: Path, options: argparse.Namespace):
        self.checkout = checkout
        self.options = options
        self.report = Report(quiet=options.quiet)
        self.store = Store(cache_root())
        self.lock = read_lock(checkout / "deps" / "lock.toml")
        self.fetcher = Fetcher(self.store, Clients(self._npm, self._pip), self.report, options.offline)
        self.recipes = self._recipes()

    def _recipes(self) -> Recipes:
        return Recipes(self.checkout, self.lock, self.store, self.report, self.options.jobs)

    # --- registry clients, made on first use

    def _pip(self) -> list[str]:
        artefact = self.recipes.pip()
        self.store.make(artefact, self.report)
        return [str(self.store.path(artefact) / "bin" / "python"), "-m", "pip"]

    def _npm(self) -> list[str]:
        """The host's npm if there is one; else the one on PyPI: 61 MB against 357 Debian packages."""
        host = host_npm()
        if host:
            return host
        artefact = self.recipes.node()
        if not self.store.has(artefact):
            self.fetcher.fetch([self.lock.package(n) for n in artefact.packages], "npm client")
            self.store.make(artefact, self.report)
            self._forget_archives(artefact)
        return self.recipes.node_command()

    # --- steps

    def selected(self) -> list[Artefact]:
        every = self.recipes.all()
        chosen = [find(every, name) for name in self.options.only] or every
        chosen = chosen + [a for a in self.recipes.optional() if a.name in self.options.extra]
        left_out = {find(every, name).name for name in self.options.without}
        if "minilm" in self.options.only and find(every, "venv") not in chosen:
            chosen.insert(0, find(every, "venv"))  # the converter runs in it
        return [artefact for artefact in chosen if artefact.name not in left_out]

    def _debian_packages(self) -> list[str]:
        groups = [*([] if self.options.only else ["build"]), *self.options.extra]
        names = [name for group in groups for name in self.lock.apt.get(group, [])]
        return [name for name in names if name != "golang-go" or not shutil.which("go")]  # 200 MB; any Go will do

    def _check_extra(self) -> None:
        known = sorted({*self.lock.apt, *(a.name for a in self.recipes.optional())} - {"build"})
        for name in self.options.extra:
            if name not in known:
                raise BootstrapError(f"unknown group '{name}'", f"known: {', '.join(known)}")

    def run(self) -> int:
        started = time.monotonic()
        self.store.prepare()
        self._check_extra()
        changed = apt.install(self._debian_packages(), self.report, self.options.offline)
        if changed:
            self.recipes = self._recipes()  # there may be a compiler only now
        artefacts = self.selected()
        if self.options.rebuild:
            for artefact in artefacts:
                self.store.drop(artefact)
        todo = [artefact for artefact in artefacts if not self.store.has(artefact)]
        if todo:
            self._make(todo)
        linked = self._link()
        if todo or changed or linked:
            self.report.line(f"bootstrap: done in {time.monotonic() - started:.1f} s, "
                             f"cache {self.store.root}")
        return 0

    def _make(self, todo: list[Artefact]) -> None:
        """Sources first; the large downloads and the Python tools run beside the compiler."""
        aside = [a for a in todo if a.name in ("venv", "smollm2", "minilm", "postgres")]
        with ThreadPoolExecutor(1) as pool:
            self._fetch([a for a in todo if a not in aside], "sources")
            beside = pool.submit(self._make_aside, aside)
            for artefact in todo:
                if artefact not in aside:
                    self.store.make(artefact, self.report)
                    self._forget_archives(artefact)
                    self._link()
            beside.result()

    def _make_aside(self, todo: list[Artefact]) -> None:
        for artefact in todo:
            self._fetch([artefact], artefact.name)
            self.store.make(artefact, self.report)
            self._forget_archives(artefact)
            self._link()

    def _fetch(self, artefacts: list[Artefact], what: str) -> None:
        names = sorted({name for artefact in artefacts for name in artefact.packages})
        self.fetcher.fetch([self.lock.package(name) for name in names], what)

    def _forget_archives(self, artefact: Artefact) -> None:
        """A model or a program is the same bytes unpacked: its archive would only double the cache."""
        if artefact.group in ("model", "client"):
            for name in artefact.packages:
                self.fetcher.path(self.lock.package(name)).unlink(missing_ok=True)

    def _link(self) -> bool:
        """Points .deps at a directory of links for exactly this set of keys, as far as they are there."""
        every = self.recipes.all()
        view = self.store.root / key_of(*(artefact.directory for artefact in every))
        view.mkdir(exist_ok=True)
        changed = False
        for artefact in filter(self.store.has, every + self.recipes.optional()):
            for place, inner in artefact.links.items():
                target = self.store.path(artefact) / inner if inner else self.store.path(artefact)
                changed |= point(view / place, str(target))
        return point(self.checkout / ".deps", str(view)) or changed

    def list(self) -> int:
        for artefact in self.recipes.all() + self.recipes.optional():
            state = "in the cache" if self.store.has(artefact) else "missing"
            print(f"{artefact.name:14} {artefact.key}  {state}")
        for name, packages in self.lock.apt.items():
            missing = apt.missing(packages)
            print(f"apt {name:10} {len(packages)} packages, "
                  + (f"missing: {' '.join(missing)}" if missing else "all installed"))
        return 0


def main(checkout: Path, arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise BootstrapError(f"Python {sys.version.split()[0]} is too old", "install Python 3.11")
        bootstrap = Bootstrap(checkout, options)
        return bootstrap.list() if options.list else bootstrap.run()
    except BootstrapError as error:
        print(f"bootstrap: error: {error}", file=sys.stderr)
        if error.hint:
            print(f"bootstrap: next: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; run again to go on where it stopped", file=sys.stderr)
        return 130
