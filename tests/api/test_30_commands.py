"""The command line: with a running server and on its own."""

import json
import os
import subprocess

import pytest

from server import BINARY, Server, small_repository


@pytest.fixture()
def alone(tmp_path):
    """A data directory that nobody serves."""
    server = Server(tmp_path)
    server.env["CODEMENTOR_MODEL_FAKE"] = "true"
    return server


def test_index_then_search_then_complete__without_a_server(alone, tmp_path):
    tree = small_repository(tmp_path / "tree")
    done = alone.run("index", str(tree))
    assert done.returncode == 0, done.stderr
    assert "4 files" in done.stdout
    found = alone.run("search", "load items", "--repo", str(tree), "--json")
    assert json.loads(found.stdout)["results"][0]["file_path"] == "pkg/store.py"
    (tree / "pkg" / "new.py").write_text("from pkg.store import Store\n\nstore = Store(1)\nstore.load_\n")
    done = alone.run("complete", f"{tree}/pkg/new.py:4:12", "--instant", "--explain")
    assert done.returncode == 0, done.stderr
    assert "items()" in done.stdout and "instant" in done.stdout and "context" in done.stdout


def test_commands__use_the_running_server(server, tree, repository):
    found = server.run("search", "add numbers", "--repo", str(tree), "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["results"][0]["file_path"] == "util.c"


def test_serve__a_second_owner_is_refused_and_told_who_is_first(server):
    second = server.run("serve", "--port", "0")
    assert second.returncode != 0
    assert str(server.process.pid) in second.stderr and server.url in second.stderr


def test_serve__a_data_directory_that_others_can_write_is_refused(tmp_path):
    server = Server(tmp_path, on_sqlite=True)
    for mode in (0o777, 0o1777, 0o702):
        server.data.mkdir(exist_ok=True)
        server.data.chmod(mode)
        for command in (("serve", "--port", "0", "--set", "model.fake=true"), ("migrate", "init"), ("index", str(tmp_path))):
            done = server.run(*command)
            assert done.returncode != 0 and f"chmod 700 {server.data}" in done.stderr, (command, done)
    assert sorted(p.name for p in server.data.iterdir()) == ["run"]
    server.data.chmod(0o700)
    with server:
        pass


def test_serve__a_group_that_can_write_the_data_directory_loses_that(tmp_path):
    server = Server(tmp_path, on_sqlite=True)
    server.data.mkdir()
    server.data.chmod(0o775)  # as a umask of 002 makes it
    with server:
        assert server.data.stat().st_mode & 0o7777 == 0o755
    assert "the group could write the data directory" in server.log.read_text()


def test_serve__a_data_directory_of_another_user_is_refused(tmp_path):
    server = Server(tmp_path, on_sqlite=True)
    server.data.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root gives a directory away")
    os.chown(server.data, 12345, -1)
    done = server.run("serve", "--port", "0", "--set", "model.fake=true")
    assert done.returncode != 0 and "user 12345" in done.stderr and f"chown -R 0 {server.data}" in done.stderr, done
    os.chown(server.data, 0, -1)
    with server:
        pass


def test_serve__a_taken_port_is_named(server, tmp_path):
    port = server.url.rsplit(":", 1)[1]
    other = subprocess.run([BINARY, "serve", "--port", port, "--data-dir", str(tmp_path / "d"), "--set",
                            "model.fake=true"], capture_output=True, text=True, timeout=60, check=False)
    assert other.returncode != 0 and port in other.stderr and "--port" in other.stderr


def test_complete__positions_are_checked(alone, tmp_path):
    for position in ("x", "x:1", "x:0:1", f"{tmp_path}/none.py:1:1"):
        done = alone.run("complete", position)
        assert done.returncode == 2 and done.stderr.startswith("codementor: "), position


def test_search__says_how_to_index(alone, tmp_path):
    done = alone.run("search", "x", "--repo", str(tmp_path))
    assert done.returncode == 2 and "codementor index" in done.stderr


def test_unknown_options_suggest_the_nearest(alone):
    done = alone.run("serve", "--prot", "1")
    assert done.returncode == 2 and "--port" in done.stderr
    done = subprocess.run([BINARY, "serach"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "search" in done.stderr


def test_doctor__tells_what_it_found(alone):
    done = alone.run("doctor", "--json")
    checks = {row["check"]: row for row in json.loads(done.stdout)}
    assert set(checks) == {"processor", "memory", "data", "server", "port", "model"}


def test_version_and_config(alone):
    assert alone.run("version", "--json").stdout.startswith('{"version":"')
    assert "[http]" in alone.run("config", "print").stdout
    assert alone.run("config", "check").returncode == 0


def test_json_errors__are_objects(alone, tmp_path):
    done = alone.run("search", "x", "--repo", str(tmp_path), "--json")
    assert json.loads(done.stderr)["error"]["code"] == "not_found"


def test_complete__a_dash_reads_standard_input(server, tree, repository):
    """The document is what comes in, at the place of the current directory."""
    text = "from pkg.store import Store\n\nstore = Store(1)\nstore.load_"
    for words in (["-:4:12"], ["--", "-:4:12"]):
        done = subprocess.run([*server.command("complete", "--instant"), *words], input=text, cwd=tree, env=server.env,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "items()" in done.stdout
    long = subprocess.run(server.command("complete", "--instant", "-:1:1"), input="x" * (2 << 20) + "y", cwd=tree,
                          env=server.env, capture_output=True, text=True, timeout=60, check=False)
    assert long.returncode != 0 and "longer than 2097152 bytes" in long.stderr


def test_symbols_refs_and_map__of_the_running_server(server, tree, repository):
    assert "class     Store" in server.run("symbols", "Store", "--repo", str(tree)).stdout
    uses = json.loads(server.run("refs", "add_numbers", "--calls", "--repo", str(tree), "--json").stdout)
    assert [item["file_path"] for item in uses["items"]] == ["util.c"]
    assert "pkg/store.py" in server.run("map", "--repo", str(tree)).stdout


def test_secrets_rotate__adds_a_key_and_keeps_the_old_ones(alone, tmp_path):
    first = alone.run("secrets", "rotate", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == {"key_version": 2, "sealed": 0}
    keys = next(tmp_path.rglob("keys"))
    assert keys.stat().st_mode & 0o777 == 0o600
    before = keys.read_text()
    assert "key 3 seals" in alone.run("secrets", "rotate").stdout
    assert keys.read_text().startswith(before)
    keys.write_text("no key\n")
    damaged = alone.run("secrets", "rotate")
    assert damaged.returncode == 1 and "restore the file" in damaged.stderr


def test_secrets_rotate__not_beside_a_running_server(server):
    done = server.run("secrets", "rotate")
    assert done.returncode != 0 and str(server.process.pid) in done.stderr
