"""The queries every table has, from its declaration alone.

insert, put (upsert), get, update, delete, list (keyset), count; import writes rows as another database listed them.
"""
from tenancy import columns_sql, predicate, unrestricted

UNCHANGED = {"created_at"}


def crud_queries(table, query_class, value_class):
    """[Query]: names are <table>_<verb>. SQL is per engine and scope where those differ."""
    maker = Crud(table, query_class, value_class)
    return [query for query in (maker.insert(), maker.put(), maker.get(), maker.update(), maker.delete(),
                                maker.list(), maker.count(), maker.import_rows()) if query]


class Crud:
    def __init__(self, table, query_class, value_class):
        self.table, self.query_class, self.value_class = table, query_class, value_class
        self.key = [table.column(name) for name in table.key]
        self.user_reads = table.tenant != "sys"
        self.user_writes = table.tenant not in ("sys", "global")
        self.user_inserts = self.user_writes and table.tenant != "self" and table.name != "teams"

    def query(self, verb, kind, flags, doc):
        return self.query_class(f"{self.table.name}_{verb}", kind, flags, [doc], f"table '{self.table.name}'")

    def set_sql(self, query, make, user):
        for engine in range(2):
            query.sql[engine] = [make(engine == 1, True) if user else None, make(engine == 1, False)]

    def inserted(self, alias_user):
        """INSERT ... with the person bound by the door, and the tenant predicate over the parameters."""
        table = self.table
        columns = [column for column in table.columns if column.type != "serial"]
        names = ", ".join(column.name for column in columns)
        own = {"user": "user_id", "owner": "owner_id"}.get(table.tenant)
        if table.name == "workspaces":
            own = "owner_id"
        values = ", ".join(":me" if alias_user and column.name == own else f":{column.name}" for column in columns)
        if alias_user and not own:
            return f"INSERT INTO {table.name} ({names}) SELECT {values} WHERE {predicate(table, ':', True)}"
        guard = "TRUE"
        if table.restrict == "S":
            guard = unrestricted(":me" if alias_user else f":{table.person}")
        return f"INSERT INTO {table.name} ({names}) SELECT {values} WHERE {guard}"

    def insert_params(self, query):
        query.params = [self.value_class.of_column(column, default=True) for column in self.table.columns
                        if column.type != "serial"]

    def insert(self):
        if self.table.serial:
            query = self.query("insert", "one", ["@system"] if not self.user_inserts else [], "The row's new key.")
            query.columns = [self.value_class(self.table.key[0], "int")]
            tail = f" RETURNING {self.table.key[0]}"
        else:
            query = self.query("insert", "exec", ["@must", "@batch"], "CM_EXISTS when the key is taken.")
            tail = ""
        self.skip_quietly(query)
        self.insert_params(query)
        self.set_sql(query, lambda pg, user: self.inserted(user) + tail, self.user_inserts)
        return query

    def skip_quietly(self, query):
        """Whoever records what a person does needs no second way for those who object."""
        if self.table.restrict == "S":
            query.flags = query.flags - {"@must"} | {"@skips"}
            query.doc.append("While the person's processing is restricted nothing is written, and that is no error.")

    def put(self):
        table = self.table
        changing = self.changing()
        if table.serial or table.name == "audit_logs" or (table.partition and table.partition not in table.key):
            return None
        query = self.query("put", "exec", ["@must", "@batch"], "Inserts, or replaces the row with the same key.")
        self.skip_quietly(query)
        self.insert_params(query)
        action = "DO NOTHING"
        if changing:
            action = "DO UPDATE SET " + ", ".join(f"{column.name} = excluded.{column.name}" for column in changing)
        else:
            query.flags.discard("@must")

        def make(pg, user):
            guard = f" WHERE {predicate(table, table.name, True)}" if user and changing else ""
            target = f" ({', '.join(table.key)})" if changing else ""
            return f"{self.inserted(user)} ON CONFLICT{target} {action}{guard}"

        self.set_sql(query, make, self.user_inserts)
        return query

    def changing(self):
        fixed = UNCHANGED | set(self.table.key) | {self.table.partition}
        if self.table.tenant in ("user", "owner"):
            fixed.add(self.table.person)
        return [column for column in self.table.columns if column.name not in fixed]

    def where_key(self):
        return " AND ".join(f"{column.name} = :{column.name}" for column in self.key)

    def get(self):
        table = self.table
        query = self.query("get", "one", [], "CM_NOT_FOUND when it is not there, or not this user's.")
        query.params = [self.value_class(column.name, column.type) for column in self.key]
        query.row_table = table.name
        query.columns = [self.value_class.of_column(column) for column in table.columns]
        self.set_sql(query, lambda pg, user: f"SELECT {columns_sql(table, '', pg)} FROM {table.name} WHERE "
                     f"{{read {table.name}}} AND {self.where_key()}", self.user_reads)
        return query

    def update(self):
        table, changing = self.table, self.changing()
        if not changing or table.name == "audit_logs":
            return None
        query = self.query("update", "exec", ["@must"], "Writes a whole row as read; the key and created_at stay.")
        query.row_table, query.params_are_row = table.name, True
        query.params = [self.value_class.of_column(column) for column in table.columns
                        if column in changing or column in self.key]
        sets = ", ".join(f"{column.name} = :now" if column.name == "updated_at" else f"{column.name} = :{column.name}"
                         for column in changing)
        query.params = [value for value in query.params if value.name != "updated_at"]
        self.set_sql(query, lambda pg, user: f"UPDATE {table.name} SET {sets} WHERE {{write {table.name}}} AND "
                     f"{self.where_key()}", self.user_writes)
        return query

    def delete(self):
        table = self.table
        if table.name == "audit_logs":
            return None
        query = self.query("delete", "exec", ["@must"], "With all that hangs on it.")
        query.params = [self.value_class(column.name, column.type) for column in self.key]
        self.set_sql(query, lambda pg, user: f"DELETE FROM {table.name} WHERE {{write {table.name}}} AND "
                     f"{self.where_key()}", self.user_writes)
        return query

    def list(self):
        table = self.table
        query = self.query("list", "many", [], "One page in order of the key, after the one given (zero = from the start).")
        query.params = [self.value_class(f"after_{column.name}", column.type) for column in self.key]
        query.params.append(self.value_class("limit", "int", default="100"))
        query.row_table = table.name
        query.columns = [self.value_class.of_column(column) for column in table.columns]
        names = ", ".join(table.key)
        after = ", ".join(f":after_{name}" for name in table.key)
        left, right = (f"({names})", f"({after})") if len(self.key) > 1 else (names, after)
        self.set_sql(query, lambda pg, user: f"SELECT {columns_sql(table, '', pg)} FROM {table.name} WHERE "
                     f"{{read {table.name}}} AND {left} > {right} ORDER BY {names} LIMIT :limit", self.user_reads)
        return query

    def import_rows(self):
        """All columns as they are, serial keys too. On PostgreSQL the key of a time-partitioned table is wider than
        the declared one, hence no target there: a row that is there already is the same row."""
        table = self.table
        query = self.query("import", "exec", ["@system", "@batch"], "A row as another database listed it.")
        query.row_table, query.params_are_row = table.name, True
        query.params = [self.value_class.of_column(column) for column in table.columns]
        names = [column.name for column in table.columns]
        text = (f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(f':{name}' for name in names)} "
                "WHERE TRUE ON CONFLICT ")
        rest = [name for name in names if name not in table.key]
        wider = table.partition and table.partition not in table.key
        if rest and not wider and table.name != "audit_logs":
            text += (f"({', '.join(table.key)}) DO UPDATE SET " +
                     ", ".join(f"{name} = excluded.{name}" for name in rest))
        else:
            text += "DO NOTHING"
        self.set_sql(query, lambda pg, user: text, False)
        return query

    def count(self):
        query = self.query("count", "one", [], "How many of them.")
        query.columns = [self.value_class("count", "int")]
        self.set_sql(query, lambda pg, user: f"SELECT count(*) FROM {self.table.name} WHERE "
                     f"{{read {self.table.name}}}", self.user_reads)
        return query
