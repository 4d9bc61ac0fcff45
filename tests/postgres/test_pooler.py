"""A real PgBouncer in transaction mode between the server and PostgreSQL."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import postgres
from server import BINARY, Server

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")


def version():
    text = subprocess.run([PGBOUNCER, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", text).groups())


@pytest.fixture()
def pooler(tmp_path_factory):
    """Yields a function from database to URL. Two server connections for all clients, used in turn: they do change hands."""
    assert PGBOUNCER, "script/bootstrap --with faults installs PgBouncer"
    upstream = parse_qs(urlsplit(postgres.SERVER).query)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    folder = Path(upstream["host"][0]) / f"pooler-{port}"
    folder.mkdir()
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={upstream['host'][0]} port={upstream['port'][0]} user=postgres\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 2\n"
        "min_pool_size = 2\nserver_round_robin = 1\n"
        f"ignore_startup_parameters = options\nlogfile = {folder}/log\n")
    who = {}
    if os.geteuid() == 0:  # it refuses to run as root, as PostgreSQL does
        ids = pwd.getpwnam("nobody")
        who = {"user": ids.pw_uid, "group": ids.pw_gid}
        os.chown(folder, ids.pw_uid, ids.pw_gid)
    process = subprocess.Popen([PGBOUNCER, folder / "ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
    end = time.monotonic() + 30
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
        time.sleep(0.02)  # between two looks
    yield lambda database: f"postgresql://postgres@127.0.0.1:{port}/{database}"
    process.terminate()
    process.wait()


@pytest.mark.parametrize("unprepared", ["false", "true"])
def test_pooler__in_transaction_mode_serves_many_clients(tmp_path, pooler, unprepared):
    server = Server(tmp_path, "--set", f"database.unprepared={unprepared}")
    database = postgres.fresh(BINARY, tmp_path)
    server.env["CODEMENTOR_DATABASE_URL"] = pooler(database)
    with server:
        def make(number):
            reply = server.http.post("/v1/repositories", json={"name": f"repository-{number}"})
            assert reply.status_code == 201, reply.text
            found = server.http.get(f"/v1/repositories/{reply.json()['repo_id']}")
            assert found.status_code == 200 and found.json()["name"] == f"repository-{number}", found.text
            return reply.json()["repo_id"]
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(make, range(60)))
    assert len(made) == 60
    assert postgres.sql("SELECT count(*) FROM repositories WHERE name LIKE 'repository-%'", database) == "60"
    forgot = "forgets prepared statements" in server.log.read_text()
    assert forgot == (unprepared == "false" and version() < (1, 21))  # and then served all the same
