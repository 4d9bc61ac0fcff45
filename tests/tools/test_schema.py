"""The declared schema, the history of migrations, and what each engine makes of them: one and the same."""
import hashlib
import pathlib
import shutil
import sqlite3
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import ddl  # noqa: E402
import gen_compat  # noqa: E402
import gen_migrations  # noqa: E402
import gen_schema  # noqa: E402
import gen_sql  # noqa: E402
import schema  # noqa: E402

MIGRATIONS = ROOT / "src" / "store" / "migrations"
SKIPPED = 77
# Asked of a PostgreSQL that holds the schema: columns, then foreign keys, as tab-separated rows.
COLUMNS = """SELECT 'column', c.table_name, c.column_name, c.is_nullable, c.data_type FROM information_schema.columns c
JOIN pg_class t ON t.relname = c.table_name AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
WHERE c.table_schema = 'public' AND c.column_name <> 'search'"""
FOREIGNS = """SELECT 'foreign', r.relname, a.attname, f.relname, c.confdeltype FROM pg_constraint c
JOIN pg_class r ON r.oid = c.conrelid AND NOT r.relispartition JOIN pg_class f ON f.oid = c.confrelid
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f' AND c.conparentid = 0"""
PG_TYPES = {"id": "uuid", "serial": "bigint", "text": "text", "int": "bigint", "real": "double precision",
            "bool": "boolean", "timestamp": "timestamp with time zone", "json": "jsonb", "vector": "USER-DEFINED",
            "bytes": "bytea", "ip": "inet"}
SQLITE_TYPES = {"int": "INTEGER", "serial": "INTEGER", "real": "REAL", "bool": "INTEGER", "timestamp": "INTEGER",
                "vector": "BLOB", "bytes": "BLOB"}
DELETES = {"CASCADE": "c", "SET NULL": "n", "RESTRICT": "r"}


@pytest.fixture(scope="module")
def tables():
    return schema.load(ROOT / "spec" / "schema.tables")


def migrated():
    database = sqlite3.connect(":memory:")
    rows = [gen_migrations.read(MIGRATIONS, path.name) for path in sorted(MIGRATIONS.glob("*.sql"))]
    for row in gen_migrations.order(rows):
        database.executescript(row["sql"].get(("up", "sqlite"), ""))
    return database


def objects(database):
    rows = database.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name): ddl.plain(sql) for kind, name, sql in rows}


def test_the_history_ends_at_the_declared_schema(tables):
    target = sqlite3.connect(":memory:")
    target.executescript(gen_schema.ddl(tables, False))
    assert objects(migrated()) == objects(target)


def test_the_postgres_half_of_the_baseline_is_the_declared_one(tables):
    baseline = (MIGRATIONS / "000000000001_baseline.sql").read_text(encoding="utf-8")
    if len(list(MIGRATIONS.glob("*.sql"))) == 1:  # later migrations move the target on
        assert baseline.endswith("-- @pg\n" + gen_schema.ddl(tables, True))


def test_sqlite_has_every_declared_column_and_reference(tables):
    database = migrated()
    for table in tables:
        found = {row[1]: row for row in database.execute(f"PRAGMA table_info({table.name})")}
        found.pop("rid", None)
        assert list(found) == [column.name for column in table.columns]
        for column in table.columns:
            assert found[column.name][2] == SQLITE_TYPES.get(column.type, "TEXT"), f"{table.name}.{column.name}"
            assert bool(found[column.name][3]) == (column.required and column.type != "serial"), column.name
        references = {(row[3], row[2], DELETES[row[6]])
                      for row in database.execute(f"PRAGMA foreign_key_list({table.name})") if row[1] == 0}
        assert references == {(f.columns[0], f.table, DELETES[f.action]) for f in table.foreigns}, table.name


