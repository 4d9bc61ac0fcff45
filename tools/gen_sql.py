#!/usr/bin/env python3
"""Turns the declared schema and src/store/sql/*.sql into typed C functions: gen_sql.py OUT_DIR

Writes OUT_DIR/q/<table>.h (structs and inline fronts) and OUT_DIR/queries_gen.c (SQL and slots). A named query:

    -- Why it exists, copied into the header.
    --! name one|many|exec [@system] [@full] [@must] [@batch]
    --: parameter table.column          its type and default; or a logical type, "?" = nullable
    --> table.*                         result: that table's row, or "name type, name type ..."
    SELECT {columns table t} FROM table t WHERE {read table t} AND t.id = :parameter;

`:me` and `:now` are bound by the door. {read table alias} and {write table alias} become the tenant predicate, or TRUE
when the system asks. Bodies that must differ follow `-- @sqlite` and `-- @pg`. @must: no row changed is CM_NOT_FOUND.
@skips: no row changed is as good (made queries only).
@batch: also a function for an array of parameters. @writes: changes something that is no declared table. The figures of
spec/schema.views bring their own queries (tools/views.py).
"""
import os
import re
import sys

import schema
from crud import crud_queries
from gencommon import c_bool, c_text, c_text_or_null, stop, write
from lifetime import lifetime_queries
from tenancy import columns_sql, predicate
import views

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLOCK = re.compile(r"\b(now\(\)|current_timestamp|current_date|julianday|strftime|unixepoch|datetime\(|random\(|"
                   r"gen_random_uuid|randomblob)", re.I)
ENGINES, SCOPES = ("sqlite", "pg"), ("user", "system")
PG, SYSTEM = ENGINES.index("pg"), SCOPES.index("system")
SQL_TYPES = {"id": "ID", "serial": "INT", "text": "TEXT", "int": "INT", "real": "REAL", "bool": "BOOL",
             "timestamp": "TIME", "json": "JSON", "text[]": "TEXTS", "int[]": "INTS", "real[]": "REALS",
             "timestamp[]": "TIMES", "vector": "VECTOR", "bytes": "BYTES", "ip": "IP"}
NUMBERS = {"int": ("int64_t", "cm_opt_int"), "serial": ("int64_t", "cm_opt_int"),
           "real": ("double", "cm_opt_real"), "bool": ("bool", "cm_opt_bool")}


class Value:
    """A parameter or a result column."""

    def __init__(self, name, kind, nullable=False, default=None, note=""):
        self.name, self.type, self.nullable, self.default, self.note = name, kind, nullable, default, note

    @classmethod
    def of_column(cls, column, name=None, default=False):
        note = "|".join(column.choices) if column.choices else ""
        return cls(name or column.name, column.type, not column.required,
                   column.default if default else None, note)

    @property
    def zero_is_default(self):
        return self.default in (None, "0", "false", "now")

    def c_type(self, is_param):
        if self.type == "id":
            return "cm_uuid"
        if self.type == "timestamp":
            return "int64_t"
        if self.type in NUMBERS:
            return NUMBERS[self.type][self.is_opt(is_param)]
        return "cm_str"

    def is_opt(self, is_param):
        return self.type in NUMBERS and (self.nullable or (is_param and not self.zero_is_default
                                                            and self.name != "limit"))


class Query:
    def __init__(self, name, kind, flags, doc, where):
        self.name, self.kind, self.flags, self.doc, self.where = name, kind, set(flags), doc, where
        self.params, self.columns, self.row_table = [], [], None
        self.params_are_row = False
        self.sql = [[None, None], [None, None]]  # [engine][scope], macros not yet expanded

    @property
    def c_name(self):
        return f"cm_q_{self.name}"

    @property
    def row_type(self):
        return f"cm_row_{self.row_table}" if self.row_table else f"{self.c_name}_row"

    @property
    def in_type(self):
        return self.row_type if self.params_are_row else f"{self.c_name}_in"

    def set_all(self, text, user=True):
        for engine in range(2):
            self.sql[engine] = [text if user else None, text]


def parse_type(tables, text, name, where):
    found = re.match(r"(\w+)\.(\w+)$", text)
    if found:
        if found.group(1) not in tables:
            stop(where, f"unknown table '{found.group(1)}'")
        return Value.of_column(tables[found.group(1)].column(found.group(2)), name)
    found = re.match(r"([a-z]+(?:\[\])?)(\?)?(?:\s*=\s*(\S+))?$", text)
    if not found or found.group(1) not in SQL_TYPES:
        stop(where, f"'{name}' has unknown type '{text}'")
    return Value(name, found.group(1), bool(found.group(2)), found.group(3))


