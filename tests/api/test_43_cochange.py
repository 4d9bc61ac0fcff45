"""Files that change together: git's history through the API and the command line."""

import json
import os
import subprocess
import time

import pytest

from server import Server, small_repository


class Git:
    """One repository with its own settings: nothing of the machine's is read or written."""

    def __init__(self, root, home):
        self.root = root
        self.turn = 0
        self.env = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t",
                    "GIT_COMMITTER_EMAIL": "t@t"}
        self("init", "-qb", "main")

    def __call__(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.root, env=self.env, check=True, capture_output=True,
                              text=True, timeout=60).stdout

    def change(self, *paths, day="2024-05-01"):
        """One commit that changes all of these files."""
        self.turn += 1
        for path in paths:
            with open(self.root / path, "a", encoding="utf-8") as file:
                file.write(f"# {self.turn}\n")
        self("add", "-A")
        self.env["GIT_COMMITTER_DATE"] = f"{day}T12:00:00Z"
        self("commit", "-qm", "x")


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    home = tmp_path_factory.mktemp("history")
    git = Git(small_repository(home / "tree"), home)
    git.change("README.md", day="2023-10-01")  # and all the others: they are new
    for day in ("2023-11-01", "2024-01-01", "2024-03-01", "2024-05-01"):
        git.change("pkg/store.py", "pkg/main.py", day=day)
    for _ in range(3):
        git.change("pkg/store.py", "util.c", "gone.txt", day="2024-05-02")
    (git.root / "gone.txt").unlink()
    git.change("pkg/store.py", day="2024-05-03")
    return git


@pytest.fixture(scope="module")
def indexed(server, git):
    return server.index(git.root)


def ask(server, repository, **params):
    return server.http.get(f"/v1/repositories/{repository}/cochange", params=params)


def test_cochange__best_first_with_what_it_rests_on(server, git, indexed):
    body = ask(server, indexed, path="pkg/store.py").json()
    assert body["path"] == "pkg/store.py" and body["commits"] == 9 and body["truncated"] is False
    assert body["history"] == {"head": git("rev-parse", "HEAD").strip(), "commits": 9, "truncated": False}
    first, second = body["items"]  # the newer ones outweigh the older and more; gone.txt is no file any more
    assert (first["path"], first["support"], first["last_changed_at"]) == ("util.c", 4, "2024-05-02T12:00:00.000Z")
    assert (second["path"], second["support"], second["last_changed_at"]) == ("pkg/main.py", 5, "2024-05-01T12:00:00.000Z")
    assert first["confidence"] == pytest.approx(4 / 9) and second["confidence"] == pytest.approx(5 / 9)
    assert 1 > first["weight"] > second["weight"] > 0


def test_cochange__the_other_side_and_the_limit(server, indexed):
    body = ask(server, indexed, path="util.c").json()
    assert [(item["path"], item["support"]) for item in body["items"]] == [("pkg/store.py", 4)]
    body = ask(server, indexed, path="pkg/store.py", limit=1).json()
    assert [item["path"] for item in body["items"]] == ["util.c"] and body["truncated"] is True
    assert ask(server, indexed, path="README.md").json()["items"] == []


def test_cochange__faults_name_the_next_step(server, repository, indexed, tmp_path):
    unknown = ask(server, indexed, path="no/such.py")
    assert unknown.status_code == 404 and "no/such.py" in unknown.json()["detail"]
    assert ask(server, indexed, path="gone.txt").status_code == 404
    assert ask(server, indexed).json()["code"] == "validation_failed"
    assert ask(server, indexed, path="util.c", limit=0).json()["code"] == "validation_failed"
    plain = ask(server, repository, path="util.c")
    assert (plain.status_code, plain.json()["code"]) == (422, "unprocessable") and "no git repository" in plain.json()["detail"]
    root = small_repository(tmp_path / "fresh")
    Git(root, tmp_path)
    fresh = ask(server, server.index(root), path="util.c")
    assert fresh.status_code == 422 and "no commits" in fresh.json()["detail"]
    sent = server.http.post("/api/v1/codebase/create", json={"name": "sent history", "primaryLanguage": "python"}).json()["codebaseId"]
    server.http.post(f"/api/v1/codebase/{sent}/sync", json={"changes": [{"path": "a.py", "type": "added", "content": "x = 1\n"}]})
    files = ask(server, sent, path="a.py")
    assert files.status_code == 422 and "files were sent" in files.json()["detail"]


