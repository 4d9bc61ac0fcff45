"""Symbols: lists, definitions, references and call sites; the map; pushed changes."""

from server import small_repository


def ask(server, repository, what, **body):
    return server.http.post(f"/v1/repositories/{repository}/{what}", json=body)


def test_symbols__of_a_file_in_order_with_parents(server, repository):
    items = server.http.get(f"/v1/repositories/{repository}/symbols", params={"file": "pkg/store.py"}).json()["items"]
    names = [item["name"] for item in items]
    assert names[:2] == ["Store", "__init__"] and "load_items" in names and "save_items" in names
    by_name = {item["name"]: item for item in items}
    assert by_name["Store"]["kind"] == "class" and by_name["load_items"]["kind"] == "method"
    assert by_name["load_items"]["parent_symbol_id"] == by_name["Store"]["symbol_id"]
    assert by_name["Store"]["doc"] == "A small store."


def test_symbols__pages_hold_every_symbol_once(server, repository):
    seen, cursor = [], None
    while True:
        page = server.http.get(f"/v1/repositories/{repository}/symbols",
                               params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["symbol_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    whole = server.http.get(f"/v1/repositories/{repository}/symbols", params={"limit": 200}).json()["items"]
    assert seen == [item["symbol_id"] for item in whole] and len(seen) == len(set(seen)) > 6


def test_symbols__filters(server, repository):
    def names(**params):
        return [i["name"] for i in server.http.get(f"/v1/repositories/{repository}/symbols", params=params).json()["items"]]
    assert names(q="load_items", exact=True) == ["load_items"]
    assert set(names(q="items")) >= {"load_items", "save_items"}
    assert set(names(kind="function")) == {"run", "add_numbers", "main"}


def test_definitions__by_name_and_by_position(server, repository):
    (item,) = ask(server, repository, "definitions", symbol="add_numbers").json()["items"]
    assert (item["file_path"], item["kind"]) == ("util.c", "function")
    assert item["range"]["start"] == {"line": 2, "character": 4}
    found = ask(server, repository, "definitions", path="pkg/main.py", position={"line": 4, "character": 14}).json()
    assert found["items"][0]["file_path"] == "pkg/store.py" and found["items"][0]["name"] == "Store"


def test_references_and_callers(server, repository):
    uses = ask(server, repository, "references", symbol="load_items").json()["items"]
    assert any(item["file_path"] == "pkg/main.py" and item["range"]["start"]["line"] == 5 for item in uses)
    calls = ask(server, repository, "callers", symbol="add_numbers").json()["items"]
    assert [(item["file_path"], item["name"], item["kind"]) for item in calls] == [("util.c", "main", "call")]


def test_navigation__faults_are_clear(server, repository):
    assert ask(server, repository, "definitions").json()["code"] == "validation_failed"
    assert ask(server, repository, "definitions", path="no.py", position={"line": 0, "character": 0}).status_code == 404
    past = ask(server, repository, "definitions", path="util.c", position={"line": 999, "character": 0})
    assert past.json()["code"] == "position_out_of_range"


def test_map__is_within_its_budget_and_names_what_matters(server, repository):
    body = server.http.get(f"/v1/repositories/{repository}/map", params={"tokens": 400}).json()
    assert "pkg/store.py" in body["text"] and "class Store" in body["text"]
    assert len(body["text"]) <= 4 * 400 * 1.15
    assert body["files"][0]["symbols"]


def test_changes__are_searchable_at_once_and_bases_are_checked(server, tmp_path):
    root = small_repository(tmp_path / "tree")
    made = server.index(root)

    def push(**change):
        return server.http.post(f"/v1/repositories/{made}/changes", json={"changes": [change]}).json()

    def found(query):
        return [r["file_path"] for r in server.http.post(
            f"/v1/repositories/{made}/search", json={"query": query}).json()["results"]]
    assert push(path="pkg/fresh.py", type="added", content="def brand_new_thing():\n    return 1\n")["updated_files"] == 1
    assert found("brand new thing")[0] == "pkg/fresh.py"
    (root / "util.c").unlink()
    assert push(path="util.c", type="deleted")["updated_files"] == 1
    assert "util.c" not in found("add numbers")
    wrong = push(path="pkg/store.py", type="modified", content="x = 1\n", base_sha256="0" * 64)
    assert wrong["skipped"] == [{"path": "pkg/store.py", "code": "base_mismatch"}]
    outside = push(path="../etc/passwd", type="added", content="x")
    assert outside["updated_files"] == 0 and outside["skipped"][0]["code"] == "validation_failed"
