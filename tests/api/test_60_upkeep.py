"""The database that looks after itself: jobs and schedules of a running server, and one person's data."""

import hashlib
import json
import os
import re
import sqlite3
import tarfile
import time

import postgres
import pytest

from server import Server, small_repository

WHO = "local@localhost"


def ran_once(server):
    with server:
        pass
    return server


@pytest.fixture()
def stopped(tmp_path):
    """A server that ran once: its database is there, nobody holds it."""
    return ran_once(Server(tmp_path))


@pytest.fixture()
def embedded(tmp_path):
    """The same on SQLite, for tests that write rows past the server in its spelling, or whose subject is the file."""
    return ran_once(Server(tmp_path, on_sqlite=True))


def database(server):
    return sqlite3.connect(server.data / "codementor.db")


def count(server, table):
    text = f"SELECT count(*) FROM {table}"
    return int(postgres.sql(text, server.database)) if server.database else database(server).execute(text).fetchone()[0]


def listed(server, *arguments):
    done = server.run("jobs", "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def runs_of(server, job, result):
    found = re.search(rf'cm_jobs_total{{job="{job}",result="{result}"}} (\d+)', server.http.get("/metrics").text)
    return int(found.group(1)) if found else 0


def wait_for_run(server, job, result="succeeded"):
    give_up = time.monotonic() + 60
    while runs_of(server, job, result) == 0:
        assert time.monotonic() < give_up
        time.sleep(0.02)  # between two looks; the figure decides


def test_serve__runs_its_schedules_and_counts_them(embedded):
    assert {row["name"] for row in listed(embedded)["schedules"]} >= {
        "retention", "cache_sweep", "partitions", "reclaim", "data_requests"}
    assert embedded.run("jobs", "schedule", "cache_sweep", "every 1s").returncode == 0
    with database(embedded) as rows:
        rows.execute("INSERT INTO rate_limit_buckets (bucket_key, window_start) VALUES ('old', 1)")
    with embedded:
        wait_for_run(embedded, "cache_sweep")
    assert database(embedded).execute("SELECT count(*) FROM rate_limit_buckets").fetchone() == (0,)
    (job, *_) = [job for job in listed(embedded)["jobs"] if job["type"] == "cache_sweep"]
    assert job["status"] == "succeeded" and job["attempts"] == 1


def test_jobs__what_an_administrator_changed_stays_changed(stopped):
    assert stopped.run("jobs", "schedule", "retention", "0 5 * * 1").returncode == 0
    assert stopped.run("jobs", "schedule", "reclaim", "off").returncode == 0
    with stopped:
        schedules = {row["name"]: row for row in listed(stopped)["schedules"]}
    assert schedules["retention"]["cron"] == "0 5 * * 1" and not schedules["reclaim"]["enabled"]
    for bad in ("61 * * * *", "now", "every 0m"):
        done = stopped.run("jobs", "schedule", "retention", bad)
        assert done.returncode == 2 and "schedule" in done.stderr, bad


def test_jobs__one_is_run_beside_a_running_server(stopped):
    with stopped:
        done = stopped.run("jobs", "run", "retention", "--json")
        assert done.returncode == 0, done.stderr
        (job,) = json.loads(done.stdout)["jobs"]
        assert job["status"] == "succeeded" and job["result"] == {"rows": 0}
    for arguments in (["run", "nothing"], ["run", "data_request"], ["run"], ["retry", "x"],
                      ["cancel", "01900000-0000-7000-8000-000000000000"]):
        done = stopped.run("jobs", *arguments)
        assert done.returncode == 2 and done.stderr.startswith("codementor: "), arguments


def test_jobs__a_failed_one_is_retried_by_hand(embedded):
    with database(embedded) as rows:
        rows.execute("INSERT INTO jobs (id, job_type, status, attempts, max_attempts, last_error, finished_at) VALUES "
                     "('01900000-0000-7000-8000-000000000001', 'reclaim', 'failed', 5, 5, 'out of luck', 1)")
    assert "out of luck" in embedded.run("jobs", "list", "--status", "failed").stdout
    assert embedded.run("jobs", "retry", "01900000-0000-7000-8000-000000000001").returncode == 0
    with embedded:
        wait_for_run(embedded, "reclaim")
    assert listed(embedded, "--status", "succeeded")["jobs"][0]["attempts"] == 1


def test_serve__a_job_left_by_a_killed_server_is_done_by_the_next(embedded):
    with database(embedded) as rows:
        rows.execute("INSERT INTO jobs (id, job_type, status, attempts, locked_by, locked_until) VALUES "
                     "('01900000-0000-7000-8000-000000000002', 'retention', 'running', 1, 'dead', 1)")
    with embedded:
        wait_for_run(embedded, "retention")
    (job,) = listed(embedded)["jobs"]
    assert job["status"] == "succeeded" and job["attempts"] == 2


def test_user__export_has_a_file_a_table_and_no_secret(embedded, tmp_path):
    with database(embedded) as rows:
        rows.execute("INSERT INTO api_keys (id, user_id, key_hash, key_prefix, last4, name) SELECT "
                     "'01900000-0000-7000-8000-000000000003', id, 'hash-of-it', 'cm_', 'wxyz', 'laptop' FROM users")
    folder = tmp_path / "mine"
    with embedded:
        done = embedded.run("user", "export", WHO, "--to", str(folder))
    assert done.returncode == 0 and str(folder) in done.stdout, done.stderr
    (key,) = json.loads((folder / "api_keys.json").read_text())
    assert key["last4"] == "wxyz" and "key_hash" not in key
    assert not any("hash-of-it" in path.read_text() for path in folder.iterdir())
    (report,) = database(embedded).execute("SELECT report FROM data_requests WHERE status = 'done'").fetchone()
    assert json.loads(report)["tables"]["api_keys"] == 1
    assert embedded.run("user", "export", "nobody@example.com").returncode == 2


def test_user__erased_means_gone_and_reported(embedded, tmp_path):
    root = small_repository(tmp_path / "tree")
    with embedded:
        repository = embedded.index(root)
        refused = embedded.run("user", "erase", WHO, "--yes")
        assert refused.returncode == 2 and "in use" in refused.stderr
    index = embedded.data / "index" / repository
    assert index.exists()
    asked = embedded.run("user", "erase", WHO)
    assert asked.returncode == 2 and "--yes" in asked.stderr and index.exists()
    done = embedded.run("user", "erase", WHO, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)["tables"]
    assert tables["users"] == 1 and tables["workspaces"] == 1
    assert not index.exists()
    rows = database(embedded)
    for table in ("users", "workspaces", "repositories"):
        assert rows.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert json.loads(rows.execute("SELECT report FROM data_requests").fetchone()[0])["tables"] == tables
    assert "gdpr.erased" in rows.execute("SELECT payload FROM outbox_events").fetchone()[0]
    assert embedded.run("user", "list").stdout == ""


def test_user__a_restricted_person_is_served_and_not_recorded(stopped, tmp_path):
    root = small_repository(tmp_path / "tree")
    with stopped:
        stopped.index(root)
        done = stopped.run("user", "restrict", WHO)
        assert done.returncode == 0 and "user lift" in done.stdout, done.stderr
        assert stopped.complete(root / "x.py", "def f(a):\n    return ", 1, 11).status_code == 200
    assert count(stopped, "completion_requests") == 0
    refused = stopped.run("user", "erase", WHO, "--yes")
    assert refused.returncode != 0 and "user lift" in refused.stderr
    assert stopped.run("user", "lift", WHO).stdout == "lifted\n"
    assert stopped.run("user", "lift", WHO).returncode == 2
    assert stopped.run("audit", "verify").returncode == 0
    with stopped:
        assert stopped.complete(root / "x.py", "def f(a):\n    return ", 1, 11).status_code == 200
    assert count(stopped, "completion_requests") == 1


def exported(archive, table):
    with tarfile.open(archive) as files:
        return json.load(files.extractfile(f"{table}.json"))


def test_serve__carries_out_a_request_somebody_wrote_down(embedded, tmp_path):
    with database(embedded) as rows:
        rows.execute("INSERT INTO data_requests (id, user_id, kind, due_at) SELECT "
                     "'01900000-0000-7000-8000-000000000004', id, 'export', 1 FROM users")
    assert embedded.run("jobs", "schedule", "data_requests", "every 1s").returncode == 0
    with embedded:
        wait_for_run(embedded, "data_request")
    fetch = ("user", "fetch", "01900000-0000-7000-8000-000000000004", "--to", str(tmp_path / "mine.tar"))
    assert embedded.run(*fetch).returncode == 0
    assert exported(tmp_path / "mine.tar", "users")[0]["email"] == WHO
    with database(embedded) as rows:  # a week and an hour later
        rows.execute("UPDATE data_requests SET completed_at = completed_at - 608400000")
        rows.execute("UPDATE blobs SET created_at = created_at - 608400000")
    (blob,) = (embedded.data / "blobs").glob("*/*/*")
    os.utime(blob, (1, 1))
    assert embedded.run("jobs", "run", "data_requests").returncode == 0
    assert not blob.exists() and not list((embedded.data / "exports").iterdir())
    assert database(embedded).execute("SELECT count(*) FROM blobs").fetchone() == (0,)
    assert embedded.run(*fetch).returncode == 2


def test_user__export_is_fetched_whole_or_not_at_all(embedded, tmp_path):
    done = embedded.run("user", "export", WHO)
    assert done.returncode == 0 and "kept until" in done.stdout, done.stderr
    request = re.search(r"user fetch (\S+) --to", done.stdout)[1]
    target = tmp_path / "mine.tar"
    assert embedded.run("user", "fetch", request, "--to", str(target)).returncode == 0
    assert exported(target, "users")[0]["email"] == WHO
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert digest in done.stdout and str(target.stat().st_size) in done.stdout
    target.unlink()
    (blob,) = (embedded.data / "blobs").glob("*/*/*")
    assert blob.name == digest and blob.stat().st_mode & 0o777 == 0o600
    blob.write_bytes(blob.read_bytes()[:-512])
    torn = embedded.run("user", "fetch", request, "--to", str(target))
    assert torn.returncode != 0 and "not what was written" in torn.stderr and not target.exists()
    assert embedded.run("user", "fetch", request).returncode == 2  # where to?
    assert embedded.run("user", "fetch", "../x", "--to", str(target)).returncode == 2


def test_stats__show_what_was_asked_once_the_job_ran(stopped, tmp_path):
    root = small_repository(tmp_path / "tree")
    with stopped:
        stopped.index(root)
        for i in range(3):
            assert stopped.complete(root / "x.py", "def f(a):\n    return ", 1, 11 + i % 2).status_code == 200
    done = stopped.run("jobs", "run", "analytics")
    assert done.returncode == 0, done.stderr
    rows = json.loads(stopped.run("stats", "completion_daily", "--json").stdout)
    assert sum(row["requests"] for row in rows) == 3 and all(row["completion_type"] == "fim" for row in rows)
    (people,) = json.loads(stopped.run("stats", "active_users_daily", "--json").stdout)
    assert people["users"] == 1 and people["requests"] == 3
    for name in json.loads(stopped.run("stats", "--json").stdout):
        done = stopped.run("stats", name)
        assert done.returncode == 0 and done.stdout, done.stderr
    assert stopped.run("stats", "nothing").returncode == 2
