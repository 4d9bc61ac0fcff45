"""The rules of the tree that no compiler checks: tools/tidy.py [--fast] [--root DIR] [--build DIR].

Prints `file:line: what` for each fault, warnings first, and fails when there is a fault. What is tolerated
stands with its reason or size in tools/tidy_allow.toml; an entry that no longer applies, or that could be
smaller, is a fault too, so that the list only shrinks (--fix removes the one and lowers the other). --fast leaves out
compiling each header alone."""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

CODE_LINE_MAX, COMMENT_LINE_MAX = 100, 120  # the formatter holds code to 100 and leaves comments alone
LINES = {"src/*.h": (300, 300), "src/*": (550, 600), "*": (700, 1000)}  # first pattern that fits: warned of, most
FUNCTION = {"src/*": (60, 70), "*": (60, 100)}
SLACK = 25  # lines that a file may fall short of its entry before the entry has to be lowered

CODE_SUFFIXES = (".c", ".h", ".py", ".sh", ".cmake", ".sql", ".toml", ".ts", ".js", ".css", ".lua", ".yaml", ".yml")
SKIPPED = ("tests/cases/", "fuzz/corpus/", "bench/data/", "LICENSE", "deps/")
# Unbounded, locale-bound or error-blind; base/ has a replacement for each.
BANNED = re.compile(r"\b(strcpy|strcat|stpcpy|sprintf|vsprintf|strtok|gets|atoi|atol|atoll|atof|[fs]?scanf)\s*\(")
ENDS_PROCESS = re.compile(r"(?<![\w.>])(exit|abort|_exit|quick_exit)\s*\(")
SYSTEM_SCOPE = re.compile(r"\bcm_store_(?:system|local_get)\s*\(")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# What changes something does so where the program goes, not where it checks itself: no assignment, no step, no call
# whose verb changes its object.
ASSERT = re.compile(r"\bcm_assert\(((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)\)")
SIDE_EFFECT = re.compile(r"\+\+|--|(?<![=!<>])=(?!=)|"
                         r"\b\w+_(?:add|push|put|take|remove|set|begin|end|next|init|done|free|start|stop|write|lock)\s*\(")
FALLIBLE = re.compile(r"^(?:/\*(?P<comment>(?:[^*]|\*(?!/))*)\*/\n)?(?P<block>(?:(?!/\*)[^\n]+\n)+)", re.M)
RETURNS_RC = re.compile(r"^cm_rc (cm_\w+)\(", re.M)
NOT_GENERATED = re.compile(r"(_gen|store/q/\w+)\.h: No such file")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


@dataclass(frozen=True)
class Fault:
    path: str
    line: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'warning: ' if self.warning else ''}{self.text}"


class Tree:
    """The files git knows or would add, read once, and the allow-list."""

    def __init__(self, root: Path):
        self.root = root
        listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        self.paths = sorted(p for p in listing.split("\0") if p and (root / p).is_file())
        self.texts = {p: (root / p).read_text(errors="surrogateescape") for p in self.paths
                      if not p.startswith(SKIPPED) and b"\0" not in (root / p).read_bytes()[:8000]}
        allow = root / "tools" / "tidy_allow.toml"
        self.allow = tomllib.loads(allow.read_text()) if allow.exists() else {}
        self.used: set[tuple[str, str]] = set()
        self.lower: dict[str, str] = {}  # lines of the allow-list that name too large a size -> what they should say

    def c_files(self, *folders: str) -> list[str]:
        return [p for p in self.texts if p.endswith((".c", ".h")) and p.startswith(folders)]

    def allowed(self, kind: str, key: str, size: int | None = None, slack: int = 0) -> bool:
        """Is this tolerated? Names may be patterns; an entry with a size tolerates no more than that, and has to be
        lowered when it is more than `slack` too large."""
        name = next((name for name in self.allow.get(kind, {}) if fnmatch(key, name)), None)
        if name is None:
            return False
        self.used.add((kind, name))
        if size is None:
            return True
        if self.allow[kind][name] > size + slack:
            self.lower[f'"{name}" = {self.allow[kind][name]}'] = f'"{name}" = {size}'
        return size <= self.allow[kind][name]

    def mend_entries(self) -> None:
        """Each entry is one line, its key quoted; keys of different kinds agree only where both have sizes of their own."""
        stale = tuple(f'"{key}" =' for kind, entries in self.allow.items() for key in entries
                      if (kind, key) not in self.used)
        path = self.root / "tools" / "tidy_allow.toml"
        if stale or self.lower:
            lines = [line for line in path.read_text().splitlines() if not line.startswith(stale or ("\0",))]
            path.write_text("".join(self.lower.get(line, line) + "\n" for line in lines))
            self.lower = {}
            self.allow = tomllib.loads(path.read_text())

    def stale_entries(self) -> list[Fault]:
        return ([Fault("tools/tidy_allow.toml", 1, f"[{kind}] '{key}' no longer applies: remove it")
                 for kind, entries in self.allow.items() for key in entries if (kind, key) not in self.used]
                + [Fault("tools/tidy_allow.toml", 1, f"is now {new}: script/lint --fix lowers it")
                   for old, new in self.lower.items()])


