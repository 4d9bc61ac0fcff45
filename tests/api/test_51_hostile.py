"""A hostile tree at full size against the real binary: it costs its own files their symbols and nobody anything else."""

import re
import shutil
import sqlite3
import threading

import hostile
from server import Server, small_repository

LOST = re.compile(r'file is indexed as text path="?([^\s"]+)"? reason=(?:"([^"]*)"|(\S+))')
FATES = {"text": "failed", "skipped": "skipped"}  # what a row's parse_status says
AGAIN = "the same text failed before"


def ask_meanwhile(server, repository, stop, faults):
    """What other people do while the tree is read: each answer must be the one of a quiet day."""
    while not stop.is_set():
        for path, body in (("search", {"query": "load items"}), ("definitions", {"symbol": "Store"})):
            reply = server.http.post(f"/v1/repositories/{repository}/{path}", json=body)
            found = reply.json().get("results", reply.json().get("items", []))
            if reply.status_code != 200 or not found or found[0]["file_path"] != "pkg/store.py":
                faults.append(f"{path}: {reply.status_code} {reply.text}")


def index_beside_others(server, mine, root):
    """The repository's id, and path -> reason of each file that the log says was taken for text."""
    stop, faults, before = threading.Event(), [], server.log.stat().st_size
    other = threading.Thread(target=ask_meanwhile, args=(server, mine, stop, faults))
    other.start()
    try:
        repository = server.index(root)
    finally:
        stop.set()
        other.join()
    assert not faults, faults[:3]
    assert server.process.poll() is None
    with server.log.open("rb") as log:
        log.seek(before)
        text = log.read().decode(errors="replace")
    return repository, {path: quoted or word for path, quoted, word in LOST.findall(text)}


def statuses(server, repository):
    """path -> parse status, from the rows that follow the index by a moment."""
    while not server.http.get(f"/api/v1/codebase/{repository}").json()["indexedAt"]:
        pass
    with sqlite3.connect(f"file:{server.data / 'codementor.db'}?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT f.file_path, f.parse_status FROM files f JOIN repositories r "
                                     "ON r.id = f.repository_id WHERE r.root_path LIKE '%/bad'").fetchall())


def test_hostile__a_tree_of_it_costs_nobody_else_anything(tmp_path):
    good, bad = small_repository(tmp_path / "good"), tmp_path / "bad"
    bad.mkdir()
    expected = hostile.make(bad)
    (bad / "good.py").write_text("def still_found(): pass\n")
    # Without a watch: whether it or the job came first to a new file, each with its own workers, would be chance.
    with Server(tmp_path, "--set", "index.tables=files", "--set", "index.watch=false", "--log-level", "warn",
                on_sqlite=True) as server:
        mine = server.index(good)
        repository, lost = index_beside_others(server, mine, bad)
        found = statuses(server, repository)
        assert found["good.py"] == "ok"
        assert not any(path.startswith("links/") for path in found)  # neither followed nor read
        assert set(expected) <= set(found), set(expected) - set(found)
        for path, fate in expected.items():
            assert fate == "any" or found[path] == FATES[fate], f"{path}: {found[path]}"
        assert all(found[path] == "failed" for path in lost)
        assert lost and AGAIN not in lost.values()
        for path in lost:  # the same bytes under another name are not tried again
            (bad / "again" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(bad / path, bad / "again" / path)
        again, lost_again = index_beside_others(server, mine, bad)
        assert again == repository
        assert lost_again == {f"again/{path}": AGAIN for path in lost}
        reply = server.http.post(f"/v1/repositories/{repository}/definitions", json={"symbol": "after"}).json()
        assert [item["file_path"] for item in reply["items"]] == ["bytes/mixed.c"]  # beside broken bytes
        for name in ("still_found", "from_future", "from_past"):
            assert server.http.post(f"/v1/repositories/{repository}/definitions", json={"symbol": name}).json()["items"]
