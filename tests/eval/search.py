"""Natural-language code search: script/eval search DATA_DIR | --docstrings python|go | --files python|go.

--docstrings needs no outside data: functions of the Python standard library or of Go's source tree, each a file of its own with
its documentation taken away; the first sentence of that documentation is the question (the function's own name, with which
Go begins it, left out). --files asks the same questions of the same trees as they are, files whole and all documentation of
functions taken away: a question is answered by its function's file. DATA_DIR holds CoSQA's retrieval split as published with CoCLR: cosqa-retrieval-dev-500.json (questions) and
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


def write_tree(files, tree):
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text + "\n")


def alone(number, suffix):
    """The file of a function that has one of its own."""
    return f"part{chr(97 + number % 26)}/n{number}{suffix}"


def first_sentence(text):
    return re.split(r"(?<=[.!?])\s|\n\s*\n", " ".join(text.strip().splitlines()), maxsplit=1)[0]


def python_sources():
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if not {"test", "tests", "idlelib", "site-packages", "lib2to3"} & set(path.parts):
            yield str(path.relative_to(root)), path.read_text(errors="replace")


def python_functions():
    for _, source in python_sources():
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


def go_sources():
    root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()) / "src"
    for path in sorted(root.rglob("*.go")):
        relative = path.relative_to(root)
        if not path.name.endswith("_test.go") and not {"testdata", "vendor", "cmd"} & set(relative.parts):
            yield str(relative), path.read_text(errors="replace")


def go_question(comment, name):
    text = " ".join(line[2:].strip() for line in comment.splitlines() if not line.startswith("//go:"))
    return first_sentence(re.sub(rf"^{name}\s+", "", text.strip()))


def go_functions():
    for _, source in go_sources():
        for comment, code, name in GO_FUNCTION.findall(source):
            yield "package p\n\n" + code, go_question(comment, name)


def python_file(source):
    """The source without what documents its functions, and the questions they answered."""
    lines, questions = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        documentation = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        if documentation and len(node.body) > 1:
            questions.append(first_sentence(documentation))
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first:last] = [""] * (last - first)
    return "\n".join(lines), questions


def go_file(source):
    questions = [go_question(comment, name) for comment, _, name in GO_FUNCTION.findall(source)]
    return GO_FUNCTION.sub(lambda m: m[2], source), questions


def whole_files(language):
    sources, strip = {"python": (python_sources, python_file), "go": (go_sources, go_file)}[language]
    files, found = {}, []
    for path, source in sources():
        try:
            files[path], questions = strip(source)
        except (SyntaxError, ValueError):
            continue
        found += [(question, path) for question in questions if len(question.split()) >= WORDS_LEAST]
    random.Random(1).shuffle(found)
    return [{"doc": question, "path": path} for question, path in found[:QUESTIONS]], files


def docstrings(language):
    """The same functions and questions every time, on one version of the library."""
    found = [(code, question) for code, question in {"python": python_functions, "go": go_functions}[language]()
             if len(question.split()) >= WORDS_LEAST]
    chance = random.Random(1)
    chance.shuffle(found)
    suffix = {"python": ".py", "go": ".go"}[language]
    questions = [{"doc": question, "path": alone(number, suffix)} for number, (_, question) in enumerate(found[:QUESTIONS])]
    return questions, {alone(number, suffix): code for number, (code, _) in enumerate(found[:FUNCTIONS])}


def cosqa(folder):
    questions = json.loads((folder / "cosqa-retrieval-dev-500.json").read_text())
    codes = json.loads((folder / "cosqa-code_idx_map.json").read_text())
    questions = [{"doc": question["doc"], "path": alone(question["retrieval_idx"], ".py")} for question in questions]
    return questions, {alone(number, ".py"): code for code, number in codes.items()}


def ranks(questions, tree, data):
    with subprocess.Popen([program(), data, tree], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as probe:
        job = json.loads(probe.stdout.readline())
        print(f"files {job['files']:.0f}, chunks {job['chunks']:.0f}")
        for question in questions:
            probe.stdin.write(json.dumps({"query": question["doc"], "limit": 100}) + "\n")
            probe.stdin.flush()
            answer = json.loads(probe.stdout.readline())
            found = list(dict.fromkeys(answer["paths"]))
            wanted = question["path"]
            yield (found.index(wanted) + 1 if wanted in found else None), answer["took_us"]
        probe.stdin.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, nargs="?")
    parser.add_argument("--docstrings", choices=["python", "go"])
    parser.add_argument("--files", choices=["python", "go"])
    arguments = parser.parse_args()
    wanted = [(make, given) for make, given in ((cosqa, arguments.data_dir), (docstrings, arguments.docstrings),
                                                (whole_files, arguments.files)) if given is not None]
    if len(wanted) != 1:
        parser.error("give DATA_DIR, --docstrings or --files")
    questions, files = wanted[0][0](wanted[0][1])
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        write_tree(files, tree)
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
