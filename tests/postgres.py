"""Databases on the PostgreSQL that CODEMENTOR_TEST_POSTGRES names (tests/tools/with_postgres.py sets it), by its
own psql. Nothing is dropped: the whole server is thrown away at the end."""

import fcntl
import os
import subprocess
import uuid
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

SERVER = os.environ.get("CODEMENTOR_TEST_POSTGRES")
TEMPLATE = "api_template"


def url_of(database, server=SERVER):
    """The test server's URL is postgresql:///postgres?host=DIRECTORY&user=postgres."""
    return server.replace("///postgres?", f"///{database}?", 1)


def sql(text, database="postgres", server=SERVER):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text,
                           url_of(database, server)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def alone():
    """One process of pytest at a time makes databases: the template is made once, and nobody is in it when it is
    copied. The lock lies on the folder of the server's socket."""
    folder = os.open(parse_qs(urlsplit(SERVER).query)["host"][0], os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def make_template(binary, directory):
    """Migrating takes a second, copying a migrated database a twentieth of that."""
    if sql(f"SELECT count(*) FROM pg_database WHERE datname = '{TEMPLATE}'") != "0":
        return
    sql(f"CREATE DATABASE {TEMPLATE}")
    done = subprocess.run([binary, "migrate", "migrate", "--data-dir", str(directory)], check=False,
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                          env={**os.environ, "CODEMENTOR_DATABASE_URL": url_of(TEMPLATE)})
    assert done.returncode == 0, done.stderr


def fresh(binary, directory):
    """A new, migrated database; returns its name."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with alone():
        make_template(binary, directory)
        sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return name
