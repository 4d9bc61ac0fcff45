"""Indexing and searching a tree, beside universal-ctags and zoekt-index: script/bench index [TREE] [options].

TREE is a folder or a name of [[source]] in deps/lock.toml (tools/sources.py fetches it). Ours, ctags and zoekt make their
indexes of one copy of the tree in turn, --rounds times, so that they meet the same load: seconds, processor seconds and
peak memory (proportional, all processes), for ours the bytes by part too. Then on our index: a second job with nothing
changed, opening, query times for words taken from the tree and for regular expressions, and how long an edited
file takes until it can be searched. A peer that is not installed is left out; zoekt-index is built from its own
source, --zoekt tells where it lies when it is not on the PATH. Result: bench/results/index.json."""
import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import sources  # noqa: E402
from _index import Probe, percentiles, program, sources_of, write_result  # noqa: E402

CORES = os.cpu_count() or 1


def descendants(pid):
    found, children = [pid], {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    for at in found:
        found += children.get(at, [])
    return found


def proportional_bytes(pid):
    """PSS: pages that several processes share count once in all."""
    total = 0
    for one in descendants(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
    return total


class Peak(threading.Thread):
    """Highest memory of a process and its children, looked at ten times a second."""
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.bytes, self.ended = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.1):
            self.bytes = max(self.bytes, proportional_bytes(self.pid))

    def stop(self):
        self.ended.set()
        self.join()
        return self.bytes


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command):
    """Runs to the end: seconds, processor seconds and peak bytes of all processes; and what it printed."""
    before, start = processor_seconds(), time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:
        peak = Peak(process.pid)
        out = process.stdout.read()
        code = process.wait()
    row = {"seconds": time.monotonic() - start, "cpu_seconds": processor_seconds() - before, "peak_bytes": peak.stop()}
    if code != 0:
        raise SystemExit(f"{command[0]} ended with {code}")
    return row, out


def size_of(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size


def spread(times_us):
    return " / ".join(f"{value / 1000:.1f}" for value in percentiles(times_us).values()) + " ms"


def questions(files, count):
    words = set()
    for path in random.sample(files, min(200, len(files))):
        words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]{3,}", path.read_text(errors="replace")))
    words = sorted(words)
    picked = [random.choice(words) for _ in range(count)]
    return [" ".join(picked[i:i + 1 + i % 4]) for i in range(count)]


def build_ours(tree, place):
    row, out = timed([program(), str(place), str(tree)])
    return row | {"index_bytes": size_of(place)}, json.loads(out.splitlines()[0])


def build_peer(command, place):
    row, _ = timed(command)
    return row | {"index_bytes": size_of(place)}


def peers_of(arguments, tree, place):
    """Name -> command and where its index lies. The same limit on the size of a file, as many processes as cores."""
    ctags = shutil.which("ctags-universal") or shutil.which("universal-ctags")
    zoekt = arguments.zoekt or shutil.which("zoekt-index")
    found = {}
    if ctags:
        found["ctags"] = [ctags, "-R", "--fields=*", "-f", str(place / "tags"), str(tree)], place / "tags"
    if zoekt:
        found["zoekt"] = [zoekt, "-disable_ctags", "-parallelism", str(CORES), "-file_limit", "500000",
                          "-index", str(place / "zoekt"), str(tree)], place / "zoekt"
    for name in {"ctags", "zoekt"} - set(found):
        print(f"{name}: not installed, left out")
    return found


def build_all(arguments, tree, directory):
    """All indexers in turn; rows by name, and what ours found."""
    rows, description = {}, {}
    for number in range(arguments.rounds):
        place = directory / f"round-{number}"
        place.mkdir()
        row, description = build_ours(tree, place / "ours")
        rows.setdefault("ours", []).append(row)
        for name, (command, where) in peers_of(arguments, tree, place).items():
            rows.setdefault(name, []).append(build_peer(command, where))
        if number + 1 < arguments.rounds:
            shutil.rmtree(place)
    return rows, description, place / "ours"