def limits(table: dict[str, tuple[int, int]], path: str) -> tuple[int, int]:
    return next(pair for pattern, pair in table.items() if fnmatch(path, pattern))


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def code_only(text: str) -> str:
    """The text with comments and strings blanked, line breaks kept."""
    return COMMENT_OR_TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


# ---- layering ----


def rooms_of(tree: Tree) -> dict[str, set[str]]:
    """cm_room(name USES rooms... LIBS ...) of cmake/rooms.cmake: room -> rooms it may include."""
    table = {}
    for body in re.findall(r"^cm_room\(([^)]*)\)", tree.texts.get("cmake/rooms.cmake", ""), re.M):
        name, *words = body.split()
        uses = words[words.index("USES") + 1:] if "USES" in words else []
        table[name] = set(uses[:uses.index("LIBS")] if "LIBS" in uses else uses)
    return table


def parts_of(tree: Tree) -> dict[str, set[str]]:
    """cm_part(room/part USES parts...) of cmake/rooms.cmake: "room/part" -> parts of its room it may include."""
    table = {}
    for body in re.findall(r"^cm_part\(([^)]*)\)", tree.texts.get("cmake/rooms.cmake", ""), re.M):
        name, *words = body.split()
        table[name] = set(words[1:])
    return table


def check_parts(tree: Tree) -> list[Fault]:
    """A part of a room includes parts below it alone. Files of the room's own folder may include any of its parts;
    generated folders (store/q) are the room's own."""
    parts, faults = parts_of(tree), []
    for path in tree.c_files("src/"):
        _, room, *rest = path.split("/")
        part = rest[0] if len(rest) > 1 else ""
        if part and f"{room}/{part}" not in parts:
            faults.append(Fault(path, 1, f"part '{room}/{part}' is not in cmake/rooms.cmake"))
            continue
        for match in INCLUDE.finditer(tree.texts[path]):
            target = match.group(1).split("/")
            other = target[1] if len(target) > 2 and target[0] == room else ""
            if not part or other in ("", part) or f"{room}/{other}" not in parts:
                continue
            if other not in parts[f"{room}/{part}"] and not tree.allowed("upward", f"{path}: {match.group(1)}"):
                faults.append(Fault(path, line_of(tree.texts[path], match.start()),
                                    f"{room}/{part} may not include {match.group(1)} (cmake/rooms.cmake)"))
    return faults


def check_layers(tree: Tree) -> list[Fault]:
    rooms, faults = rooms_of(tree), []
    for path in tree.c_files("src/"):
        room = path.split("/")[1]
        for match in INCLUDE.finditer(tree.texts[path]):
            target = match.group(1).split("/")[0]
            line = line_of(tree.texts[path], match.start())
            if room not in rooms:
                faults.append(Fault(path, 1, f"room '{room}' is not in cmake/rooms.cmake"))
                break
            if target != room and target not in rooms[room]:
                faults.append(Fault(path, line, f"{room} may not include {match.group(1)} (cmake/rooms.cmake)"))
            elif target != room and match.group(1).endswith("_priv.h") and not tree.allowed("private_header", path):
                faults.append(Fault(path, line, f"{match.group(1)} belongs to the inside of {target}"))
    for path in tree.c_files("src/", "tests/", "fuzz/", "bench/"):
        faults += [Fault(path, line_of(tree.texts[path], m.start()), "a .c file is never included")
                   for m in INCLUDE.finditer(tree.texts[path]) if m.group(1).endswith(".c")]
    return faults


