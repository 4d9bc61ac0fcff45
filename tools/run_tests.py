"""Runs the suites that script/test names, each to its end, and closes with one honest line.

A suite builds what it needs, runs its runner with the output passed through, and reads the runner's own
closing line. A build that fails, or a runner that ends badly without saying how many failed, counts as one
failure: nothing that went wrong can end in '0 failed'."""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps" / "venv" / "bin"
MODEL = ROOT / ".deps" / "models" / "smollm2-135m-instruct-q4_1.gguf"
TSAN_ROOMS = "base|rt|net|store|model|index"

CTEST = re.compile(r"^\s*\d+% tests passed, (\d+) tests failed out of (\d+)")
CTEST_SKIPPED = re.compile(r"^\s*\d+/\d+ Test .*\*\*\*(Skipped|Not Run)")
PYTEST = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
LINT = re.compile(r"^(\d+) passed, (\d+) failed$")


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __iadd__(self, other: "Result") -> "Result":
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    @property
    def line(self) -> str:
        return (f"{self.passed} passed, {self.failed} failed"
                + (f", {self.skipped} skipped" if self.skipped else ""))


def stream(command: list, env: dict | None = None) -> tuple[int, list[str]]:
    """Runs a command, passes its output through and returns its code and lines."""
    child = subprocess.Popen([str(c) for c in command], cwd=ROOT, env={**os.environ, **(env or {})},
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT, errors="replace")
    lines = []
    for line in child.stdout:
        lines.append(line.rstrip("\n"))
        sys.stdout.write(line)
        sys.stdout.flush()
    return child.wait(), lines


def read_counts(lines: list[str]) -> Result:
    """Adds up the closing lines of the runners we use."""
    result = Result()
    for line in lines:
        if found := CTEST.match(line):
            result.failed += int(found[1])
            result.passed += int(found[2]) - int(found[1])
        elif CTEST_SKIPPED.match(line):
            result.skipped += 1
            result.passed -= 1
        elif found := PYTEST.match(line):
            words = dict(reversed(part.split()) for part in found[1].rstrip(", ").split(", "))
            result.passed += int(words.get("passed", 0)) + int(words.get("xfailed", 0))
            result.failed += int(words.get("failed", 0)) + int(words.get("xpassed", 0))
            result.failed += int(words.get("errors", 0)) + int(words.get("error", 0))
            result.skipped += int(words.get("skipped", 0))
        elif found := LINT.match(line):
            result.passed += int(found[1])
            result.failed += int(found[2])
    return result


def judged(code: int, lines: list[str], none_is_fine: bool = False) -> Result:
    result = read_counts(lines)
    if code != 0 and result.failed == 0 and not none_is_fine:
        print(f"the runner ended with {code}", flush=True)
        result.failed = 1
    return result


def build(preset: str, target: str = "") -> bool:
    target = target or ("codementor" if preset == "release" else "")
    script = f". script/common.sh; build {preset} {target}"
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script, "script/test"],
                          cwd=ROOT, check=False).returncode == 0


def ctest(preset: str, *selection: str, env: dict | None = None) -> Result:
    if not build(preset):
        return Result(failed=1)
    jobs = os.environ.get("CODEMENTOR_JOBS") or str(os.cpu_count() or 1)
    return judged(*stream(["ctest", "--test-dir", f"build/{preset}", "--output-on-failure",
                           "--no-tests=ignore", "-j", jobs, *selection], env))


def pytest(folder: str, preset: str | None, env: dict | None = None, postgres: str = "",
           only: tuple = ()) -> Result:
    """The tests of a folder (`only`: further arguments of pytest), beside a PostgreSQL of that version if one
    is named."""
    if not list((ROOT / folder).glob("**/test_*.py")):
        print(f"{folder} has no tests", flush=True)
        return Result()
    if preset and not build(preset):
        return Result(failed=1)
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{ROOT}/tests:{ROOT}/.deps/postgres", **(env or {})}
    if preset:
        environment["CODEMENTOR_BINARY"] = str(ROOT / "build" / preset / "codementor")
    beside = [sys.executable, "tests/tools/with_postgres.py", postgres] if postgres else []
    code, lines = stream([*beside, VENV / "pytest", "-q", "-ra", folder, *only], environment)
    return judged(code, lines, none_is_fine=code == 5)  # 5: every test was deselected


# --- the suites


def lint() -> Result:
    return judged(*stream([VENV / "python", "-B", "tools/lint.py"]))


def tools() -> Result:
    return pytest("tests/tools", None)


def unit() -> Result:
    """-O2 warns of more than the dev build does: the tests are compiled, not linked, in the release preset too."""
    result = ctest("dev", "-LE", "^(fuzz|store)$")
    result.failed += not build("release", "test_objects")
    return result


def api() -> Result:
    return pytest("tests/api", "dev")


def e2e() -> Result:
    return pytest("tests/e2e", "release", {"CODEMENTOR_MODEL": str(MODEL)})


def has_postgres() -> bool:
    groups = [word for group in POSTGRES_GROUPS for word in ("--with", group)]
    if subprocess.run(["script/bootstrap", *groups], cwd=ROOT, check=False).returncode != 0:
        return False
    if (ROOT / "build/dev/build.ninja").exists():  # configured before PostgreSQL was there, perhaps
        subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    return True


