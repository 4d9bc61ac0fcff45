"""Idempotency-Key: a request that is sent twice has its effect once, until the key's day is over."""

import threading
import uuid

import httpx
import pytest


def key():
    return uuid.uuid4().hex


def create(server, key, name, **body):
    return server.http.post("/v1/repositories", json={"name": name, **body}, headers={"Idempotency-Key": key})


def count(server, name):
    return len(server.http.get("/v1/repositories", params={"q": name, "limit": 200}).json()["items"])


def alter(server, key, change):
    server.sql(f"UPDATE idempotency_keys SET {change} WHERE idempotency_key = '{key}'")


def past(server):
    return "to_timestamp(1)" if server.database else "1000"


def test_idempotency__the_same_again_gives_the_same_reply_and_no_second_effect(server):
    mine, name = key(), key()
    first = create(server, mine, name)
    again = create(server, mine, name)
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["X-Request-Id"] != again.headers["X-Request-Id"]
    assert count(server, name) == 1
    without = server.http.post("/v1/repositories", json={"name": name})
    assert (without.status_code, without.json()["code"]) == (409, "name_taken")


def test_idempotency__another_request_under_the_key_is_refused(server):
    mine, name = key(), key()
    assert create(server, mine, name).status_code == 201
    other = create(server, mine, name + "-2")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert count(server, name) == 1
    # The key belongs to the operation: another one may use it.
    made = server.http.post("/api/v1/codebase/create", json={"name": name + "-3", "primaryLanguage": "c"},
                            headers={"Idempotency-Key": mine})
    assert made.status_code == 201 and "Idempotency-Replayed" not in made.headers


def test_idempotency__the_path_is_part_of_the_request(server):
    mine = key()
    made = [server.http.post("/api/v1/codebase/create", json={"name": key(), "primaryLanguage": "c"}).json()["codebaseId"]
            for _ in range(2)]
    body = {"changes": [{"path": "a.c", "type": "added", "content": "int x;\n"}]}
    replies = [server.http.post(f"/api/v1/codebase/{one}/sync", json=body, headers={"Idempotency-Key": mine}) for one in made]
    assert [r.status_code for r in replies] == [200, 422]


def test_idempotency__what_failed_may_be_sent_again(server):
    mine, name = key(), key()
    taken = server.http.post("/v1/repositories", json={"name": name}).json()
    assert create(server, mine, name).status_code == 409
    server.http.delete(f"/v1/repositories/{taken['repo_id']}")
    assert create(server, mine, name).status_code == 201
    broken = server.http.post("/v1/repositories", json={}, headers={"Idempotency-Key": key()})
    assert broken.status_code == 400


def test_idempotency__a_request_at_work_is_waited_for_by_its_client(server):
    mine, name = key(), key()
    create(server, mine, name)
    alter(server, mine, "status = 'in_progress', response_status = NULL, response_body = NULL")
    second = create(server, mine, name)
    assert (second.status_code, second.json()["code"], second.json()["retryable"]) == (409, "idempotency_in_flight", True)
    alter(server, mine, f"created_at = {past(server)}")  # its server died long ago: it begins anew
    assert create(server, mine, name).json()["code"] == "name_taken"


def test_idempotency__a_day_later_the_key_is_new(server):
    mine, name = key(), key()
    create(server, mine, name)
    alter(server, mine, f"expires_at = {past(server)}")
    assert create(server, mine, name).json()["code"] == "name_taken"
    create(server, mine, key())
    alter(server, mine, f"expires_at = {past(server)}")
    server.run("jobs", "run", "cache_sweep")
    assert server.sql(f"SELECT COUNT(*) FROM idempotency_keys WHERE idempotency_key = '{mine}'") == "0"


def test_idempotency__of_many_at_once_one_has_the_effect(server):
    mine, name = key(), key()
    replies = []

    def send():
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
            replies.append(http.post("/v1/repositories", json={"name": name}, headers={"Idempotency-Key": mine}))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [r for r in replies if r.status_code == 201]
    assert len({r.json()["repo_id"] for r in made}) == 1
    assert sum("Idempotency-Replayed" not in r.headers for r in made) == 1
    assert {r.json()["code"] for r in replies if r.status_code != 201} <= {"idempotency_in_flight"}
    assert count(server, name) == 1


@pytest.mark.parametrize("bad", ["", "with space", "x" * 129, "tab\there"])
def test_idempotency__keys_are_visible_characters(server, bad):
    reply = create(server, bad, key())
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_failed")
