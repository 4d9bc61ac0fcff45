"""Indexing and searching a tree, beside ctags and zoekt when they are installed: script/bench index TREE [--edits N].

Prints the first job (time, speed, peak memory, bytes by part), an incremental one with nothing changed, opening,
query times for words taken from the tree and for regular expressions, and how long an edited file takes until
it can be searched. The tree is copied before it is edited."""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

EXTENSIONS = {".go", ".py", ".c", ".h", ".cc", ".cpp", ".java", ".ts", ".js", ".rs", ".rb", ".php"}


def program():
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    return str(Path(binary).parent / "bench" / "index_probe")


class Probe:
    def __init__(self, data, tree, mode="incremental"):
        self.process = subprocess.Popen([program(), str(data), str(tree), mode], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("index_probe ended: see its message above")
        self.description = json.loads(line)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def rss_mb(self):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def percentiles(times):
    times = sorted(times)
    return " / ".join(f"{times[min(len(times) - 1, int(len(times) * share))] / 1000:.1f}" for share in (.5, .95, 1)) + " ms"


def questions(files, count):
    words = set()
    for path in random.sample(files, min(200, len(files))):
        words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]{3,}", path.read_text(errors="replace")))
    words = sorted(words)
    picked = [random.choice(words) for _ in range(count)]
    return [" ".join(picked[i:i + 1 + i % 4]) for i in range(count)]


def report_job(name, d):
    print(f"{name}: {d['job_s']:.1f} s, {d['files']:.0f} files, {d['lines'] / 1e6:.2f} M lines, {d['bytes'] / 1e6:.1f} MB, "
          f"{d['lines'] / d['job_s'] / 1000:.0f} k lines/s, {d['bytes'] / d['job_s'] / 1e6:.1f} MB/s, peak {d['peak_rss_mb']:.0f} MB, "
          f"{d['symbols']:.0f} symbols, {d['references']:.0f} references, {d['chunks']:.0f} chunks")
    parts = ", ".join(f"{part} {size / d['bytes']:.2f}" for part, size in d["parts"].items())
    print(f"  index bytes per source byte: {d['index_bytes'] / d['bytes']:.2f} ({parts})")


def peer(name, command):
    if not shutil.which(command[0]):
        print(f"{name}: not installed")
        return
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    print(f"{name}: {time.monotonic() - start:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        tree, data = Path(directory) / "tree", Path(directory) / "data"
        shutil.copytree(arguments.tree, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        files = sorted(path for path in tree.rglob("*") if path.suffix in EXTENSIONS and path.is_file() and not path.is_symlink()
                       and path.stat().st_size < 200_000)
        probe = Probe(data, tree)
        report_job("first job", probe.description)
        probe.close()
        probe = Probe(data, tree)
        d = probe.description
        print(f"second job: {d['job_s']:.2f} s, {d['files_unchanged']:.0f} files unchanged")
        probe.close()
        probe = Probe(data, tree, "none")
        print(f"open: {probe.description['open_ms']:.1f} ms; idle memory: {probe.rss_mb()}")
        asked = questions(files, arguments.queries)
        for _ in range(2):
            times = [probe.ask(query=question, limit=50)["took_us"] for question in asked]
        print(f"{len(asked)} questions of 1 to 4 words, 50 hits, warm: p50 / p95 / max {percentiles(times)}")
        patterns = [re.escape(question.split()[0]) for question in asked] + [r"func .*Error\(", r"if .* == nil", r"\w+_test", r"[0-9]{6,}"]
        times = [probe.ask(query=pattern, limit=50, regex=True)["took_us"] for pattern in patterns]
        print(f"{len(patterns)} regular expressions, 50 hits: p50 / p95 / max {percentiles(times)}")
        times = []
        for number in range(arguments.edits):
            path = random.choice(files)
            with path.open("a") as file:
                file.write(f"\n// edit {number}\n")
            times.append(probe.ask(sync=str(path.relative_to(tree)))["took_us"])
        print(f"{arguments.edits} edited files, until searchable: p50 / p95 / max {percentiles(times)}")
        answer = probe.ask(map=2000)
        again = probe.ask(map=2000)
        print(f"map of 2,000 tokens: first {answer['took_us'] / 1000:.0f} ms, then {again['took_us'] / 1000:.0f} ms")
        probe.close()
        peer("ctags --fields=* (definitions only)", ["ctags", "-R", "--fields=*", "-f", "-", str(tree)])
        peer("zoekt-index", ["zoekt-index", "-index", str(Path(directory) / "zoekt"), str(tree)])


if __name__ == "__main__":
    main()
