"""script/test adds up honestly; script/server says who holds the port."""

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import run_tests  # noqa: E402


@pytest.mark.parametrize("lines, passed, failed, skipped", [
    (["100% tests passed, 0 tests failed out of 12"], 12, 0, 0),
    (["90% tests passed, 1 tests failed out of 10"], 9, 1, 0),
    ([" 2/10 Test  #2: store/pg ....***Skipped   0.01 sec",
      "100% tests passed, 0 tests failed out of 10"], 9, 0, 1),
    (["12 passed in 3.10s"], 12, 0, 0),
    (["=== 2 failed, 12 passed, 3 skipped, 1 warning in 61.00s (0:01:01) ==="], 12, 2, 3),
    (["1 failed, 4 passed, 2 errors in 0.5s"], 4, 3, 0),
    (["1 passed, 1 xfailed, 1 xpassed in 0.5s"], 2, 1, 0),
    (["5 passed, 1 failed"], 5, 1, 0),
    (["| 5 passed, 1 failed", "nothing of note"], 0, 0, 0),
])
def test_counts__closing_lines_of_the_runners(lines, passed, failed, skipped):
    result = run_tests.read_counts(lines)
    assert (result.passed, result.failed, result.skipped) == (passed, failed, skipped)


def test_judged__runner_that_dies_without_a_count_is_a_failure():
    assert run_tests.judged(139, ["Segmentation fault"]).failed == 1
    assert run_tests.judged(1, ["3 passed, 2 failed"]).failed == 2
    assert run_tests.judged(0, ["3 passed in 1s"]).failed == 0


def test_test__no_test_at_all_is_not_a_success(monkeypatch, capsys):
    monkeypatch.setattr(run_tests, "SUITES", {"empty": (lambda _whole: run_tests.Result(), "nothing")})
    assert run_tests.main(["empty"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_test__each_suite_runs_whatever_the_others_do(monkeypatch, capsys):
    def broken(_whole):
        raise OSError("no such program")

    suites = {"bad": (lambda _whole: run_tests.Result(failed=1), ""), "broken": (broken, ""),
              "good": (lambda _whole: run_tests.Result(passed=2, skipped=1), "")}
    monkeypatch.setattr(run_tests, "SUITES", suites)
    assert run_tests.main(list(suites)) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "2 passed, 2 failed, 1 skipped" and "no such program" in out


def test_test__suites_side_by_side_do_not_mix_their_outputs(monkeypatch, capsys):
    """Each of three begins when all have begun, and speaks in turns with the others."""
    together = threading.Barrier(3)

    def suite(name):
        def run(_whole):
            for number in range(3):
                together.wait(60)
                run_tests.stream(["echo", f"{name} {number}"])
            return run_tests.judged(*run_tests.stream(["echo", "1 passed in 0.01s"]))
        return run

    names = ["first", "second", "third"]
    monkeypatch.setattr(run_tests, "SUITES", {name: (suite(name), "") for name in names})
    assert run_tests.main(names) == 0
    out = capsys.readouterr().out
    said = [line for line in out.split("\n--- the ")[0].splitlines() if line]
    assert said == [line for name in names
                    for line in [f"--- {name}", *(f"{name} {n}" for n in range(3)), "1 passed in 0.01s"]]
    assert out.splitlines()[-1] == "3 passed, 0 failed"


def test_test__names_the_slowest_of_all_runners(monkeypatch, capsys):
    said = {"units": [f" {n}/12 Test #{n}: base/t{n}_test ......   Passed    {n}.25 sec" for n in range(1, 13)],
            "api": ["61.50s call     tests/api/test_x.py::test_slow[a b]", "0.51s setup    tests/api/test_x.py::test_y"]}
    monkeypatch.setattr(run_tests, "SUITES", {
        name: (lambda _whole, lines=lines: run_tests.read_counts(lines), "") for name, lines in said.items()})
    run_tests.main(list(said))
    table = capsys.readouterr().out.split("--- the 10 slowest tests\n")[1].split("\n\n")[0].splitlines()
    assert len(table) == 10
    assert table[0].split() == ["61.50", "s", "api:", "tests/api/test_x.py::test_slow[a"]
    assert table[1].split() == ["12.25", "s", "units:", "base/t12_test"]


def test_sample__every_version_of_postgres_has_its_day():
    names = [f"store/{name}_test" for name in ("rows", "walk", "copy", "jobs", "blobs", "drift", "input", "crash")]
    tests = [*names, "store/proxy_test@postgres18", *(f"{name}@postgres{v}" for name in names for v in (16, 18))]
    by_day = [set(tests) - set(run_tests.left_to_other_days(tests, day)) for day in (7, 8)]
    for ran in by_day:
        assert ran >= {*names, "store/proxy_test@postgres18"}, "SQLite, and what has one version, always"
        assert len(ran) == 2 * len(names) + 1
        assert {test[-2:] for test in ran if "@" in test and "proxy" not in test} == {"16", "18"}
    assert by_day[0] | by_day[1] == set(tests)


def test_test__unknown_suite_is_named():
    run = subprocess.run([ROOT / "script" / "test", "unti"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 2 and "no suite 'unti'" in run.stderr


# --- script/server


class Version(http.server.BaseHTTPRequestHandler):
    body = {"version": "0.1.0", "api": "1.0"}

    def do_GET(self):
        data = json.dumps(self.body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args):
        pass


def serve(port):
    return subprocess.run([ROOT / "script" / "server"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=30,
                          env={**os.environ, "CODEMENTOR_HTTP_PORT": str(port)})


def test_server__one_that_runs_already_is_enough():
    with http.server.HTTPServer(("127.0.0.1", 0), Version) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        run = serve(fake.server_port)
        fake.shutdown()
    assert run.returncode == 0 and "already serves" in run.stderr


def test_server__port_of_another_program_is_an_error_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = serve(other.getsockname()[1])
    assert run.returncode == 1
    assert "in use by another program" in run.stderr and "CODEMENTOR_HTTP_PORT" in run.stderr


def test_server__missing_repository_is_named():
    run = subprocess.run([ROOT / "script" / "server", "/nowhere/at/all"], stderr=subprocess.PIPE, text=True,
                         check=False)
    assert run.returncode == 1 and "'/nowhere/at/all' is not a directory" in run.stderr


def test_test__all_means_every_suite_and_slow_ones_whole():
    options = run_tests.parse(["--all"])
    assert set(options.suites) == set(run_tests.SUITES) and options.all
    options = run_tests.parse([])
    assert "api-postgres" not in options.suites and "asan" in options.suites and not options.all


def test_test__under_load_every_round_counts(monkeypatch, capsys):
    monkeypatch.setattr(run_tests, "load", contextlib.nullcontext)
    monkeypatch.setattr(run_tests, "SUITES", {"good": (lambda _whole: run_tests.Result(passed=2), "")})
    assert run_tests.main(["--load", "5", "good"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "10 passed, 0 failed" and "under load, 5 of 5" in out
