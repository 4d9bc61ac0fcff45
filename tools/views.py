"""The declared figures (spec/schema.views): their SELECT, DDL and queries for each engine, from one text.

PostgreSQL: a materialised view owned by the worker (row-level security does not reach one, so nobody else is granted it), its
unique key, and a function that shows a person the rows they may see. SQLite: a table, emptied and filled in one transaction.
"""
import re
import sys

import schema
import tenancy

MACRO = re.compile(r"\{(\w+) ((?:[^{}]|\{[^{}]*\})*)\}")
ADMIN = "EXISTS (SELECT 1 FROM users au WHERE au.id = :me AND au.role = 'admin' AND au.is_active)"
MS = {"day": 86400000, "hour": 3600000}


class View:
    def __init__(self, line):
        match = re.match(r"VIEW (\w+) — (.*?)\s+\[(admin|user|team) · (day|hour|-)\]$", line)
        if not match:
            sys.exit(f"spec/schema.views: bad line '{line}'")
        self.name, self.purpose, self.who, self.time = match.groups()
        self.columns, self.key, self.body = [], [], []

    def select(self, pg):
        def macro(found):
            word, text = found.groups()
            text = MACRO.sub(macro, text)
            if word in MS:
                return (f"date_trunc('{word}', {text} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'" if pg
                        else f"{text} - {text} % {MS[word]}")
            if word == "percentile":
                percent, value = text.split()
                return f"MIN(CASE WHEN place >= (timed * {percent} + 99) / 100 THEN {value} END)"
            if word == "items":
                return f"cardinality({text})" if pg else f"json_array_length({text})"
            if word in ("int", "real"):
                kind = {"int": "BIGINT", "real": "DOUBLE PRECISION"}[word] if pg else {"int": "INTEGER"}.get(word, "REAL")
                return f"CAST({text} AS {kind})"
            return sys.exit(f"spec/schema.views: '{self.name}' uses unknown {{{word}}}")
        return MACRO.sub(macro, " ".join(self.body))

    def visible(self):
        """Which rows `:me` may see, of alias v."""
        own = {"admin": "", "user": "v.user_id = :me OR ", "team": f"v.team_id IN ({tenancy.TEAMS}) OR "}[self.who]
        return f"({own}{ADMIN})"

    def postgres(self):
        name = self.name
        visible = self.visible().replace(":me", "app_uid()")
        return [f"CREATE MATERIALIZED VIEW {name} AS {self.select(True)} WITH NO DATA;",
                f"CREATE UNIQUE INDEX idx_{name}_key ON {name} ({', '.join(self.key)});",
                f"ALTER MATERIALIZED VIEW {name} OWNER TO codementor_worker;",
                f"CREATE FUNCTION {name}_rows() RETURNS SETOF {name} LANGUAGE sql STABLE SECURITY DEFINER "
                f"SET search_path = public, pg_temp AS $$ SELECT v.* FROM {name} v WHERE {visible} $$;",
                f"ALTER FUNCTION {name}_rows() OWNER TO codementor_worker;",
                f"REVOKE ALL ON FUNCTION {name}_rows() FROM public;",
                f"GRANT EXECUTE ON FUNCTION {name}_rows() TO codementor_app, codementor_ro;",
                f"REFRESH MATERIALIZED VIEW {name};"]


def ddl(views, pg, table_sql):
    if not pg:
        return [table_sql(view) for view in views]
    return (["GRANT CREATE ON SCHEMA public TO codementor_worker;"] +
            [line for view in views for line in view.postgres()] +
            ["REVOKE CREATE ON SCHEMA public FROM codementor_worker;"])


def queries(view, query_class, value_class):
    """refresh (on SQLite: empty), fill (SQLite only), read."""
    def query(verb, kind, flags, doc):
        return query_class(f"{view.name}_{verb}", kind, flags, [doc], f"view '{view.name}'")

    refresh = query("refresh", "exec", ["@system", "@writes"], "PostgreSQL: computed anew. SQLite: emptied; `_fill` follows.")
    refresh.sql = [[None, f"DELETE FROM {view.name}"], [None, f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view.name}"]]
    fill = query("fill", "exec", ["@system", "@writes"], "SQLite only.")
    fill.sql = [[None, f"INSERT INTO {view.name} {view.select(False)}"], [None, None]]
    read = query("read", "many", [], f"{view.purpose}; what {view.who} may see.")
    read.columns = [value_class.of_column(column) for column in view.columns]
    names = ", ".join(f"v.{column.name}" for column in view.columns)
    between = f"v.{view.time} >= :since AND v.{view.time} < :until" if view.time != "-" else "TRUE"
    tail = f"{between} ORDER BY {', '.join(f'v.{name}' for name in view.key)} LIMIT :limit"
    if view.time != "-":
        read.params = [value_class("since", "timestamp"), value_class("until", "timestamp")]
    read.params.append(value_class("limit", "int", default="1000"))
    everything = f"SELECT {names} FROM {view.name} v WHERE {tail}"
    read.sql = [[f"SELECT {names} FROM {view.name} v WHERE {view.visible()} AND {tail}", everything],
                [f"SELECT {names} FROM {view.name}_rows() v WHERE {tail}", everything]]
    return [refresh, fill, read]


def load(path):
    views, in_body = [], False
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("VIEW "):
                views.append(View(line))
            elif not line:
                in_body = False
            elif in_body:
                views[-1].body.append(line)
            elif line == "AS":
                in_body = True
            elif line.startswith("PK "):
                views[-1].key = schema.names(line[3:])
            elif not line.startswith("#"):
                views[-1].columns.append(schema.Column(line))
    return views
