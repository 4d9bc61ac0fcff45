"""Two people in one database: what belongs to another is not there, whichever door is tried.

The server knows one caller, the owner of the machine; the second person's rows are written past it, and the server
opens the index of their repository like every other one when it starts."""

import io
import tarfile
import uuid

import pytest

from server import Server, small_repository


def copy_row(server, table, where, **changes):
    """A second row like the one that `where` finds, with these values (SQL) changed."""
    columns = server.sql(f"SELECT name FROM pragma_table_info('{table}')").split("\n")
    values = ", ".join(changes.get(column, column) for column in columns)
    server.sql(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {where}")


def as_value(identity):
    return f"'{identity}'"


def hand_over(server, repositories):
    """Gives the repositories to a second person who works in a workspace of their own."""
    person, workspace = uuid.uuid4(), uuid.uuid4()
    copy_row(server, "users", "1", id=as_value(person), email="'other@example.com'", username="'other'")
    copy_row(server, "workspaces", "is_personal", id=as_value(workspace), owner_id=as_value(person))
    for repository in repositories:
        server.sql(f"UPDATE repositories SET owner_id = {as_value(person)}, workspace_id = {as_value(workspace)}"
                   f" WHERE id = {as_value(repository)}")
        server.sql(f"UPDATE jobs SET user_id = {as_value(person)}"
                   f" WHERE repository_id = {as_value(repository)}")


class World:
    """`tree` and `uploads` belong to somebody else, `own` to the caller."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World()
    w.root = small_repository(tmp_path_factory.mktemp("theirs") / "theirs")
    w.own_root = small_repository(tmp_path_factory.mktemp("mine") / "mine")
    directory = tmp_path_factory.mktemp("owners")
    with Server(directory, on_sqlite=True) as server:
        w.tree = server.index(w.root)
        w.own = server.index(w.own_root)
        reply = server.http.post("/api/v1/codebase/create", json={"name": "up", "primaryLanguage": "python"})
        w.uploads = reply.json()["codebaseId"]
        server.http.post(f"/api/v1/codebase/{w.uploads}/sync", json={
            "changes": [{"path": "a.py", "type": "added", "content": "def theirs(): pass\n"}]}).raise_for_status()
        jobs = server.http.get("/v1/jobs").json()["items"]
        w.job = next(job["job_id"] for job in jobs if job["target"] == w.tree)
    server = Server(directory, on_sqlite=True)
    hand_over(server, [w.tree, w.uploads])
    with server as w.server:
        w.server.wait_indexed(w.own)
        yield w


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("b.py")
        info.size = 6
        tar.addfile(info, io.BytesIO(b"b = 1\n"))
    return out.getvalue()


CHANGE = {"changes": [{"path": "a.py", "type": "added", "content": "x = 1\n"}]}
DOORS = [
    ("GET", "/v1/repositories/{id}", None),
    ("PATCH", "/v1/repositories/{id}", {"name": "mine"}),
    ("GET", "/v1/repositories/{id}/index", None),
    ("PUT", "/v1/repositories/{id}/index/config", {}),
    ("POST", "/v1/repositories/{id}/index/rebuild", None),
    ("GET", "/v1/repositories/{id}/index/status", None),
    ("POST", "/v1/repositories/{id}/search", {"query": "load_items"}),
    ("GET", "/v1/repositories/{id}/symbols", None),
    ("GET", "/v1/repositories/{id}/files", None),
    ("GET", "/v1/repositories/{id}/files/content?path=util.c", None),
    ("GET", "/v1/repositories/{id}/map", None),
    ("POST", "/v1/repositories/{id}/definitions", {"symbol": "theirs"}),
    ("POST", "/v1/repositories/{id}/references", {"symbol": "theirs"}),
    ("POST", "/v1/repositories/{id}/callers", {"symbol": "theirs"}),
    ("GET", "/v1/repositories/{id}/implementers?name=Store", None),
    ("GET", "/v1/repositories/{id}/cochange?path=util.c", None),
    ("POST", "/v1/repositories/{id}/changes", CHANGE),
    ("GET", "/api/v1/codebase/{id}", None),
    ("GET", "/api/v1/codebase/{id}/status", None),
    ("GET", "/api/v1/codebase/{id}/context", None),
    ("PATCH", "/api/v1/codebase/{id}", {"projectName": "mine"}),
    ("POST", "/api/v1/codebase/{id}/sync", CHANGE),
    ("POST", "/v1/repositories/index", {"workspace_id": "default", "repository_id": "{id}"}),
    ("DELETE", "/v1/repositories/{id}/index", None),
    ("DELETE", "/api/v1/codebase/{id}", None),
    ("DELETE", "/v1/repositories/{id}", None),
]


@pytest.mark.parametrize("which", ["tree", "uploads"])
@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=[f"{row[0]} {row[1]}" for row in DOORS])
def test_another_persons_repository_is_not_there(world, method, path, body, which):
    theirs = getattr(world, which)
    if body and body.get("repository_id"):
        body = {**body, "repository_id": theirs}
    reply = world.server.http.request(method, path.replace("{id}", theirs), json=body)
    assert reply.status_code == 404, reply.text
    assert reply.json()["code"] == "not_found"


def test_nothing_is_uploaded_to_another_persons_codebase(world):
    reply = world.server.http.post(f"/api/v1/codebase/{world.uploads}/upload", content=archive(),
                                   headers={"Content-Type": "application/gzip"})
    assert reply.status_code == 404, reply.text


def test_a_completion_takes_nothing_from_another_persons_repository(world):
    text = "def run(path):\n    store = Store(path)\n    store."
    named = world.server.complete(world.root / "new.py", text, 2, 10, repository_id=world.tree)
    assert named.status_code == 404, named.text
    by_path = world.server.complete(world.root / "new.py", text, 2, 10, options={"return_context": True})
    assert by_path.status_code == 200, by_path.text
    sources = by_path.json()["metadata"]["context_sources"]
    assert not [row for row in sources if row["type"] in ("repository", "symbol", "import")], sources


def test_another_persons_job_is_not_there(world):
    for reply in (world.server.http.get(f"/v1/jobs/{world.job}"),
                  world.server.http.post(f"/v1/jobs/{world.job}/cancel"),
                  world.server.http.delete(f"/v1/jobs/{world.job}")):
        assert reply.status_code in (404, 405), reply.text
    assert world.job not in [row["job_id"] for row in world.server.http.get("/v1/jobs").json()["items"]]


def test_lists_hold_ones_own_alone(world):
    listed = [row["repo_id"] for row in world.server.http.get("/v1/repositories").json()["items"]]
    codebases = [row["id"] for row in world.server.http.get("/api/v1/codebase").json()["items"]]
    assert listed == codebases == [world.own]


def test_indexing_a_directory_of_anothers_makes_a_repository_of_ones_own(world):
    made = world.server.index(world.root)
    assert made not in (world.tree, world.uploads)
    assert world.server.http.delete(f"/v1/repositories/{made}").status_code == 204
    assert world.server.http.get(f"/v1/repositories/{world.tree}").status_code == 404


def test_what_was_tried_left_no_trace(world):
    """Last: all of it is still there for whom it belongs to."""
    rows = world.server.sql("SELECT id, status, name FROM repositories "
                            f"WHERE id IN ('{world.tree}', '{world.uploads}')").split("\n")
    assert len(rows) == 2
    assert not [row for row in rows if row.endswith("|mine")]
    sent = world.server.sql(f"SELECT file_path FROM sent_files WHERE repository_id = {as_value(world.uploads)}")
    assert sent == "a.py"
