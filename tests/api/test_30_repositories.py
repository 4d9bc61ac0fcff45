"""Repositories: indexing, status, search, pages, removal."""

import hashlib
import subprocess
import uuid

from server import small_repository


def test_index__the_same_directory_is_the_same_repository(server, tree, repository):
    assert server.index(tree) == repository


def test_index__counts_are_what_is_there(server, repository):
    page = server.http.get("/v1/repositories").json()
    mine = next(r for r in page["items"] if r["repo_id"] == repository)
    assert mine["metadata"]["files"] == 4
    assert mine["metadata"]["symbols"] >= 6


def test_index__faults_of_the_path_are_clear(server, tree):
    def ask(path):
        return server.http.post("/v1/repositories/index",
                                json={"workspace_id": "default", "repository_path": str(path)}).json()
    assert ask("/no/such/directory")["code"] == "not_found"
    assert ask(tree / "util.c")["code"] == "validation_failed"
    assert ask("")["code"] == "validation_failed"


def test_search__finds_a_definition_first(server, repository):
    body = server.http.post(f"/v1/repositories/{repository}/search", json={"query": "load items"}).json()
    first = body["results"][0]
    assert (first["file_path"], first["language"]) == ("pkg/store.py", "python")
    assert "load_items" in first["content"]
    assert body["took_ms"] >= 0


def test_search__filters_hold(server, repository):
    def ask(**body):
        return server.http.post(f"/v1/repositories/{repository}/search", json=body).json()["results"]
    assert {r["language"] for r in ask(query="add numbers", filters={"languages": ["c"]})} == {"c"}
    assert ask(query="load items", filters={"file_patterns": ["*.c"]}) == []
    assert len(ask(query="items", limit=1)) == 1


def test_search__a_broken_pattern_is_unprocessable(server, repository):
    reply = server.http.post(f"/v1/repositories/{repository}/search", json={"query": "(", "regex": True})
    assert reply.status_code == 422


