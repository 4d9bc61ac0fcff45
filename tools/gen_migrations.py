#!/usr/bin/env python3
"""Compiles src/store/migrations/*.sql into the program: gen_migrations.py FOLDER SCHEMA_FOLDER OUT_C

A file is `<revision>_<slug>.sql` (12 hex digits) with a header (revision, revises, message, date) and the sections
`-- @up` and `-- @down`, each with `-- @sqlite` and `-- @pg` where they differ. The checksum is SHA-256 of the file. Beside them go
the queries that read a schema (picture_*.sql) and the rows of TEST_MODE (fixtures.sql).
"""
import hashlib
import os
import re
import sys

from gencommon import c_text


def fail(name, text):
    sys.exit(f"src/store/migrations/{name}: {text}")


def c_lines(text):
    rows = []
    for line in text.splitlines():
        if line.strip():
            rows.append('    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"')
    return "\n".join(rows) or '    ""'


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        text = file.read()
    head = dict(re.findall(r"^-- (revision|revises|message|date): ?(.*)$", text, re.M))
    if set(head) != {"revision", "revises", "message", "date"}:
        fail(name, "the header needs revision, revises, message and date")
    if not re.fullmatch(r"[0-9a-f]{12}", head["revision"]) or not name.startswith(head["revision"] + "_"):
        fail(name, "the revision is 12 hex digits and starts the file's name")
    sql, direction, engines = {}, None, ()
    for line in text.splitlines():
        if line in ("-- @up", "-- @down"):
            direction, engines = line[4:], ("sqlite", "pg")
        elif line in ("-- @sqlite", "-- @pg"):
            engines = (line[4:],)
        elif direction:
            for engine in engines:
                sql.setdefault((direction, engine), []).append(line)
    head["sql"] = {key: "\n".join(lines) for key, lines in sql.items()}
    head["transaction"] = "-- @no-transaction" not in text
    head["file"] = name
    head["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    return head


def order(rows):
    """Parents before children; several heads are allowed until someone tries to migrate."""
    done, out = set(), []
    while len(out) < len(rows):
        ready = [row for row in rows if row["revision"] not in done and set(row["revises"].split()) <= done]
        if not ready:
            sys.exit("src/store/migrations: a revision revises one that is missing, or they form a circle")
        out += ready
        done |= {row["revision"] for row in ready}
    return out


def write_texts(file, folder):
    names = ["picture_sqlite", "picture_postgres", "fixtures"]
    for name in names:
        with open(os.path.join(folder, name + ".sql"), encoding="utf-8") as source:
            lines = [line for line in source.read().splitlines() if not line.startswith("--")]
        file.write(f"static const char {name}[] =\n{c_lines(chr(10).join(lines))};\n")
    file.write("const char *const cm_schema_picture[CM_STORE_ENGINES] = {picture_sqlite, picture_postgres};\n"
               "const char *const cm_schema_fixtures = fixtures;\n")


def main(folder, schema_folder, out):
    rows = order([read(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".sql")])
    with open(out, "w", encoding="utf-8") as file:
        file.write('/* Generated from src/store/migrations and src/store/schema. */\n#include "store/schema/migrate_priv.h"\n\n')
        for row in rows:
            for (direction, engine), text in row["sql"].items():
                file.write(f"static const char {direction}_{engine}_{row['revision']}[] =\n{c_lines(text)};\n")
        file.write("\nstatic const cm_migration rows[] = {\n")
        for row in rows:
            texts = ["{" + ", ".join(f"{direction}_{engine}_{row['revision']}" if (direction, engine) in row["sql"]
                                     else "NULL" for engine in ("sqlite", "pg")) + "}"
                     for direction in ("up", "down")]
            file.write(f"    {{{c_text(row['revision'])}, {c_text(row['revises'])}, {c_text(row['message'])}, "
                       f"{c_text(row['date'])},\n"
                       f"     {c_text(row['checksum'])}, {', '.join(texts)}, {str(row['transaction']).lower()}, "
                       f"{c_text(row['file'])}}},\n")
        file.write(f"}};\nconst cm_migrations cm_migrations_embedded = {{rows, {len(rows)}}};\n\n")
        write_texts(file, schema_folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
