"""script/test adds up honestly; script/server says who holds the port."""

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
    monkeypatch.setattr(run_tests, "SUITES", {"empty": (run_tests.Result, "nothing")})
    assert run_tests.main(["empty"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_test__each_suite_runs_whatever_the_others_do(monkeypatch, capsys):
    suites = {"bad": (lambda: run_tests.Result(failed=1), ""),
              "good": (lambda: run_tests.Result(passed=2, skipped=1), "")}
    monkeypatch.setattr(run_tests, "SUITES", suites)
    assert run_tests.main(["bad", "good"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed, 1 skipped"


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
    names, whole = run_tests.parse(["--all"])
    assert set(names) == set(run_tests.SUITES) and "store" in whole
    names, whole = run_tests.parse([])
    assert "api-postgres" not in names and whole == {}
