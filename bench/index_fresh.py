"""How fresh an index is, and how soon it is open: script/bench index-fresh TREE [--edits N] [--lines N] [--pause S].

Indexes a copy of TREE, then measures on that index: opening (median of several), memory when idle (anonymous beside
mapped), and files of about --lines lines that get a line more, twice each (the first edit parses the whole file, the
next one what has changed), until the new content can be searched: from the call (`cm_repository_sync`) and from the
closing of the file in a watched tree, each in wall-clock time and in processor time of all processes, compaction in the
background included; and the repository map before and after an edit.
Prints a table and writes bench/results/index-fresh.json."""
import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from _index import Probe, percentiles, sources_of, write_result


def edit(probe, tree, path, by_event):
    """One line more; wall-clock and processor milliseconds until the index has it."""
    relative, line = str(path.relative_to(tree)), f"\n// edited {random.random()}\n"
    if not by_event:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    before = probe.cpu_ms()
    answer = probe.ask(edit=relative, append=line) if by_event else probe.ask(sync=relative)
    if not answer["ok"]:
        raise SystemExit(f"the edit of {relative} did not reach the index")
    return answer["took_us"] / 1000, probe.cpu_ms() - before


def edit_all(probe, tree, files, by_event, pause):
    """Each file twice in a row; the figures of all first and of all second edits."""
    times = {"first edit": [], "next edit": []}
    for path in files:
        for found in times.values():
            time.sleep(pause)  # as a person would: what the edit before left to do in the background is done
            found.append(edit(probe, tree, path, by_event))
    return {which: {"wall_ms": percentiles([wall for wall, _ in found]), "cpu_ms": percentiles([cpu for _, cpu in found]),
                    "edits": len(found)} for which, found in times.items()}


def maps(probe, tree, files):
    first = probe.ask(map=2000)["took_us"] / 1000
    after = []
    for number, path in enumerate(files):
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n// before a map {number} {random.random()}\n")
        probe.ask(sync=str(path.relative_to(tree)))
        after.append(probe.ask(map=2000)["took_us"] / 1000)
    return {"first_ms": first, "after_edit_ms": statistics.median(after), "again_ms": probe.ask(map=2000)["took_us"] / 1000}


def opening(data, tree, times):
    found, memory = [], {}
    for _ in range(times):
        probe = Probe(data, tree, "none")
        found.append(probe.description["open_ms"])
        memory = probe.memory_mb()
        probe.close()
    return {"open_ms": statistics.median(found), "open_max_ms": max(found), "idle_mb": memory}


def about(files, lines):
    """Files of 80 to 120 % of `lines` lines."""
    return [path for path in files if .8 * lines <= path.read_bytes().count(b"\n") <= 1.2 * lines]


def show(result):
    tree, opened = result["tree"], result["opening"]
    print(f"{tree['files']:.0f} files, {tree['lines'] / 1e6:.2f} M lines; load {result['load'][0]:.1f} on {os.cpu_count()} cores")
    print(f"opening: median {opened['open_ms']:.1f} ms, max {opened['open_max_ms']:.1f} ms; "
          f"idle {opened['idle_mb']['anonymous']:.1f} MB anonymous, {opened['idle_mb']['mapped']:.1f} MB mapped")
    print(f"{'edited file until searchable, ms':34}{'p50':>8}{'p95':>8}{'max':>8}")
    for name, edits in result["edits"].items():
        for which, row in edits.items():
            for kind in ("wall_ms", "cpu_ms"):
                cells = "".join(f"{row[kind][column]:8.1f}" for column in ("p50", "p95", "max"))
                print(f"{f'{name}, {which}, ' + kind.removesuffix('_ms'):34}{cells}")
    print("map of 2,000 tokens: first {first_ms:.0f} ms, after an edit {after_edit_ms:.0f} ms, again {again_ms:.0f} ms"
          .format(**result["map"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--edits", type=int, default=100, help="files that are edited twice, in each way")
    parser.add_argument("--lines", type=int, default=1000, help="of the files that are edited, about")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds between edits")
    arguments = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        tree, data = Path(directory) / "tree", Path(directory) / "data"
        shutil.copytree(arguments.tree, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"),
                        copy_function=shutil.copyfile)  # without the modes: module caches are read-only
        os.chmod(tree, 0o700)
        for path in tree.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        files = about(sources_of(tree), arguments.lines)
        if not files:
            raise SystemExit(f"no file has about {arguments.lines} lines; give another --lines")
        probe = Probe(data, tree, "incremental")
        result = {"tree": {name: probe.description[name] for name in ("files", "lines", "bytes")}, "edits": {},
                  "load": os.getloadavg(), "opening": {}}
        probe.close()
        result["opening"] = opening(data, tree, 7)
        for name, by_event in (("from the call", False), ("from the event", True)):
            probe = Probe(data, tree, "watch" if by_event else "none")
            edit_all(probe, tree, random.choices(files, k=4), by_event, arguments.pause)  # parse workers start
            result["edits"][name] = edit_all(probe, tree, random.choices(files, k=arguments.edits), by_event, arguments.pause)
            probe.close()
        probe = Probe(data, tree, "none")
        result["map"] = maps(probe, tree, random.choices(files, k=5))
        probe.close()
    show(result)
    write_result("index-fresh", result)


if __name__ == "__main__":
    main()
