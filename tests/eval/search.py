"""Natural-language code search: script/eval search DATA_DIR | --docstrings python|go.

--docstrings needs no outside data: functions of the Python standard library or of Go's source tree, each a file of its own with
its documentation taken away; the first sentence of that documentation is the question (the function's own name, with which
Go begins it, left out). DATA_DIR holds CoSQA's retrieval split as published with CoCLR: cosqa-retrieval-dev-500.json (questions) and
cosqa-code_idx_map.json (6,267 Python functions). Each function becomes a file of its own; prints mean
reciprocal rank, recall at 1 and 10 and NDCG at 10 over the first 100 files. The data may be used for measuring
only and is never committed."""
import argparse
import ast
import json
import math
import os
import random
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path

FUNCTIONS, QUESTIONS, WORDS_LEAST = 6000, 500, 4


def program():
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    return Path(binary).parent / "bench" / "index_probe"


def write_tree(codes, tree, suffix):
    for number, code in codes:
        folder = tree / f"part{chr(97 + number % 26)}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"n{number}{suffix}").write_text(code + "\n")


def first_sentence(text):
    return re.split(r"(?<=[.!?])\s|\n\s*\n", " ".join(text.strip().splitlines()), maxsplit=1)[0]


def python_functions():
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if {"test", "tests", "idlelib", "site-packages", "lib2to3"} & set(path.parts):
            continue
        source = path.read_text(errors="replace")
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        lines = source.splitlines()
        for node in ast.walk(tree):
            documentation = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            if documentation and len(node.body) > 1:
                shown = lines[node.lineno - 1:node.body[0].lineno - 1] + lines[node.body[0].end_lineno:node.end_lineno]
                yield "\n".join(line[node.col_offset:] for line in shown), first_sentence(documentation)


GO_FUNCTION = re.compile(r"((?:^//[^\n]*\n)+)(^func (?:\([^)]*\) )?(\w+)\(.*?^}\n)", re.M | re.S)


def go_functions():
    root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()) / "src"
    for path in sorted(root.rglob("*.go")):
        if path.name.endswith("_test.go") or {"testdata", "vendor", "cmd"} & set(path.relative_to(root).parts):
            continue
        for comment, code, name in GO_FUNCTION.findall(path.read_text(errors="replace")):
            text = " ".join(line[2:].strip() for line in comment.splitlines() if not line.startswith("//go:"))
            yield "package p\n\n" + code, first_sentence(re.sub(rf"^{name}\s+", "", text.strip()))


def docstrings(language):
    """The same functions and questions every time, on one version of the library."""
    found = [(code, question) for code, question in {"python": python_functions, "go": go_functions}[language]()
             if len(question.split()) >= WORDS_LEAST]
    chance = random.Random(1)
    chance.shuffle(found)
    codes = list(enumerate(code for code, _ in found[:FUNCTIONS]))
    questions = [{"doc": question, "retrieval_idx": number} for number, (_, question) in enumerate(found[:QUESTIONS])]
    return questions, codes, {"python": ".py", "go": ".go"}[language]


def cosqa(folder):
    questions = json.loads((folder / "cosqa-retrieval-dev-500.json").read_text())
    codes = json.loads((folder / "cosqa-code_idx_map.json").read_text())
    return questions, [(number, code) for code, number in codes.items()], ".py"


def ranks(questions, tree, data):
    with subprocess.Popen([program(), data, tree], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as probe:
        job = json.loads(probe.stdout.readline())
        print(f"files {job['files']:.0f}, chunks {job['chunks']:.0f}")
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
    parser.add_argument("data_dir", type=Path, nargs="?")
    parser.add_argument("--docstrings", choices=["python", "go"])
    arguments = parser.parse_args()
    if (arguments.data_dir is None) == (arguments.docstrings is None):
        parser.error("give DATA_DIR or --docstrings")
    questions, codes, suffix = cosqa(arguments.data_dir) if arguments.data_dir else docstrings(arguments.docstrings)
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        write_tree(codes, tree, suffix)
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
