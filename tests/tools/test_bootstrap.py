"""The bootstrap: what it refuses, what it says, and that a second run does nothing.

Registries are not needed: a fake npm and a fake pip serve tiny archives made here."""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections import namedtuple
from io import BytesIO, StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from bootstrap import cli, fetch, lock, progress, recipes, store  # noqa: E402
from bootstrap.errors import BootstrapError  # noqa: E402

FAKE_CLIENT = """
import pathlib, sys
args = sys.argv[1:]
into = pathlib.Path(args[args.index("{flag}") + 1])
for source in pathlib.Path({shelf!r}).iterdir():
    (into / source.name).write_bytes(source.read_bytes())
"""


def tgz(files: dict[str, str]) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            tar.addfile(member, BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture
def cache(tmp_path):
    place = store.Store(tmp_path / "cache")
    place.prepare()
    return place


@pytest.fixture
def report():
    return progress.Report(stream=StringIO())


@pytest.fixture
def shelf(tmp_path):
    """The folder from which the fake clients serve."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


def fetcher(cache, report, shelf, offline=False):
    def fake(flag):
        return lambda: [sys.executable, "-c", FAKE_CLIENT.format(flag=flag, shelf=str(shelf))]

    return fetch.Fetcher(cache, fetch.Clients(fake("--pack-destination"), fake("-d")), report, offline)


def package(data: bytes, registry="npm", **changes):
    fields = {"name": "tiny", "version": "1.0", "registry": registry, "licence": "MIT", "purpose": "test",
              "sha256": hashlib.sha256(data).hexdigest(), **changes}
    return lock.Package(**fields)


# --- fetching


@pytest.mark.parametrize("registry", ["npm", "pypi"])
def test_fetch__verified_archive_lands_in_the_cache(cache, report, shelf, registry):
    data = tgz({"a.txt": "hello"})
    (shelf / "tiny-1.0.tgz").write_bytes(data)
    wanted = package(data, registry)
    fetcher(cache, report, shelf).fetch([wanted], "test")
    assert (cache.archives / wanted.archive).read_bytes() == data


def test_fetch__other_bytes_are_refused_with_both_hashes(cache, report, shelf):
    served, reviewed = tgz({"a.txt": "evil"}), tgz({"a.txt": "good"})
    (shelf / "tiny-1.0.tgz").write_bytes(served)
    wanted = package(reviewed)
    with pytest.raises(BootstrapError) as error:
        fetcher(cache, report, shelf).fetch([wanted], "test")
    assert wanted.sha256 in str(error.value)
    assert hashlib.sha256(served).hexdigest() in str(error.value)
    assert "deps/lock.toml" in error.value.hint
    assert not list(cache.archives.iterdir())


def test_fetch__offline_names_what_is_missing(cache, report, shelf):
    with pytest.raises(BootstrapError, match="offline.*tiny@1.0"):
        fetcher(cache, report, shelf, offline=True).fetch([package(b"x")], "test")


def test_fetch__cached_archive_needs_no_client(cache, report, shelf):
    data = tgz({"a.txt": "hello"})
    wanted = package(data)
    (cache.archives / wanted.archive).write_bytes(data)
    fetcher(cache, report, shelf, offline=True).fetch([wanted], "test")


def test_fetch__client_that_fails_is_quoted(cache, report):
    broken = lambda: [sys.executable, "-c", "import sys; print('no route to registry'); sys.exit(7)"]
    slow = fetch.Fetcher(cache, fetch.Clients(broken, broken), report)
    with pytest.raises(BootstrapError, match="no route to registry") as error:
        slow.fetch([package(b"x")], "test")
    assert "npm" in error.value.hint


def test_fetch__no_disk_is_said_before_anything_is_fetched(cache, report, shelf, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage(100, 99, 1 << 20))
    with pytest.raises(BootstrapError, match="no disk space.*has 1 MB free"):
        fetcher(cache, report, shelf).fetch([package(b"x")], "test")


def test_nobuild__pip_reads_a_source_archive_without_running_it(tmp_path):
    """The set-up of this archive would fail; the stand-in back-end never runs it."""
    tree = tmp_path / "tiny-1.0"
    tree.mkdir()
    (tree / "setup.py").write_text("raise SystemExit('third-party code ran')")
    (tree / "pyproject.toml").write_text("[build-system]\nrequires = ['setuptools']\n"
                                         "build-backend = 'setuptools.build_meta'\n")
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    archive = tmp_path / "tiny-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, "tiny-1.0")
    out = tmp_path / "out"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-index",
                    "--no-build-isolation", "--use-pep517", str(archive), "-d", str(out)], check=True,
                   env={**os.environ, "PYTHONPATH": str(fetch.NOBUILD)})
    assert (out / archive.name).exists()


# --- the store


def artefact(build, **changes):
    return store.Artefact(**{"name": "thing", "key": "k1", "links": {"thing": ""}, "build": build,
                             "megabytes": 1, **changes})


def test_store__second_make_does_nothing(cache, report):
    built = []
    thing = artefact(lambda out, _step: (built.append(1), (out / "file").write_text("x")))
    assert cache.make(thing, report) is True
    assert cache.make(thing, report) is False
    assert built == [1]


@pytest.mark.parametrize("in_place", [False, True])
def test_store__failed_build_leaves_nothing(cache, report, in_place):
    def build(out, _step):
        (out / "half").write_text("x")
        raise BootstrapError("compiler failed")

    thing = artefact(build, in_place=in_place)
    with pytest.raises(BootstrapError, match="compiler failed"):
        cache.make(thing, report)
    assert not cache.has(thing)
    assert not list(cache.store.iterdir())


def wait_until(condition):
    """The bound only ends a failing test."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize("in_place", [False, True])
def test_store__killed_build_is_made_again(cache, report, in_place):
    """A child is killed in the middle of a build; the next run builds from nothing."""
    child = os.fork()
    if child == 0:
        def slow(out, _step):
            (out / "half").write_text("x")
            time.sleep(60)

        cache.make(artefact(slow, in_place=in_place), report)
        os._exit(0)
    work = cache.store if in_place else cache.temporary
    wait_until((work / "thing-k1" / "half").exists)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    thing = artefact(lambda out, _step: (out / "whole").write_text("x"), in_place=in_place)
    assert not cache.has(thing)
    assert cache.make(thing, report) is True
    assert (cache.path(thing) / "whole").exists() and not (cache.path(thing) / "half").exists()


def test_store__two_bootstraps_build_once(cache, report, tmp_path):
    tally = tmp_path / "tally"

    def build(out, _step):
        wait_until(lambda: len(list(tmp_path.glob("begun-*"))) == 3)  # the others are there while this one builds
        with tally.open("a") as stream:
            stream.write("built\n")
        (out / "file").write_text("x")

    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            (tmp_path / f"begun-{os.getpid()}").touch()
            cache.make(artefact(build), report)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert tally.read_text() == "built\n"


def test_store__unwritable_cache_is_named(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(BootstrapError, match="cannot create cache"):
        store.Store(tmp_path / "file" / "cache").prepare()


def test_point__replaces_a_link_but_never_a_directory(tmp_path):
    link = tmp_path / "link"
    assert store.point(link, "a") is True
    assert store.point(link, "a") is False
    assert store.point(link, "b") is True
    (tmp_path / "real").mkdir()
    with pytest.raises(BootstrapError, match="in the way"):
        store.point(tmp_path / "real", "a")


# --- the lock file


def read(tmp_path, text):
    path = tmp_path / "lock.toml"
    path.write_text(text)
    return lock.read_lock(path)


ENTRY = '[[package]]\nname = "a"\nversion = "1"\nregistry = "npm"\nlicence = "MIT"\nfor = "x"\n'
HASH = 'sha256 = "' + "0" * 64 + '"\n'


@pytest.mark.parametrize("text, complaint", [
    ("schema = 2", "schema 2 is not the known 1"),
    ("schema = ", "cannot read"),
    ("schema = 1\n" + ENTRY + 'sha256 = "abc"', "not 64 hex digits"),
    ("schema = 1\n" + ENTRY + HASH + ENTRY + HASH, "listed twice"),
    ("schema = 1\n" + ENTRY.replace("npm", "ftp") + HASH, "unknown registry 'ftp'"),
    ("schema = 1\n" + ENTRY + HASH + 'colour = "red"', "entry 'a'.*colour"),
])
def test_lock__what_makes_no_sense_is_refused(tmp_path, text, complaint):
    with pytest.raises(BootstrapError, match=complaint):
        read(tmp_path, text)


def test_lock__the_real_one_reads_and_covers_many_languages():
    real = lock.read_lock(ROOT / "deps" / "lock.toml")
    assert len(real.grammars) >= 45
    assert all(p.licence and p.purpose for p in real.packages.values())
    used = {g.package for g in real.grammars} | {g.headers for g in real.grammars}
    grammar_packages = {n for n, p in real.packages.items() if p.purpose.startswith("grammar:")}
    assert grammar_packages <= used


# --- the command


def options(**changes):
    return argparse.Namespace(**{"only": [], "without": [], "extra": [], "rebuild": False, "offline": False,
                                 "list": False, "jobs": 1, "quiet": False, **changes})


def test_bootstrap__second_run_in_this_checkout_makes_nothing_and_is_silent():
    command = [ROOT / "script" / "bootstrap"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    again = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    assert again.stderr == ""


def test_bootstrap__offline_with_an_empty_cache_says_what_is_missing(tmp_path):
    run = subprocess.run([ROOT / "script" / "bootstrap", "--offline", "--only", "llhttp"],
                         env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)}, stderr=subprocess.PIPE,
                         text=True, check=False)
    assert run.returncode == 1
    assert "httptools==" in run.stderr and "next:" in run.stderr


def test_bootstrap__unknown_name_lists_the_known_ones():
    run = subprocess.run([ROOT / "script" / "bootstrap", "--only", "llam"], stderr=subprocess.PIPE,
                         text=True, check=False)
    assert run.returncode == 1 and "unknown name 'llam'" in run.stderr and "llama" in run.stderr


def test_bootstrap__changed_lock_entry_rebuilds_only_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one = cli.Bootstrap(ROOT, options())
    before = {a.name: a.key for a in one.recipes.all()}
    old = one.lock.packages["httptools"]
    one.lock.packages["httptools"] = lock.Package(**{**vars(old), "sha256": "0" * 64})
    after = {a.name: a.key for a in one.recipes.all()}
    assert {name for name in before if before[name] != after[name]} == {"llhttp"}


def test_llama__variant_follows_the_environment(monkeypatch):
    monkeypatch.setenv("CODEMENTOR_NATIVE", "1")
    assert recipes.llama_variant() == "native"
    monkeypatch.setenv("CODEMENTOR_NATIVE", "0")
    monkeypatch.setattr(recipes, "cpu_flags", lambda: {"avx2", "fma", "f16c", "bmi2"})
    monkeypatch.setattr(recipes.platform, "machine", lambda: "x86_64")
    assert recipes.llama_variant() == "portable"
    monkeypatch.setattr(recipes, "cpu_flags", lambda: {"sse2"})
    assert recipes.llama_variant() == "native"


def test_progress__plain_lines_without_a_terminal():
    out = StringIO()
    with progress.Report(stream=out).step("llama", "compiling") as step:
        step.last_plain -= 10
        step.advance(30, 100)
        step.advance(31, 100)
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["llama: compiling", "llama: 30 %"]
    assert len(lines) == 3 and lines[2].startswith("llama: done in")
