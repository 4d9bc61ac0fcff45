"""What survives: kill -9 while indexing, damaged files, a full disk, trees nobody would write on purpose."""

import os
import random
import resource
import shutil
import sqlite3
import subprocess
import time

import pytest

from server import Server, small_repository


def big_tree(directory, files=400):
    """Enough to be in the middle of it when the kill comes."""
    root = small_repository(directory)
    for i in range(files):
        folder = root / f"pkg{i % 7}"
        folder.mkdir(exist_ok=True)
        body = "".join(f"def function_{i}_{k}(first, second):\n    return first + second * {k}\n\n\n" for k in range(40))
        (folder / f"module_{i}.py").write_text(body)
    return root


def counts(server, repository):
    statistics = server.http.get(f"/v1/repositories/{repository}/index").json()["statistics"]
    return {key: statistics[key] for key in ("total_files", "total_symbols", "total_chunks")}


def test_kill__at_any_moment_of_indexing_the_next_start_catches_up(tmp_path):
    root = big_tree(tmp_path / "tree")
    (tmp_path / "fresh").mkdir()
    with Server(tmp_path / "fresh") as fresh:
        expected = counts(fresh, fresh.index(root))
    (tmp_path / "killed").mkdir()
    server = Server(tmp_path / "killed")
    chance = random.Random(1)
    for _ in range(6):
        server.start()
        server.http.post("/v1/repositories/index", json={"workspace_id": "default", "repository_path": str(root)})
        for _ in range(chance.randrange(30)):  # requests as a clock: the kill falls anywhere in the job
            server.http.get("/livez")
        server.kill()
    with server:
        assert counts(server, server.index(root)) == expected


@pytest.mark.parametrize("mode, symbols", [("files", False), ("all", True)])
def test_tables__the_database_says_what_a_lost_index_held(tmp_path, mode, symbols):
    root = small_repository(tmp_path / "tree")
    server = Server(tmp_path, on_sqlite=True)  # its subject is what the file holds
    assert server.run("index", str(root), "--set", f"index.tables={mode}").returncode == 0  # writes its rows before it ends
    with sqlite3.connect(server.data / "codementor.db") as database:
        paths = {path for (path,) in database.execute("SELECT file_path FROM files")}
        assert "pkg/store.py" in paths
        uses = database.execute("SELECT s.reference_count FROM symbols s JOIN files f ON f.id = s.file_id "
                                "WHERE s.name = 'Store' AND f.file_path = 'pkg/store.py'").fetchall()
        assert (len(uses) == 1 and uses[0][0] >= 1) if symbols else not uses
        (repository, files) = database.execute("SELECT id, file_count FROM repositories").fetchone()
        assert files == len(paths)
    shutil.rmtree(server.data / "index")
    with server:
        assert counts(server, repository)["total_files"] == files
        assert server.http.delete(f"/v1/repositories/{repository}").status_code == 204
    with sqlite3.connect(server.data / "codementor.db") as database:
        assert database.execute("SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM symbols)").fetchone() == (0,)


def test_kill__acknowledged_repositories_are_still_there(tmp_path):
    server = Server(tmp_path)
    server.start()
    made = [server.http.post("/v1/repositories", json={"name": f"repository-{i}"}).json()["repo_id"] for i in range(20)]
    server.kill()
    with server:
        listed = {item["repo_id"] for item in server.http.get("/v1/repositories?limit=200").json()["items"]}
    assert set(made) <= listed