def test_search__unknown_repository(server):
    reply = server.http.post(f"/v1/repositories/{uuid.uuid4()}/search", json={"query": "x"})
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def test_pages__every_repository_once(server, tmp_path, repository):
    made = {server.index(small_repository(tmp_path / f"tree{i}")) for i in range(5)}
    seen, cursor = [], None
    while True:
        page = server.http.get("/v1/repositories", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["repo_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) and made | {repository} <= set(seen)
    assert server.http.get("/v1/repositories", params={"cursor": "made.up.1"}).json()["code"] == "invalid_cursor"


def test_jobs__end_as_succeeded(server, tmp_path):
    reply = server.http.post("/v1/repositories/index", json={
        "workspace_id": "default", "repository_path": str(small_repository(tmp_path / "job"))}).json()
    server.wait_indexed(reply["repository_id"])
    job = server.http.get(f"/v1/jobs/{reply['job_id']}").json()
    assert job["kind"] == "index" and job["target"] == reply["repository_id"]
    assert job["status"] in ("running", "succeeded")


def test_removal__takes_the_index_along(server, tmp_path):
    made = server.index(small_repository(tmp_path / "gone"))
    folder = server.data / "index" / made
    assert folder.exists()
    assert server.http.delete(f"/v1/repositories/{made}").status_code == 204
    assert not folder.exists()
    assert server.http.get(f"/v1/repositories/{made}").status_code == 404


def test_list__filters_before_it_pages(server):
    made = [server.http.post("/v1/repositories", json={"name": f"Paging-{i}-{'odd' if i % 2 else 'even'}"}).json()
            for i in range(9)]
    seen, cursor = [], None
    for _ in range(5):  # four even ones a page of two: each page is full but the last
        reply = server.http.get("/v1/repositories", params={"q": "EVEN", "limit": 2, **({"cursor": cursor} if cursor else {})})
        seen.append([item["name"] for item in reply.json()["items"]])
        cursor = reply.json()["next_cursor"]
        if cursor is None:
            break
    assert seen == [["Paging-8-even", "Paging-6-even"], ["Paging-4-even", "Paging-2-even"], ["Paging-0-even"]]
    cursor = server.http.get("/v1/repositories?q=even&limit=2").json()["next_cursor"]
    other = server.http.get("/v1/repositories", params={"q": "odd", "limit": 2, "cursor": cursor})
    assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")  # it belongs to its filters
    assert server.http.get("/v1/repositories?q=%25").json()["items"] == []  # no pattern
    for item in made[:2]:
        server.http.patch(f"/v1/repositories/{item['repo_id']}", json={"is_archived": True})
    names = {item["name"] for item in server.http.get("/v1/repositories?q=paging&archived=true").json()["items"]}
    assert names == {"Paging-0-even", "Paging-1-odd"}
    assert len(server.http.get("/v1/repositories?q=paging").json()["items"]) == 7


def test_list__of_one_workspace(server, repository):
    mine = server.http.get("/v1/repositories?limit=200").json()["items"]
    assert server.http.get("/v1/repositories?workspace_id=default&limit=200").json()["items"] == mine
    workspace = mine[0]["workspace_id"]
    assert server.http.get(f"/v1/repositories?workspace_id={workspace}&limit=200").json()["items"] == mine
    unknown = server.http.get(f"/v1/repositories?workspace_id={uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    nowhere = server.http.post("/v1/repositories", json={"name": "nowhere", "workspace_id": "no workspace"})
    assert nowhere.status_code == 404


def test_index__says_what_is_checked_out_and_what_it_lacks(server, tmp_path):
    root = small_repository(tmp_path / "versioned")
    (root / "large.py").write_text("x = 1\n" * 400_000)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    repository = server.index(root)
    index = server.http.get(f"/v1/repositories/{repository}/index").json()
    while index["head_commit"] is None:  # the row follows the index by a moment
        index = server.http.get(f"/v1/repositories/{repository}/index").json()
    assert index["head_commit"] == head
    assert (index["pending_files"], index["errors"]) == (0, [{"file_path": "large.py", "code": "too_large"}])


def test_files__are_listed_in_order_of_path(server, repository):
    url, seen, cursor = f"/v1/repositories/{repository}/files", [], None
    while True:
        page = server.http.get(url, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["file_path"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        other = server.http.get(url, params={"limit": 3, "language": "c", "cursor": cursor})
        assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")
    assert seen == ["README.md", "pkg/main.py", "pkg/store.py", "util.c"]
    assert [i["file_path"] for i in server.http.get(url + "?prefix=pkg/").json()["items"]] == seen[1:3]
    only = server.http.get(url + "?language=c").json()["items"]
    assert [(i["file_path"], i["language"], i["line_count"]) for i in only] == [("util.c", "c", 10)]
    symbol = server.http.get(f"/v1/repositories/{repository}/symbols?q=add_numbers").json()["items"][0]
    assert only[0]["file_id"] == symbol["file_id"]


def test_files__are_read_as_indexed(server, repository, tree):
    url, text = f"/v1/repositories/{repository}/files/content", (tree / "util.c").read_text()
    whole = server.http.get(url, params={"path": "util.c"}).json()
    assert whole == {"path": "util.c", "content": text, "sha256": hashlib.sha256(text.encode()).hexdigest(),
                     "language": "c", "truncated": False}
    part = server.http.get(url, params={"path": "util.c", "start_line": 3, "end_line": 4}).json()
    assert part["content"].splitlines() == text.splitlines()[2:4] and part["sha256"] == whole["sha256"]
    beyond = server.http.get(url, params={"path": "util.c", "start_line": 900}).json()
    assert beyond["content"] == ""
    for bad, status in (({"path": "none.c"}, 404), ({"path": "../util.c"}, 404), ({}, 400),
                        ({"path": "util.c", "start_line": 5, "end_line": 2}, 400)):
        assert server.http.get(url, params=bad).status_code == status, bad


def test_repository__changes_only_the_version_that_was_read(server):
    url = f"/v1/repositories/{server.http.post('/v1/repositories', json={'name': 'versions'}).json()['repo_id']}"
    etag = server.http.get(url).headers["ETag"]
    assert server.http.get(url, headers={"If-None-Match": etag}).status_code == 304
    changed = server.http.patch(url, json={"description": "first"}, headers={"If-Match": etag})
    assert changed.status_code == 200 and changed.headers["ETag"] not in (etag, "")
    late = server.http.patch(url, json={"description": "second"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"]) == (412, "etag_mismatch")
    assert server.http.get(url).json()["description"] == "first"
    assert server.http.get(url).headers["ETag"] == changed.headers["ETag"]