def test_cochange__a_new_commit_and_a_rewritten_one_are_seen_by_the_next_job(server, tmp_path):
    git = Git(small_repository(tmp_path / "tree"), tmp_path)
    for _ in range(3):
        git.change("util.c", "pkg/main.py")
    made = server.index(git.root)
    assert ask(server, made, path="util.c").json()["items"][0]["support"] == 3
    git.change("util.c", "pkg/main.py")
    server.index(git.root)
    assert ask(server, made, path="util.c").json()["items"][0]["support"] == 4
    git("reset", "-q", "--hard", "HEAD~2")
    git.change("util.c")
    server.index(git.root)
    body = ask(server, made, path="util.c").json()
    assert body["commits"] == 3 and body["items"] == [] and body["history"]["head"] == git("rev-parse", "HEAD").strip()


def test_cochange__an_edit_behind_a_commit_brings_it_along(server, tmp_path):
    """The watcher reports the files of a commit; nobody has to ask for a job."""
    git = Git(small_repository(tmp_path / "tree"), tmp_path)
    for _ in range(3):
        git.change("util.c", "pkg/main.py")
    made = server.index(git.root)
    git.change("util.c", "pkg/main.py")
    head = git("rev-parse", "HEAD").strip()
    change = {"path": "pkg/new.py", "type": "added", "content": "def fresh():\n    return 1\n"}
    assert server.http.post(f"/v1/repositories/{made}/changes", json={"changes": [change]}).json()["updated_files"] == 1
    give_up = time.monotonic() + 60
    while ask(server, made, path="util.c").json()["history"]["head"] != head:
        assert time.monotonic() < give_up, "the history did not follow"
    assert ask(server, made, path="util.c").json()["items"][0]["support"] == 4


def test_cochange__outlives_kill_and_damage(tmp_path):
    git = Git(small_repository(tmp_path / "tree"), tmp_path)
    for _ in range(4):
        git.change("util.c", "pkg/main.py")
    server = Server(tmp_path)
    with server:
        made = server.index(git.root)
        before = ask(server, made, path="util.c").json()
        assert before["items"][0]["support"] == 4
        server.process.kill()
        server.process.wait()
    with server:
        assert ask(server, made, path="util.c").json() == before
        kept = next(server.data.glob("index/*/history"))
    with open(kept, "r+b") as file:
        file.seek(230)
        file.write(b"damage")
    with server:
        server.index(git.root)
        assert list(server.data.glob("index/*/quarantine/history-*"))
        assert ask(server, made, path="util.c").json() == before


def test_cochange__can_be_switched_off(tmp_path):
    git = Git(small_repository(tmp_path / "tree"), tmp_path)
    for _ in range(3):
        git.change("util.c", "pkg/main.py")
    with Server(tmp_path, "--set", "index.history_commits=0") as server:
        reply = ask(server, server.index(git.root), path="util.c")
        assert reply.status_code == 409 and "index.history_commits" in reply.json()["detail"]


def test_map__cochange_as_a_table_and_as_json(server, git, indexed):
    shown = server.run("map", "--repo", str(git.root), "--cochange", "pkg/store.py")
    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0][:3] == ["pkg/store.py:", "9", "commits"]
    assert lines[1] == ["support", "confidence", "weight", "last", "file"]
    assert [(line[0], line[1], line[3], line[4]) for line in lines[2:]] == [
        ("4", "0.44", "2024-05-02", "util.c"), ("5", "0.56", "2024-05-01", "pkg/main.py")]
    body = json.loads(server.run("map", "--repo", str(git.root), "--cochange", "pkg/store.py", "--limit", "1", "--json").stdout)
    assert body["items"][0].keys() == {"path", "support", "confidence", "weight", "last_changed_at"} and body["truncated"]
    missing = server.run("map", "--repo", str(git.root), "--cochange", "no.py")
    assert missing.returncode != 0 and "no.py" in missing.stderr