def parse_file(tables, path):
    queries, doc, query, engines = [], [], None, (0, 1)
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where, line = f"{os.path.relpath(path, ROOT)}:{number}", line.rstrip()
            if line.startswith("--!"):
                words = line[3:].split()
                query, engines = Query(words[0], words[1], words[2:], doc, where), (0, 1)
                queries.append(query)
                doc = []
            elif line.startswith("--:"):
                name, text = line[3:].split(None, 1)
                query.params.append(parse_type(tables, text.strip(), name, where))
            elif line.startswith("-->"):
                read_result(tables, query, line[3:].strip().rstrip(","), where)
            elif line in ("-- @sqlite", "-- @pg"):
                engines = (ENGINES.index(line[4:]),)
            elif line.startswith("--"):
                doc.append(line[2:].strip())
            elif line:
                for engine in engines:
                    query.sql[engine][SYSTEM] = (query.sql[engine][SYSTEM] or "") + line.strip() + " "
    for query in queries:
        for texts in query.sql:
            texts[SYSTEM] = (texts[SYSTEM] or "").strip().rstrip(";")
            texts[0] = None if "@system" in query.flags else texts[SYSTEM]
    return queries


def read_result(tables, query, text, where):
    found = re.match(r"(\w+)\.\*$", text)
    if found:
        query.row_table = found.group(1)
        query.columns = [Value.of_column(column) for column in tables[query.row_table].columns]
        return
    for part in text.split(","):
        name, kind = part.split(None, 1)
        query.columns.append(parse_type(tables, kind.strip(), name, where))


def mentioned(tables, text):
    """Tables a statement reads or writes."""
    found = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)", text, re.I)
    return [tables[name] for name in found if name in tables]