def report_builds(rows, d):
    print(f"{d['files']:.0f} files, {d['lines'] / 1e6:.2f} M lines, {d['bytes'] / 1e6:.1f} MB with content; "
          f"{d['symbols']:.0f} symbols, {d['references']:.0f} references, {d['chunks']:.0f} chunks")
    print("             s  (range)      processor s  lines/s  MB/s  peak MB  index/source")
    for name, runs in rows.items():
        seconds = sorted(run["seconds"] for run in runs)
        middle = statistics.median(seconds)
        print(f"{name:6} {middle:7.1f}  ({seconds[0]:.1f}..{seconds[-1]:.1f}) "
              f"{statistics.median(run['cpu_seconds'] for run in runs):12.1f} {d['lines'] / middle:9.0f} {d['bytes'] / 1e6 / middle:5.2f} "
              f"{max(run['peak_bytes'] for run in runs) / 1e6:8.0f} {runs[-1]['index_bytes'] / d['bytes']:8.2f}")
    print("  ours by part: " + ", ".join(f"{part} {size / d['bytes']:.2f}" for part, size in d["parts"].items()))


def report_searches(arguments, tree, data):
    files = [path for path in sources_of(tree) if path.stat().st_size < 200_000]
    probe = Probe(data, tree)
    d = probe.description
    print(f"second job: {d['job_s']:.2f} s, {d['files_unchanged']:.0f} files unchanged")
    probe.close()
    probe = Probe(data, tree, "none")
    print(f"open: {probe.description['open_ms']:.1f} ms; idle memory: {probe.memory_mb()}")
    asked = questions(files, arguments.queries)
    for _ in range(2):
        times = [probe.ask(query=question, limit=50)["took_us"] for question in asked]
    print(f"{len(asked)} questions of 1 to 4 words, 50 hits, warm: p50 / p95 / max {spread(times)}")
    patterns = [re.escape(question.split()[0]) for question in asked] + [r"func .*Error\(", r"if .* == nil", r"\w+_test", r"[0-9]{6,}"]
    times = [probe.ask(query=pattern, limit=50, regex=True)["took_us"] for pattern in patterns]
    print(f"{len(patterns)} regular expressions, 50 hits: p50 / p95 / max {spread(times)}")
    times = []
    for number in range(arguments.edits):
        path = random.choice(files)
        with path.open("a") as file:
            file.write(f"\n// edit {number}\n")
        times.append(probe.ask(sync=str(path.relative_to(tree)))["took_us"])
    print(f"{arguments.edits} edited files, until searchable: p50 / p95 / max {spread(times)}")
    answer = probe.ask(map=2000)
    again = probe.ask(map=2000)
    print(f"map of 2,000 tokens: first {answer['took_us'] / 1000:.0f} ms, then {again['took_us'] / 1000:.0f} ms")
    probe.close()


def copy_tree(arguments, to):
    """The copy is read by all alike, is in the page cache for all, and may be edited."""
    folder = Path(arguments.tree)
    if not folder.is_dir():
        try:
            folder = sources.source(arguments.tree)
        except sources.SourceError as error:
            raise SystemExit(f"'{arguments.tree}' is no folder, and {error}") from None
    shutil.copytree(folder, to, symlinks=True, ignore=shutil.ignore_patterns(".git", *arguments.without))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", default="kubernetes")
    parser.add_argument("--without", nargs="*", default=["vendor"], metavar="NAME", help="folders left out (default: vendor)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--zoekt", default=None, metavar="PATH", help="of zoekt-index")
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--queries", type=int, default=200, help="0 = only make the indexes")
    arguments = parser.parse_args()
    random.seed(1)
    subprocess.run(["cmake", "--build", str(Path(program()).parent.parent), "--target", "index_probe"], check=True,
                   stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        copy_tree(arguments, tree)
        load = os.getloadavg()[0]
        rows, description, data = build_all(arguments, tree, Path(directory))
        print(f"{arguments.tree}, {CORES} cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after")
        report_builds(rows, description)
        if arguments.queries > 0:
            report_searches(arguments, tree, data)
    write_result("index", {"tree": arguments.tree, "load": load, "builds": rows, "ours": description})


if __name__ == "__main__":
    main()
