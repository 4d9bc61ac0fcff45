"""Reading git's history: script/bench history [REPOSITORY] [--back N] [--commits N] [--synthetic N].

REPOSITORY is a git repository with a history (default: this one); --synthetic makes one of N commits instead, 5,000
files in 250 folders, one to eight changed at a time. Measured on a clone of it without files: the first reading, a
second one, one after the --back newest commits came in, one of another branch's point of view (HEAD goes back and
comes again), one file's answer, and all files at once. Prints a table and writes bench/results/history.json."""
import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def git(*arguments, at=None, **options):
    return subprocess.run(["git", *arguments], cwd=at, check=True, capture_output=True, text=True, **options).stdout.strip()


def synthetic(folder, commits):
    """A linear history by git fast-import: commits change files of one folder, now and then a neighbour's."""
    pick = random.Random(1)
    git("init", "-q", "-b", "main", str(folder))
    lines = []
    for number in range(commits):
        home = pick.randrange(250)
        files = {f"dir{home if pick.random() < .8 else pick.randrange(250)}/file{pick.randrange(20)}.c"
                 for _ in range(pick.randint(1, 8))}
        lines += ["commit refs/heads/main", f"committer A <a@a> {1500000000 + 3600 * number} +0000", "data 1", "x"]
        for path in sorted(files):
            text = f"{path} {number}\n"
            lines += [f"M 100644 inline {path}", f"data {len(text)}", text]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, check=True, input="\n".join(lines) + "\n", text=True)


class Probe:
    def __init__(self, tree):
        binary = Path(os.environ.get("CODEMENTOR_BINARY", ROOT / "build/release/codementor"))
        self.process = subprocess.Popen([str(binary.parent / "bench" / "history_probe"), str(tree)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("history_probe ended: see its message above")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(tree, commits, back):
    head = git("rev-parse", "HEAD", at=tree)
    earlier = git("rev-parse", f"HEAD~{back}", at=tree)
    probe = Probe(tree)
    steps = [("first reading", probe.ask(read=commits)), ("again, nothing new", probe.ask(read=commits))]
    git("update-ref", "HEAD", earlier, at=tree)
    steps.append((f"HEAD {back} commits back", probe.ask(read=commits)))
    git("update-ref", "HEAD", head, at=tree)
    steps.append((f"{back} commits came in", probe.ask(read=commits)))
    paths = [path for path in git("ls-tree", "-r", "--name-only", "HEAD", at=tree).splitlines() if path.isascii()]
    nearest = probe.ask(nearest=True)
    answers = [probe.ask(together=path)["took_us"] for path in random.Random(1).sample(paths, min(1000, len(paths)))]
    probe.close()
    return steps, nearest, answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", nargs="?", default=str(ROOT))
    parser.add_argument("--back", type=int, default=100)
    parser.add_argument("--commits", type=int, default=20000)
    parser.add_argument("--synthetic", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = options.repository
        if options.synthetic:
            source = Path(folder) / "source"
            synthetic(source, options.synthetic)
        tree = Path(folder) / "clone"
        git("clone", "-q", "--no-checkout", str(source), str(tree))
        steps, nearest, answers = measure(tree, options.commits, options.back)
    for name, step in steps:
        print(f"{name:24} {step['took_ms']:9.1f} ms wall {step['cpu_ms']:9.1f} ms cpu   fold {step['fold_ms']:5.1f} ms   "
              f"{step['commits']} commits, {step['counted']} count, {step['files']} files, {step['bytes'] / 1e6:.2f} MB, "
              f"peak {step['peak_mb']:.0f} MB, then anonymous {step['anonymous_mb']:.0f} MB")
    print(f"all files at once        {nearest['took_ms']:9.1f} ms   {nearest['edges']} edges")
    print(f"one file                 median {statistics.median(answers):.0f} us, max {max(answers):.0f} us of {len(answers)}")
    result = ROOT / "bench/results/history.json"
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps({"steps": steps, "nearest": nearest, "together_us": answers}, indent=1))


if __name__ == "__main__":
    main()
