"""Two ordinary clients of one repository at once: each pair of routes raced, on the real binary.

Whatever wins, nobody meets a fault of the server and the server lives. The clients begin each round together; which of
them is first is the scheduler's, and no assertion depends on it. CODEMENTOR_TEST_ROUNDS multiplies the rounds."""

import itertools
import os
import signal
import threading

import httpx
import pytest

from server import Server

ROUNDS = 4 * int(os.environ.get("CODEMENTOR_TEST_ROUNDS", "1"))
FILES = 60


def write_tree(root, files=FILES):
    root.mkdir(exist_ok=True)
    for i in range(files):
        (root / f"m{i}.py").write_text("".join(f"def f{i}_{j}(a):\n    return a + {j}\n\n" for j in range(20)))
    return root


class Target:
    """A tree and an upload codebase of one server; routes find them by root and by name, as a client would."""

    def __init__(self, server, root):
        self.server, self.root, self.number = server, root, itertools.count()
        self.id = self.uploads = None

    def add(self, http, **body):
        reply = http.post("/v1/repositories/index",
                          json={"workspace_id": "default", "repository_path": str(self.root), **body})
        if reply.status_code == 202:
            self.id = reply.json()["repository_id"]
        return reply

    def make_uploads(self, http):
        reply = http.post("/api/v1/codebase/create",
                          json={"name": f"uploads{next(self.number)}", "primaryLanguage": "python"})
        if reply.status_code == 201:
            self.uploads = reply.json()["codebaseId"]
        return reply


def index(t, http):
    return [t.add(http)]


def index_configured(t, http):
    pattern = f"m{next(t.number) % 7}*.py"
    return [t.add(http, config={"include_patterns": ["**/*.py"], "exclude_patterns": [pattern]})]


def sync(t, http):
    name = f"m{next(t.number) % FILES}.py"
    (t.root / name).write_text(f"x = {next(t.number)}\n")
    changes = [{"type": "modified", "path": name}]
    return [http.post(f"/api/v1/codebase/{t.id}/sync", json={"changes": changes})]


def upload(t, http):
    n = next(t.number)
    return [http.post(f"/api/v1/codebase/{t.uploads}/upload", files={"file": (f"u{n % 9}.py", f"y = {n}\n")}),
            http.post(f"/api/v1/codebase/{t.uploads}/sync",
                      json={"changes": [{"type": "added", "path": f"s{n % 9}.py", "content": f"z = {n}\n"}]})]


def rebuild(t, http):
    return [http.post(f"/v1/repositories/{t.id}/index/rebuild")]


def cancel(t, http):
    jobs = http.get("/v1/jobs?limit=20")
    running = [j for j in jobs.json().get("items", []) if j["status"] in ("queued", "running")]
    return [jobs, *(http.delete(f"/v1/jobs/{j['job_id']}") for j in running)]


def config(t, http):
    strategy = ("ast_aware", "fixed_lines")[next(t.number) % 2]
    return [http.put(f"/v1/repositories/{t.id}/index/config", json={"chunk_strategy": strategy})]


def delete_index(t, http):
    return [http.delete(f"/v1/repositories/{t.id}/index")]


def delete(t, http):
    return [http.delete(f"/v1/repositories/{t.id}"), t.add(http)]


def delete_uploads(t, http):
    return [http.delete(f"/api/v1/codebase/{t.uploads}"), t.make_uploads(http)]


def read(t, http):
    return [http.get(f"/v1/repositories/{t.id}/index"), http.get(f"/v1/repositories/{t.id}/index/status"),
            http.get(f"/api/v1/codebase/{t.id}"), http.get(f"/api/v1/codebase/{t.id}/context"),
            http.post(f"/v1/repositories/{t.id}/search", json={"query": "return"})]


ROUTES = [index, index_configured, sync, upload, rebuild, cancel, config, delete_index, delete, delete_uploads, read]


def race(target, *routes, rounds=ROUNDS):
    """Each route by a client of its own, round after round, all beginning a round together."""
    gate, faults = threading.Barrier(len(routes)), []

    def client(route):
        with httpx.Client(base_url=target.server.url, timeout=60, trust_env=False) as http:
            for _ in range(rounds):
                gate.wait()
                try:
                    for reply in route(target, http):
                        if reply.status_code >= 500:
                            faults.append((route.__name__, reply.request.url, reply.status_code, reply.text))
                except httpx.HTTPError as error:
                    faults.append((route.__name__, repr(error)))
                    gate.abort()
                except threading.BrokenBarrierError:
                    return

    threads = [threading.Thread(target=client, args=(route,)) for route in routes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.server.process.poll() is None, f"the server died of {[r.__name__ for r in routes]}"
    assert faults == []


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("races")) as server:
        made = Target(server, write_tree(tmp_path_factory.mktemp("tree") / "raced"))
        assert made.add(server.http).status_code == 202
        assert made.make_uploads(server.http).status_code == 201
        yield made


@pytest.mark.parametrize("first, second", list(itertools.combinations_with_replacement(ROUTES, 2)),
                         ids=lambda route: route.__name__)
def test_races__of_two_clients_are_no_fault(target, first, second):
    race(target, first, second)


def test_races__of_all_routes_are_no_fault(target):
    race(target, *ROUTES, rounds=5 * ROUNDS)


def test_races__one_new_root_is_one_repository(tmp_path):
    with Server(tmp_path) as server:
        roots = [write_tree(tmp_path / f"new{i}", 5) for i in range(ROUNDS)]
        for root in roots:
            replies, gate = [], threading.Barrier(24)

            def client(root=root, replies=replies, gate=gate):
                gate.wait()
                replies.append(httpx.post(f"{server.url}/v1/repositories/index", timeout=60, trust_env=False,
                                          json={"workspace_id": "default", "repository_path": str(root)}))

            threads = [threading.Thread(target=client) for _ in range(24)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            statuses = {reply.status_code for reply in replies}
            assert statuses <= {202, 409, 503}, [r.text for r in replies if r.status_code not in (202, 409)]
            assert 202 in statuses and 503 not in statuses
        listed = server.http.get("/v1/repositories?limit=200").json()["items"]
        assert sorted(r["metadata"]["root_path"] for r in listed) == sorted(map(str, roots))


def test_races__the_server_ends_cleanly_while_they_run(tmp_path):
    """SIGTERM in the middle: exit status 0, and what was acknowledged is there afterwards."""
    root = write_tree(tmp_path / "ending")
    server = Server(tmp_path)
    server.start()
    t = Target(server, root)
    t.add(server.http)
    t.make_uploads(server.http)
    began = threading.Barrier(len(ROUTES) + 1)

    def client(route):
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
            began.wait()
            try:
                while True:
                    route(t, http)
            except httpx.HTTPError:
                pass  # it stopped listening

    threads = [threading.Thread(target=client, args=(route,)) for route in ROUTES]
    for thread in threads:
        thread.start()
    began.wait()
    server.http.get("/readyz")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0, server.log.read_text()[-4000:]
    for thread in threads:
        thread.join()
    server.http.close()
    with Server(tmp_path) as again:
        assert again.index(root)
