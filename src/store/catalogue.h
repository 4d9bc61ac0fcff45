/* catalogue.h - the declared schema as data: what export, erasure, retention, `db copy` and the
 * comparison of engines are driven by. Rows come from spec/schema.tables. */
#ifndef CM_STORE_CATALOGUE_H
#define CM_STORE_CATALOGUE_H

#include "store/query.h"
#include "store/schema_gen.h" /* enum cm_table_id, generated */

enum cm_tenant {
    CM_TENANT_SELF,
    CM_TENANT_USER,
    CM_TENANT_OWNER,
    CM_TENANT_WS,
    CM_TENANT_REPO,
    CM_TENANT_TEAM,
    CM_TENANT_KB,
    CM_TENANT_DOC,
    CM_TENANT_MIXED,
    CM_TENANT_GLOBAL,
    CM_TENANT_SYS,
};

typedef struct cm_column {
    const char *name;
    enum cm_sql_type type;
    bool nullable;
    bool key;                   /* part of the primary key */
    bool anonymise;             /* emptied when the person is erased and the row stays */
    const char *foreign;        /* table it refers to, or NULL */
    const char *foreign_column; /* ... and the column there */
    const char *choices;        /* "a|b" when only these are allowed, or NULL */
    const char *low;            /* smallest allowed number, or NULL */
} cm_column;

typedef struct cm_table {
    const char *name;
    const char *purpose;
    const cm_column *columns;
    size_t column_count;
    enum cm_tenant tenant;
    char export_rule; /* 'X' = in the person's export, '-' = not */
    char erase_rule;  /* 'D' delete, 'A' anonymise, 'K' kept by law, '-' no personal data */
    char
        restrict_rule; /* under a restriction: 'S' no new rows, none expires; 'H' none expires; '-' */
    const char *keep;      /* retention class */
    const char *partition; /* PostgreSQL's range column, or NULL */
    const char *person;    /* column naming the person, or NULL */
    bool full;             /* write class */
    const char *kind;      /* "truth", "derived", "volatile" */
    bool full_text;
} cm_table;

extern const cm_table cm_tables[CM_TABLES];

#endif
