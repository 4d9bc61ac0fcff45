"""From the embedded database to PostgreSQL: what was there before is served afterwards."""

import postgres
from server import BINARY, Server, small_repository


def answers(server, repository):
    """What a client sees of the stored data, and of the index that belongs to it."""
    listed = server.http.get("/v1/repositories?limit=200").json()["items"]
    found = server.http.post(f"/v1/repositories/{repository}/search", json={"query": "load items"}).json()
    return (sorted((item["repo_id"], item["name"], item.get("metadata")) for item in listed),
            [hit["file_path"] for hit in found["results"]])


def test_copy__the_server_goes_on_where_it_was(tmp_path):
    root = small_repository(tmp_path / "tree")
    server = Server(tmp_path, on_sqlite=True)
    with server:
        repository = server.index(root)
        for i in range(20):
            server.http.post("/v1/repositories", json={"name": f"repository-{i}"})
        server.complete(root / "pkg" / "main.py", "store.load", 0, 10)
        before = answers(server, repository)
    assert len(before[0]) == 21
    name = postgres.fresh(BINARY, tmp_path / "unused")
    done = server.run("db", "copy", postgres.url_of(name))
    assert done.returncode == 0, done.stderr
    assert postgres.sql("SELECT count(*) FROM completion_requests", name) == "1"
    server.env["CODEMENTOR_DATABASE_URL"] = postgres.url_of(name)
    with server:
        assert answers(server, repository) == before
        made = server.http.post("/v1/repositories", json={"name": "after"}).json()["repo_id"]
        assert made in {item["repo_id"] for item in server.http.get("/v1/repositories?limit=200").json()["items"]}
        assert postgres.sql(f"SELECT name FROM repositories WHERE id = '{made}'", name) == "after"
