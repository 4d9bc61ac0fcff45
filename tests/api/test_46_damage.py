"""A damaged index under a server: built again unasked, also where changes are not watched."""

import time

from server import Server, small_repository


def files_of(server, repository):
    reply = server.http.get(f"/v1/repositories/{repository}/files")
    return {item["file_path"] for item in reply.json()["items"]} if reply.status_code == 200 else set()


def await_whole(server, repository, want):
    give_up = time.monotonic() + 60
    while True:
        status = server.http.get(f"/v1/repositories/{repository}/index/status").json()
        if status["degraded"] is None and status["status"] == "ready" and files_of(server, repository) == want:
            return
        assert time.monotonic() < give_up, status
        time.sleep(0.01)  # between two looks; the reply decides


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def test_damage__manifest_and_segment_are_built_again_without_a_watch(tmp_path):
    tree = small_repository(tmp_path / "tree")
    with Server(tmp_path, "--set", "index.watch=false") as server:
        repository = server.index(tree)
        want = files_of(server, repository)
        folder = server.data / "index" / repository
        assert len(want) == 4
        for pattern in ("MANIFEST-*", "seg-*/symbols"):
            server.stop()
            damage(next(folder.glob(pattern)))
            server.start()
            await_whole(server, repository, want)
        assert server.http.get("/readyz").json()["checks"]["index"] in ("ok", "degraded")


def test_damage__files_cut_short_under_a_server(tmp_path):
    tree = small_repository(tmp_path / "tree")
    with Server(tmp_path, "--set", "index.watch=false") as server:
        repository = server.index(tree)
        want = files_of(server, repository)
        folder = server.data / "index" / repository
        for name in ("documents", "text", "symbols", "references", "imports", "chunks", "words", "trigrams", "suffix"):
            part = next(folder.glob(f"seg-*/{name}"))
            with part.open("r+b") as file:
                file.truncate(0)
            for query in ("load items", "Store"):
                reply = server.http.post(f"/v1/repositories/{repository}/search", json={"query": query})
                # An answer of what is left, or a fault that says so, until the part is taken out; never the server's end.
                assert reply.status_code in (200, 500), reply.text
            server.http.post(f"/v1/repositories/{repository}/search", json={"query": "items", "regex": True})
            server.http.get(f"/v1/repositories/{repository}/symbols", params={"q": "Store"})
            server.index(tree)
            await_whole(server, repository, want)
