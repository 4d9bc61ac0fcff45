"""The checks of form behind script/lint. Each prints what is wrong; the last line counts checks."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps" / "venv" / "bin"
C_FOLDERS = ("src/", "tests/", "fuzz/", "bench/")


def tracked() -> list[str]:
    """Files git knows or would add, so that a new file is checked before its first commit."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def run(command: list, files: list[str] = ()) -> bool:
    if files == []:
        return True
    return subprocess.run([str(c) for c in command] + list(files), cwd=ROOT, check=False).returncode == 0


def c_files(files: list[str]) -> list[str]:
    return [f for f in files if f.endswith((".c", ".h")) and f.startswith(C_FOLDERS)
            and not f.startswith("tests/cases/")]


def check_format(files: list[str], fix: bool) -> bool:
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    return run([VENV / "clang-format", *mode], c_files(files))


def check_tidy(_files: list[str], fix: bool) -> bool:
    tidy = ROOT / "tools" / "tidy.py"
    return not tidy.exists() or run([VENV / "python", "-B", tidy, *(["--fix"] if fix else [])])


def check_spelling(files: list[str], fix: bool) -> bool:
    # words.c is a table of word stems; the others misspell on purpose.
    skipped = ("tests/cases/", "fuzz/corpus/", "deps/", "LICENSE", "queries/", "bench/data/", "src/index/segment/words.c",
               "tests/api/malformed.py", "tests/tools/test_generators.py")
    texts = [f for f in files if not f.startswith(skipped) and not f.endswith((".json", ".gguf", ".png"))]
    ignore = ROOT / "tools" / "codespell-ignore.txt"
    return run([VENV / "codespell", "-q", "2", "-I", ignore, *(["-w"] if fix else [])], texts)


def check_shell(files: list[str], _fix: bool) -> bool:
    def is_shell(name: str) -> bool:
        if name.endswith(".sh"):
            return True
        with (ROOT / name).open("rb") as stream:
            return stream.read(30).startswith((b"#!/bin/bash", b"#!/bin/sh"))

    return run(["shellcheck", "-x"], [f for f in files if is_shell(f) and not f.startswith("tests/cases/")])


def check_python(files: list[str], _fix: bool) -> bool:
    sources = [f for f in files if f.endswith(".py") and "/nobuild/" not in f and "tests/cases/" not in f]
    return run([VENV / "python", "-m", "pyflakes"], sources)


def check_generated(_files: list[str], fix: bool) -> bool:
    """tools/reference.py rewrites docs/reference/; without --fix it only compares."""
    program = ROOT / "tools" / "reference.py"
    return not program.exists() or run([VENV / "python", "-B", program, *([] if fix else ["--check"])])


CHECKS = {
    "format": check_format,
    "tidy": check_tidy,
    "spelling": check_spelling,
    "shell": check_shell,
    "python": check_python,
    "reference": check_generated,
}


def main(arguments: list[str]) -> int:
    fix = "--fix" in arguments
    names = [a for a in arguments if a != "--fix"] or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"lint: no check '{unknown[0]}'; known: {' '.join(CHECKS)}", file=sys.stderr)
        return 2
    files = tracked()
    failed = 0
    for name in names:
        good = CHECKS[name](files, fix)
        failed += not good
        print(f"lint {name}: {'ok' if good else 'FAILED'}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
