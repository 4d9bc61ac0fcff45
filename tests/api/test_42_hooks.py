"""Git hooks: commits, checkouts, merges and rebases reach a running server; git itself never notices."""

import json
import os
import signal
import subprocess
import time

import pytest

from server import Server, small_repository

NAMES = ("post-commit", "post-checkout", "post-merge", "post-rewrite")


class Git:
    """One repository with its own settings: nothing of the machine's is read or written."""

    def __init__(self, root, home):
        self.root = root
        self.env = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t",
                    "GIT_COMMITTER_EMAIL": "t@t"}

    def __call__(self, *arguments, at=None):
        return subprocess.run(["git", *arguments], cwd=at or self.root, env=self.env, check=True, capture_output=True,
                              text=True, timeout=60).stdout

    def commit(self, path, text, at=None):
        target = (at or self.root) / path
        target.write_text(text)
        self("add", "-A", at=at)
        self("commit", "-qm", "x", at=at)


@pytest.fixture()
def git(tmp_path):
    root = small_repository(tmp_path / "tree")
    git = Git(root, tmp_path)
    git("init", "-qb", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    return git


@pytest.fixture()
def unwatched(tmp_path):
    """A server that learns of changes by hooks alone."""
    with Server(tmp_path, "--set", "index.watch=false") as server:
        yield server


def files(server, repository):
    page = server.http.get(f"/v1/repositories/{repository}/symbols", params={"limit": 200}).json()
    return {item["name"] for item in page["items"]}


def wait_for(server, repository, *names, gone=()):
    """Hooks tell the server in the background: what counts is that it learns, and no test can say when."""
    give_up = time.monotonic() + 60
    while not (set(names) <= files(server, repository) and not set(gone) & files(server, repository)):
        assert time.monotonic() < give_up, files(server, repository)
        time.sleep(0.02)  # between two looks


def version(server, repository):
    return server.http.get(f"/v1/repositories/{repository}/index").json()["index_version"]


def test_hooks__commit_checkout_merge_and_rebase_reach_the_server(unwatched, git):
    repository = unwatched.index(git.root)
    assert unwatched.run("hook", "install", "--repo", str(git.root)).returncode == 0
    git.commit("new.py", "def committed_one():\n    pass\n")
    wait_for(unwatched, repository, "committed_one")
    git("checkout", "-qb", "side")
    git.commit("side.py", "def on_the_side():\n    pass\n")
    wait_for(unwatched, repository, "on_the_side")
    git("checkout", "-q", "main")
    wait_for(unwatched, repository, "committed_one", gone=["on_the_side"])
    git.commit("main.py", "def on_main():\n    pass\n")
    wait_for(unwatched, repository, "on_main")
    git("merge", "-q", "--no-edit", "side")
    wait_for(unwatched, repository, "on_main", "on_the_side")
    git("checkout", "-qb", "topic", "HEAD~1")
    wait_for(unwatched, repository, gone=["on_the_side"])
    git.commit("topic.py", "def of_the_topic():\n    pass\n")
    git("rebase", "-q", "main")
    wait_for(unwatched, repository, "of_the_topic", "on_the_side", "on_main")
    (git.root / "new.py").write_text("def scribbled():\n    pass\n")
    git("checkout", "--", "new.py")
    wait_for(unwatched, repository, "committed_one", gone=["scribbled"])


def test_hooks__a_branch_switch_is_one_batch(unwatched, git):
    git("checkout", "-qb", "wide")
    for i in range(40):
        (git.root / f"wide{i}.py").write_text(f"def wide_{i}():\n    pass\n")
    git("add", "-A")
    git("commit", "-qm", "wide")
    repository = unwatched.index(git.root)
    assert unwatched.run("hook", "install", "--repo", str(git.root)).returncode == 0
    before = version(unwatched, repository)
    git("checkout", "-q", "main")
    wait_for(unwatched, repository, gone=[f"wide_{i}" for i in range(40)])
    assert version(unwatched, repository) <= before + 2  # the files at once, then git's history of the branch
    git("checkout", "-q", "wide")
    wait_for(unwatched, repository, *(f"wide_{i}" for i in range(40)))
    assert version(unwatched, repository) <= before + 4


def test_hooks__those_that_were_there_run_first_and_come_back(tmp_path, git):
    server = Server(tmp_path)
    folder = git.root / ".git" / "hooks"
    seen = tmp_path / "seen"
    older = {}
    for name in ("post-commit", "post-rewrite"):
        older[name] = f'#!/bin/sh\necho "{name} $@ $(cat)" >> {seen}\nexit 3\n'
        (folder / name).write_text(older[name])
        (folder / name).chmod(0o755)
    for _ in range(2):  # twice is once
        assert server.run("hook", "install", "--repo", str(git.root)).returncode == 0
    state = json.loads(server.run("hook", "status", "--repo", str(git.root), "--json").stdout)
    assert {h["name"]: (h["state"], h["chained"]) for h in state["hooks"]} == {
        name: ("installed", name in older) for name in NAMES}
    assert state["server_running"] is False
    git.commit("a.py", "a = 1\n")
    old = git("rev-parse", "HEAD").strip()
    git("commit", "-q", "--amend", "-m", "y")
    lines = seen.read_text().splitlines()
    assert lines[0].strip() == "post-commit" and lines[2].startswith(f"post-rewrite amend {old} ")
    assert server.run("hook", "uninstall", "--repo", str(git.root)).returncode == 0
    assert {p.name: p.read_text() for p in folder.iterdir() if p.name in NAMES} == older
    assert not list(folder.glob("*codementor*"))


def test_hooks__work_trees_and_hooks_path_are_honoured(unwatched, git, tmp_path):
    git("config", "core.hooksPath", str(tmp_path / "it's hooks"))
    tree = tmp_path / "second"
    git("worktree", "add", "-q", "-b", "second", str(tree))
    repository = unwatched.index(tree)
    assert unwatched.run("hook", "install", "--repo", str(tree)).returncode == 0
    assert sorted(p.name for p in (tmp_path / "it's hooks").iterdir()) == sorted(NAMES)
    assert not any((git.root / ".git" / "hooks" / name).exists() for name in NAMES)
    git.commit("in_second.py", "def only_there():\n    pass\n", at=tree)
    wait_for(unwatched, repository, "only_there")


def test_hooks__git_never_waits_for_the_server(tmp_path, git):
    server = Server(tmp_path, "--set", "index.watch=false")
    assert server.run("hook", "install", "--repo", str(git.root)).returncode == 0
    git.commit("a.py", "a = 1\n")  # none runs
    with server:
        repository = server.index(git.root)
        server.process.send_signal(signal.SIGSTOP)
        git.commit("b.py", "def b_one():\n    pass\n")  # it does not answer
        server.process.send_signal(signal.SIGCONT)
        wait_for(server, repository, "b_one")


def test_hook__says_where_it_may_not_go(tmp_path):
    done = Server(tmp_path).run("hook", "install", "--repo", str(tmp_path))
    assert done.returncode == 2 and "git repository" in done.stderr
