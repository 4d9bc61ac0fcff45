#!/usr/bin/env python3
"""Turns spec/compat.views into the compatibility views of both dialects: gen_compat.py SCHEMA VIEWS OUT_C

Every table and column that a view names must be declared in spec/schema.tables, so that a change there which would break
a view breaks the build instead.
"""
import hashlib
import re
import sys

import schema
from gencommon import c_text, stop, write

PLACE = "spec/compat.views"
SECRETS = re.compile(r"password|token_hash|api_key_(ciphertext|nonce)|otp_|key_hash|refresh_hash")


class View:
    def __init__(self, line):
        match = re.match(r"VIEW (\w+) — (.*?)\s+\[(.*)\]$", line)
        if not match:
            stop(PLACE, f"bad view line '{line}'")
        self.name, self.purpose, self.source = match.groups()
        self.columns = []


def read(path):
    views = []
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("VIEW "):
                views.append(View(line))
            elif line and not line.startswith("#"):
                name, _, expression = line.partition(" = ")
                if not re.fullmatch(r"\w+", name) or not expression:
                    stop(PLACE, f"bad column line '{line}'")
                views[-1].columns.append((name, expression))
    return views


def sources(text):
    """(table, alias) of every FROM and JOIN."""
    return re.findall(r"(?:FROM|JOIN) (\w+) (\w+)", text)


def check(tables, view):
    """{alias: table} of a view that names only what exists."""
    place = f"{PLACE}: {view.name}"
    if view.name in tables:
        stop(place, "a table has this name; there it needs no view")
    texts = [f"FROM {view.source}"] + [text for _, text in view.columns]
    known = {}
    for name, alias in sources(" ".join(texts)):
        if name not in tables:
            stop(place, f"there is no table '{name}'")
        known[alias] = tables[name]
    for text in texts:
        for alias, column in re.findall(r"\b([a-z]\w*)\.(\w+)", text):
            if alias not in known or not known[alias].has(column):
                stop(place, f"there is no column '{alias}.{column}'")
            if SECRETS.search(column):
                stop(place, f"'{alias}.{column}' is a secret: NULL stands in its place")
    return known


def value(known, text, pg):
    """A value inside JSON: SQLite must be told what is JSON already."""
    match = re.fullmatch(r"(\w+)\.(\w+)", text)
    if pg or not match:
        return text
    kind = known[match.group(1)].column(match.group(2)).type
    if kind == "json" or kind.endswith("[]"):
        return f"json({text})"
    return f"json(CASE WHEN {text} THEN 'true' ELSE 'false' END)" if kind == "bool" else text


def expand(known, text, pg):
    """json{..} and list{..} in one dialect."""
    match = re.search(r"json\{([^{}]*)\}", text)
    if match:
        pairs = [pair.strip().split(": ") for pair in match.group(1).split(", ")]
        inside = ", ".join(f"'{key}', {value(known, inner, pg)}" for key, inner in pairs)
        return expand(known, text.replace(match.group(0), ("jsonb_build_object" if pg else "json_object") + f"({inside})"), pg)
    match = re.search(r"list\{(.*?) FROM (.*?)\}", text)
    if match:
        call = f"coalesce(jsonb_agg({match.group(1)}), '[]')" if pg else f"json_group_array({match.group(1)})"
        return text.replace(match.group(0), f"(SELECT {call} FROM {match.group(2)})")
    return text


def select(known, view, pg):
    columns = ", ".join(f'{expand(known, text, pg)} AS "{name}"' if text != "NULL" or not pg else f'NULL::text AS "{name}"'
                        for name, text in view.columns)
    return f"SELECT {columns} FROM {view.source}"


def main(schema_path, path, out):
    tables = {table.name: table for table in schema.load(schema_path)}
    rows, digest = [], hashlib.sha256()
    for view in read(path):
        known = check(tables, view)
        texts = [select(known, view, pg) for pg in (False, True)]
        digest.update("\n".join([view.name] + texts).encode())
        rows.append(f"    {{{c_text(view.name)},\n     {{{c_text(texts[0])},\n      {c_text(texts[1])}}}}},\n")
    write(out, '/* Generated from spec/compat.views. */\n#include "store/schema/compat_priv.h"\n\n'
               f"static const cm_compat_view rows[] = {{\n{''.join(rows)}}};\n"
               f"const cm_compat_views cm_compat_all = {{rows, {len(rows)}, {c_text(digest.hexdigest()[:16])}}};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