@pytest.mark.parametrize("version", ["16", "18"])
def test_postgres_has_the_same_columns_and_references(tables, tmp_path, version):
    script = tmp_path / "schema.sql"
    script.write_text(gen_schema.ddl(tables, True), encoding="utf-8")
    shell = ('psql "$CODEMENTOR_TEST_POSTGRES" -v ON_ERROR_STOP=1 -1 -q -o /dev/null -f - < "$1" && '
             'psql "$CODEMENTOR_TEST_POSTGRES" -A -t -F "\t" -c "$2" -c "$3"')
    done = subprocess.run([sys.executable, ROOT / "tests/tools/with_postgres.py", version, "bash", "-c", shell, "bash",
                           script, COLUMNS, FOREIGNS], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == SKIPPED:
        pytest.skip("no PostgreSQL here")
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    columns = {(row[1], row[2]): (row[3] == "NO", row[4]) for row in rows if row[0] == "column"}
    expected = {(table.name, column.name): (column.required or table.partition == column.name,
                                            PG_TYPES.get(column.type, "ARRAY"))
                for table in tables for column in table.columns}
    assert columns == expected
    references = {tuple(row[1:]) for row in rows if row[0] == "foreign"}
    assert references == {(table.name, f.columns[0], f.table, DELETES[f.action])
                          for table in tables for f in table.foreigns}


BOTH = """set -e
for name in chain declared; do
  psql "$CODEMENTOR_TEST_POSTGRES" -q -c "CREATE DATABASE $name TEMPLATE template0"
  url="$CODEMENTOR_TEST_POSTGRES&dbname=$name"
  psql "$url" -v ON_ERROR_STOP=1 -1 -q -o /dev/null -f "$name.sql"
  psql "$url" -v ON_ERROR_STOP=1 -q -A -t -o "$name.picture" -f picture.sql
done
"""


@pytest.mark.parametrize("version", ["16", "18"])
def test_the_history_ends_at_the_declared_schema_on_postgres(tables, tmp_path, version):
    rows = [gen_migrations.read(MIGRATIONS, path.name) for path in sorted(MIGRATIONS.glob("*.sql"))]
    chain = "\n".join(row["sql"].get(("up", "pg"), "") for row in gen_migrations.order(rows))
    (tmp_path / "chain.sql").write_text(chain, encoding="utf-8")
    (tmp_path / "declared.sql").write_text(gen_schema.ddl(tables, True), encoding="utf-8")
    shutil.copy(ROOT / "src/store/schema/picture_postgres.sql", tmp_path / "picture.sql")
    done = subprocess.run([sys.executable, ROOT / "tests/tools/with_postgres.py", version, "bash", "-c", BOTH],
                          cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == SKIPPED:
        pytest.skip("no PostgreSQL here")
    assert done.returncode == 0, done.stderr
    pictures = [(tmp_path / f"{name}.picture").read_text(encoding="utf-8") for name in ("chain", "declared")]
    assert pictures[0] == pictures[1]
    assert pictures[0].count("\n") > 1000


@pytest.mark.parametrize("line, fault", [
    ("VIEW x — t   [nowhere n]\n  a = n.id", "no table 'nowhere'"),
    ("VIEW x — t   [users u]\n  a = u.colour", "no column 'u.colour'"),
    ("VIEW x — t   [users u]\n  a = v.id", "no column 'v.id'"),
    ("VIEW x — t   [users u LEFT JOIN teams t ON t.id = u.team]\n  a = u.id", "no column 'u.team'"),
    ("VIEW x — t   [users u]\n  a = list{m.nope FROM ai_models m}", "no column 'm.nope'"),
    ("VIEW x — t   [users u]\n  a = u.password_hash", "is a secret"),
    ("VIEW x — t   [sessions s]\n  a = json{key: s.token_hash}", "is a secret"),
    ("VIEW users — t   [users u]\n  a = u.id", "a table has this name"),
    ("VIEW x - t   [users u]", "bad view line"),
    ("VIEW x — t   [users u]\n  a: u.id", "bad column line"),
])
def test_a_compatibility_view_that_would_break_or_tell_is_refused(tmp_path, line, fault):
    path = tmp_path / "compat.views"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=fault):
        gen_compat.main(ROOT / "spec" / "schema.tables", path, tmp_path / "out.c")


@pytest.mark.parametrize("line, fault", [
    ("  other_id:id>nowhere^C", "unknown table"),
    ("  owner:text{a|b", "bad column|unknown mark"),
    ("  kind:colour!", "bad column"),
    ("  user_id:id>users^C", "no index"),
])
def test_a_faulty_declaration_is_refused_by_name(tmp_path, line, fault):
    path = tmp_path / "schema.tables"
    text = (ROOT / "spec" / "schema.tables").read_text(encoding="utf-8")
    path.write_text(text + "\nTABLE extras — for the test   [sys · -/D · ops · - · full · truth]\n  id:id pk\n" + line + "\n",
                    encoding="utf-8")
    with pytest.raises(SystemExit, match=fault):
        schema.load(path)


def test_a_person_without_an_erase_rule_is_refused(tmp_path):
    path = tmp_path / "schema.tables"
    text = (ROOT / "spec" / "schema.tables").read_text(encoding="utf-8")
    path.write_text(text + "\nTABLE extras — for the test   [user · X/- · ops · - · full · truth]\n"
                    "  user_id:id pk>users^C\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no erase rule"):
        schema.load(path)


@pytest.mark.parametrize("query, fault", [
    ("--! x exec @system\nUPDATE users SET updated_at = now();", "time or chance"),
    ("--! x exec @system\nDELETE FROM users WHERE id = :id;", "undeclared :id"),
    ("--! x exec @system\n--: id users.id\nDELETE FROM languages;", "never uses :id"),
    ("--! x exec\n--: id users.id\nDELETE FROM users WHERE id = :id;", "without a tenant predicate"),
    ("--! x exec\nDELETE FROM jobs WHERE user_id = :me;", "only @system may"),
    ("--! x exec\nDELETE FROM languages;", "only @system may"),
    ("--! x many @system\nSELECT id FROM users;", "some result|have some"),
    ("--! x exec @system @quick\nDELETE FROM users;", "unknown flags"),
    ("--! x one @system\n--> y.*\nSELECT 1;", "unknown|y"),
])
def test_a_query_that_breaks_a_rule_is_refused(tables, tmp_path, query, fault):
    path = tmp_path / "x.sql"
    path.write_text(query + "\n", encoding="utf-8")
    by_name = {table.name: table for table in tables}
    with pytest.raises((SystemExit, KeyError), match=fault):
        for parsed in gen_sql.parse_file(by_name, str(path)):
            gen_sql.check(by_name, parsed)


def test_schema__the_baseline_is_frozen():
    """Databases were made with it: a changed baseline would be refused as changed history."""
    baseline = (MIGRATIONS / "000000000001_baseline.sql").read_bytes()
    assert hashlib.sha256(baseline).hexdigest() == "bed25a9b32521a1287eb1bd7085cc3a1449a8a2226a90d00473d533c12db23f0"
