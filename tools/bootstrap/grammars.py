"""Compiles the tree-sitter parsers and links them into one archive, libgrammars.a, and into libgrammars.so:
the release binary holds the 70 MB itself, the many test programs of the other presets share them.

Each parser is compiled with its own headers only (layouts differ between ABI 14 and 15), joined with its
scanner by `ld -r`, and every symbol but tree_sitter_<symbol> is made local: Svelte alone exports 53 helper
names, and HTML and others clash. Scanners keep their assertions: a clean abort of a parse worker beats a
silent overrun. Objects are cached one by one, so a changed grammar recompiles only itself."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .errors import BootstrapError
from .lock import Grammar, Lock, Package, file_sha256, key_of
from .run import need_tool, run
from .store import Artefact
from .unpack import unpack_tar

RECIPE = 2
FLAGS = ["-O2", "-fPIC", "-std=c11", "-w", "-fno-strict-aliasing", "-D_GNU_SOURCE"]
SOURCE = re.compile(r"\.(c|h|scm)$")
LICENCE = re.compile(r"^(LICEN[CS]E|COPYING)[^/]*$", re.IGNORECASE)


def _wanted(name: str) -> bool:
    if name.startswith(("bindings/", "node_modules/", "examples/")):
        return False
    return bool(SOURCE.search(name) or LICENCE.match(name) or name in ("package.json", "PKG-INFO"))


def object_key(grammar: Grammar, lock: Lock, patches: Path, compiler: str) -> str:
    patch = file_sha256(patches / grammar.patch) if grammar.patch else ""
    headers = lock.package(grammar.headers).sha256 if grammar.headers else ""
    return key_of("grammar", RECIPE, lock.package(grammar.package).sha256, grammar, headers, patch,
                  compiler, FLAGS)


class GrammarBuilder:
    def __init__(self, lock: Lock, patches: Path, archive_of, compiler: str):
        self.lock = lock
        self.patches = patches
        self.archive_of = archive_of  # package -> path of its archive
        self.compiler = compiler

    def artefact_of(self, grammar: Grammar) -> Artefact:
        """One parser: parser.o, its queries and its licence."""
        packages = [grammar.package] + ([grammar.headers] if grammar.headers else [])
        key = object_key(grammar, self.lock, self.patches, self.compiler)
        return Artefact(f"grammar-{grammar.id}", key, {}, lambda out, _: self._compile(grammar, out),
                        tuple(packages), megabytes=150)

    def _compile(self, grammar: Grammar, out: Path) -> None:
        source = out / "source"
        package = self.lock.package(grammar.package)
        unpack_tar(self.archive_of(package), source, _wanted)
        if grammar.patch:
            run([need_tool("patch"), "-p1", "--fuzz=0", "-i", self.patches / grammar.patch], cwd=source,
                hint=f"deps/patches/{grammar.patch} no longer fits {package.spec}")
        folder = source / grammar.folder
        check_sources(grammar, folder)
        objects = self._objects(grammar, folder, source)
        entry = f"tree_sitter_{grammar.symbol}"
        joined = out / "parser.o"
        run(["ld", "-r", "-o", joined, *objects])
        run(["objcopy", f"--keep-global-symbol={entry}", "--strip-unneeded", joined])
        check_symbols(grammar.id, joined, entry)
        keep_texts(grammar, package, source, out)
        shutil.rmtree(source)

    def _objects(self, grammar: Grammar, folder: Path, source: Path) -> list[Path]:
        includes = ["-I", folder]
        if grammar.headers:
            borrowed = source / "borrowed"
            unpack_tar(self.archive_of(self.lock.package(grammar.headers)), borrowed,
                       lambda name: name.startswith("src/tree_sitter/"))
            includes += ["-I", borrowed / "src"]
        objects = []
        for name in ("parser", "scanner") if grammar.scanner else ("parser",):
            target = folder / f"{name}.o"
            run(["cc", *FLAGS, *includes, "-c", folder / f"{name}.c", "-o", target],
                hint="install the compiler by running script/bootstrap without --only")
            objects.append(target)
        return objects

    def library(self, store, report, jobs: int) -> Artefact:
        """All parsers in one archive, with their query files and licences."""
        parts = [self.artefact_of(g) for g in self.lock.grammars]

        def build(out: Path, step) -> None:
            make_parts(store, parts, jobs, step)
            join_parts(store, self.lock.grammars, parts, out)

        packages = {name for part in parts for name in part.packages}
        missing = sum(not store.has(part) for part in parts)
        return Artefact("grammars", key_of("library", RECIPE, *(p.key for p in parts)),
                        {"grammars": ""}, build, tuple(sorted(packages)),
                        note=f"compiling {missing} of {len(parts)} parsers, about "
                             f"{max(1, missing * 3 // (2 * jobs))} s",
                        megabytes=500)


class _Silent:
    """The report of one parser inside the step of the whole library."""

    def __init__(self, step):
        self.step_of_library = step

    def line(self, text: str) -> None:
        self.step_of_library.report.line(text)

    def step(self, name: str, note: str = ""):
        from contextlib import nullcontext
        return nullcontext()


def make_parts(store, parts: list[Artefact], jobs: int, step) -> None:
    done = 0
    silent = _Silent(step)
    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(store.make, part, silent) for part in parts]:
            future.result()
            done += 1
            step.advance(done, len(parts))


def join_parts(store, grammars: list[Grammar], parts: list[Artefact], out: Path) -> None:
    (out / "lib").mkdir()
    (out / "LICENSES").mkdir()
    (out / "queries").mkdir()
    objects = []
    for grammar, part in zip(grammars, parts):
        home = store.path(part)
        member = out / "lib" / f"{grammar.id}.o"
        shutil.copyfile(home / "parser.o", member)
        objects.append(member)
        shutil.copyfile(home / "LICENSE", out / "LICENSES" / grammar.id)
        if (home / "queries").is_dir():
            shutil.copytree(home / "queries", out / "queries" / grammar.id)
    run(["ar", "rcsD", out / "lib" / "libgrammars.a", *objects])
    run(["cc", "-shared", "-o", out / "lib" / "libgrammars.so", "-Wl,-soname,libgrammars.so", *objects])
    for member in objects:
        member.unlink()
    table = [{"id": g.id, "symbol": g.symbol, "abi": g.abi, "package": g.package} for g in grammars]
    (out / "grammars.json").write_text(json.dumps(table, indent=1) + "\n")


def check_sources(grammar: Grammar, folder: Path) -> None:
    """Refuses archives that lack what they need: some source archives do, and would fail only at load."""
    parser = folder / "parser.c"
    if not parser.exists():
        raise BootstrapError(f"grammar '{grammar.id}': package has no {grammar.folder}/parser.c")
    with parser.open(encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    abi = re.search(r"^#define LANGUAGE_VERSION (\d+)", text, re.MULTILINE)
    if not abi or int(abi[1]) != grammar.abi:
        raise BootstrapError(f"grammar '{grammar.id}': ABI {abi[1] if abi else '?'}, "
                             f"lock.toml says {grammar.abi}")
    tokens = re.search(r"^#define EXTERNAL_TOKEN_COUNT (\d+)", text, re.MULTILINE)
    needs_scanner = bool(tokens and int(tokens[1]) > 0)
    has_scanner = (folder / "scanner.c").exists()
    if needs_scanner and not (has_scanner and grammar.scanner):
        raise BootstrapError(f"grammar '{grammar.id}': parser.c needs a scanner and there is none")


def check_symbols(name: str, joined: Path, entry: str) -> None:
    listing = subprocess.run(["nm", "--defined-only", "--extern-only", joined], text=True,
                             stdout=subprocess.PIPE, check=True).stdout
    symbols = [line.split()[-1] for line in listing.splitlines()]
    if symbols != [entry]:
        raise BootstrapError(f"grammar '{name}': object exports {symbols}, wanted only {entry}")


def keep_texts(grammar: Grammar, package: Package, source: Path, out: Path) -> None:
    queries = source / grammar.queries
    if grammar.queries and queries.is_dir():
        (out / "queries").mkdir()
        for path in sorted(queries.glob("*.scm")):
            shutil.copyfile(path, out / "queries" / path.name)
    texts = [p for p in sorted(source.iterdir()) if LICENCE.match(p.name)]
    licence = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in texts)
    head = f"{package.spec} ({package.registry}), licence {package.licence}\n\n"
    note = "" if texts else "The package ships no licence text; its metadata names the licence above.\n"
    (out / "LICENSE").write_text(head + note + licence)
