"""Real source trees to measure and test with: `python3 tools/sources.py NAME` prints the folder of one.

They are Debian source packages, pinned by the hash of their upstream archive in deps/lock.toml ([[source]]), fetched
by apt as it is set up on this machine and kept under the user's cache directory. Data for tests and measurements:
nothing of them is built, linked or committed."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SourceError(RuntimeError):
    """What could not be had, and what to do about it."""


def entry_of(name):
    with (ROOT / "deps" / "lock.toml").open("rb") as file:
        entries = tomllib.load(file).get("source", [])
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise SourceError(f"'{name}' is no [[source]] of deps/lock.toml; there are: "
                      + ", ".join(entry["name"] for entry in entries))


def apt(directory, *arguments):
    done = subprocess.run(["apt-get", "-q", "-o", f"Dir::Etc::SourceList={directory}/sources.list",
                           "-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={directory}/lists",
                           *arguments], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SourceError(f"apt-get {arguments[0]} failed:\n{done.stderr[-2000:]}")


def write_source_list(directory):
    """The machine's own archives once more, as sources."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(COMPONENT)",
                              "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    rows = {tuple(line.split("|")) for line in listing.splitlines() if line.count("|") == 2}
    text = "".join(f"deb-src {uri} {suite} {component}\n" for uri, suite, component in sorted(rows))
    (directory / "sources.list").write_text(text)
    (directory / "lists" / "partial").mkdir(parents=True)


def fetch(entry, directory):
    write_source_list(directory)
    apt(directory, "update")
    apt(directory, "source", "--download-only", entry["name"])
    archive = directory / entry["file"]
    if not archive.exists():
        raise SourceError(f"the archive now carries another version of {entry['name']} than {entry['file']}; "
                          "update [[source]] in deps/lock.toml")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != entry["sha256"]:
        raise SourceError(f"{entry['file']}: sha256 is {found}, deps/lock.toml says {entry['sha256']}")
    return archive


def source(name):
    """Folder of the unpacked tree; fetched at the first call."""
    entry = entry_of(name)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "codementor" / "sources"
    target = cache / f"{name}-{entry['sha256'][:12]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=cache))
    try:
        archive = fetch(entry, work)
        (work / "tree").mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", work / "tree", "--no-same-owner"], check=True)
        (unpacked,) = (work / "tree").iterdir()
        try:
            unpacked.rename(target)
        except OSError:
            if not target.is_dir():  # else somebody else was faster
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(source(sys.argv[1]))
    except SourceError as error:
        sys.exit(f"tools/sources.py: {error}")
