"""Parse throughput: script/bench parse LANGUAGE=TREE... [--pairs N] [--megabytes N].

For each tree: MB of source for a second of processor time, for the whole extraction (parse, symbols,
references, imports, chunks, checked answer), with the worker process and without it, alternating, and
their ratio. Processor time of all processes, less what an empty run takes, because other work on the
machine hardly moves it. Then what the boundary adds to one small file."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXTENSIONS = {
    "c": {".c", ".h"}, "cpp": {".cc", ".cpp", ".h", ".hpp"}, "go": {".go"}, "python": {".py"}, "java": {".java"},
    "typescript": {".ts"}, "javascript": {".js"}, "rust": {".rs"}, "csharp": {".cs"}, "ruby": {".rb"}, "php": {".php"},
}
SMALL = "int add(int a, int b) {\n    return a + b;\n}\n"


def files_of(tree, extensions):
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(folder, name) for name in sorted(names) if Path(name).suffix in extensions]
    return found


def sample(files, megabytes):
    """Every n-th file, so that a large tree is represented by all of its parts."""
    total = sum(os.path.getsize(name) for name in files)
    return files[::max(1, round(total / (megabytes * 1e6)))]


def run(program, files, *options):
    """Totals of all languages, processor seconds, seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = subprocess.run([program, *options], input="\n".join(files) + "\n", capture_output=True, text=True,
                         errors="replace", check=True)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    return {key: sum(row[key] for row in rows) for key in rows[0] if key != "language"}, cpu, seconds


def measure(program, files, first, pairs, *options):
    """Median processor seconds with workers and without, and the range of their ratio."""
    results = []
    for _ in range(pairs):
        pair = []
        for mode in ([], ["--in-process"]):
            # The same run over one file, once: start, grammar and query, which a server pays once.
            empty = run(program, [first], *mode)[1]
            pair.append(run(program, files, *mode, *options)[1] - empty)
        results.append(pair)
    ratios = sorted(across / inside for across, inside in results)
    return (statistics.median(across for across, _ in results), statistics.median(inside for _, inside in results),
            ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trees", nargs="*", default=["c=src"], metavar="LANGUAGE=TREE")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=10, help="about this much of each tree")
    options = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    binary = Path(os.environ.get("CODEMENTOR_BINARY", root / "build/release/codementor"))
    subprocess.run(["cmake", "--build", str(binary.parent), "--target", "parse_report"], check=True,
                   stdout=subprocess.DEVNULL)
    program = str(binary.parent / "bench" / "parse_report")
    print("language      files     MB     lines  MB/s  lines/s  in process MB/s  ratio (range)       symbols  references")
    for item in options.trees:
        language, _, tree = item.partition("=")
        if language not in EXTENSIONS or not Path(tree).is_dir():
            sys.exit(f"'{item}' is not LANGUAGE=TREE with one of {', '.join(EXTENSIONS)}")
        files = sample(files_of(tree, EXTENSIONS[language]), options.megabytes)
        row = run(program, files)[0]
        across, inside, ratios = measure(program, files, files[0], options.pairs)
        mega = row["bytes"] / 1e6
        print(f"{language:12} {row['files']:6} {mega:6.1f} {row['lines']:9} {mega / across:5.1f} "
              f"{row['lines'] / across:8.0f} {mega / inside:16.1f}  {statistics.median(ratios):5.2f} "
              f"({ratios[0]:.2f}..{ratios[-1]:.2f}) {row['symbols']:9} {row['references']:11}")
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "small.c")
        Path(name).write_text(SMALL)
        rounds = 5000
        across, inside, _ = measure(program, [name], name, options.pairs, "--rounds", str(rounds))
        print(f"a file of {len(SMALL)} bytes: {1e6 * across / rounds:.0f} us with a worker, "
              f"{1e6 * inside / rounds:.0f} us without")


if __name__ == "__main__":
    main()
