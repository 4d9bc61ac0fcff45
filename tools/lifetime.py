"""How rows end and leave: export, erasure and expiry of each table, from its flags in the declaration.

A table that names a person without an erase rule does not get this far (tools/schema.py).
"""
from tenancy import unrestricted

# Retention classes that end by time, and the column each table's time counts from.
BY_TIME = ("raw", "telemetry", "metrics", "audit", "billing", "ops", "cache")
TIMES = ("created_at", "recorded_at", "truth_timestamp", "start_time", "assigned_at", "requested_at", "received_at")
# When a short-lived row is over: after this moment the class's days count. NULL = not over yet.
OVER = {
    "sessions": "COALESCE(revoked_at, refresh_expires_at)", "one_time_tokens": "COALESCE(used_at, expires_at)",
    "team_invitations": "COALESCE(accepted_at, expires_at)", "notifications": "COALESCE(read_at, created_at)",
    "jobs": "finished_at", "outbox_events": "published_at", "response_cache": "expires_at",
    "rate_limit_buckets": "window_start", "idempotency_keys": "expires_at", "data_requests": "completed_at",
    "quota_usage": "period_start",
}
# Deleting these would break what refers to them; they go with what they belong to.
NEVER = {"coding_session_workspaces"}


def lifetime_queries(table, query_class, value_class):
    maker = Lifetime(table, query_class, value_class)
    return [query for query in (maker.export(), maker.erase(), maker.expire()) if query]


class Lifetime:
    def __init__(self, table, query_class, value_class):
        self.table, self.query_class, self.value_class = table, query_class, value_class

    def query(self, verb, kind, doc, text):
        query = self.query_class(f"{self.table.name}_{verb}", kind, ["@system"], [doc], f"table '{self.table.name}'")
        query.set_all(text, user=False)
        return query

    def export(self):
        table = self.table
        if table.export != "X" or not table.person:
            return None
        key = [table.column(name) for name in table.key]
        names = ", ".join(table.key)
        after = ", ".join(f":after_{name}" for name in table.key)
        left, right = (f"({names})", f"({after})") if len(key) > 1 else (names, after)
        query = self.query("export", "many", "One page of a person's rows.",
                           f"SELECT {{columns {table.name}}} FROM {table.name} WHERE {table.person} = :person_id AND "
                           f"{left} > {right} ORDER BY {names} LIMIT :limit")
        query.params = [self.value_class("person_id", "id")]
        query.params += [self.value_class(f"after_{column.name}", column.type) for column in key]
        query.params.append(self.value_class("limit", "int", default="100"))
        query.row_table = table.name
        query.columns = [self.value_class.of_column(column) for column in table.columns]
        return query

    def erase(self):
        table = self.table
        if table.erase not in "DA" or not table.person:
            return None
        if table.erase == "D":
            text = f"DELETE FROM {table.name} WHERE {table.person} = :person_id"
        else:
            empty = {"json": "'{}'", "text": "''"}
            sets = [f"{table.person} = NULL"]
            for name in table.anonymise:
                column = table.column(name)
                sets.append(f"{name} = " + (empty[column.type] if column.required else "NULL"))
            text = f"UPDATE {table.name} SET {', '.join(sets)} WHERE {table.person} = :person_id"
        query = self.query("erase", "exec", "What erasing a person does to this table.", text)
        query.params = [self.value_class("person_id", "id")]
        return query

    def moment(self):
        table = self.table
        if table.name in OVER:
            return OVER[table.name], "timestamp"
        for name in TIMES:
            if table.has(name):
                return name, "timestamp"
        return ("request_id", "id") if table.has("request_id") else (None, None)

    def expire(self):
        """A batch at a time, so that no transaction is long. `before` is a moment, or the smallest id of one."""
        table = self.table
        if table.keep not in BY_TIME or table.name in NEVER:
            return None
        moment, kind = self.moment()
        if not moment:
            return None
        key = ", ".join(table.key)
        left = f"({key})" if len(table.key) > 1 else key
        held = f" AND {unrestricted(f'{table.name}.{table.person}')}" if table.restrict != "-" else ""
        query = self.query("expire", "exec", "Deletes up to :limit rows that are over.",
                           f"DELETE FROM {table.name} WHERE {left} IN (SELECT {key} FROM {table.name} "
                           f"WHERE {moment} < :before{held} LIMIT :limit)")
        query.params = [self.value_class("before", kind), self.value_class("limit", "int", default="1000")]
        return query
