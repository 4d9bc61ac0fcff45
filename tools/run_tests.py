"""Runs the suites that script/test names, each to its end, and closes with one honest line.

A suite builds what it needs, runs its runner and reads the runner's own closing line. A build that fails, or a
runner that ends badly without saying how many failed, counts as one failure: nothing that went wrong can end in
'0 failed'. Suites run side by side where the table lets them: while one waits for a disk, a server or a compiler,
another computes. Their outputs are never mixed: the first of the suites that are not done is passed through, what the
others say is kept till it is their turn."""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps" / "venv" / "bin"
MODEL = ROOT / ".deps" / "models" / "smollm2-135m-instruct-q4_1.gguf"
TSAN_ROOMS = "base|rt|net|store|model|index|repository"

CTEST = re.compile(r"^\s*\d+% tests passed, (\d+) tests failed out of (\d+)")
CTEST_SKIPPED = re.compile(r"^\s*\d+/\d+ Test .*\*\*\*(Skipped|Not Run)")
PYTEST = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
LINT = re.compile(r"^(\d+) passed, (\d+) failed$")
TIMES = (re.compile(r"^\s*\d+/\d+ Test +#\d+: (?P<test>\S+) .*?(?P<seconds>[\d.]+) sec"),  # ctest
         re.compile(r"^(?P<seconds>[\d.]+)s (?:call|setup|teardown) +(?P<test>\S+)"))  # pytest --durations


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    times: list = field(default_factory=list)  # (seconds, test), of the tests whose runner told it

    def __iadd__(self, other: "Result") -> "Result":
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.times += other.times
        return self

    @property
    def line(self) -> str:
        return (f"{self.passed} passed, {self.failed} failed"
                + (f", {self.skipped} skipped" if self.skipped else ""))


class Output:
    """What each suite says, whole and in the order of `names`, however they run beside each other."""

    def __init__(self, names: list[str]):
        self.waiting = list(names)
        self.kept = {name: [] for name in names}
        self.done = set()
        self.lock = threading.Lock()
        self.of_thread = threading.local()
        self.begin_next()

    def begin_next(self) -> None:
        if self.waiting:
            print(f"\n--- {self.waiting[0]}", flush=True)
            sys.stdout.write("".join(self.kept.pop(self.waiting[0])))
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """A line of the suite that this thread runs."""
        name = getattr(self.of_thread, "name", None)
        with self.lock:
            if name in self.kept:
                self.kept[name].append(text + "\n")
            else:
                print(text, flush=True)

    @contextmanager
    def suite(self, name: str):
        self.of_thread.name = name
        yield
        with self.lock:
            self.done.add(name)
            while self.waiting and self.waiting[0] in self.done:
                self.waiting.pop(0)
                self.begin_next()


OUT = Output([])


def stream(command: list, env: dict | None = None) -> tuple[int, list[str]]:
    """Runs a command, says what it says and returns its code and lines."""
    child = subprocess.Popen([str(c) for c in command], cwd=ROOT, env={**os.environ, **(env or {})},
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT, errors="replace")
    lines = []
    for line in child.stdout:
        lines.append(line.rstrip("\n"))
        OUT.say(lines[-1])
    return child.wait(), lines


def read_counts(lines: list[str]) -> Result:
    """Adds up the closing lines of the runners we use, and notes what took long."""
    result = Result()
    for line in lines:
        if found := next((t for t in (pattern.match(line) for pattern in TIMES) if t), None):
            result.times.append((float(found["seconds"]), found["test"]))
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
        OUT.say(f"the runner ended with {code}")
        result.failed = 1
    return result


BUILDING = threading.Lock()  # a build takes every core as it is
IN_FOLDER = {}  # preset -> lock: two runs of ctest in one folder would write one log


def jobs() -> str:
    return os.environ.get("CODEMENTOR_JOBS") or str(os.cpu_count() or 1)


def build(preset: str, target: str = "") -> bool:
    target = target or ("codementor" if preset == "release" else "")
    script = f". script/common.sh; build {preset} {target}"
    with BUILDING:
        return stream(["bash", "-euo", "pipefail", "-c", script, "script/test"])[0] == 0