# ---- sizes ----


def check_files(tree: Tree) -> list[Fault]:
    faults = []
    for path in tree.c_files("src/", "tests/", "fuzz/", "bench/"):
        lines = tree.texts[path].count("\n")
        warn, most = limits(LINES, path)
        if lines > most:
            if not tree.allowed("long_file", path, lines, SLACK):
                faults.append(Fault(path, 1, f"{lines} lines, {most} are the limit"))
        elif lines > warn:
            faults.append(Fault(path, 1, f"{lines} lines: time to split", warning=True))
    return faults


def functions_of(text: str) -> list[tuple[str, int, int]]:
    """(name, first line, lines) of each function; relies on the formatter: bodies end with '}' in column 0."""
    found, start, name = [], 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        if start and line.startswith("}"):
            found.append((name, start, number - start + 1))
            start = 0
        elif not start and re.match(r"[A-Za-z_]", line) and "(" in line and not line.rstrip().endswith(";"):
            match = re.search(r"(\w+)\s*\((?!.*\b__attribute__)", line)
            start, name = number, match.group(1) if match else "?"
        elif start and not name.startswith("#") and line.rstrip().endswith(";") and not line.startswith((" ", "\t")):
            start = 0  # it was a declaration over several lines
    return found


def check_functions(tree: Tree) -> list[Fault]:
    faults = []
    for path in tree.c_files("src/", "tests/", "fuzz/", "bench/"):
        warn, most = limits(FUNCTION, path)
        for name, line, length in functions_of(code_only(tree.texts[path])):
            if length > most:
                if not tree.allowed("long_function", f"{path}:{name}", length):
                    faults.append(Fault(path, line, f"{name} has {length} lines, {most} are the limit"))
            elif length > warn:
                faults.append(Fault(path, line, f"{name} has {length} lines", warning=True))
    return faults


def check_lines(tree: Tree) -> list[Fault]:
    faults = []
    for path in tree.c_files("src/", "tests/", "fuzz/", "bench/"):
        lines = zip(tree.texts[path].split("\n"), code_only(tree.texts[path]).split("\n"))
        for number, (line, code) in enumerate(lines, 1):
            if len(code.rstrip()) > CODE_LINE_MAX or len(line) > COMMENT_LINE_MAX:
                faults.append(Fault(path, number, f"longer than {CODE_LINE_MAX} (comments {COMMENT_LINE_MAX}) characters"))
    return faults


# ---- what a reader finds where he looks ----


def check_heads(tree: Tree) -> list[Fault]:
    """Each file of src/ begins by saying what it is for."""
    return [Fault(path, 1, "does not begin with a comment that says what it is for") for path in tree.c_files("src/")
            if not tree.texts[path].lstrip().startswith("/*") and not tree.allowed("no_head", path)]


def check_asserts(tree: Tree) -> list[Fault]:
    faults = []
    for path in tree.c_files("src/"):
        code = code_only(tree.texts[path])
        faults += [Fault(path, line_of(code, m.start()), "cm_assert changes something: do that before, then check")
                   for m in ASSERT.finditer(code) if SIDE_EFFECT.search(m.group(1))]
    return faults


def unnamed_errors(text: str, codes: set[str]) -> list[tuple[int, str]]:
    """(offset, name) of each function of a header that returns cm_rc under a comment that names no code. The comment
    speaks for all declarations up to the next blank line or comment."""
    found = []
    for match in FALLIBLE.finditer(text):
        comment = match["comment"] or ""
        if codes & set(re.findall(r"\bCM_[A-Z_]+\b", comment)) or "any of" in comment:
            continue
        for m in RETURNS_RC.finditer(match["block"]):
            declaration = match["block"][m.start():].partition(";\n")[0].split("; /*")[-1]
            if not codes & set(re.findall(r"\bCM_[A-Z_]+\b", declaration)):
                found.append((match.start("block") + m.start(), m.group(1)))
    return found


