"""Implementers in Go against Go's own type checker: script/eval implementers [--binary PATH] [--show N].

Indexes Go's standard library and asks for the implementers of each interface that has methods; what
go/types says of the same packages is the truth. Generic types are left out on both sides, and so are files that
this platform does not build. Needs the `go` command."""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from server import Server  # noqa: E402


def go(*arguments, **more):
    return subprocess.run(["go", *arguments], capture_output=True, text=True, check=True, **more).stdout


def truth(folder):
    """(interface -> set of types that implement it, all types), each as (package path, name)."""
    source = Path(__file__).with_name("go_implementers.go")
    shutil.copy(source, folder / "main.go")
    (folder / "go.mod").write_text("module truth\n\ngo 1.21\n")
    found, types = collections.defaultdict(set), set()
    for line in go("run", ".", cwd=folder).splitlines():
        row = json.loads(line)
        if "interface" in row:
            found[tuple(row["interface"])].add(tuple(row["type"]))
        else:
            types.add(tuple(row["type"]))
    return found, types


def copy_library(folder):
    root = Path(go("env", "GOROOT").strip()) / "src"
    for path in [root / "go.mod", *root.rglob("*.go")]:
        relative = path.relative_to(root)
        if relative.parts[0] in ("cmd", "vendor") or "testdata" in relative.parts:
            continue
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / relative)


def ask(server, repository, package, name):
    last = package.rsplit("/", 1)[-1]
    start = time.perf_counter()
    body = server.http.get(f"/v1/repositories/{repository}/implementers",
                           params={"name": f"{last}.{name}", "limit": 500}).json()
    seconds = time.perf_counter() - start
    return {(str(Path(item["file_path"]).parent), item["name"]) for item in body["items"]}, body["truncated"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", type=int, default=0, help="differences to print")
    arguments = parser.parse_args()
    counts, times, shown = collections.Counter(), [], 0
    with tempfile.TemporaryDirectory() as made:
        made = Path(made)
        for name in ("truth", "library", "server"):
            (made / name).mkdir()
        expected, types = truth(made / "truth")
        copy_library(made / "library")
        with Server(made / "server") as server:
            repository = server.index(made / "library")
            names = collections.Counter((path.rsplit("/", 1)[-1], name) for path, name in expected)
            for (package, name), implementers in sorted(expected.items()):
                if names[package.rsplit("/", 1)[-1], name] > 1:
                    continue  # two packages of one name: the question means both
                found, truncated, seconds = ask(server, repository, package, name)
                times.append(seconds)
                if truncated:
                    counts["interfaces with over 500"] += 1
                    continue
                found &= types
                counts["interfaces"] += 1
                counts["true"] += len(implementers)
                counts["found"] += len(implementers & found)
                counts["wrong"] += len(found - implementers)
                for kind, difference in (("missing", implementers - found), ("wrong", found - implementers)):
                    for path, type_name in sorted(difference):
                        if shown < arguments.show:
                            print(f"{kind}: {path}.{type_name} for {package}.{name}")
                            shown += 1
    times.sort()
    print(f"{counts['interfaces']} interfaces ({counts['interfaces with over 500']} with over 500 answers left out), "
          f"{counts['true']} implementers: recall {counts['found'] / counts['true']:.4f}, "
          f"precision {counts['found'] / max(1, counts['found'] + counts['wrong']):.4f}")
    print(f"time of a question: median {1000 * times[len(times) // 2]:.1f} ms, "
          f"p95 {1000 * times[len(times) * 95 // 100]:.1f} ms, longest {1000 * times[-1]:.1f} ms")


if __name__ == "__main__":
    os.environ.setdefault("CODEMENTOR_BINARY", "build/release/codementor")
    main()