def damage(path):
    """Turns over some bytes in the middle, as a bad disk would."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    for i in range(middle, min(middle + 64, len(content))):
        content[i] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("part", ["documents", "symbols", "words", "text", "suffix", "chunks"])
def test_damage__a_torn_part_of_the_index_is_found_and_rebuilt(tmp_path, part):
    root = small_repository(tmp_path / "tree")
    server = Server(tmp_path)
    with server:
        repository = server.index(root)
        before = counts(server, repository)
    (file,) = [p for p in (server.data / "index").rglob(part) if p.is_file()]
    damage(file)
    with server:
        repository = server.index(root)
        assert counts(server, repository) == before
        found = server.http.post(f"/v1/repositories/{repository}/search", json={"query": "load items"}).json()
        assert found["results"][0]["file_path"] == "pkg/store.py"
    assert "checksum" in server.log.read_text() or "quarantine" in server.log.read_text()


def test_damage__a_broken_database_is_kept_aside_and_said(tmp_path):
    root = small_repository(tmp_path / "tree")
    server = Server(tmp_path, on_sqlite=True)  # its subject is the file
    with server:
        server.index(root)
    (server.data / "codementor.db").write_bytes(b"this is no database" * 1000)
    for leftover in server.data.glob("codementor.db-*"):
        leftover.unlink()
    with server:
        server.index(root)
    assert list(server.data.glob("codementor.db.damaged-*"))
    assert "damaged" in server.log.read_text()


def test_damage__a_database_of_a_newer_version_is_refused(tmp_path):
    server = Server(tmp_path)
    with server:
        pass
    server.sql("INSERT INTO schema_migrations SELECT '000000009999', revises, 'from the future', checksum, "
               "is_baseline, '9.9.9', applied_at, execution_ms FROM schema_migrations LIMIT 1")
    done = server.run("serve", "--port", "0")
    assert done.returncode != 0 and "9.9.9" in done.stderr and "newer" in done.stderr, done.stderr


def test_tree__nothing_strange_in_it_stops_the_index(tmp_path):
    root = small_repository(tmp_path / "tree")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to(root / "nowhere")
    (root / "binary.py").write_bytes(b"a = 1\n\0\0\0" * 100)
    (root / "latin.py").write_bytes("käse = 'für dich'\n".encode("latin-1"))
    (root / "huge.py").write_text("x = 1\n" * 200_000)
    (root / "one_line.js").write_text("var a=1;" * 20_000)
    (root / "nested.c").write_text("(" * 50_000)
    (root / "empty.py").write_text("")
    os.mkfifo(root / "pipe.py")
    (root / "ignored").mkdir()
    (root / ".gitignore").write_text("ignored/\n")
    (root / "ignored" / "secret.py").write_text("def never_indexed(): pass\n")
    with Server(tmp_path) as server:
        repository = server.index(root)

        def found(query):
            return server.http.post(f"/v1/repositories/{repository}/search", json={"query": query}).json()["results"]
        assert found("load items")[0]["file_path"] == "pkg/store.py"
        assert found("never_indexed") == []
        assert server.complete(root / "latin.py", "k = 1\nk", 1, 1, options={"model": "instant"}).status_code == 200


def test_tree__an_empty_directory_is_a_ready_repository(tmp_path):
    (tmp_path / "empty").mkdir()
    with Server(tmp_path) as server:
        repository = server.index(tmp_path / "empty")
        assert counts(server, repository)["total_files"] == 0
        reply = server.http.post(f"/v1/repositories/{repository}/search", json={"query": "x"})
        assert reply.json()["results"] == []


def test_tree__files_that_vanish_meanwhile_are_no_fault(tmp_path):
    root = big_tree(tmp_path / "tree", files=300)
    with Server(tmp_path) as server:
        reply = server.http.post("/v1/repositories/index",
                                 json={"workspace_id": "default", "repository_path": str(root)}).json()
        shutil.rmtree(root / "pkg3")
        server.wait_indexed(reply["repository_id"])
        again = server.index(root)
        listed = server.http.post(f"/v1/repositories/{again}/search",
                                  json={"query": "function", "filters": {"file_patterns": ["pkg3/**"]}}).json()
        assert listed["results"] == []


@pytest.fixture()
def small_disk(tmp_path):
    """A real file system of 6 MB: full is full."""
    mount = tmp_path / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(mount)], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_disk__full_while_indexing_is_said_and_the_server_goes_on(tmp_path, small_disk):
    root = big_tree(tmp_path / "tree", files=1500)
    server = Server(tmp_path)
    server.data = small_disk / "data"
    with server:
        reply = server.http.post("/v1/repositories/index",
                                 json={"workspace_id": "default", "repository_path": str(root)}).json()
        with pytest.raises(AssertionError, match="(?i)no space|full"):
            server.wait_indexed(reply["repository_id"])
        assert server.http.get("/livez").status_code == 200
        assert server.complete(root / "x.py", "a = ", 0, 4).status_code == 200


def ready(server, status):
    """Asks /readyz until it answers with this status: what it says is found in the background."""
    give_up = time.monotonic() + 60
    while (reply := server.http.get("/readyz")).status_code != status:
        assert time.monotonic() < give_up, reply.text
    return reply.json()


def test_disk__readiness_says_when_it_is_full_and_when_there_is_room_again(tmp_path, small_disk):
    server = Server(tmp_path)
    server.data = small_disk / "data"
    with server:
        ready(server, 200)
        with pytest.raises(OSError, match="No space left"), (small_disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        reply = ready(server, 503)
        assert reply["status"] == "fail" and "No space left" in reply["checks"]["disk"], reply
        assert str(server.data) in reply["checks"]["disk"], reply
        assert server.http.get("/livez").status_code == 200
        (small_disk / "filler").unlink()
        assert ready(server, 200)["checks"]["disk"] == "ok"


def test_disk__a_limit_on_file_sizes_is_an_error_and_no_death(tmp_path):
    root = small_repository(tmp_path / "tree")
    with Server(tmp_path, on_sqlite=True) as server:
        old = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (64, old[1]))
        refused = server.http.post("/v1/repositories/index",
                                   json={"workspace_id": "default", "repository_path": str(root)})
        assert refused.status_code == 507 and refused.json()["code"] == "storage_full", refused.text
        assert server.http.get("/livez").status_code == 200
        assert server.complete(root / "x.py", "a = ", 0, 4).status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, old)
        server.index(root)


def test_commands__a_file_limit_and_a_reader_that_left_are_errors(tmp_path):
    root = small_repository(tmp_path / "tree")
    server = Server(tmp_path)
    limited = subprocess.run(["bash", "-c", 'ulimit -f 1; "$@"', "limited", *server.command("index", str(root))],
                             env=server.env, capture_output=True, text=True, check=False)
    assert limited.returncode == 1 and "codementor: " in limited.stderr, limited
    for target, said in (("/dev/full", "No space left"), ("| true", "")):
        command = f'"$@" {"> " + target if target.startswith("/") else target}; exit ${{PIPESTATUS[0]}}'
        done = subprocess.run(["bash", "-c", command, "writer", *server.command("config", "print")], env=server.env,
                              capture_output=True, text=True, check=False)
        assert done.returncode in ((1,) if said else (0, 1)) and said in done.stderr, done


def test_disk__read_only_is_refused_by_name(tmp_path, small_disk):
    server = Server(tmp_path)
    server.data = small_disk / "data"
    with server:
        server.http.post("/v1/repositories", json={"name": "kept"})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = server.run("serve", "--port", "0", "--set", "model.fake=true")
    assert done.returncode != 0 and "read-only" in done.stderr.lower() and str(small_disk) in done.stderr, done.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    with server:
        assert [item["name"] for item in server.http.get("/v1/repositories").json()["items"]] == ["kept"]