def check_doors(tree: Tree) -> list[Fault]:
    """A caller learns from the door which errors to expect: at least one code, or "any of" a callee's."""
    codes = set(re.findall(r'^name = "(\w+)"', tree.texts.get("spec/errors.toml", ""), re.M))
    codes = {f"CM_{code}" for code in codes}
    faults = []
    for path in tree.c_files("src/"):
        if not path.endswith(".h") or path.endswith("_priv.h"):
            continue
        found = unnamed_errors(tree.texts[path], codes)
        if found and not tree.allowed("unnamed_errors", path, len(found)):
            faults += [Fault(path, line_of(tree.texts[path], offset), f"{name}: its comment names no error code")
                       for offset, name in found]
    return faults


# ---- words ----


def check_calls(tree: Tree) -> list[Fault]:
    faults = []
    for path in tree.c_files("src/", "tests/", "fuzz/", "bench/"):
        code = code_only(tree.texts[path])
        faults += [Fault(path, line_of(code, m.start()), f"{m.group(1)} is banned (src/base/base.h)")
                   for m in BANNED.finditer(code)]
        if path.startswith("src/api/") and SYSTEM_SCOPE.search(code) and not tree.allowed("system_scope", path):
            faults += [Fault(path, line_of(code, m.start()), "the API reads and writes for its caller: cm_call_db(call)")
                       for m in SYSTEM_SCOPE.finditer(code)]
        if path.startswith("src/") and not path.startswith("src/app/") and not tree.allowed("ends_process", path):
            faults += [Fault(path, line_of(code, m.start()), f"{m.group(1)} belongs to app/ and cm_assert")
                       for m in ENDS_PROCESS.finditer(code)]
    return faults


