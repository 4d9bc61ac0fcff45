"""The running server against the document it serves: schemathesis makes requests from the schemas, right and wrong ones, and
checks each reply's status, type and body. The checks that the server makes of its own replies run at the same time."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate
from server import Server

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("CODEMENTOR_CONTRACT_EXAMPLES", "10")


def test_contract__what_is_served_is_a_valid_document(server):
    reply = server.http.get("/openapi.json")
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    validate(reply.json())


def test_contract__every_path_of_the_document_is_routed(server):
    for path, operations in server.http.get("/openapi.json").json()["paths"].items():
        reply = server.http.options(path.replace("{code}", "overloaded").replace("{model}", "x"))
        assert reply.status_code == 204, path
        allowed = set(reply.headers["allow"].split(", "))
        assert {name.upper() for name in operations if name != "parameters"} <= allowed, path


def test_contract__the_page_of_the_document_names_every_operation(server):
    page = server.http.get("/docs").text
    document = server.http.get("/openapi.json").json()
    names = [operation["operationId"] for operations in document["paths"].values()
             for name, operation in operations.items() if name != "parameters"]
    assert names and not [name for name in names if f"<code>{name}</code>" not in page]


@pytest.mark.timeout(600)
def test_contract__replies_keep_it_whatever_is_sent(server, repository, tmp_path):
    done = subprocess.run(
        [SCHEMATHESIS, "--config-file", CONFIG, "run", f"{server.url}/openapi.json", "--checks", "all", "--exclude-checks",
         "positive_data_acceptance", "--max-examples", EXAMPLES, "--phases", "coverage,fuzzing", "--seed", "20261122", "--workers", "1", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout
    log = server.log.read_text(errors="replace")
    assert "reply breaks its schema" not in log and "request failed" not in log


# ---- what no generated data reaches

def test_headers__every_reply_has_those_of_the_contract(server):
    for path in ("/livez", "/nothing", "/v1/models"):
        reply = server.http.get(path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"
        assert len(reply.headers["x-request-id"]) == 36


def test_request_id__a_good_one_is_kept_and_a_bad_one_replaced(server):
    assert server.http.get("/livez", headers={"X-Request-Id": "a.B_9-z"}).headers["x-request-id"] == "a.B_9-z"
    for bad in ("a b", "x" * 129, "é".encode(), ""):
        assert server.http.get("/livez", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad


def test_head__is_get_without_a_body(server):
    for path in ("/livez", "/openapi.json", "/nothing"):
        got, head = server.http.get(path), server.http.head(path)
        assert head.status_code == got.status_code and head.content == b""
        assert head.headers["content-length"] == got.headers["content-length"] or path == "/nothing"


def test_options__lists_the_methods_of_a_path(server):
    reply = server.http.options("/v1/repositories")
    assert (reply.status_code, reply.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    refused = server.http.put("/v1/repositories", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")


def test_origin__the_server_itself_is_allowed_and_others_only_when_listed(server):
    assert server.http.get("/livez", headers={"Origin": server.url}).status_code == 200
    refused = server.http.get("/livez", headers={"Origin": "http://evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in refused.headers


def test_origin__a_page_of_another_site_is_refused_also_without_an_origin(server, tmp_path):
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        reply = server.http.get("/livez", headers={"Sec-Fetch-Site": site})
        assert reply.status_code == status, site
    posted = server.http.post("/v1/completions", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (posted.status_code, posted.json()["code"]) == (403, "origin_not_allowed")
    with Server(tmp_path, "--set", "http.cors_origins=https://ide.example") as listed:
        both = {"Origin": "https://ide.example", "Sec-Fetch-Site": "cross-site"}
        assert listed.http.get("/livez", headers=both).status_code == 200
        assert listed.http.get("/livez", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def begin_upload(server, size, sent):
    """A request whose body is `size` bytes long and never ends; the socket, and what it holds open."""
    address = server.url.removeprefix("http://").split(":")
    client = socket.create_connection((address[0], int(address[1])), timeout=30)
    codebase = "00000000-0000-7000-8000-000000000000"
    client.sendall(f"POST /api/v1/codebase/{codebase}/upload HTTP/1.1\r\nHost: localhost\r\n"
                   f"Content-Type: application/gzip\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * sent)
    return client


def body_bytes(server):
    text = server.http.get("/metrics").text
    return int(float(next(line.split()[1] for line in text.splitlines() if line.startswith("cm_http_body_bytes "))))


def test_bodies__have_one_budget_that_leaves_room_for_small_ones(tmp_path):
    """Eight MiB: seven for uploads. Two of three fit, the third is told to come again, completions go on."""
    with Server(tmp_path, "--set", "http.body_budget_mb=8") as server:
        share = 3 << 20
        held = [begin_upload(server, share, 1000) for _ in range(2)]
        give_up = time.monotonic() + 60
        while body_bytes(server) < 2 * share:
            assert time.monotonic() < give_up
        with begin_upload(server, share, 0) as third:
            answer = third.recv(65536).decode()
        assert answer.startswith("HTTP/1.1 503 "), answer
        assert "\r\nRetry-After: 1\r\n" in answer
        with begin_upload(server, 8 << 20, 0) as larger_than_all:
            assert larger_than_all.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert server.complete("/x.py", "def f(", 0, 6).status_code == 200
        for client in held:
            client.close()
        while body_bytes(server) > 0:
            assert time.monotonic() < give_up
        with begin_upload(server, share, share) as again:
            assert again.recv(65536).startswith(b"HTTP/1.1 404 ")


def test_origin__a_listed_one_may_read_replies(tmp_path):
    with Server(tmp_path, "--set", "http.cors_origins=https://ide.example, vscode-webview://x") as listed:
        allowed = listed.http.get("/v1/repositories", headers={"Origin": "https://ide.example"})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://ide.example"
        assert allowed.headers["vary"] == "Origin"
        assert "X-Request-Id" in allowed.headers["access-control-expose-headers"]
        preflight = listed.http.options("/v1/completions", headers={
            "Origin": "vscode-webview://x", "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "Content-Type" in preflight.headers["access-control-allow-headers"]
        assert preflight.headers["access-control-max-age"] == "600"
        refused = listed.http.options("/v1/completions", headers={"Origin": "https://ide.example.evil"})
        assert refused.status_code == 403


def test_problem__every_code_that_is_answered_is_explained(server):
    code = server.http.get("/v1/jobs/none").json()["code"]
    told = server.http.get(f"/problems/{code}").json()
    assert told["code"] == "not_found" and told["status"] == 404 and told["meaning"]


def test_deadline__one_that_is_too_short_is_raised_to_the_least(server):
    assert server.http.get("/v1/repositories", headers={"X-CodeMentor-Deadline-Ms": "0"}).status_code == 200


def test_metrics__count_what_was_answered(server):
    before = server.http.get("/metrics").text
    server.http.get("/livez")
    server.http.get("/nothing-there")
    after = server.http.get("/metrics").text

    def value(text, series):
        return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series + " "))

    for series in ('cm_http_requests_total{op="livez",status="2xx"}', 'cm_http_requests_total{op="none",status="4xx"}',
                   'cm_http_request_seconds_count{op="livez"}'):
        assert value(after, series) == value(before, series) + 1
    assert value(after, 'cm_http_faults_total{code="not_found"}') >= 1
    assert value(after, "cm_http_requests_in_flight") >= 1  # this one


def test_connection__many_requests_go_through_one(server):
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert {client.get("/livez").status_code for _ in range(200)} == {200}
