"""Files that hold secrets: by no route, in no prompt, and not among what was uploaded."""

import io
import os
import zipfile

import pytest

from server import Server

KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 2 + \
    "-----END PRIVATE KEY-----\n"
MARK = "hunterzqx77"


@pytest.fixture(scope="module")
def secret_tree(tmp_path_factory):
    tree = tmp_path_factory.mktemp("secrets")
    (tree / "main.py").write_text("def visible_marker():\n    return 1\n")
    (tree / ".env").write_text(f"TOKEN={MARK}\n")
    (tree / ".env.example").write_text("TOKEN=put_yours_here\n")
    (tree / ".npmrc").write_text(f"//r.example/:_authToken={MARK}\n")
    (tree / "server.pem").write_text(KEY)
    return tree


def names(server, repository):
    return {item["file_path"] for item in server.http.get(f"/v1/repositories/{repository}/files").json()["items"]}


def content(server, repository, path):
    return server.http.get(f"/v1/repositories/{repository}/files/content", params={"path": path})


def hits(server, repository, query, **body):
    return server.http.post(f"/v1/repositories/{repository}/search", json={"query": query, **body}).json()["results"]


def test_secrets__no_route_shows_them(server, secret_tree):
    repository = server.index(secret_tree)
    assert names(server, repository) == {"main.py", ".env.example"}
    assert content(server, repository, ".env").status_code == 404
    assert content(server, repository, "server.pem").status_code == 404
    assert hits(server, repository, MARK) == []
    assert hits(server, repository, MARK, regex=True) == []
    assert {hit["file_path"] for hit in hits(server, repository, "visible marker")} == {"main.py"}


def test_secrets__a_sync_brings_none_in(server, secret_tree):
    repository = server.index(secret_tree)
    changes = [{"path": ".env", "type": "added", "content": f"TOKEN={MARK}\n"},
               {"path": "key.pem", "type": "added", "content": KEY}]
    sync = server.http.post(f"/api/v1/codebase/{repository}/sync", json={"changes": changes})
    assert sync.status_code < 300, sync.text
    assert names(server, repository) == {"main.py", ".env.example"}


def test_secrets__redacted_ones_are_shown_without_values(tmp_path, secret_tree):
    with Server(tmp_path, "--set", "index.secrets=redact") as server:
        repository = server.index(secret_tree)
        assert content(server, repository, ".env").json()["content"] == f"TOKEN={'*' * len(MARK)}\n"
        assert MARK not in content(server, repository, ".npmrc").text
        assert "MIIE" not in content(server, repository, "server.pem").text
        assert hits(server, repository, MARK, regex=True) == []


def test_secrets__uploads_leave_them_out_and_say_so(server):
    made = server.http.post("/api/v1/codebase/create", json={"name": os.urandom(8).hex(), "primaryLanguage": "python"})
    codebase = made.json()["codebaseId"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.py", "x = 1\n")
        archive.writestr(".env", f"TOKEN={MARK}\n")
        archive.writestr("conf/server.pem", KEY)
    reply = server.http.post(f"/api/v1/codebase/{codebase}/upload", content=out.getvalue(),
                             headers={"Content-Type": "application/zip"})
    assert reply.status_code == 202, reply.text
    assert {(s["path"], s["code"]) for s in reply.json()["skipped"]} == \
        {(".env", "secret"), ("conf/server.pem", "secret")}
    server.wait_indexed(codebase)
    assert names(server, codebase) == {"a.py"}
    assert server.sql(f"SELECT file_path FROM sent_files WHERE repository_id = '{codebase}'").split() == ["a.py"]


def test_secrets__what_an_editor_has_open_stays_out_of_the_prompt(server, secret_tree):
    server.index(secret_tree)
    reply = server.complete(
        secret_tree / "main.py", "value = ", 0, 8, options={"return_context": True},
        context={"open_files": [{"uri": f"file://{secret_tree}/.env", "relevant_lines": [f"TOKEN={MARK}\n"]},
                                {"uri": f"file://{secret_tree}/other.py", "relevant_lines": ["OTHER = 1\n"]}],
                 "clipboard": KEY})
    assert reply.status_code == 200, reply.text
    sources = {os.path.basename(s["file"] or ""): s for s in reply.json()["metadata"]["context_sources"]}
    assert sources[".env"]["kept"] is False, sources
    assert sources["other.py"]["kept"] is True, sources
    assert MARK not in reply.text and "MIIE" not in reply.text


def test_secrets__the_token_of_a_remote_is_not_kept(server):
    made = server.http.post("/api/v1/codebase/create", json={
        "name": os.urandom(8).hex(), "primaryLanguage": "python", "repositoryUrl": f"https://me:{MARK}@host.example/a.git"})
    codebase = made.json()["codebaseId"]
    assert server.sql(f"SELECT remote_url FROM repositories WHERE id = '{codebase}'") == "https://host.example/a.git"
    server.sql(f"UPDATE repositories SET remote_url = 'https://{MARK}@host.example/b.git' WHERE id = '{codebase}'")
    reply = server.http.get(f"/v1/repositories/{codebase}")
    assert reply.json()["git_remote"] == "https://host.example/b.git", reply.text
    assert MARK not in server.http.get("/v1/repositories?limit=200").text
