"""Symbols against universal-ctags: script/eval symbols LANGUAGE=TREE... [--missing N].

For each tree, every function, class, method, struct and interface that ctags finds in files of that
language should be a definition of ours with the same name on the same line. Prints recall, the reasons of
the differences, and with --missing some examples of each. Trees come by package name (docs/benchmarks.md
has the commands); ctags must be installed."""
import argparse
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

# ctags' language name, its kinds that we promise, extensions of the tree's files
LANGUAGES = {
    "c": ("C", {"function", "struct", "union"}, {".c", ".h"}),
    "cpp": ("C++", {"function", "class", "struct", "union"}, {".cc", ".cpp", ".h", ".hpp", ".inc"}),
    "go": ("Go", {"func", "struct", "interface", "type"}, {".go"}),
    "python": ("Python", {"function", "class", "member"}, {".py"}),
    "java": ("Java", {"class", "interface", "method", "enum"}, {".java"}),
    "typescript": ("TypeScript", {"function", "class", "interface", "method"}, {".ts", ".mts", ".cts"}),
    "rust": ("Rust", {"function", "struct", "interface", "method", "enum"}, {".rs"}),
}

KEYWORDS = {"extends", "implements", "import", "class", "new", "return", "if", "for", "while", "switch"}


def files_of(tree, extensions):
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(folder, name) for name in names if Path(name).suffix in extensions]
    return sorted(found)


def run_ctags(language, files):
    name, kinds, extensions = LANGUAGES[language]
    command = ["ctags", "-f", "-", "--output-format=json", "--fields=+nK", "--extras=-F", "--sort=no",
               f"--language-force={name}", "-L", "-"]
    lines = subprocess.run(command, input="\n".join(files), capture_output=True, text=True,
                           errors="replace", check=True).stdout.splitlines()
    tags = [json.loads(line) for line in lines if line.startswith("{")]
    return [(tag["path"], tag["line"], tag["name"], tag["kind"]) for tag in tags
            if tag.get("kind") in kinds and "line" in tag and "path" in tag]


def run_ours(program, files):
    out = subprocess.run([program, "--symbols"], input="\n".join(files) + "\n", capture_output=True,
                         text=True, errors="replace", check=True)
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    return [row for row in rows if "path" in row], [row for row in rows if "files" in row]


def plain(name):
    """ctags writes `operator ==`, `~Foo`, `(*T).m`; compare without blanks."""
    return "".join(name.split())


def reason(tag, by_name, lines_of, texts):
    path, line, name, kind = tag
    lines = by_name.get((path, plain(name)), [])
    if path not in lines_of:
        return "file not parsed"
    if lines and any(0 < line - ours <= 2 for ours in lines):
        return "ctags: the line after the name (the head of the definition is broken over lines)"
    if lines:
        return "same name, other line"
    if name.startswith("__anon"):
        return "ctags' own name for a nameless one"
    text = texts(path)
    source = text[line - 1] if line <= len(text) else ""
    if name not in source:
        return "ctags: name does not stand on that line"
    if name in KEYWORDS:
        return "ctags: a keyword taken for a name"
    return f"missing {kind}"


def compare(language, tree, program, show):
    files = files_of(tree, LANGUAGES[language][2])
    ours, totals = run_ours(program, files)
    tags = run_ctags(language, files)
    at_line = {(row["path"], row["line"], plain(row["name"])) for row in ours}
    by_name = collections.defaultdict(list)
    for row in ours:
        by_name[(row["path"], plain(row["name"]))].append(row["line"])
    lines_of = {row["path"] for row in ours}
    cache = {}

    def texts(path):
        if path not in cache:
            cache[path] = Path(path).read_text(errors="replace").split("\n")
        return cache[path]

    missing = collections.defaultdict(list)
    promised = 0
    for tag in tags:
        why = None
        if (tag[0], tag[1], plain(tag[2])) not in at_line:
            why = reason(tag, by_name, lines_of, texts)
        # What ctags made up itself is no promise of ours.
        if why and why.startswith("ctags"):
            missing[why].append(tag)
            continue
        promised += 1
        if why:
            missing[why].append(tag)
    lost = sum(len(found) for why, found in missing.items() if not why.startswith("ctags"))
    lines = sum(row["lines"] for row in totals)
    recall = 100 * (promised - lost) / promised if promised else 0
    print(f"{language:11} {tree}: {len(files)} files, {lines} lines, {promised} of ctags, "
          f"{recall:.2f} % at the same line; ours in all: {len(ours)}")
    for why, found in sorted(missing.items(), key=lambda item: -len(item[1])):
        print(f"    {len(found):6} {why}")
        for path, line, name, kind in found[:show]:
            source = texts(path)[line - 1].strip()[:100] if line <= len(texts(path)) else ""
            print(f"           {path}:{line} {kind} {name}: {source}")
    return recall


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trees", nargs="+", metavar="LANGUAGE=TREE")
    parser.add_argument("--missing", type=int, default=0, help="examples of each difference")
    parser.add_argument("--least", type=float, default=98.0, help="recall below this fails")
    options = parser.parse_args()
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    program = str(Path(binary).parent / "bench" / "parse_report")
    worst = 100.0
    for item in options.trees:
        language, _, tree = item.partition("=")
        if language not in LANGUAGES or not Path(tree).is_dir():
            sys.exit(f"'{item}' is not LANGUAGE=TREE with one of {', '.join(LANGUAGES)}")
        worst = min(worst, compare(language, tree, program, options.missing))
    sys.exit(0 if worst >= options.least else 1)


if __name__ == "__main__":
    main()
