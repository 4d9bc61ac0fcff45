"""The real binary, started for a test: port 0, a temporary directory, the ready line.

Where CODEMENTOR_TEST_POSTGRES names a server, each data directory has a database of its own there (suite
api-postgres); else it is the SQLite file. On failure pytest shows what the server wrote. Nothing here waits by the clock: the ready line and replies are
what a test waits for."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx

import postgres

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("CODEMENTOR_BINARY", str(ROOT / "build" / "dev" / "codementor"))


class Server:
    """One `codementor serve` with its own data directory. Use as a context manager."""

    def __init__(self, directory, *arguments, fake=True, env=None, on_sqlite=False):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self.arguments = list(arguments)
        if fake:
            self.arguments += ["--set", "model.fake=true"]
        self.env = {**os.environ, "XDG_CONFIG_HOME": str(self.directory / "config"), **(env or {})}
        self.database = None
        if postgres.SERVER and not on_sqlite:
            self.database = postgres.fresh(BINARY, self.data)
            self.env["CODEMENTOR_DATABASE_URL"] = postgres.url_of(self.database)
        self.process = None
        self.url = None
        self.http = None

    def command(self, *arguments):
        return [BINARY, *arguments, "--data-dir", str(self.data)]

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--port", "0", *self.arguments), stdout=subprocess.PIPE,
                stderr=log, stdin=subprocess.DEVNULL, env=self.env, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.process.wait(10)
            raise AssertionError(f"no ready line but {line!r}; the log says:\n{self.log.read_text()}")
        self.url = line.split()[1]
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        return self

    def kill(self):
        """As a power cut to the process: no clean-up of its own."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.http.close()

    def stop(self):
        """Asks politely; the exit status is the test's to check."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        if self.http:
            self.http.close()
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if kind is not None:
            sys.stdout.write(f"--- {self.log}\n{self.log.read_text(errors='replace')[-8000:]}\n")
        status = self.stop()
        if kind is None:
            assert status in (0, -signal.SIGKILL), f"exit status {status}:\n{self.log.read_text()[-8000:]}"

    # ---- what many tests do

    def run(self, *arguments, **options):
        """A one-shot command on the same data directory."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, env=self.env,
                              stdin=subprocess.DEVNULL, timeout=120, check=False, **options)

    def sql(self, text):
        """One statement on the database itself, past the server; its rows as `psql -At` prints them."""
        if self.database:
            return postgres.sql(text, self.database)
        with sqlite3.connect(self.data / "codementor.db") as database:
            rows = database.execute(text).fetchall()
        return "\n".join("|".join(map(str, row)) for row in rows)

    def index(self, path, **body):
        """Indexes a directory and returns the repository's id once the index is ready. A job that runs already
        (one that a killed server left half done, or the watcher's) is awaited first."""
        while True:
            reply = self.http.post("/v1/repositories/index",
                                   json={"workspace_id": "default", "repository_path": str(path), **body})
            if reply.status_code != 409:
                break
            for known in self.http.get("/v1/repositories?limit=200").json()["items"]:
                if known["metadata"]["root_path"] == str(path):
                    self.wait_indexed(known["repo_id"])
        assert reply.status_code == 202, reply.text
        repository = reply.json()["repository_id"]
        self.wait_indexed(repository)
        return repository

    def wait_indexed(self, repository, seconds=120):
        give_up = time.monotonic() + seconds
        while True:
            status = self.http.get(f"/v1/repositories/{repository}/index/status").json()
            if status["status"] == "ready":
                return status
            assert status["status"] != "error", status
            assert time.monotonic() < give_up, status
            time.sleep(0.01)  # between two looks; the reply decides

    def complete(self, path, text, line, character, **body):
        """A native completion; `options` and the like are merged into the body."""
        options = {"max_tokens": 32, **body.pop("options", {})}
        return self.http.post("/v1/completions", json={
            "request_id": body.pop("request_id", str(uuid.uuid4())), "user_id": "me",
            "completion_type": "fim", "document": {"uri": f"file://{path}", "content": text},
            "position": {"line": line, "character": character}, "options": options, **body})


def small_repository(directory):
    """A tree small enough to know by heart: what is completed and found in it can be stated exactly."""
    root = Path(directory)
    if root.exists():
        shutil.rmtree(root)
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "store.py").write_text(
        '"""Keeps things."""\n\nimport json\n\n\nclass Store:\n    """A small store."""\n\n'
        "    def __init__(self, path):\n        self.path = path\n        self.items = {}\n\n"
        "    def load_items(self):\n        with open(self.path, encoding=\"utf-8\") as file:\n"
        "            self.items = json.load(file)\n        return self.items\n\n"
        "    def save_items(self):\n        with open(self.path, \"w\", encoding=\"utf-8\") as file:\n"
        "            json.dump(self.items, file, indent=2, sort_keys=True)\n")
    (root / "pkg" / "main.py").write_text(
        "from pkg.store import Store\n\n\ndef run(path):\n    store = Store(path)\n"
        "    store.load_items()\n    return store\n")
    (root / "util.c").write_text(
        "#include <stdio.h>\n\nint add_numbers(int a, int b) {\n    return a + b;\n}\n\n"
        "int main(void) {\n    printf(\"%d\\n\", add_numbers(1, 2));\n    return 0;\n}\n")
    (root / "README.md").write_text("# Small\n\nA tree for tests.\n")
    return root