def left_to_other_days(tests: list[str], day: int) -> list[str]:
    """A test that is there for several versions of PostgreSQL (NAME@postgresV) runs on one of them, another each
    day; where to begin follows from its name, so that every day sees every version."""
    versions: dict[str, list[str]] = {}
    for test in tests:
        if "@postgres" in test:
            versions.setdefault(test.partition("@")[0], []).append(test)
    return [test for name, known in versions.items() for number, test in enumerate(sorted(known))
            if number != (zlib.crc32(name.encode()) + day) % len(known)]


def sampled(preset: str, selection: tuple) -> list[str]:
    """The arguments of ctest for the selected tests without those of other days."""
    listing = subprocess.run(["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1", *selection], cwd=ROOT,
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    tests = [test["name"] for test in json.loads(listing)["tests"]]
    day = int(os.environ.get("CODEMENTOR_TEST_DAY") or date.today().toordinal())
    others = left_to_other_days(tests, day)
    if not others:
        return list(selection)
    OUT.say(f"{len(others)} tests on another version of PostgreSQL are left to other days (CODEMENTOR_TEST_DAY={day}) "
            "and to --all")
    return [*selection, "-E", f"^({'|'.join(map(re.escape, others))})$"]


def ctest(preset: str, *selection: str, env: dict | None = None, target: str = "", whole: bool = True) -> Result:
    if not build(preset, target):
        return Result(failed=1)
    with IN_FOLDER.setdefault(preset, threading.Lock()):
        arguments = selection if whole else sampled(preset, selection)
        return judged(*stream(["ctest", "--test-dir", f"build/{preset}", "--output-on-failure",
                               "--no-tests=ignore", "-j", jobs(), *arguments], env))


def pytest(folder: str, preset: str | None, env: dict | None = None, postgres: str = "",
           only: tuple = ()) -> Result:
    """The tests of a folder (`only`: further arguments of pytest), a file a process, beside a PostgreSQL of that
    version if one is named."""
    if not list((ROOT / folder).glob("**/test_*.py")):
        OUT.say(f"{folder} has no tests")
        return Result()
    if preset and not build(preset):
        return Result(failed=1)
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{ROOT}/tests:{ROOT}/.deps/postgres", **(env or {})}
    if preset:
        environment["CODEMENTOR_BINARY"] = str(ROOT / "build" / preset / "codementor")
    beside = [sys.executable, "tests/tools/with_postgres.py", postgres] if postgres else []
    code, lines = stream([*beside, VENV / "pytest", "-q", "-ra", "--durations=10", "-n", jobs(), "--dist", "loadfile",
                          folder, *only], environment)
    return judged(code, lines, none_is_fine=code == 5)  # 5: every test was deselected


# --- the suites: each takes whether it runs whole (--all) or as a sample


def lint(_whole: bool) -> Result:
    return judged(*stream([VENV / "python", "-B", "tools/lint.py"]))


def tools(_whole: bool) -> Result:
    return pytest("tests/tools", None)


def unit(whole: bool) -> Result:
    """-O2 warns of more than the dev build does: the tests are compiled, not linked, in the release preset too."""
    result = ctest("dev", "-LE", "^(fuzz|store)$", whole=whole)
    result.failed += not build("release", "test_objects")
    return result


def api(_whole: bool) -> Result:
    return pytest("tests/api", "dev")


def e2e(_whole: bool) -> Result:
    return pytest("tests/e2e", "release", {"CODEMENTOR_MODEL": str(MODEL)})


def has_postgres() -> bool:
    groups = [word for group in POSTGRES_GROUPS for word in ("--with", group)]
    with BUILDING:
        if stream(["script/bootstrap", *groups])[0] != 0:
            return False
        tests = ROOT / "build/dev/tests/unit/CTestTestfile.cmake"
        if tests.exists() and "@postgres" not in tests.read_text():  # configured before PostgreSQL was there
            with IN_FOLDER.setdefault("dev", threading.Lock()):
                return stream(["cmake", "--preset", "dev", "--log-level=WARNING"])[0] == 0
    return True


def store(whole: bool) -> Result:
    """The same conformance suite over each engine; then a sample of the API."""
    if not has_postgres():
        return Result(failed=1)
    rounds = {"CODEMENTOR_TEST_ROUNDS": os.environ.get("CODEMENTOR_TEST_ROUNDS", WHOLE_ROUNDS)} if whole else {}
    result = ctest("dev", "-L", "^store$", env=rounds, whole=whole)
    result += pytest("tests/postgres", "dev", postgres="18", only=("tests/api", "-k", API_ON_POSTGRES))
    return result


def api_postgres(_whole: bool) -> Result:
    if not has_postgres():
        return Result(failed=1)
    result = Result()
    for version in ("16", "18"):
        result += pytest("tests/postgres", "dev", postgres=version, only=("tests/api",))
    return result


POSTGRES_GROUPS = ("postgres", "faults")
WHOLE_ROUNDS = "20"  # 1,000 kills and 1,000 power losses on SQLite, 100 kills on PostgreSQL
API_ON_POSTGRES = "postgres or test_30_repositories or acknowledged or newer_version"
API_ON_ASAN = "test_10_malformed or test_43_upload or test_50_durability or test_51_hostile"

# Under sanitizers on SQLite alone: waiting for PostgreSQL's disk takes minutes and shows nothing more.
ASAN = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def asan(whole: bool) -> Result:
    result = ctest("asan", "-LE", "fuzz", "-E", "@postgres", env=ASAN)
    result += pytest("tests/api", "asan", ASAN, only=() if whole else ("-k", API_ON_ASAN))
    return result


def tsan(_whole: bool) -> Result:
    """Without crash_test: what it shows is another process's death, and a sanitized one dies slowly."""
    options = f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp"
    return ctest("tsan", "-L", f"^({TSAN_ROOMS})$", "-LE", "fuzz", "-E", "@postgres|store/crash_test",
                 env={"TSAN_OPTIONS": options}, target="unit_tests")


def fuzz_replay(_whole: bool) -> Result:
    return ctest("asan", "-L", "fuzz", env=ASAN)


def valgrind(_whole: bool) -> Result:
    if not build("dev"):
        return Result(failed=1)
    command = "/usr/bin/valgrind"
    with IN_FOLDER.setdefault("dev", threading.Lock()):
        return judged(*stream(["ctest", "--test-dir", "build/dev", "--output-on-failure", "-LE", "fuzz",
                               "-T", "memcheck", "--overwrite", f"MemoryCheckCommand={command}",
                               "--overwrite", "MemoryCheckCommandOptions=--error-exitcode=9 --leak-check=full -q"]))


def package(_whole: bool) -> Result:
    if stream(["script/bootstrap", "--with", "package"])[0] != 0 or stream(["script/package", "--with-model"])[0] != 0:
        return Result(failed=1)
    return judged(*stream([VENV / "python", "-B", "tools/package_check.py"]))


def fresh(_whole: bool) -> Result:
    if stream(["script/bootstrap", "--with", "fresh"])[0] != 0:
        return Result(failed=1)
    return judged(*stream([sys.executable, "-B", "tools/fresh.py"]))


SUITES = {  # in the order in which they begin: what builds much before what waits much
    "lint": (lint, "formatting, sizes, layering, spelling"),
    "tools": (tools, "bootstrap, generators, grammars (tests/tools)"),
    "unit": (unit, "rooms through their doors, but for the database (ctest, preset dev)"),
    "api": (api, "the real binary over HTTP (tests/api)"),
    "asan": (asan, "units and a sample of the API under address and undefined-behaviour sanitizers"),
    "store": (store, "the database room on SQLite, and on PostgreSQL 16 and 18 in turn"),
    "tsan": (tsan, f"units of {TSAN_ROOMS.replace('|', ', ')} under the thread sanitizer"),
    "e2e": (e2e, "real model, real repository, real clients (tests/e2e)"),
    "fuzz-replay": (fuzz_replay, "corpora of the fuzz targets, replayed under sanitizers"),
    "api-postgres": (api_postgres, "tests/api on PostgreSQL 16 and 18, and tests/postgres"),
    "valgrind": (valgrind, "units under valgrind"),
    "package": (package, "the Debian package, installed, used and removed in a bare Debian 12 (tools/package_check.py)"),
    "fresh": (fresh, "a bare Debian 12, cloned into and run (tools/fresh.py)"),
}
ON_DEMAND = ("api-postgres", "valgrind", "package", "fresh")
SIDE_BY_SIDE = 3  # one builds or waits for that, two run
SLOWEST = 10


def parse(arguments: list[str]) -> argparse.Namespace:
    listing = "\n".join(f"  {name:12} {text}{' *' if name in ON_DEMAND else ''}"
                        for name, (_, text) in SUITES.items())
    parser = argparse.ArgumentParser(prog="script/test", formatter_class=argparse.RawTextHelpFormatter,
                                     description="Runs suites of tests; each reports and the rest go on.",
                                     epilog=f"suites:\n{listing}\n  * only when named, or by --all")
    parser.add_argument("suites", nargs="*", metavar="suite", help="default: those without a star below")
    parser.add_argument("--all", action="store_true", help="every suite, and slow parts whole")
    parser.add_argument("--fresh", action="store_true", help="the same as naming the suite 'fresh'")
    parser.add_argument("--load", type=int, metavar="TIMES",
                        help="run the suites TIMES times while stress-ng keeps every core busy twice over")
    options = parser.parse_args(arguments)
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"no suite '{name}'; known: {' '.join(SUITES)}")
    if options.load is not None and options.load < 1:
        parser.error("--load takes a number of at least 1")
    options.suites += ["fresh"] if options.fresh else []
    options.suites = list(SUITES) if options.all else (
        options.suites or [name for name in SUITES if name not in ON_DEMAND])
    return options


