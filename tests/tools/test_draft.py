"""`migrate create`: a changed declaration becomes a draft that takes both engines there and back, with the rows."""
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import ddl  # noqa: E402
import gen_migrations  # noqa: E402

SKIPPED = 77
SCHEMA = "spec/schema.tables"
LITE, PG = "src/store/schema/sqlite.sql", "src/store/schema/postgres.sql"
HEAD = sorted(path.name for path in (ROOT / "src/store/migrations").glob("*.sql"))[-1][:12]
FIXTURES = (ROOT / "src/store/schema/fixtures.sql").read_text(encoding="utf-8")
BADGES = """
TABLE badges — for the test   [user · X/D · account · - · full · truth]
  id:serial pk
  user_id:id!>users^C
  kind:text!{gold|silver}
  points:int![0..9]=0
  note:text
  UQ (user_id, kind)
  IX (kind) WHERE note IS NOT NULL
  FTS note
"""
# name -> [(file, old text, new text)]; "" as old text appends.
CHANGES = {
    "new_table": [(SCHEMA, "", BADGES.replace("  id:serial pk", "  id:id pk"))],
    "new_table_with_a_serial": [(SCHEMA, "", BADGES.replace("  FTS note\n", ""))],
    "new_column_at_the_end": [(SCHEMA, "  created_at:timestamp!=now\n  updated_at:timestamp!=now\n  CK email",
                               "  created_at:timestamp!=now\n  updated_at:timestamp!=now\n  nickname:text\n  stars:int!=0\n  CK email")],
    "new_column_in_the_middle": [(SCHEMA, "  otp_nonce:bytes\n", "  otp_nonce:bytes\n  pet:text!\n  best_friend:id>users^N\n"),
                                 (SCHEMA, "  IX (is_verified)\n", "  IX (is_verified)\n  IX (best_friend)\n")],
    "dropped_column": [(SCHEMA, "  theme:text!{light|dark|auto}=auto\n", ""), (SCHEMA, "  is_verified:bool!=false\n", ""),
                       (SCHEMA, "  IX (is_verified)\n", "")],
    "dropped_table": [(SCHEMA, re.search(r"TABLE feature_flags.*?\n\n", (ROOT / SCHEMA).read_text(encoding="utf-8"),
                                         re.S).group(0), "")],
    "new_index": [(SCHEMA, "  IX (is_verified)\n", "  IX (is_verified)\n  IX (last_login_at)\n")],
    "changed_check": [(SCHEMA, "CK email = lower(email)", "CK email = lower(email) AND length(email) < 400"),
                      (SCHEMA, "rollout_percent:int![0..100]", "rollout_percent:int![0..1000]")],
    "new_enum_value": [(SCHEMA, "{light|dark|auto}", "{light|dark|auto|contrast}"),
                       (SCHEMA, "mode:text!{chat|agent", "mode:text!{chat|dream|agent")],
    "changed_default_and_null": [(SCHEMA, "  theme:text!{light|dark|auto}=auto\n", "  theme:text{light|dark|auto}\n"),
                                 (SCHEMA, "  username:text u\n", "  username:text!\n")],
    "changed_key": [(SCHEMA, "  UQ (provider, subject)\n", "  UQ (provider, subject, user_id)\n")],
    "changed_reference": [(SCHEMA, "  team_id:id>teams^N\n  config_id", "  team_id:id>teams^C\n  config_id")],
    "changed_full_text": [(SCHEMA, "  FTS title, category, content\n", "  FTS title, content\n")],
    "changed_tenant": [(SCHEMA, "TABLE tags — labels; without owner they are shared   [owner", "TABLE tags — labels   [sys")],
    "trigger_and_function": [
        (LITE, "DELETE FROM entity_tags WHERE entity_type = 'document' AND entity_id = old.id; END;",
         "DELETE FROM entity_tags WHERE entity_type = 'document' AND entity_id = old.id AND 1; END;"),
        (PG, "  RETURN NULL;\n", "  RETURN OLD;\n"), (PG, "FOR EACH ROW EXECUTE FUNCTION drop_labels('memory')",
                                                      "FOR EACH ROW WHEN (OLD.importance > 0) EXECUTE FUNCTION drop_labels('memory')")],
    "aggregates": [
        (LITE, "", "\nCREATE TABLE mv_days (day INTEGER PRIMARY KEY, requests INTEGER NOT NULL) STRICT;\n"),
        (PG, "", "\nCREATE MATERIALIZED VIEW mv_days AS SELECT created_at::date AS day, count(*) AS requests\n"
                 "FROM completion_requests GROUP BY 1;\nCREATE UNIQUE INDEX mv_days_day ON mv_days (day);\n"
                 "CREATE FUNCTION days_of(since date) RETURNS SETOF mv_days LANGUAGE sql STABLE SECURITY DEFINER\n"
                 "SET search_path = public, pg_temp AS $$ SELECT * FROM mv_days WHERE day >= since; $$;\n"
                 "REVOKE ALL ON mv_days FROM PUBLIC;\nREVOKE EXECUTE ON FUNCTION days_of(date) FROM PUBLIC;\n"
                 "GRANT EXECUTE ON FUNCTION days_of(date) TO codementor_app;\n"
                 "ALTER MATERIALIZED VIEW mv_days OWNER TO codementor_worker;\n")],
}
AGAIN = [(PG, "SELECT created_at::date AS day, count(*) AS requests\nFROM", "SELECT created_at::date AS day, count(*) + 1 AS requests\nFROM"),
         (SCHEMA, "  note:text\n", "  note:text\n  more:text\n")]


