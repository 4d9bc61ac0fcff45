"""Does knowing what changed together tell what will change together? script/eval cochange REPOSITORY [--back N].

REPOSITORY is a git repository with a history. It is indexed as it was --back commits ago, with its history of then and
without. Each later commit of two to eight files known then (no merges) is a question for each of its files: in which place
does the dependency graph put the others, nearest to that file first? Shown: mean reciprocal rank of the best-placed
other file, and the share of the others among the first ten. Beside it the history alone, without the graph."""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def git(*arguments, at):
    return subprocess.run(["git", *arguments], cwd=at, check=True, capture_output=True, text=True).stdout


class Probe:
    def __init__(self, data, tree, *mode):
        binary = Path(os.environ.get("CODEMENTOR_BINARY", ROOT / "build/release/codementor"))
        self.process = subprocess.Popen([str(binary.parent / "bench" / "index_probe"), str(data), str(tree), *mode],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("index_probe ended: see its message above")
        return json.loads(line)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.read()["paths"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def questions(tree, base, head):
    known = set(git("ls-tree", "-r", "--name-only", base, at=tree).splitlines())
    log = git("log", "--no-merges", "--no-renames", "--name-only", "--format=%x00", f"{base}..{head}", at=tree)
    for commit in log.split("\0")[1:]:
        files = [path for path in commit.split("\n") if path in known]
        if 2 <= len(files) <= 8:
            for path in files:
                yield path, set(files) - {path}


def score(asked, answer):
    """(reciprocal rank, share among the first ten) of each question."""
    cache = {}
    results = []
    for path, others in asked:
        if path not in cache:
            cache[path] = [found for found in answer(path) if found != path]
        ranked = cache[path]
        best = next((1 / (place + 1) for place, found in enumerate(ranked) if found in others), 0)
        results.append((best, len(others & set(ranked[:10])) / len(others)))
    return results


def report(name, results):
    print(f"{name:34} MRR {statistics.mean(r for r, _ in results):.3f}   "
          f"recall@10 {statistics.mean(s for _, s in results):.3f}   {len(results)} questions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--back", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git("clone", "-q", "--no-checkout", options.repository, str(tree), at=folder)
        head = git("rev-parse", "HEAD", at=tree).strip()
        base = git("rev-parse", f"HEAD~{options.back}", at=tree).strip()
        asked = list(questions(tree, base, head))
        git("checkout", "-q", "--detach", base, at=tree)
        for name, mode in (("graph without history", ["full", "no-history"]), ("graph with history", ["full"])):
            probe = Probe(Path(folder) / name.replace(" ", "-"), tree, *mode)
            report(name, score(asked, lambda path, probe=probe: probe.ask(near=path)))
            if len(mode) == 1:
                report("history alone", score(asked, lambda path, probe=probe: probe.ask(together=path)))
            probe.close()


if __name__ == "__main__":
    main()
