"""What the server knows of a codebase: style, dependencies, files that were sent, configuration, jobs."""

import hashlib
import json
import shutil
import time
import uuid

import pytest

from server import Server, small_repository


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A tree with a manifest, its lock file and two languages."""
    root = small_repository(tmp_path_factory.mktemp("tree") / "project")
    (root / "package.json").write_text(json.dumps(
        {"dependencies": {"react": "^18"}, "devDependencies": {"jest": "^29"}}))
    (root / "package-lock.json").write_text(json.dumps(
        {"packages": {"node_modules/react": {"version": "18.2.0"}, "node_modules/jest": {"version": "29.7.0"},
                      "node_modules/scheduler": {"version": "0.23.0"}}}))
    (root / "shapes.ts").write_text(
        "interface Shape {\n  area(): number;\n}\n\nclass Circle implements Shape {\n"
        "  area() {\n    return 3;\n  }\n}\n\nclass Square implements Shape {\n"
        "  area() {\n    return 1;\n  }\n}\n\nclass Other {}\n")
    (root / "shapes.rs").write_text(
        "pub trait Draw {\n    fn draw(&self);\n}\n\npub struct Pen;\n\nimpl Draw for Pen {\n"
        "    fn draw(&self) {}\n}\n")
    (root / "shapes.go").write_text(
        "package shapes\n\ntype Sizer interface {\n\tSize(unit string) (n int, err error)\n}\n\ntype Box struct{}\n\n"
        "func (b *Box) Size(u string) (int, error) { return 1, nil }\n\ntype Crate struct{ Box }\n\ntype Bag struct{}\n\n"
        "func (Bag) Size() int { return 1 }\n")
    return root


@pytest.fixture(scope="module")
def codebase(server, project):
    return recorded(server, server.index(project))


def recorded(server, codebase):
    """The rows follow the index by a moment: what tells is that they say when it was made."""
    while not server.http.get(f"/api/v1/codebase/{codebase}").json()["indexedAt"]:
        pass
    return codebase


def context(server, codebase, **headers):
    return server.http.get(f"/api/v1/codebase/{codebase}/context", headers=headers)


def test_context__style_and_dependencies(server, codebase):
    body = context(server, codebase).json()
    found = {d["name"]: (d["version"], d["type"], d["packageManager"]) for d in body["dependencies"]}
    assert found == {"react": ("18.2.0", "production", "npm"), "jest": ("29.7.0", "development", "npm")}
    assert body["frameworks"] == ["React", "Jest"] and body["patterns"] == []
    python = next(s for s in body["styles"] if s["language"] == "python")
    assert (python["indentation"], python["indentSize"], python["quoteStyle"]) == ("spaces", 4, "double")
    assert python["namingConventions"]["functions"] == "snake_case"
    assert python["namingConventions"]["classes"] is None or python["confidence"]["classes"] > 0
    typescript = next(s for s in body["styles"] if s["language"] == "typescript")
    assert (typescript["indentSize"], typescript["semicolons"]) == (2, True)


def test_context__is_not_sent_twice(server, codebase):
    first = context(server, codebase)
    assert first.headers["ETag"] == first.json()["etag"]
    again = context(server, codebase, **{"If-None-Match": f'"x", W/{first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert context(server, codebase, **{"If-None-Match": '"x"'}).status_code == 200


def test_context__follows_a_synced_manifest(server, codebase, project):
    before = context(server, codebase).headers["ETag"]
    changed = {"dependencies": {"react": "^18", "express": "4.19.2"}}
    reply = server.http.post(f"/api/v1/codebase/{codebase}/sync", json={"changes": [
        {"path": "package.json", "type": "modified", "content": json.dumps(changed)}]})
    assert reply.json()["status"] == "synced" and reply.json()["updatedFiles"] == 1
    body = context(server, codebase, **{"If-None-Match": before})
    assert body.status_code == 200
    assert {d["name"] for d in body.json()["dependencies"]} == {"react", "express"}
    assert "Express" in body.json()["frameworks"]
    # What lies on disk is the truth again when it is read from there.
    server.http.post(f"/api/v1/codebase/{codebase}/sync",
                     json={"changes": [{"path": "package.json", "type": "modified"}]})
    assert context(server, codebase).headers["ETag"] == before
    assert project.exists()


def test_rows__keep_what_the_index_holds(server, codebase):
    """After a job, and in the background after the edits of the test above."""
    dependencies = ("select d.name, d.version, d.dependency_type, d.manifest_path from repository_dependencies d"
                    " join repositories r on r.id = d.repository_id where r.name = 'project' order by d.name")
    give_up = time.monotonic() + 60
    while server.sql(dependencies).splitlines() != ["jest|29.7.0|development|package.json",
                                                    "react|18.2.0|production|package.json"]:
        assert time.monotonic() < give_up, server.sql(dependencies)
        time.sleep(0.02)
    row = server.sql("select primary_language, line_count, style_guide, frameworks from repositories where name = 'project'")
    primary, lines, rest = row.split("|", 2)
    assert primary in ("python", "c", "typescript") and int(lines) > 40
    assert '"spaces"' in rest and "React" in rest and "Jest" in rest
    assert codebase


def test_codebase__of_sent_files_lives_through_a_crash(tmp_path):
    server = Server(tmp_path)
    with server:
        made = server.http.post("/api/v1/codebase/create",
                                json={"name": "sent", "primaryLanguage": "python"})
        assert made.status_code == 201 and made.json()["status"] == "created"
        codebase = made.json()["codebaseId"]
        again = server.http.post("/api/v1/codebase/create", json={"name": "sent", "primaryLanguage": "go"})
        assert (again.status_code, again.json()["code"]) == (409, "name_taken")
        assert context(server, codebase).json()["code"] == "index_not_ready"
        status = server.http.get(f"/api/v1/codebase/{codebase}/status").json()
        assert (status["status"], status["fileCount"]) == ("created", 0)
        reply = server.http.post(f"/api/v1/codebase/{codebase}/sync", json={"changes": [
            {"path": "a.py", "type": "added", "content": "def first_one():\n    return 'x'\n"},
            {"path": "requirements.txt", "type": "added", "content": "flask==3.0.0\n"},
            {"path": "b.py", "type": "added"},
            {"path": "../c.py", "type": "added", "content": ""}]}).json()
        assert reply["updatedFiles"] == 2
        assert {s["path"]: s["code"] for s in reply["skipped"]} == {
            "b.py": "unprocessable", "../c.py": "validation_failed"}
        server.kill()
        server.start()
        status = server.http.get(f"/api/v1/codebase/{codebase}/status").json()
        assert (status["status"], status["fileCount"], status["lineCount"]) == ("ready", 2, 3)
        body = server.http.get(f"/api/v1/codebase/{codebase}").json()
        assert (body["projectName"], body["frameworks"], body["primaryLanguage"]) == ("sent", ["Flask"], "python")
        hits = server.http.post(f"/v1/repositories/{codebase}/search", json={"query": "first one"}).json()["results"]
        assert hits[0]["file_path"] == "a.py"
        stale = server.http.post(f"/api/v1/codebase/{codebase}/sync", json={"changes": [
            {"path": "a.py", "type": "modified", "content": "x = 1\n", "oldContent": "y = 1\n"}]}).json()
        assert stale["skipped"] == [{"path": "a.py", "code": "base_mismatch"}]
        server.http.post(f"/api/v1/codebase/{codebase}/sync",
                         json={"changes": [{"path": "requirements.txt", "type": "deleted"}]})
        assert context(server, codebase).json()["dependencies"] == []
        assert server.http.delete(f"/api/v1/codebase/{codebase}").json() == {"success": True}
        assert server.http.get(f"/api/v1/codebase/{codebase}").status_code == 404


def sent_codebase(server, name, files):
    made = server.http.post("/api/v1/codebase/create", json={"name": name, "primaryLanguage": "python"})
    codebase = made.json()["codebaseId"]
    reply = server.http.post(f"/api/v1/codebase/{codebase}/sync", json={"changes": [
        {"path": path, "type": "added", "content": text} for path, text in files.items()]}).json()
    assert (reply["updatedFiles"], reply["skipped"]) == (len(files), [])
    return codebase


def found(server, codebase, query):
    reply = server.http.post(f"/v1/repositories/{codebase}/search", json={"query": query})
    return {hit["file_path"] for hit in reply.json()["results"]}


def test_codebase__a_lost_index_is_built_again_from_what_was_sent(tmp_path):
    large = "".join(f"# {uuid.uuid4()} {uuid.uuid4()}\n" for _ in range(6600)) + "def large_one():\n    pass\n"
    with Server(tmp_path) as server:
        codebase = sent_codebase(server, "lost", {
            "a.py": "def first_one():\n    return 'x'\n", "b.py": "def second_one():\n    return 'y'\n",
            "gone.py": "def gone_one():\n    return 'z'\n", "large.py": large})
        recorded(server, codebase)
        server.http.post(f"/api/v1/codebase/{codebase}/sync", json={"changes": [
            {"path": "gone.py", "type": "deleted"},
            {"path": "b.py", "type": "modified", "content": "def changed_one():\n    return 'y'\n"}]})
        assert [f.stat().st_mode & 0o777 for f in server.data.glob("blobs/*/*/*")] == [0o600]  # the large one
        server.kill()
        shutil.rmtree(server.data / "index" / codebase)
        server.start()
        server.wait_indexed(codebase)
        assert found(server, codebase, "first_one") == {"a.py"} and found(server, codebase, "changed_one") == {"b.py"}
        assert found(server, codebase, "large_one") == {"large.py"} and found(server, codebase, "gone_one") == set()
        same = server.http.post(f"/v1/repositories/{codebase}/changes", json={"changes": [
            {"path": "large.py", "type": "modified", "content": large,
             "base_sha256": hashlib.sha256(large.encode()).hexdigest()}]}).json()
        assert (same["updated_files"], same["skipped"]) == (1, [])  # letter by letter what was sent
        # And again on request, with every file read anew.
        job = server.http.post(f"/v1/repositories/{codebase}/index/rebuild")
        assert job.status_code == 202
        assert server.wait_indexed(codebase)["files_total"] == 3
        assert found(server, codebase, "changed_one") == {"b.py"}
        assert server.http.delete(f"/api/v1/codebase/{codebase}").json() == {"success": True}
        assert server.sql("SELECT COUNT(*) FROM sent_files") == "0"


def test_codebase__whose_content_lay_in_the_index_alone_is_kept_from_now_on(tmp_path):
    with Server(tmp_path) as server:
        codebase = sent_codebase(server, "older", {"a.py": "def first_one():\n    return 'x'\n"})
        server.kill()
        server.sql("DELETE FROM sent_files")
        server.sql("DELETE FROM blobs")
        server.start()
        assert server.sql("SELECT file_path FROM sent_files") == "a.py"
        server.kill()
        shutil.rmtree(server.data / "index" / codebase)
        server.start()
        server.wait_indexed(codebase)
        assert found(server, codebase, "first_one") == {"a.py"}


def test_codebase__a_forgotten_index_comes_back_when_asked(tmp_path):
    with Server(tmp_path) as server:
        codebase = sent_codebase(server, "forgotten", {"a.py": "def first_one():\n    return 'x'\n"})
        assert server.http.delete(f"/v1/repositories/{codebase}/index").status_code == 204
        server.kill()
        server.start()
        assert server.http.get(f"/api/v1/codebase/{codebase}/status").json()["status"] == "created"
        assert server.http.post(f"/v1/repositories/{codebase}/index/rebuild").status_code == 202
        server.wait_indexed(codebase)
        assert found(server, codebase, "first_one") == {"a.py"}


def test_codebase__a_person_overrules_the_style(server, tmp_path):
    codebase = recorded(server, server.index(small_repository(tmp_path / "overruled")))
    url = f"/api/v1/codebase/{codebase}"
    etag = server.http.get(url).headers["ETag"]
    changed = {"styleGuide": {"overrides": {"indentSize": 8, "quoteStyle": "single"}}, "projectName": "named anew"}
    assert server.http.patch(url, json=changed, headers={"If-Match": '"x"'}).status_code == 412
    body = server.http.patch(url, json=changed, headers={"If-Match": etag}).json()
    assert (body["styleGuide"]["indentSize"], body["styleGuide"]["quoteStyle"]) == (8, "single")
    assert body["projectName"] == "named anew"
    server.index(tmp_path / "overruled", mode="full")  # a job writes the guide again
    body = server.http.get(url).json()
    assert body["styleGuide"]["overrides"] == {"indentSize": 8, "quoteStyle": "single"}
    body = server.http.patch(url, json={"styleGuide": {"overrides": {}}}).json()
    assert (body["styleGuide"]["indentSize"], body["styleGuide"]["overrides"]) == (4, {})


def test_codebase__pages_and_unknown_ones(server, codebase):
    page = server.http.get("/api/v1/codebase", params={"limit": 1}).json()
    assert len(page["items"]) == 1
    seen = []
    while page:
        seen += [item["id"] for item in page["items"]]
        page = page["nextCursor"] and server.http.get(
            "/api/v1/codebase", params={"limit": 1, "cursor": page["nextCursor"]}).json()
    assert codebase in seen and len(seen) == len(set(seen))
    for path in ("", "/status", "/context"):
        assert server.http.get(f"/api/v1/codebase/{uuid.uuid4()}{path}").json()["code"] == "not_found"


def test_repository__is_renamed_and_its_description_cleared(server, tmp_path):
    made = server.index(small_repository(tmp_path / "renamed"))
    url = f"/v1/repositories/{made}"
    body = server.http.patch(url, json={"name": "other", "description": "d"}).json()
    assert (body["name"], body["description"]) == ("other", "d")
    assert server.http.patch(url, json={"description": None}).json()["description"] is None
    taken = server.index(small_repository(tmp_path / "second"))
    assert server.http.patch(f"/v1/repositories/{taken}", json={"name": "other"}).json()["code"] == "name_taken"


def test_config__is_kept_applied_and_survives(tmp_path):
    tree = small_repository(tmp_path / "configured")
    long = "".join(f"def f{i}():\n    return {i}\n\n" for i in range(200))
    (tree / "long.py").write_text(long)
    server = Server(tmp_path)
    with server:
        made = server.index(tree)
        url = f"/v1/repositories/{made}/index"
        before = server.http.get(url).json()
        assert before["config"]["chunk_strategy"] == "ast_aware"
        config = {"exclude_patterns": ["*.md"], "include_patterns": ["**/*.py", "*.md"], "chunk_strategy": "fixed_lines",
                  "max_file_size_kb": 100}
        reply = server.http.put(f"{url}/config", json=config)
        assert reply.status_code == 200 and reply.json()["chunk_strategy"] == "fixed_lines"
        server.wait_indexed(made)
        after = server.http.get(url).json()
        assert after["statistics"]["languages"] == {"python": 3}
        assert after["statistics"]["total_chunks"] < before["statistics"]["total_chunks"]
        assert server.http.put(f"{url}/config", json={"chunk_strategy": "wild"}).status_code == 400
    with server:
        assert server.index(tree) == made  # without a config: what was stored counts
        kept = server.http.get(f"/v1/repositories/{made}/index").json()
        assert kept["config"]["include_patterns"] == ["**/*.py", "*.md"]
        assert kept["statistics"]["languages"] == {"python": 3}
        assert server.index(tree, config={"include_patterns": ["**/*.c"]}) == made  # one that is sent replaces it
        kept = server.http.get(f"/v1/repositories/{made}/index").json()
        assert kept["statistics"]["languages"] == {"c": 1} and kept["config"]["include_patterns"] == ["**/*.c"]
        job = server.http.post(f"/v1/repositories/{made}/index/rebuild")
        assert job.status_code == 202 and job.json()["kind"] == "index"


def test_jobs__are_cancelled_once(server, tmp_path):
    tree = tmp_path / "many"
    tree.mkdir()
    for i in range(3000):
        (tree / f"m{i}.py").write_text("".join(f"def f{i}_{j}(a, b):\n    return a + b * {j}\n\n" for j in range(60)))
    made = server.http.post("/v1/repositories/index",
                            json={"workspace_id": "default", "repository_path": str(tree)}).json()
    asked = server.http.post(f"/v1/jobs/{made['job_id']}/cancel")
    assert asked.status_code == 202 and asked.json()["job_id"] == made["job_id"]
    job = {"status": "running"}
    while job["status"] == "running":  # the reply decides
        job = server.http.get(f"/v1/jobs/{made['job_id']}").json()
    assert job["status"] == "cancelled" and job["ended_at"]
    status = server.http.get(f"/v1/repositories/{made['repository_id']}/index/status").json()
    assert status["files_indexed"] < 3000
    again = server.http.post(f"/v1/jobs/{made['job_id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert server.http.post(f"/v1/jobs/{uuid.uuid4()}/cancel").status_code == 404


def test_jobs__are_listed_by_kind_and_status(server, codebase):
    page = server.http.get("/v1/jobs", params={"kind": "index", "status": "succeeded", "limit": 1}).json()
    seen = [job["job_id"] for job in page["items"]]
    assert page["items"][0]["status"] == "succeeded" and page["items"][0]["kind"] == "index"
    while page["next_cursor"]:
        page = server.http.get("/v1/jobs", params={"kind": "index", "status": "succeeded", "limit": 1,
                                                   "cursor": page["next_cursor"]}).json()
        seen += [job["job_id"] for job in page["items"]]
    assert len(seen) == len(set(seen)) >= 1 and codebase
    assert server.http.get("/v1/jobs", params={"kind": "none such"}).json()["items"] == []


def test_index__is_forgotten_and_made_again(server, tmp_path):
    tree = small_repository(tmp_path / "forgotten")
    made = server.index(tree)
    assert server.http.delete(f"/v1/repositories/{made}/index").status_code == 204
    assert server.http.get(f"/v1/repositories/{made}/index/status").json()["status"] == "pending"
    reply = server.http.post(f"/v1/repositories/{made}/search", json={"query": "load items"})
    assert reply.json()["code"] == "index_not_ready"
    assert server.index(tree) == made
    reply = server.http.post(f"/v1/repositories/{made}/search", json={"query": "load items"})
    assert reply.json()["results"][0]["file_path"] == "pkg/store.py"


def test_implementers__of_an_interface_and_a_trait(server, codebase):
    def ask(name):
        body = server.http.get(f"/v1/repositories/{codebase}/implementers", params={"name": name}).json()
        return {(item["name"], item["kind"], item["file_path"]) for item in body["items"]}
    assert ask("Shape") == {("Circle", "class", "shapes.ts"), ("Square", "class", "shapes.ts")}
    assert ask("Draw") == {("Pen", "struct", "shapes.rs")}
    assert ask("Sizer") == {("Box", "struct", "shapes.go"), ("Crate", "struct", "shapes.go")}  # Go says it nowhere
    assert ask("Nothing") == set()


def test_commands__style_deps_and_implementers(server, project, codebase):
    assert codebase
    done = server.run("style", "--repo", str(project), "--language", "python")
    assert done.returncode == 0 and "indent size    4" in done.stdout and "functions      snake_case" in done.stdout
    guide = json.loads(server.run("style", "--repo", str(project), "--language", "Python", "--json").stdout)
    assert guide["language"] == "python" and guide["indentSize"] == 4
    assert len(json.loads(server.run("style", "--repo", str(project), "--json").stdout)["styles"]) >= 3
    done = server.run("style", "--repo", str(project), "--language", "cobol")
    assert done.returncode == 2 and "python" in done.stderr
    done = server.run("deps", "--repo", str(project))
    assert "react  18.2.0" in done.stdout and "frameworks: React, Jest" in done.stdout
    packages = json.loads(server.run("deps", "--repo", str(project), "--json").stdout)["dependencies"]
    assert packages[0]["packageManager"] == "npm"
    done = server.run("refs", "Shape", "--implementers", "--repo", str(project))
    assert "class     Circle" in done.stdout and "Other" not in done.stdout
    done = server.run("refs", "Sizer", "--implementers", "--repo", str(project))
    assert "struct    Crate" in done.stdout and "Bag" not in done.stdout
