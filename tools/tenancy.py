"""Who may see which rows: the tenant predicate of each kind of table, once, for both engines.

PostgreSQL's row-level security (src/store/schema/postgres.sql) says the same a second time; on SQLite this is the guard.
`:me` is the asking user, bound by the door; NULL makes every predicate false.
"""

WORKSPACES = ("SELECT mw.id FROM workspaces mw WHERE mw.owner_id = :me "
              "UNION ALL SELECT mm.workspace_id FROM workspace_members mm WHERE mm.user_id = :me")
TEAMS = "SELECT mt.team_id FROM team_members mt WHERE mt.user_id = :me"
REPOSITORIES = f"SELECT mr.id FROM repositories mr WHERE mr.workspace_id IN ({WORKSPACES})"
BASES = f"SELECT mk.id FROM knowledge_bases mk WHERE mk.team_id IN ({TEAMS})"


def predicate(table, alias, write):
    """`alias` may also be ":" for the parameters of an insert, or "" for bare column names."""

    def column(name):
        return f":{name}" if alias == ":" else f"{alias}.{name}" if alias else name

    tenant = table.tenant
    if tenant == "self":
        return f"{column('id')} = :me"
    if tenant == "user":
        return f"{column('user_id')} = :me"
    if tenant == "owner":
        mine = f"{column('owner_id')} = :me"
        return mine if write else f"({mine} OR {column('owner_id')} IS NULL)"
    if tenant == "ws":
        if table.name == "workspaces":
            return f"{column('owner_id')} = :me" if alias == ":" else f"{column('id')} IN ({WORKSPACES})"
        return f"{column('workspace_id')} IN ({WORKSPACES})"
    if tenant == "repo":
        return f"{column('repository_id')} IN ({REPOSITORIES})"
    if tenant == "team":
        return f"{column('id' if table.name == 'teams' else 'team_id')} IN ({TEAMS})"
    if tenant == "kb":
        return f"{column('knowledge_base_id')} IN ({BASES})"
    if tenant == "doc":
        mine = f"{column('owner_id')} = :me OR {column('workspace_id')} IN ({WORKSPACES})"
        shared = f" OR ({column('owner_id')} IS NULL AND {column('workspace_id')} IS NULL)"
        return f"({mine}{'' if write else shared})"
    if tenant == "mixed":
        mine = (f"{column('user_id')} = :me OR {column('repository_id')} IN ({REPOSITORIES}) "
                f"OR {column('team_id')} IN ({TEAMS})")
        shared = (f" OR ({column('user_id')} IS NULL AND {column('repository_id')} IS NULL AND "
                  f"{column('team_id')} IS NULL AND {column('subject_type')} = 'document_chunk')")
        return f"({mine}{'' if write else shared})"
    if tenant == "global" and not write:
        if table.name == "practice_problems":
            return f"({column('generated_for')} IS NULL OR {column('generated_for')} = :me)"
        return "TRUE"
    return "FALSE"


def policy(table, write, new_row=False):
    """The same predicate for row-level security: app_uid() instead of `:me`, and arrays that are computed once a
    statement instead of sub-selects (which would be under the policies of their own tables)."""
    text = predicate(table, "", write)
    if new_row and table.name == "workspaces":
        text = f"owner_id = :me OR {text}"
    for select, function in ((REPOSITORIES, "app_repositories"), (BASES, "app_knowledge_bases"),
                             (WORKSPACES, "app_workspaces"), (TEAMS, "app_teams")):
        text = text.replace(f"IN ({select})", f"= ANY ((SELECT {function}())::uuid[])")
    return text.replace(":me", "(SELECT app_uid())").replace("TRUE", "true")


def columns_sql(table, alias, pg):
    """All columns in declared order, each in the form the back-end decodes."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{column.name}" + ("::real[]" if pg and column.type == "vector" else "")
                     for column in table.columns)


def unrestricted(person):
    """SQL: nobody has asked that this person's data be kept and not used (GDPR, article 18). `person` is an expression."""
    return ("NOT EXISTS (SELECT 1 FROM data_requests rr WHERE rr.user_id = "
            f"{person} AND rr.kind = 'restrict' AND rr.status = 'running')")
