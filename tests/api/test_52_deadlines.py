"""Faults x routes on the real binary: whatever misbehaves, every route answers within its deadline and 100 ms.

Times are compared with those of the same routes before the fault, so a loaded machine moves both. What must hold is the
bound: before these tests were written one pattern held every worker for minutes."""

import os
import signal
import subprocess
import threading
import time

import httpx
import pytest
import yaml

from server import ROOT, Server, small_repository

SPEC = yaml.safe_load((ROOT / "spec" / "openapi.yaml").read_text())
NO_DEADLINE_MS = 2000  # what a probe is expected to take at most
GRACE_S = 0.1

# The operation, and what it is asked; `{id}` is the repository. One of each kind of room behind it.
ROUTES = [
    ("get", "/livez", "/livez", None),
    ("get", "/readyz", "/readyz", None),
    ("get", "/metrics", "/metrics", None),
    ("get", "/v1/models", "/v1/models", None),
    ("get", "/v1/repositories", "/v1/repositories", None),
    ("get", "/v1/repositories/{repo_id}", "/v1/repositories/{id}", None),
    ("get", "/v1/repositories/{repo_id}/index/status", "/v1/repositories/{id}/index/status", None),
    ("post", "/v1/repositories/{repo_id}/search", "/v1/repositories/{id}/search", {"query": "load items"}),
    ("get", "/v1/repositories/{repo_id}/symbols", "/v1/repositories/{id}/symbols?q=Store", None),
    ("get", "/v1/repositories/{repo_id}/files", "/v1/repositories/{id}/files", None),
    ("post", "/v1/repositories/{repo_id}/definitions", "/v1/repositories/{id}/definitions", {"symbol": "Store"}),
    ("get", "/v1/repositories/{repo_id}/map", "/v1/repositories/{id}/map?tokens=500", None),
    ("get", "/v1/repositories/{repo_id}/cochange", "/v1/repositories/{id}/cochange?path=pkg/store.py", None),
    ("get", "/v1/jobs", "/v1/jobs", None),
    ("get", "/api/v1/codebase/{id}", "/api/v1/codebase/{id}", None),
    ("post", "/infill", "/infill", {"input_prefix": "def f(", "input_suffix": ")", "n_predict": 8}),
]


def ask(url, repository, route):
    """Seconds and status of one request on a connection of its own."""
    method, _, path, body = route
    begun = time.monotonic()
    reply = httpx.request(method, url + path.replace("{id}", repository), json=body, timeout=120, trust_env=False)
    return time.monotonic() - begun, reply.status_code


def deadline_s(route):
    return SPEC["paths"][route[1]][route[0]].get("x-cm-deadline-ms", NO_DEADLINE_MS) / 1000


def control_of(server, repository):
    """What each route takes on a quiet server: the slower of two."""
    return {route[1]: max(ask(server.url, repository, route)[0] for _ in range(2)) for route in ROUTES}


def check_routes(server, repository, control, refused=(503, 504)):
    """Every route in its time, and no answer that the fault excuses but these."""
    for route in ROUTES:
        seconds, status = ask(server.url, repository, route)
        assert seconds <= deadline_s(route) + GRACE_S + 20 * control[route[1]], (route, seconds, control[route[1]])
        assert status < 500 or status in refused, (route, status)


# ---- patterns

# The first goes on for minutes where only PCRE2's own limit ends it; each client that left has left one behind.
PATTERNS = ["x|a{1,1000}a{1,1000}c", "a*a*a*a*a*[cd]", "(a+)+[cd]", "(?R)?a+a*a*[cd]", "(?=(a+))(a*)*[cd]"]


def uniform_lines(directory):
    directory.mkdir()
    (directory / "uniform.txt").write_text(("a" * 2000 + "\n") * 200)
    return directory


