"""The index probe (bench/index_probe.c) and what the benchmarks of the index share."""
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = {".go", ".py", ".c", ".h", ".cc", ".cpp", ".java", ".ts", ".js", ".rs", ".rb", ".php"}


def program():
    binary = Path(os.environ.get("CODEMENTOR_BINARY", ROOT / "build/release/codementor"))
    return str(binary.parent / "bench" / "index_probe")


def sources_of(tree):
    """Files of code in order of path."""
    return sorted(path for path in tree.rglob("*")
                  if path.suffix in EXTENSIONS and path.is_file() and not path.is_symlink())


def percentiles(times):
    times = sorted(times)
    return {name: times[min(len(times) - 1, int(len(times) * share))] for name, share in (("p50", .5), ("p95", .95), ("max", 1))}


class Probe:
    """An index of `tree` in `data`, and questions to it: a line of JSON each way."""

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

    def cpu_ms(self):
        """Processor time so far of the process, its threads and its parse workers."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        pids = [self.process.pid] + [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
        return sum(int((task / "schedstat").read_text().split()[0]) for pid in pids
                   for task in Path(f"/proc/{pid}/task").iterdir()) / 1e6

    def memory_mb(self):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return {name: int(fields[field].split()[0]) / 1024
                for name, field in (("resident", "VmRSS"), ("anonymous", "RssAnon"), ("mapped", "RssFile"))}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def write_result(name, result):
    out = ROOT / "bench" / "results" / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
