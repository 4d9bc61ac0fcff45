"""The declared schema (spec/schema.tables) as Python objects: read by gen_schema.py and gen_sql.py."""
import re
import sys

TYPES = {
    "id", "serial", "text", "int", "real", "bool", "timestamp", "json", "text[]", "int[]", "real[]",
    "timestamp[]", "vector", "bytes", "ip",
}
TENANTS = {"self", "user", "owner", "ws", "repo", "team", "kb", "doc", "mixed", "global", "sys"}
ACTIONS = {"C": "CASCADE", "N": "SET NULL", "R": "RESTRICT"}
FLAGS = ("tenant", "gdpr", "keep", "part", "write", "kind")


class Foreign:
    """A reference: columns here, table and columns there, what a delete does."""

    def __init__(self, columns, table, to, action):
        self.columns, self.table, self.to, self.action = columns, table, to, ACTIONS[action]


class Column:
    PATTERN = re.compile(r"(\w+):([a-z]+(?:\[\])?)(.*)$")

    def __init__(self, text):
        match = self.PATTERN.match(text)
        if not match or match.group(2) not in TYPES:
            sys.exit(f"spec/schema.tables: bad column '{text}'")
        self.name, self.type, rest = match.groups()
        self.choices = self.low = self.high = self.default = self.foreign = None
        found = re.search(r"\{([^}]*\|[^}]*)\}", rest)
        if found:
            self.choices = found.group(1).split("|")
            rest = rest.replace(found.group(0), "")
        if "=" in rest:
            rest, self.default = rest.split("=", 1)
            self.default = "" if self.default == "''" else self.default
        found = re.search(r"\[(\d[\d.]*?)\.\.(\d[\d.]*)\]", rest)
        if found:
            self.low, self.high = found.groups()
            rest = rest.replace(found.group(0), "")
        found = re.search(r">(\w+)(?:\((\w+)\))?\^([CNR])", rest)
        if found:
            self.foreign = Foreign([self.name], found.group(1), [found.group(2) or "id"], found.group(3))
            rest = rest.replace(found.group(0), "")
        words = rest.replace("!", " ! ").split()
        self.pk = "pk" in words
        self.unique = "u" in words
        self.required = "!" in words or self.pk
        unknown = set(words) - {"!", "pk", "u"}
        if unknown:
            sys.exit(f"spec/schema.tables: column '{text}': unknown mark {sorted(unknown)}")

    @property
    def is_number(self):
        return self.type in ("int", "real", "bool", "serial")


class Index:
    """unique = UQ; using = "gin" for PostgreSQL-only ones; where = partial."""

    def __init__(self, columns, unique=False, where=None, using=None):
        self.columns, self.unique, self.where, self.using = columns, unique, where, using


class Table:
    def __init__(self, line):
        match = re.match(r"TABLE (\w+) — (.*?)\s+\[(.*)\]$", line)
        if not match:
            sys.exit(f"spec/schema.tables: bad table line '{line}'")
        self.name, self.purpose, flags = match.groups()
        values = [flag.strip() for flag in flags.split("·")]
        for key, value in zip(FLAGS, values, strict=True):
            setattr(self, key, value)
        self.export, self.erase, self.restrict = (self.gdpr.split("/") + ["-"])[:3]
        self.columns, self.indexes, self.checks, self.foreigns = [], [], [], []
        self.key, self.fts, self.anonymise = [], [], []
        if self.tenant not in TENANTS or self.write not in ("full", "normal"):
            sys.exit(f"spec/schema.tables: table '{self.name}': bad flags '{flags}'")

    def column(self, name):
        for column in self.columns:
            if column.name == name:
                return column
        sys.exit(f"spec/schema.tables: table '{self.name}' has no column '{name}'")

    def has(self, name):
        return any(column.name == name for column in self.columns)

    @property
    def person(self):
        """The column that names the person a row belongs to, or None."""
        for name in ("user_id", "owner_id", "author_id", "generated_for"):
            if self.has(name):
                return name
        return "id" if self.tenant == "self" else None

    @property
    def partition(self):
        """PostgreSQL's range column, or None."""
        return None if self.part in ("-", "see 9") else self.part

    @property
    def serial(self):
        return self.columns[0].type == "serial"

    def index_name(self, index):
        condition = [re.match(r"\w+", index.where).group(0)] if index.where else []
        return "idx_" + "_".join([self.name] + index.columns + condition)


def names(text):
    return [part.strip() for part in text.strip("() ").split(",")]


def read_constraint(table, line):
    kind, rest = line.split(" ", 1)
    if kind == "PK":
        table.key = names(rest)
    elif kind in ("UQ", "IX"):
        match = re.match(r"\(([^)]*)\)(?: WHERE (.*))?$", rest)
        table.indexes.append(Index(names(match.group(1)), kind == "UQ", match.group(2)))
    elif kind == "IXpg":
        table.indexes.append(Index(names(re.match(r"GIN (\(.*\))$", rest).group(1)), using="gin"))
    elif kind == "CK":
        table.checks.append(rest)
    elif kind == "FK":
        match = re.match(r"(\(.*?\)) > (\w+)(\(.*?\))\^([CNR])$", rest)
        table.foreigns.append(Foreign(names(match.group(1)), match.group(2), names(match.group(3)), match.group(4)))
    elif kind == "FTS":
        table.fts = names(rest)
    elif kind == "AN":
        table.anonymise = names(rest)
    else:
        return False
    return True


def check(tables):
    """What a reader would trip over: unknown names, unindexed foreign keys, people without a rule."""
    by_name = {table.name: table for table in tables}
    for table in tables:
        for name in table.key + table.fts + table.anonymise + ([table.partition] if table.partition else []):
            table.column(name)
        for index in table.indexes:
            for name in index.columns:
                table.column(name)
        prefixes = [index.columns[0] for index in table.indexes if not index.using] + table.key[:1]
        prefixes += [column.name for column in table.columns if column.unique]
        for foreign in table.foreigns:
            if foreign.table not in by_name:
                sys.exit(f"spec/schema.tables: '{table.name}' refers to unknown table '{foreign.table}'")
            for name in foreign.to:
                by_name[foreign.table].column(name)
            if len(foreign.columns) == 1 and foreign.columns[0] not in prefixes:
                sys.exit(f"spec/schema.tables: foreign key {table.name}.{foreign.columns[0]} has no index")
        if table.person and table.erase == "-":
            sys.exit(f"spec/schema.tables: '{table.name}' names a person and has no erase rule")
        if table.restrict not in "SH-" or (table.restrict != "-" and (table.tenant != "user" or table.serial)):
            sys.exit(f"spec/schema.tables: '{table.name}': a restriction rule is S or H, of a person's own rows")
        if table.erase == "A" and table.column(table.person).required:
            sys.exit(f"spec/schema.tables: '{table.name}' is anonymised but {table.person} is NOT NULL")


def load(path):
    tables = []
    with open(path, encoding="utf-8") as file:
        for raw in file:
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("TABLE "):
                tables.append(Table(line))
            elif not (line.split(" ", 1)[0].isupper() or line.startswith("IXpg")) or not read_constraint(
                tables[-1], line
            ):
                tables[-1].columns.append(Column(line))
    for table in tables:
        table.key = table.key or [column.name for column in table.columns if column.pk]
        for name in table.key:
            table.column(name).required = True
        table.foreigns = [column.foreign for column in table.columns if column.foreign] + table.foreigns
    check(tables)
    return tables