@functools.cache
def drafted(name):
    """(sections, declared DDL of both engines, chain of both) of a change."""
    with tempfile.TemporaryDirectory() as place:
        folder = checkout(pathlib.Path(place) / "co", {**CHANGES, **CASES}[name])
        draft = tool(folder, "draft_migration.py", "src/store/migrations")
        assert "by itself" not in draft
        return (sections(draft), {engine: tool(folder, "gen_schema.py", "ddl", engine) for engine in ("sqlite", "pg")})


@functools.cache
def chain(engine):
    paths = sorted((ROOT / "src/store/migrations").glob("*.sql"))
    rows = gen_migrations.order([gen_migrations.read(path.parent, path.name) for path in paths])
    return "\n".join(row["sql"].get(("up", engine), "") for row in rows)


# All at once, but for what another change already takes away; on PostgreSQL one database holds them by default.
TOGETHER = [change for name, changes in CHANGES.items() if name not in (
    "dropped_column", "dropped_table", "new_table_with_a_serial") for change in changes
    if change != CHANGES["changed_default_and_null"][0]]
CASES = {"together": TOGETHER, "dropped": CHANGES["dropped_column"] + CHANGES["dropped_table"] +
         CHANGES["new_table_with_a_serial"]}
if os.environ.get("CODEMENTOR_TEST_ROUNDS", "1") != "1":
    CASES |= CHANGES