def machine_hosts() -> list[str]:
    """Package hosts that this machine is set up with: a checkout names none of them."""
    settings = [os.environ.get(name, "") for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY")]
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    settings += [path.read_text(errors="replace") for path in lists if path.is_file()]
    hosts = {h for text in settings for h in re.findall(r"https?://(?:[^/@\s]*@)?([A-Za-z][\w.-]*)", text)}
    return sorted(hosts - {"localhost"})


def machine_places(root: Path) -> re.Pattern:
    """Where this checkout and this user's things lie."""
    checkout = root.resolve().parts[1:3 if root.resolve().parts[1] == "home" else 2]
    places = {"/" + "/".join(checkout), str(Path.home())} - {"/tmp", "/var", "/usr", "/opt", "/srv", "/etc", "/"}
    return re.compile(r"(?<![\w.$}{/-])(?:" + "|".join(map(re.escape, sorted(places))) + r")/[\w.-]")


def check_text(tree: Tree) -> list[Fault]:
    faults, hosts, places = [], machine_hosts(), machine_places(tree.root)
    for path, text in tree.texts.items():
        for number, line in enumerate(text.split("\n"), 1):
            if line.endswith((" ", "\t", "\r")) and not path.endswith((".md", ".patch")):
                faults.append(Fault(path, number, "trailing white space"))
            if path.endswith(CODE_SUFFIXES) and UNFINISHED.search(line):
                faults.append(Fault(path, number, "unfinished work is an issue, not a comment"))
            named = places.search(line)
            if named and not tree.allowed("machine_path", path):
                faults.append(Fault(path, number, f"names a place of one machine: {named.group().strip()}"))
            faults += [Fault(path, number, "names a package host of this machine") for h in hosts if h in line]
        if text and not text.endswith("\n"):
            faults.append(Fault(path, text.count("\n") + 1, "no line feed at the end of the file"))
    return faults


# ---- tests ----


def check_tests(tree: Tree) -> list[Fault]:
    """Each src/x/y.c is tested in its room: by y_test.c, or by one that mentions y.c or includes a header that y.c
    implements: y.h, or the first of its room that it includes (x.h for x_priv.h)."""
    faults = []
    for path in tree.c_files("src/"):
        _, room, *rest = path.split("/")
        stem = rest[-1][:-2]
        if not path.endswith(".c") or path.endswith("/main.c"):
            continue
        included = INCLUDE.findall(tree.texts[path])
        first = included[:1] + [name for name in included if name.startswith(f"{room}/")][:1]
        doors = {f"{path[4:-2]}.h", *first, *(name.replace("_priv.h", ".h") for name in first)}
        tests = [p for p in tree.texts if p.startswith(f"tests/unit/{room}/") and p.endswith("_test.c")]
        tested = any(p.endswith(f"/{stem}_test.c") or doors & set(INCLUDE.findall(tree.texts[p])) or
                     re.search(rf"\b{re.escape(stem)}\.c\b", tree.texts[p]) for p in tests)
        if not tested and not tree.allowed("untested", path):
            faults.append(Fault(path, 1, f"no tests/unit/{room}/*_test.c includes its header or mentions {stem}.c"))
    return faults


# ---- headers ----


def compile_flags(build: Path, room: str) -> list[str]:
    """Flags of a source of `room` (or any), for a header to be compiled the same way."""
    commands = json.loads((build / "compile_commands.json").read_text())
    ours = [c for c in commands if "/src/" in c["file"] and c["file"].endswith(".c")]
    command = next((c for c in ours if f"/src/{room}/" in c["file"]), ours[0])
    words = shlex.split(command["command"])
    start = next(i for i, w in enumerate(words) if Path(w).name in ("cc", "gcc", "clang", "c17"))
    kept = [w for w in words[start:] if not w.endswith((".c", ".c.o", ".c.o.d")) and
            w not in ("-c", "-o", "-MD", "-MT", "-MF")]
    return kept + ["-fsyntax-only", "-x", "c", "-Wno-unused-macros"]


def check_headers(tree: Tree, build: Path) -> list[Fault]:
    def compile_alone(path: str) -> Fault | None:
        done = subprocess.run([*flags[path.split("/")[1]], tree.root / path], cwd=build, capture_output=True,
                              text=True, check=False)
        first = next((line for line in done.stderr.split("\n") if "error:" in line), done.stderr[:200])
        if not done.returncode or NOT_GENERATED.search(first):
            return None  # the build folder was configured but not built: its own faults tell
        return Fault(path, 1, f"does not compile alone: {first}")

    headers = [p for p in tree.c_files("src/") if p.endswith(".h")]
    flags = {room: compile_flags(build, room) for room in {p.split("/")[1] for p in headers}}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [fault for fault in pool.map(compile_alone, headers) if fault]


CHECKS = (check_layers, check_parts, check_files, check_functions, check_lines, check_heads, check_asserts, check_doors,
          check_calls, check_text, check_tests)


def find_build(root: Path, asked: str | None) -> Path | None:
    choices = [Path(asked)] if asked else [root / "build" / name for name in ("dev", "asan", "release")]
    return next((b for b in choices if (b / "compile_commands.json").exists() and (b / "gen").exists()), None)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fast", action="store_true", help="do not compile headers")
    parser.add_argument("--fix", action="store_true", help="remove and lower entries of the allow-list")
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent, type=Path)
    parser.add_argument("--build", help="a configured build folder (default: the first of build/dev, asan, release)")
    options = parser.parse_args(arguments)
    tree = Tree(options.root)
    faults = [fault for check in CHECKS for fault in check(tree)]
    build = None if options.fast else find_build(options.root, options.build)
    if build:
        faults += check_headers(tree, build)
    elif not options.fast:
        print("tidy: headers are not compiled: no configured build folder")
    if options.fix:
        tree.mend_entries()
    faults += tree.stale_entries()
    for fault in sorted(faults, key=lambda f: (not f.warning, f.path, f.line)):
        print(fault)
    bad = sum(not fault.warning for fault in faults)
    print(f"tidy: {len(tree.texts)} files, {bad} faults, {len(faults) - bad} warnings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
