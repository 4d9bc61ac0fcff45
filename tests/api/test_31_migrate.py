"""`codementor migrate` as an operator meets it: the real binary, exit statuses, text and JSON."""

import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from server import BINARY, ROOT

HEAD = sorted(path.name for path in (ROOT / "src/store/migrations").glob("*.sql"))[-1][:12]
CLEAN = {key: value for key, value in os.environ.items()
         if key not in ("TEST_MODE", "TEST_DATABASE_URL", "DATABASE_URL", "DB_HOST", "DB_NAME")}


class Data:
    def __init__(self, directory):
        self.directory = directory
        self.database = directory / "data" / "codementor.db"

    def run(self, *arguments, env=None, cwd=None):
        return subprocess.run([BINARY, "migrate", *arguments, "--data-dir", str(self.directory / "data")],
                              env={**CLEAN, "XDG_CONFIG_HOME": str(self.directory / "config"), **(env or {})},
                              cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120)

    def good(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, **options):
        done = self.run("status", "--json", **options)
        return done.returncode, json.loads(done.stdout)

    def sql(self, text):
        with sqlite3.connect(self.database) as connection:
            return connection.execute(text).fetchall()


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path)


def test_migrate__status_follows_a_database_from_empty_to_head(data):
    code, status = data.status()
    assert code == 3
    assert status["current"] == "none" and status["pending"] >= 1 and status["drift"]["checked"] is False
    assert "applying" in data.good("init")
    assert data.good("init").startswith("already initialised")
    code, status = data.status()
    assert code == 0
    assert status["current"] == HEAD and status["heads"] == [HEAD] and status["pending"] == 0
    assert status["engine"] == "sqlite" and status["engine_version"].startswith("3.")
    assert status["drift"] == {"checked": True, "count": 0, "first": []}
    assert set(status) == {"database", "engine", "engine_version", "extensions", "current", "heads", "pending", "changed",
                           "unknown", "views", "drift", "history"}
    assert data.good("current") == HEAD + "\n"


def test_migrate__status_names_what_was_changed_by_hand(data):
    data.good("init")
    data.sql("DROP INDEX idx_users_team_id")
    code, status = data.status()
    assert code == 4
    assert status["drift"]["first"] == [{"kind": "index", "name": "idx_users_team_id", "state": "missing"}]
    done = data.run("status")
    assert done.returncode == 4 and "index 'idx_users_team_id' is missing" in done.stdout


def test_migrate__status_tells_a_changed_file_and_a_newer_version(data):
    data.good("init")
    data.sql("UPDATE schema_migrations SET checksum = 'x'")
    assert data.status()[0] == 4
    done = data.run("migrate")
    assert done.returncode != 0 and "changed after it was applied" in done.stderr
    data.sql("DELETE FROM schema_migrations")
    data.sql("INSERT INTO schema_migrations (revision, message, checksum, server_version) "
             "VALUES ('ffffffffffff', 'm', 'c', '9.9.9')")
    assert data.status()[0] == 4
    done = data.run("migrate")
    assert done.returncode != 0 and "9.9.9" in done.stderr and "does not know" in done.stderr


def test_migrate__adopts_only_what_is_equal(data):
    data.good("init")
    data.sql("DROP TABLE schema_migrations")
    done = data.run("init")
    assert done.returncode != 0 and "--adopt" in done.stderr
    data.sql("ALTER TABLE users ADD COLUMN graffiti TEXT")
    done = data.run("init", "--adopt")
    assert done.returncode != 0 and "table 'users' is different" in done.stderr
    data.sql("ALTER TABLE users DROP COLUMN graffiti")
    assert HEAD in data.good("init", "--adopt")
    assert data.status()[0] == 0


def test_migrate__views_go_on_and_off(data):
    assert data.run("views", "on").returncode != 0  # nothing there yet
    data.good("init")
    assert data.status()[1]["views"] is False
    assert data.run("views", "perhaps").returncode != 0
    for _ in range(2):
        data.good("views", "on")
    assert data.status()[1]["views"] is True
    assert data.sql('SELECT user_id, password FROM "user"') == []
    with pytest.raises(sqlite3.OperationalError):
        data.sql("INSERT INTO chat (title) VALUES ('x')")
    data.good("views", "off")
    assert data.status() == (0, {**data.status()[1], "views": False})


