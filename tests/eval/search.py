"""Natural-language code search: script/eval search DATA_DIR.

DATA_DIR holds CoSQA's retrieval split as published with CoCLR: cosqa-retrieval-dev-500.json (questions) and
cosqa-code_idx_map.json (6,267 Python functions). Each function becomes a file of its own; prints mean
reciprocal rank, recall at 1 and 10 and NDCG at 10 over the first 100 files. The data may be used for measuring
only and is never committed."""
import argparse
import json
import math
import os
import subprocess
import tempfile
from pathlib import Path


def program():
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    return Path(binary).parent / "bench" / "index_probe"


def write_tree(codes, tree):
    for code, number in codes.items():
        folder = tree / f"part{chr(97 + number % 26)}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"n{number}.py").write_text(code + "\n")


def ranks(questions, tree, data):
    with subprocess.Popen([program(), data, tree], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as probe:
        probe.stdout.readline()  # about the job
        for question in questions:
            probe.stdin.write(json.dumps({"query": question["doc"], "limit": 100}) + "\n")
            probe.stdin.flush()
            answer = json.loads(probe.stdout.readline())
            found = list(dict.fromkeys(Path(path).stem for path in answer["paths"]))
            wanted = f"n{question['retrieval_idx']}"
            yield (found.index(wanted) + 1 if wanted in found else None), answer["took_us"]
        probe.stdin.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    questions = json.loads((arguments.data_dir / "cosqa-retrieval-dev-500.json").read_text())
    codes = json.loads((arguments.data_dir / "cosqa-code_idx_map.json").read_text())
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        write_tree(codes, tree)
        results = list(ranks(questions, tree, Path(directory) / "data"))
    found = [rank for rank, _ in results if rank]
    count = len(results)
    times = sorted(took for _, took in results)
    print(f"questions {count}")
    print(f"MRR       {sum(1 / rank for rank in found) / count:.3f}")
    print(f"R@1       {sum(rank == 1 for rank in found) / count:.3f}")
    print(f"R@10      {sum(rank <= 10 for rank in found) / count:.3f}")
    print(f"NDCG@10   {sum(1 / math.log2(rank + 1) for rank in found if rank <= 10) / count:.3f}")
    print(f"time      p50 {times[count // 2]} us, p95 {times[count * 95 // 100]} us")


if __name__ == "__main__":
    main()
