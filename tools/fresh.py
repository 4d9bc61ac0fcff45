"""Proves the README on a bare Debian 12: clone, ./script/server, ./script/test, by chroot.

usage: fresh.py [--keep] [--root DIR] [suite...]   (as root; suites go to the inner script/test)

The root is made with mmdebstrap and holds git, python3 and certificates, nothing else. It gets this
machine's settings of the package clients and its certificate bundle, so it reaches what this machine
reaches; nothing of its caches. Prints the times of the first and the second start."""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/npmrc", "/etc/apt/apt.conf.d",
            "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/ssl/certs/ca-certificates.crt",
            "~/.npmrc", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
ENVIRONMENT = re.compile(r"^(pip_|npm_config|.*_(ca|cert)|.*_?ca_?(bundle|certs|info|file)|.*cert_file"
                         r"|.*cert_dir|.*_proxy$|node_extra)", re.IGNORECASE)
FIRST_SECONDS, SECOND_SECONDS, ANSWER_SECONDS = 3600, 120, 300  # bounds for busy machines, not promises
PROMPT = {"prompt": "#include <stdio.h>\n\nint main(int argc, char **argv) {\n    for (int i = 0; i <",
          "suffix": "\n}\n", "max_tokens": 16, "language": "c"}


class Checks:
    def __init__(self, what: str = "fresh"):
        self.what = what
        self.passed = self.failed = 0

    def note(self, name: str, good: bool, detail: str = "") -> None:
        self.passed += good
        self.failed += not good
        print(f"{self.what}: {name}: {'ok' if good else 'FAILED'}{' - ' + detail if detail else ''}", flush=True)


def make_root(root: Path, packages: tuple = ("git", "python3")) -> None:
    """A bare Debian with this machine's settings of the package clients."""
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(('ca-certificates', *packages))}",
                    "bookworm", root], check=True)
    for name in SETTINGS:
        source = Path(name).expanduser()
        if not source.exists():
            continue
        target = root / (f"root/{name[2:]}" if name.startswith("~/") else name.lstrip("/"))
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)


def lend_checkout(root: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--bare", "--no-hardlinks", ROOT, root / "srv/codementor.git"],
                   check=True)


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if ENVIRONMENT.match(k)}
    return {"HOME": "/root", "USER": "root", "LANG": "C.UTF-8", "TERM": "dumb", "CI": "true",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **kept}


def inside(root: Path, command: str, more: dict | None = None) -> subprocess.Popen:
    """Starts a command in the root. Mounts are private and vanish with it; `exec` keeps one process."""
    script = ('mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys"'
              ' && mount -t tmpfs tmp "$0/tmp" && exec chroot "$0" /bin/bash -c "$1"')
    return subprocess.Popen(["unshare", "--mount", "bash", "-c", script, root, command],
                            env={**environment(), **(more or {})}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port: int, path: str, body: dict | None = None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data,
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)
    except (OSError, ValueError):
        return None


def wait_for(what, seconds: float, server: subprocess.Popen):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        answer = what()
        if answer:
            return answer
        time.sleep(0.05)
    return None


class Server:
    """script/server in the root, its output in a file that is shown when something fails."""

    def __init__(self, root: Path, port: int, log: Path):
        self.started = time.monotonic()
        self.log = log
        self.process = inside(root, "cd /root/codementor && exec ./script/server",
                              {"CODEMENTOR_HTTP_PORT": str(port)})
        with log.open("w") as out:
            self.copier = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=out)

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def stop(self) -> bool:
        self.process.terminate()
        try:
            return self.process.wait(timeout=30) is not None
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False


def completion(port: int):
    answer = ask(port, "/v1/completions", PROMPT)
    return answer if answer and answer.get("choices") else None


def text_of(answer) -> str:
    return (answer["choices"][0].get("text") or "").strip() if answer else ""


def start(root: Path, checks: Checks, name: str, limit: float) -> None:
    port = free_port()
    log = root / f"var/log/{name}-start.log"
    server = Server(root, port, log)
    ready = wait_for(lambda: ask(port, "/version"), limit, server.process)
    seconds = server.seconds()
    checks.note(f"{name} ./script/server answers", bool(ready), f"{seconds:.1f} s")
    answer = wait_for(lambda: completion(port), ANSWER_SECONDS, server.process) if ready else None
    full = wait_for(lambda: (a := completion(port)) and text_of(a) and a, ANSWER_SECONDS,
                    server.process) if answer else None
    checks.note(f"{name} run completes", bool(full),
                f"{text_of(full)!r} by {full.get('model')} after {server.seconds():.1f} s" if full else "")
    checks.note(f"{name} run stops when asked", server.stop())
    if not (ready and full):
        print(log.read_text(errors="replace")[-6000:])


def run_tests(root: Path, checks: Checks, suites: list[str]) -> None:
    started = time.monotonic()
    child = inside(root, f"cd /root/codementor && exec ./script/test {' '.join(suites)}")
    last = ""
    for line in child.stdout:
        print(f"| {line}", end="", flush=True)
        last = line.strip() or last
    checks.note("./script/test", child.wait() == 0, f"{last} in {time.monotonic() - started:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/fresh.py")
    parser.add_argument("--keep", action="store_true", help="leave the root for a look")
    parser.add_argument("--root", type=Path, help="use this root; made if it is not there")
    parser.add_argument("suites", nargs="*", help="suites of the inner script/test")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("fresh: error: mmdebstrap and chroot need root", file=sys.stderr)
        return 2
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, stdout=subprocess.PIPE,
                      check=True).stdout:
        print("fresh: note: uncommitted changes are not tested; the clone is of HEAD")
    checks = Checks()
    root = options.root or Path(tempfile.mkdtemp(prefix="codementor-fresh-", dir="/var/tmp"))
    try:
        if not (root / "srv/codementor.git").exists():
            make_root(root)
            lend_checkout(root)
        clone = inside(root, "cd /root && git clone -q /srv/codementor.git codementor")
        output = clone.communicate()[0]
        checks.note("git clone", clone.returncode == 0, output.strip())
        start(root, checks, "first", FIRST_SECONDS)
        start(root, checks, "second", SECOND_SECONDS)
        run_tests(root, checks, options.suites)
    finally:
        if options.keep or options.root:
            print(f"fresh: the root is '{root}'")
        else:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