@pytest.mark.parametrize("env, name", [
    ({"TEST_MODE": "true"}, "codementor-test.db"),
    ({"TEST_MODE": "true", "TEST_DATABASE_URL": "sqlite:{}/other.db", "DATABASE_URL": "sqlite:{}/no.db"}, "other.db"),
    ({"DATABASE_URL": "sqlite:{}/main.db", "TEST_DATABASE_URL": "sqlite:{}/no.db"}, "main.db"),
    ({"DATABASE_URL": "sqlite:{}/no.db", "CODEMENTOR_DATABASE_URL": "sqlite:{}/own.db"}, "own.db"),
])
def test_migrate__the_environment_chooses_the_database(data, env, name):
    env = {key: value.format(data.directory) for key, value in env.items()}
    data.good("init", env=env)
    assert data.status(env=env)[1]["database"].endswith("/" + name)
    assert not (data.directory / "no.db").exists() and not data.database.exists()


def test_migrate__parts_of_an_address_make_one_and_its_password_stays_hidden(data):
    done = data.run("status", env={"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_NAME": "team", "DB_USER": "ann",
                                   "DB_PASSWORD": "s3cret"})
    assert done.returncode not in (0, 3)
    assert "127.0.0.1:1/team" in done.stderr and "s3cret" not in done.stderr + done.stdout


def test_migrate__test_mode_brings_fixed_rows_once(data):
    data.good("init", env={"TEST_MODE": "true"})
    data.database = data.directory / "data" / "codementor-test.db"
    assert data.sql("SELECT username FROM users ORDER BY 1") == [("ada",), ("ben",)]
    data.good("init", env={"TEST_MODE": "true"})
    assert data.sql("SELECT count(*) FROM users") == [(2,)]
    data.sql("DELETE FROM users")
    data.good("reset", "--yes", env={"TEST_MODE": "true"})
    assert data.sql("SELECT count(*) FROM users") == [(2,)]


def checkout(directory):
    for part in ("tools", "spec", "src/store/schema", "src/store/migrations"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def test_migrate__create_drafts_the_difference_and_applies_nothing(data):
    place = checkout(data.directory / "checkout")
    tables = place / "spec/schema.tables"
    tables.write_text(tables.read_text().replace("  otp_nonce:bytes\n", "  otp_nonce:bytes\n  pet:text\n"))
    done = data.run("create", "Pets of \"users\"", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "for review" in done.stderr
    draft = (place / done.stdout.strip()).read_text()
    assert f"-- revises: {HEAD}\n-- message: Pets of \"users\"\n" in draft
    assert "ALTER TABLE users ADD COLUMN pet TEXT;" in draft and "CREATE TABLE new_users (" in draft
    assert draft.index("-- @up") < draft.index("-- @sqlite") < draft.index("-- @pg") < draft.index("-- @down")
    done = data.run("create", "again", cwd=place)
    assert done.returncode == 0 and "nothing differs" in done.stderr
    assert not data.database.exists()


def test_migrate__create_names_a_faulty_declaration(data):
    place = checkout(data.directory / "checkout")
    with open(place / "spec/schema.tables", "a", encoding="utf-8") as file:
        file.write("  colour:wrong\n")
    done = data.run("create", "x", "--folder", str(place / "src/store/migrations"))
    assert done.returncode != 0 and "bad column 'colour:wrong'" in done.stderr
    assert len(list((place / "src/store/migrations").iterdir())) == len(list((ROOT / "src/store/migrations").glob("*.sql")))


def test_migrate__create_elsewhere_is_an_empty_skeleton_that_says_so(data):
    folder = data.directory / "own"
    folder.mkdir()
    done = data.run("create", "日本", "--folder", str(folder))
    assert done.returncode == 0 and "empty skeleton" in done.stderr
    assert done.stdout.strip().endswith("_migration.sql")
    done = data.run("create", "x", "--folder", str(data.directory / "missing"))
    assert done.returncode != 0 and "missing" in done.stderr