class Storm:
    """Clients that send what is hostile again and again; each leaves early, as an impatient editor does."""

    def __init__(self, server, requests, clients=6):
        self.stop, self.sent = threading.Event(), threading.Semaphore(0)
        self.threads = [threading.Thread(target=self.run, args=(server, requests[i % len(requests)]))
                        for i in range(clients)]

    def run(self, server, request):
        patience = 5.0
        while not self.stop.is_set():
            try:
                httpx.post(server.url + request[0], json=request[1], timeout=patience, trust_env=False)
            except httpx.HTTPError:
                pass
            self.sent.release()
            patience = 0.5 if patience > 1 else 5.0

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait(self):
        """Until each client has seen one request end, by an answer or by its own patience."""
        for _ in self.threads:
            self.sent.acquire()

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture(name="uniform")
def uniform_(tmp_path):
    with Server(tmp_path) as server:
        good = server.index(small_repository(tmp_path / "good"))
        bad = server.index(uniform_lines(tmp_path / "bad"))
        searches = [(f"/v1/repositories/{bad}/search", {"query": pattern, "regex": True}) for pattern in PATTERNS]
        yield server, good, searches


def test_deadlines__patterns_hold_no_worker(uniform):
    server, repository, searches = uniform
    control = control_of(server, repository)
    with Storm(server, searches[:1]) as storm:
        storm.wait()
        check_routes(server, repository, control)


def test_deadlines__a_hostile_pattern_answers_with_what_it_has(uniform):
    server, _, searches = uniform
    route = ROUTES[[r[1] for r in ROUTES].index("/v1/repositories/{repo_id}/search")]
    for path, body in searches:
        begun = time.monotonic()
        reply = server.http.post(path, json=body)
        assert time.monotonic() - begun < 10 * deadline_s(route), body
        assert reply.status_code == 200 and reply.json()["results"] == [], body
        assert reply.json()["degraded"], body


def test_deadlines__a_signal_ends_the_server_while_patterns_run(uniform):
    server, _, searches = uniform
    with Storm(server, searches[:1]) as storm:
        storm.wait()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


# ---- git


def git_tree(directory):
    """A small tree with two commits in loose objects."""
    small_repository(directory)
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "gc.auto=0"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["commit", "-qm", "two", "--allow-empty"]):
        subprocess.run(["git", *settings, *command], cwd=directory, check=True, capture_output=True)
    return directory


def into_fifo(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def cut_objects(dot):
    for path in (dot / "objects").glob("??/*"):
        path.chmod(0o600)
        os.truncate(path, 12)


def point_outside(dot):
    dot.rename(dot.with_name("moved"))
    dot.write_text("gitdir: /dev\n")


GIT_FAULTS = {
    "config is a fifo": lambda dot: into_fifo(dot / "config"),
    "HEAD is a fifo": lambda dot: into_fifo(dot / "HEAD"),
    "index is a fifo": lambda dot: into_fifo(dot / "index"),
    "objects are cut short": cut_objects,
    "git lies elsewhere": point_outside,
}


@pytest.fixture(name="damaged")
def damaged_(tmp_path):
    """A server, a good repository, and a tree for each fault of git that nobody has indexed yet."""
    trees = []
    for i, fault in enumerate(GIT_FAULTS.values()):
        trees.append(git_tree(tmp_path / f"bad{i}"))
        (trees[-1] / ".gitignore").write_text("generated\n")
        (trees[-1] / "generated").write_text("x")  # so that git's index is asked for
        fault(trees[-1] / ".git")
    with Server(tmp_path) as server:
        yield server, server.index(small_repository(tmp_path / "good")), trees


def start_job(server, tree):
    reply = server.http.post("/v1/repositories/index", json={"workspace_id": "default", "repository_path": str(tree)})
    assert reply.status_code == 202, reply.text
    return reply.json()["repository_id"]


def test_deadlines__damaged_git_costs_its_tree_the_history_and_nothing_else(damaged):
    server, repository, trees = damaged
    control = control_of(server, repository)
    jobs = [start_job(server, tree) for tree in trees]
    check_routes(server, repository, control)
    for job in jobs:
        server.wait_indexed(job)
        found = server.http.post(f"/v1/repositories/{job}/definitions", json={"symbol": "Store"}).json()
        assert found["items"][0]["file_path"] == "pkg/store.py"
    text = server.log.read_text()
    for tree in trees:
        assert text.count(f"cannot be read: the tree is indexed without it root={tree} ") <= 1
    assert f"indexed without it root={trees[0]} " in text  # the fifo does block its reader


def test_deadlines__a_signal_ends_the_server_while_git_is_stuck(damaged):
    server, _, trees = damaged
    for tree in trees:
        start_job(server, tree)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