def store(wants_whole: bool = False) -> Result:
    """The same conformance suite over each engine: SQLite, PostgreSQL 16 and 18; then a sample of the API."""
    if not has_postgres():
        return Result(failed=1)
    whole = {"CODEMENTOR_TEST_ROUNDS": os.environ.get("CODEMENTOR_TEST_ROUNDS", WHOLE_ROUNDS)} if wants_whole else {}
    result = ctest("dev", "-L", "^store$", env=whole)
    result += pytest("tests/postgres", "dev", postgres="18", only=("tests/api", "-k", API_SAMPLE))
    return result


def api_postgres() -> Result:
    if not has_postgres():
        return Result(failed=1)
    result = Result()
    for version in ("16", "18"):
        result += pytest("tests/postgres", "dev", postgres=version, only=("tests/api",))
    return result


POSTGRES_GROUPS = ("postgres", "faults")
WHOLE_ROUNDS = "20"  # 1,000 kills and 1,000 power losses on SQLite, 100 kills on PostgreSQL
API_SAMPLE = "postgres or test_30_repositories or acknowledged or newer_version"

# Under sanitizers on SQLite alone: waiting for PostgreSQL's disk takes minutes and shows nothing more.
ASAN = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def asan() -> Result:
    result = ctest("asan", "-LE", "fuzz", "-E", "@postgres", env=ASAN)
    result += pytest("tests/api", "asan", ASAN)
    return result


def tsan() -> Result:
    options = f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp"
    return ctest("tsan", "-L", f"^({TSAN_ROOMS})$", "-LE", "fuzz", "-E", "@postgres",
                 env={"TSAN_OPTIONS": options})


def fuzz_replay() -> Result:
    return ctest("asan", "-L", "fuzz", env=ASAN)


def valgrind() -> Result:
    if not build("dev"):
        return Result(failed=1)
    command = "/usr/bin/valgrind"
    return judged(*stream(["ctest", "--test-dir", "build/dev", "--output-on-failure", "-LE", "fuzz",
                           "-T", "memcheck", "--overwrite", f"MemoryCheckCommand={command}",
                           "--overwrite", "MemoryCheckCommandOptions=--error-exitcode=9 --leak-check=full -q"]))


def fresh() -> Result:
    subprocess.run(["script/bootstrap", "--with", "fresh"], cwd=ROOT, check=True)
    code, lines = stream([sys.executable, "-B", "tools/fresh.py"])
    return judged(code, lines)


SUITES = {
    "lint": (lint, "formatting, sizes, layering, spelling"),
    "tools": (tools, "bootstrap, generators, grammars (tests/tools)"),
    "unit": (unit, "rooms through their doors, but for the database (ctest, preset dev)"),
    "store": (store, "the database room on SQLite, PostgreSQL 16 and 18"),
    "api": (api, "the real binary over HTTP (tests/api)"),
    "api-postgres": (api_postgres, "the same on PostgreSQL 16 and 18, and tests/postgres"),
    "e2e": (e2e, "real model, real repository, real clients (tests/e2e)"),
    "asan": (asan, "units and API under address and undefined-behaviour sanitizers"),
    "tsan": (tsan, f"units of {TSAN_ROOMS.replace('|', ', ')} under the thread sanitizer"),
    "fuzz-replay": (fuzz_replay, "corpora of the fuzz targets, replayed under sanitizers"),
    "valgrind": (valgrind, "units under valgrind"),
    "fresh": (fresh, "a bare Debian 12, cloned into and run (tools/fresh.py)"),
}
DEFAULT = ("lint", "tools", "unit", "store", "api", "e2e", "asan", "tsan", "fuzz-replay")
# The same suites, whole: what --all runs in their place.
WHOLE = {"store": lambda: store(wants_whole=True)}
ALL = (*DEFAULT, "api-postgres", "valgrind", "fresh")


def parse(arguments: list[str]) -> tuple[list[str], dict]:
    """The names of the suites to run, and those of them that run whole."""
    listing = "\n".join(f"  {name:12} {text}{'' if name in DEFAULT else ' *'}"
                        for name, (_, text) in SUITES.items())
    parser = argparse.ArgumentParser(prog="script/test", formatter_class=argparse.RawTextHelpFormatter,
                                     description="Runs suites of tests; each reports and the rest go on.",
                                     epilog=f"suites:\n{listing}\n  * only when named, or by --all")
    parser.add_argument("suites", nargs="*", metavar="suite", help="default: those without a star below")
    parser.add_argument("--all", action="store_true", help="every suite, and slow parts whole")
    parser.add_argument("--fresh", action="store_true", help="the same as naming the suite 'fresh'")
    options = parser.parse_args(arguments)
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"no suite '{name}'; known: {' '.join(SUITES)}")
    named = options.suites + (["fresh"] if options.fresh else [])
    return (list(ALL), WHOLE) if options.all else (named or list(DEFAULT), {})


def main(arguments: list[str]) -> int:
    total, reports = Result(), []
    names, whole = parse(arguments)
    for name in names:
        print(f"\n--- {name}", flush=True)
        started = time.monotonic()
        result = whole.get(name, SUITES[name][0])()
        result.seconds = time.monotonic() - started
        total += result
        reports.append((name, result))
    print("\n--- summary", flush=True)
    for name, result in reports:
        print(f"{name:12} {result.line} ({result.seconds:.0f} s)")
    print(total.line, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
