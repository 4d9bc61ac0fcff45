"""SIGHUP reads the settings again: what may change does, what may not is named, a fault changes nothing."""

import json
import os
import pty
import signal
import subprocess
import threading
import time

import httpx
import pytest

from server import Server, small_repository

FOREIGN = "https://ide.example"


class Reloaded(Server):
    """A server on a settings file of its own."""

    def __init__(self, directory):
        self.file = directory / "codementor.conf"
        self.file.write_text("")
        super().__init__(directory, "--config", str(self.file))

    def hangup(self, text):
        """Writes the file, signals, and returns what the log says once the reload has ended."""
        self.file.write_text(text)
        before = len(self.log.read_text())
        self.process.send_signal(signal.SIGHUP)
        return self.said("settings read again|setting changed|those in effect stay".split("|"), before)

    def said(self, any_of, since=0, seconds=60):
        give_up = time.monotonic() + seconds
        while True:
            log = self.log.read_text()[since:]
            if any(words in log for words in any_of) and log.endswith("\n"):
                return log
            assert time.monotonic() < give_up, f"none of {any_of} in:\n{log}"
            time.sleep(0.01)  # between two looks; the log decides

    def allows(self, origin=FOREIGN):
        return self.http.get("/livez", headers={"Origin": origin}).status_code == 200


def eventually(true, seconds=60):
    """The line about a change is written just before the change."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.fixture()
def server(tmp_path):
    with Reloaded(tmp_path) as running:
        yield running


def test_reload__each_reloadable_setting_is_applied(server, tmp_path):
    tree = small_repository(tmp_path / "tree")
    repository = server.index(tree)
    text = (tree / "pkg" / "main.py").read_text() + "\n\ndef again(path):\n    store = Store(path)\n    store.load"
    line = text.count("\n")

    def complete():
        reply = server.complete(tree / "pkg" / "main.py", text, line, len("    store.load"),
                                context={"repository_id": repository}).json()
        return reply["metadata"]["routing_reason"], [item["source"] for item in reply["completions"]]

    assert not server.allows()
    reason, sources = complete()
    assert "fallback" in sources
    server.hangup(f"[http]\ncors_origins = {FOREIGN}\n[completion]\ninstant_min_confidence = 0\n")
    eventually(server.allows)
    eventually(lambda: complete()[0] == "the repository is sure")
    server.hangup("[completion]\ninstant_min_confidence = 1\n")
    eventually(lambda: not server.allows())
    eventually(lambda: complete()[0] == "the repository is not sure enough")
    server.hangup("[completion]\ninstant = false\n")
    eventually(lambda: "fallback" not in complete()[1])
    assert server.http.post("/v1/repositories/index", json={
        "workspace_id": "default", "repository_path": str(tree)}).status_code == 202
    server.wait_indexed(repository)
    server.hangup("[index]\nallowed_roots = /nowhere\n")
    (tmp_path / "other").mkdir()

    def refused():
        reply = server.http.post("/v1/repositories/index", json={
            "workspace_id": "default", "repository_path": str(tmp_path / "other")})
        return reply.status_code == 403

    eventually(refused)
    since = len(server.log.read_text())
    server.hangup("[log]\nformat = json\nlevel = debug\n")
    server.hangup("[log]\nformat = json\nlevel = debug\n")  # its line is of the new format
    lines = server.log.read_text()[since:].splitlines()
    assert json.loads(lines[-1])["event"] == "settings reloaded"


def test_reload__a_setting_of_the_start_is_named_as_waiting(server):
    log = server.hangup("[http]\nworkers = 7\n")
    assert "waits for a restart" in log and "http.workers" in log and "to=7" in log, log
    assert "nothing to apply" in log
    log = server.hangup("")
    assert "waits for a restart" not in log, log


@pytest.mark.parametrize("broken, said", [
    ("[http]\ncors_origins = https://other.example\n[log]\nlevel = loud\n", ":4: 'loud' for log.level"),
    ("[http]\ncors_origins = https://other.example\nworkers = -1\n", "http.workers"),
    ("[http]\ncors_orgins = https://other.example\n", "did you mean 'http.cors_origins'"),
    ("[http]\nnonsense\n", "neither '[section]' nor"),
    ("\0", "not a text file"),
    ("[http]\ntls_cert = /x\n", "must be given together"),
])
def test_reload__a_fault_changes_nothing(server, broken, said):
    server.hangup(f"[http]\ncors_origins = {FOREIGN}\n")
    eventually(server.allows)
    log = server.hangup(broken)
    assert said in log and "those in effect stay" in log, log
    assert server.allows() and not server.allows("https://other.example")


def test_reload__a_missing_file_changes_nothing(server):
    server.hangup(f"[http]\ncors_origins = {FOREIGN}\n")
    eventually(server.allows)
    server.file.unlink()
    before = len(server.log.read_text())
    server.process.send_signal(signal.SIGHUP)
    server.said(["those in effect stay"], before)
    assert server.allows()


def test_reload__a_hundred_under_load_lose_no_request(server, tmp_path):
    tree = small_repository(tmp_path / "tree")
    repository = server.index(tree)
    stop, statuses = threading.Event(), []

    def ask():
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
            while not stop.is_set():
                statuses.append(http.get("/v1/repositories", headers={"Origin": server.url}).status_code)
                reply = http.post("/infill", json={"input_prefix": "def run(path):\n    store = ", "input_suffix": "\n",
                                                   "n_predict": 8})
                statuses.append(reply.status_code)
                statuses.append(http.get(f"/v1/repositories/{repository}/index/status").status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for i in range(100):
            confidence = f"[completion]\ninstant_min_confidence = 0.{i:02}\n"
            server.hangup(confidence + (f"[http]\ncors_origins = {FOREIGN}\n" if i % 2 else ""))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert statuses and set(statuses) == {200}
    eventually(server.allows)


def test_reload__a_burst_of_signals_ends_with_the_last_file(server):
    for i in range(100):
        server.file.write_text(f"[http]\ncors_origins = https://{i}.example\n")
        server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.allows("https://99.example"))


def test_reload__the_command_checks_first_and_then_signals(server):
    server.file.write_text(f"[http]\ncors_origins = {FOREIGN}\n")
    done = server.run("config", "reload", "--config", str(server.file))
    assert done.returncode == 0 and str(server.process.pid) in done.stdout, done
    eventually(server.allows)
    before = server.log.read_text()
    server.file.write_text("[http]\nworkers = many\n")
    done = server.run("config", "reload", "--config", str(server.file))
    assert done.returncode == 2 and "http.workers" in done.stderr, done
    assert server.log.read_text() == before


def test_reload__the_command_without_a_server_says_so(tmp_path):
    done = Server(tmp_path).run("config", "reload")
    assert done.returncode == 2 and "nobody serves" in done.stderr, done


def test_reload__a_server_whose_terminal_is_gone_ends(tmp_path):
    server = Server(tmp_path)
    master, slave = pty.openpty()
    with server.log.open("ab") as log, subprocess.Popen(
            ["setsid", "--ctty", *server.command("serve", "--port", "0", *server.arguments)], stdin=slave, stdout=subprocess.PIPE,
            stderr=log, env=server.env, text=True) as process:
        os.close(slave)
        assert process.stdout.readline().startswith("ready ")
        os.close(master)
        assert process.wait(60) == 0