def run_suites(names: list[str], whole: bool) -> dict[str, Result]:
    """All of them, SIDE_BY_SIDE at a time, begun in this order."""
    global OUT
    OUT = Output(names)

    def run(name: str) -> Result:
        with OUT.suite(name):
            started = time.monotonic()
            try:
                result = SUITES[name][0](whole)
            except Exception as error:  # noqa: BLE001: one suite that cannot run fails, the others go on
                OUT.say(f"the suite did not run: {error!r}")
                result = Result(failed=1)
            result.seconds = time.monotonic() - started
            return result

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return dict(zip(names, pool.map(run, names)))


def report(results: dict[str, Result]) -> Result:
    total = Result()
    for result in results.values():
        total += result
    slowest = sorted(((*timed, name) for name, r in results.items() for timed in r.times), reverse=True)[:SLOWEST]
    print(f"\n--- the {len(slowest)} slowest tests", flush=True)
    for seconds, test, name in slowest:
        print(f"{seconds:8.2f} s  {name}: {test}")
    print("\n--- summary")
    for name, result in results.items():
        print(f"{name:12} {result.line} ({result.seconds:.0f} s)")
    return total


@contextmanager
def load():
    """Twice as many busy processes as there are cores."""
    subprocess.run(["script/bootstrap", "--quiet", "--with", "load"], cwd=ROOT, check=True)
    busy = subprocess.Popen(["setpriv", "--pdeathsig", "TERM",  # it ends with us, however we end
                             "stress-ng", "--quiet", "--cpu", str(2 * (os.cpu_count() or 1))])
    try:
        yield
    finally:
        busy.terminate()
        busy.wait()


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    started = time.monotonic()
    if options.load is None:
        total = report(run_suites(options.suites, options.all))
    else:
        total = Result()
        with load():
            for number in range(1, options.load + 1):
                print(f"\n=== under load, {number} of {options.load}", flush=True)
                total += report(run_suites(options.suites, options.all))
    print(f"the whole run took {time.monotonic() - started:.0f} s")
    print(total.line, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