def written(tables, text):
    found = re.findall(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", text, re.I)
    return [tables[name] for name in found if name in tables]


def check(tables, query):
    if query.kind not in ("one", "many", "exec"):
        stop(query.where, f"'{query.name}' is neither one, many nor exec")
    unknown = query.flags - {"@system", "@full", "@must", "@batch", "@post", "@writes", "@skips"}
    if unknown:
        stop(query.where, f"'{query.name}' has unknown flags {sorted(unknown)}")
    if (query.kind == "exec") != (not query.columns):
        stop(query.where, f"'{query.name}': exec has no result columns, one and many have some")
    declared = {param.name for param in query.params}
    for text in filter(None, (text for texts in query.sql for text in texts)):
        if CLOCK.search(text):
            stop(query.where, f"'{query.name}' asks the engine for time or chance; bind it")
        used = set(re.findall(r"(?<![:\w]):([a-z]\w*)", text)) - {"me", "now"}
        if used - declared:
            stop(query.where, f"'{query.name}' uses undeclared :{sorted(used - declared)[0]}")
        for table in mentioned(tables, text):
            if "ON CONFLICT (" in text and table.partition and "DO NOTHING" in text:
                stop(query.where, f"'{query.name}' names a conflict target on a partitioned table")
    for text in filter(None, (texts[0] for texts in query.sql)):
        guarded = ":me" in text or "{read" in text or "{write" in text
        for table in mentioned(tables, text):
            if table.tenant == "sys":
                stop(query.where, f"'{query.name}' touches '{table.name}', which only @system may")
            if table.tenant != "global" and not guarded:
                stop(query.where, f"'{query.name}' touches '{table.name}' without a tenant predicate")
        for table in written(tables, text):
            if table.tenant == "global":
                stop(query.where, f"'{query.name}' writes '{table.name}', which only @system may")
    everything = " ".join(text for texts in query.sql for text in texts if text)
    for name in declared:
        if not re.search(rf"(?<![:\w]):{name}\b", everything):
            stop(query.where, f"'{query.name}' never uses :{name}")


def expand(tables, query, text, engine, scope):
    def macro(found):
        words = found.group(1).split()
        if words[1] not in tables:
            stop(query.where, f"unknown table in {{{found.group(1)}}}")
        table, alias = tables[words[1]], words[2] if len(words) > 2 else ""
        if words[0] == "columns":
            return columns_sql(table, alias, engine == PG)
        if scope == SYSTEM:
            return "TRUE"
        return predicate(table, alias or table.name, words[0] == "write")

    text = re.sub(r"\{((?:read|write|columns) [\w ]+)\}", macro, text)
    order = [param.name for param in query.params] + ["me", "now"]
    return re.sub(r"(?<![:\w]):([a-z]\w*)", lambda m: f"${order.index(m.group(1)) + 1}", text)


class Writer:
    """Collects the C file: equal SQL texts and slot arrays are written once."""

    def __init__(self, tables):
        self.tables, self.texts, self.slots, self.body = tables, {}, {}, []

    def text(self, text):
        return f"sql_{self.texts.setdefault(text, len(self.texts))}" if text else "NULL"

    def slot_array(self, values, struct, is_param):
        rows = []
        for value in values:
            rows.append(f"    {{{c_text(value.name)}, {c_text_or_null(fallback(value) if is_param else None)}, "
                        f"offsetof({struct}, {value.name}), CM_SQL_{SQL_TYPES[value.type]}, CM_SQL_CALLER, "
                        f"{c_bool(value.nullable)}, {c_bool(value.is_opt(is_param))}}},")
        if is_param:
            rows.append('    {"me", NULL, 0, CM_SQL_ID, CM_SQL_ME, true, false},')
            rows.append('    {"now", NULL, 0, CM_SQL_TIME, CM_SQL_NOW, false, false},')
        text = "\n".join(rows)
        return f"slots_{self.slots.setdefault(text, len(self.slots))}"

    def add(self, query):
        sql = [[self.text(expand(self.tables, query, text, e, s)) if text else "NULL"
                for s, text in enumerate(texts)] for e, texts in enumerate(query.sql)]
        everything = " ".join(text for texts in query.sql for text in texts if text)
        writes = written(self.tables, everything)
        full = "@full" in query.flags or any(table.write == "full" for table in writes)
        params = self.slot_array(query.params, query.in_type, True)
        columns = self.slot_array(query.columns, query.row_type, False) if query.columns else "NULL"
        struct_in = query.in_type if query.params else None
        self.body.append(
            f"const cm_query cm_query_{query.name} = {{\n    {c_text(query.name)},\n"
            f"    {{{{{', '.join(sql[0])}}}, {{{', '.join(sql[1])}}}}},\n    {params},\n    {columns},\n"
            f"    {len(query.params) + 2}, {len(query.columns)},\n"
            f"    {f'sizeof({struct_in})' if struct_in else 0}, "
            f"{f'sizeof({query.row_type})' if query.columns else 0},\n"
            f"    INDEX, {c_bool(not writes and '@writes' not in query.flags)}, {c_bool(full)}, "
            f"{c_bool('@must' in query.flags)},\n}};")

    def file(self, headers, queries, figures):
        yield "/* Generated from spec/schema.tables and src/store/sql/. */\n"
        yield "".join(f'#include "store/q/{name}.h"\n' for name in headers) + "\n"
        for text, number in self.texts.items():
            yield f"static const char sql_{number}[] =\n    {c_text(text)};\n"
        for text, number in self.slots.items():
            yield f"static const cm_sql_slot slots_{number}[] = {{\n{text}\n}};\n"
        for index, body in enumerate(self.body):
            yield body.replace("INDEX", str(index)) + "\n"
        rows = "".join(f"    &cm_query_{query.name},\n" for query in queries)
        yield f"\nconst cm_query *const cm_queries[] = {{\n{rows}}};\n"
        yield f"const size_t cm_query_count = {len(queries)};\n"
        rows = "".join(f"    {{{c_text(view.name)}, &cm_query_{view.name}_refresh, &cm_query_{view.name}_fill, "
                       f"&cm_query_{view.name}_read, {c_bool(view.time != '-')}}},\n" for view in figures)
        yield f"\nconst cm_view cm_views[] = {{\n{rows}}};\nconst size_t cm_view_count = {len(figures)};\n"


def fallback(value):
    default = value.default
    if default is not None and value.type.endswith("[]"):
        return default.replace("'", '"')
    return default


def struct(name, values, is_param, comment):
    lines = [f"/* {comment} */", f"typedef struct {name} {{"]
    for value in values:
        notes = [value.note] if value.note else []
        if value.nullable:
            notes.append("may be NULL")
        if is_param and value.default not in (None, ""):
            notes.append(f"default {value.default}")
        tail = f" /* {'; '.join(notes)} */" if notes else ""
        lines.append(f"    {value.c_type(is_param)} {value.name};{tail}".replace("**/*", "everything"))
    return "\n".join(lines + [f"}} {name};"]) + "\n\n"


def front(query):
    """The inline functions of one query."""
    has_in = bool(query.params)
    head = "const cm_db *db" + (f", const {query.in_type} *in" if has_in else "")
    given = f"db, &cm_query_{query.name}, {'in' if has_in else 'NULL'}"
    out = [f"extern const cm_query cm_query_{query.name};\n"]
    doc = "".join(f"/* {line}\n" if i == 0 else f" * {line}\n" for i, line in enumerate(query.doc))
    out.append(doc.rstrip("\n") + " */\n" if doc else "")
    start = f"static inline cm_rc {query.c_name}"
    if query.kind == "one":
        out.append(f"{start}({head}, cm_arena *arena, {query.row_type} *ret_row, cm_err *err) {{\n"
                   f"    return cm_query_one({given}, arena, ret_row, err);\n}}\n")
    elif query.kind == "many":
        out.append(f"{start}({head}, cm_arena *arena, const {query.row_type} **ret_rows, size_t *ret_count, "
                   f"cm_err *err) {{\n    return cm_query_all({given}, arena, ret_rows, ret_count, err);\n}}\n")
    elif query.flags & {"@must", "@skips"}:
        out.append(f"{start}({head}, cm_err *err) {{\n    return cm_query_exec({given}, NULL, err);\n}}\n")
    else:
        out.append(f"{start}({head}, uint64_t *ret_changed, cm_err *err) {{\n"
                   f"    return cm_query_exec({given}, ret_changed, err);\n}}\n")
    if query.kind == "exec" and has_in:
        out.append(f"static inline cm_rc {query.c_name}_post({head}, cm_err *err) {{\n"
                   f"    return cm_query_post({given}, err);\n}}\n")
    if "@batch" in query.flags:
        out.append(f"static inline cm_rc {query.c_name}_batch({head}, size_t count, cm_err *err) {{\n"
                   f"    return cm_query_exec_many({given}, count, err);\n}}\n")
    return "".join(out) + "\n"


def header(name, table, queries):
    guard = f"CM_STORE_Q_{name.upper()}_H"
    yield (f"/* Generated from spec/schema.tables and src/store/sql/{name}.sql. */\n"
           f'#ifndef {guard}\n#define {guard}\n\n#include "store/query.h"\n\n')
    if table:
        yield struct(f"cm_row_{name}", [Value.of_column(column) for column in table.columns], False, table.purpose)
    for query in queries:
        if query.row_table and query.row_table != name:
            yield f'#include "store/q/{query.row_table}.h"\n'
    for query in queries:
        if query.params and not query.params_are_row:
            yield struct(query.in_type, query.params, True, f"Parameters of {query.c_name}.")
        if query.columns and not query.row_table:
            yield struct(query.row_type, query.columns, False, f"Row of {query.c_name}.")
        yield front(query)
    yield "#endif\n"


def main(out):
    tables = {table.name: table for table in schema.load(f"{ROOT}/spec/schema.tables")}
    groups = {name: crud_queries(table, Query, Value) + lifetime_queries(table, Query, Value)
              for name, table in tables.items()}
    figures = views.load(f"{ROOT}/spec/schema.views")
    for view in figures:
        groups[view.name] = views.queries(view, Query, Value)
    folder = f"{ROOT}/src/store/sql"
    for file in sorted(os.listdir(folder)):
        groups.setdefault(file.removesuffix(".sql"), []).extend(parse_file(tables, f"{folder}/{file}"))
    queries = [query for group in groups.values() for query in group]
    seen = set()
    for query in queries:
        if query.name in seen:
            stop(query.where, f"'{query.name}' is declared twice")
        seen.add(query.name)
        check(tables, query)
    writer = Writer(tables)
    for name, group in groups.items():
        write(f"{out}/q/{name}.h", "".join(header(name, tables.get(name), group)))
        for query in group:
            writer.add(query)
    write(f"{out}/queries_gen.c", "".join(writer.file(groups, queries, figures)))


if __name__ == "__main__":
    main(sys.argv[1])