def checkout(folder, changes):
    """What a draft is made from, changed."""
    for part in ("tools", "spec", "src/store/schema", "src/store/migrations"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return change(folder, changes)


def change(folder, changes):
    for name, old, new in changes:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    return folder


def tool(folder, name, *arguments):
    done = subprocess.run([sys.executable, "-B", folder / "tools" / name, *arguments], cwd=folder, capture_output=True,
                          text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sections(text):
    """{("up", "sqlite"): SQL} of a draft."""
    found, direction, engine = {}, None, None
    for line in text.splitlines():
        if line in ("-- @up", "-- @down"):
            direction = line[4:]
        elif line in ("-- @sqlite", "-- @pg"):
            engine = line[4:]
        elif direction and engine:
            found[direction, engine] = found.get((direction, engine), "") + line + "\n"
    return found


def let_loose(text):
    return re.sub(r"(?m)^--! ?", "", text)


def picture(database):
    rows = database.execute((ROOT / "src/store/schema/picture_sqlite.sql").read_text(encoding="utf-8"))
    return {(kind, name): ddl.plain(sql) for kind, name, sql in rows}


def rows(database):
    """Everything that is stored, by table and column."""
    tables = [name for name, in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name NOT LIKE '%_fts_%'")]
    out = {}
    for table in tables:
        cursor = database.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
        names = [column[0] for column in cursor.description]
        out[table] = [dict(zip(names, row, strict=True)) for row in cursor]
    return out


def test_draft__without_a_difference_is_an_empty_skeleton_that_says_so(tmp_path):
    text = tool(checkout(tmp_path / "co", []), "draft_migration.py", "src/store/migrations")
    assert text.startswith("-- nothing differs")
    assert "".join(sections(text).values()).strip() == ""


@pytest.mark.parametrize("name", CHANGES)
def test_draft__takes_sqlite_there_and_back_with_its_rows(name):
    parts, declared = drafted(name)
    target = ddl.scratch([declared["sqlite"]])
    database = ddl.scratch([chain("sqlite"), FIXTURES])
    before, held = picture(database), rows(database)
    database.executescript(let_loose(parts["up", "sqlite"]))
    assert picture(database) == picture(target)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    there = rows(database)
    for table, old in held.items():
        for was, now in zip(old, there.get(table, []), strict=table in there):
            assert {key: value for key, value in was.items() if key in now and value is not None} == \
                {key: now[key] for key in was if key in now and was[key] is not None}
    database.executescript(parts["down", "sqlite"])
    assert picture(database) == before
    gone = name.startswith("dropped")
    assert {table: len(old) for table, old in rows(database).items()} == {table: len(old) for table, old in held.items()}
    assert gone or name.startswith("changed_default") or rows(database) == held
    database.execute("INSERT INTO knowledge_bases (id, team_id) VALUES ('00000000-0000-7000-8000-000000000071', "
                     "'00000000-0000-7000-8000-000000000001')")
    database.execute("INSERT INTO knowledge_entries (id, knowledge_base_id, title, content) VALUES "
                     "('00000000-0000-7000-8000-000000000072', '00000000-0000-7000-8000-000000000071', 'needle', 'x')")
    assert database.execute("SELECT count(*) FROM knowledge_entries_fts WHERE knowledge_entries_fts MATCH 'needle'"
                            ).fetchone() == (1,)


def test_draft__what_destroys_data_waits_for_a_person(tmp_path):
    folder = checkout(tmp_path / "co", CHANGES["dropped_column"] + CHANGES["dropped_table"])
    parts = sections(tool(folder, "draft_migration.py", "src/store/migrations"))
    for engine in ("sqlite", "pg"):
        live = "\n".join(line for line in parts["up", engine].splitlines() if not line.startswith("--"))
        assert "DROP TABLE" not in live and "DROP COLUMN" not in live
        assert "-- warning: this destroys data" in parts["up", engine]
        assert "--! DROP TABLE feature_flags;" in parts["up", engine]


def test_draft__follows_a_draft_that_was_kept(tmp_path):
    """The text replay of PostgreSQL's half understands what it wrote itself."""
    folder = checkout(tmp_path / "co", TOGETHER)
    draft = tool(folder, "draft_migration.py", "src/store/migrations")
    head = f"-- revision: aaaaaaaaaaaa\n-- revises: {HEAD}\n-- message: kept\n-- date: 2026-01-01\n\n"
    (folder / "src/store/migrations/aaaaaaaaaaaa_kept.sql").write_text(head + let_loose(draft), encoding="utf-8")
    again = tool(folder, "draft_migration.py", "src/store/migrations")
    assert again.startswith("-- nothing differs"), again
    change(folder, AGAIN)
    parts = sections(tool(folder, "draft_migration.py", "src/store/migrations"))
    assert parts["up", "pg"].index("DROP FUNCTION days_of") < parts["up", "pg"].index("DROP MATERIALIZED VIEW mv_days")
    for again in ("CREATE UNIQUE INDEX mv_days_day", "REVOKE EXECUTE ON FUNCTION days_of", "GRANT EXECUTE ON FUNCTION days_of",
                  "ALTER MATERIALIZED VIEW mv_days OWNER"):
        assert again in parts["up", "pg"]
    assert "ALTER TABLE badges ADD COLUMN more TEXT;" in parts["up", "pg"]


def test_draft__start_values_are_asked_about_once(tmp_path):
    folder = checkout(tmp_path / "co", [(path, "(4, 'idle');", "(4, 'idle'), (5, 'voice');") for path in (LITE, PG)])
    draft = tool(folder, "draft_migration.py", "src/store/migrations")
    assert draft.count("[declared ") == 2 and draft.count("(5, 'voice')") == 2
    assert "voice" not in "".join(line for line in draft.splitlines() if not line.startswith("--"))
    head = f"-- revision: aaaaaaaaaaaa\n-- revises: {HEAD}\n-- message: kept\n-- date: 2026-01-01\n\n"
    kept = re.sub(r"(?m)^-- (INSERT INTO trigger_types).*$", r"\1 (id, name) VALUES (5, 'voice');", draft)
    (folder / "src/store/migrations/aaaaaaaaaaaa_kept.sql").write_text(head + kept, encoding="utf-8")
    assert tool(folder, "draft_migration.py", "src/store/migrations").startswith("-- nothing differs")


STEPS = """set -e
at() { psql "$CODEMENTOR_TEST_POSTGRES&dbname=$1" -v ON_ERROR_STOP=1 -1 -q -o "$2" -A -t -f "$3"; }
make() { psql "$CODEMENTOR_TEST_POSTGRES" -q -c "CREATE DATABASE $1 TEMPLATE ${2:-template0}"; }
make chain; at chain /dev/null chain.sql; at chain /dev/null fixtures.sql
at chain chain.picture picture.sql
for case in case_*; do
  make "$case" chain; make "target_$case"
  at "target_$case" /dev/null "$case/target.sql"; at "target_$case" "$case/target.picture" picture.sql
  at "$case" /dev/null "$case/up.sql"; at "$case" "$case/up.picture" picture.sql
  at "$case" /dev/null "$case/down.sql"; at "$case" "$case/down.picture" picture.sql; at "$case" "$case/rows" rows.sql
  psql "$CODEMENTOR_TEST_POSTGRES" -q -c "DROP DATABASE $case" -c "DROP DATABASE target_$case"
done
"""
COUNTS = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages), (SELECT count(*) FROM documents);\n"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["16", "18"])
def test_draft__takes_postgres_there_and_back_with_its_rows(tmp_path, version):
    for name in CASES:
        parts, declared = drafted(name)
        case = tmp_path / f"case_{name}"
        case.mkdir()
        (case / "up.sql").write_text(let_loose(parts["up", "pg"]), encoding="utf-8")
        (case / "down.sql").write_text(parts["down", "pg"], encoding="utf-8")
        (case / "target.sql").write_text(declared["pg"], encoding="utf-8")
    (tmp_path / "chain.sql").write_text(chain("pg"), encoding="utf-8")
    (tmp_path / "fixtures.sql").write_text(FIXTURES, encoding="utf-8")
    (tmp_path / "rows.sql").write_text(COUNTS, encoding="utf-8")
    shutil.copy(ROOT / "src/store/schema/picture_postgres.sql", tmp_path / "picture.sql")
    done = subprocess.run([sys.executable, ROOT / "tests/tools/with_postgres.py", version, "bash", "-c", STEPS],
                          cwd=tmp_path, capture_output=True, text=True, check=False, timeout=800)
    if done.returncode == SKIPPED:
        pytest.skip("no PostgreSQL here")
    assert done.returncode == 0, done.stderr
    before = (tmp_path / "chain.picture").read_text(encoding="utf-8")
    assert before.count("\n") > 1000
    for name in CASES:
        read = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / f"case_{name}").iterdir()}
        assert read["up.picture"] == read["target.picture"], name
        assert read["down.picture"] == before, name
        assert read["rows"] == "2|1|1\n", name
