/* stats.c - `codementor stats [NAME]`: the figures of spec/schema.views, for whoever runs the server.
 *
 * Columns come from the query's own description, so a new figure shows here by itself. */
#include "base/base.h"

#include "app/client.h"
#include "app/store_command.h"
#include "base/clock.h"
#include "store/query.h"
#include "store/value.h"

#define DAY_MS   INT64_C(86400000)
#define JSON_MAX CM_MIB(64)
#define PREFIX   "mv_"
#define WIDTH    16

/* --- Values ----------------------------------------------------------------------------------- */

static void add_json(cm_json_writer *w, const cm_sql_slot *slot, const cm_value *value) {
    char text[CM_TIME_TEXT_MAX > CM_UUID_TEXT ? CM_TIME_TEXT_MAX : CM_UUID_TEXT];
    cm_json_key(w, slot->name);
    if (value->kind == CM_VALUE_ID) {
        cm_uuid_format(&value->id, text);
        cm_json_c(w, text);
    } else if (value->kind == CM_VALUE_INT && slot->type == CM_SQL_TIME) {
        cm_json_str(w, cm_time_format(value->i, text));
    } else if (value->kind == CM_VALUE_INT) {
        cm_json_i64(w, value->i);
    } else if (value->kind == CM_VALUE_REAL) {
        cm_json_real(w, value->real);
    } else if (value->kind == CM_VALUE_TEXT) {
        cm_json_str(w, value->str);
    } else {
        cm_json_null(w);
    }
}

static void print_value(const cm_sql_slot *slot, const cm_value *value) {
    char text[CM_TIME_TEXT_MAX > CM_UUID_TEXT ? CM_TIME_TEXT_MAX : CM_UUID_TEXT];
    if (value->kind == CM_VALUE_ID) {
        cm_uuid_format(&value->id, text);
        printf("%-36s  ", text);
    } else if (value->kind == CM_VALUE_INT && slot->type == CM_SQL_TIME) {
        cm_str moment = cm_str_sub(cm_time_format(value->i, text), 0, WIDTH);
        printf("%-*.*s  ", WIDTH, CM_STR_ARG(moment));
    } else if (value->kind == CM_VALUE_INT) {
        printf("%*lld  ", WIDTH, (long long)value->i);
    } else if (value->kind == CM_VALUE_REAL) {
        printf("%*.3f  ", WIDTH, value->real);
    } else {
        cm_str shown = value->str.len != 0 ? value->str : CM_STR("-");
        printf("%-*.*s  ", WIDTH, CM_STR_ARG(shown));
    }
}

static void print_names(const cm_query *query) {
    for (size_t i = 0; i < query->column_count; i++) {
        const cm_sql_slot *slot = &query->columns[i];
        bool left = slot->type == CM_SQL_TIME || slot->type == CM_SQL_TEXT;
        int width = slot->type == CM_SQL_ID ? 36 : WIDTH;
        printf(left || slot->type == CM_SQL_ID ? "%-*s  " : "%*s  ", width, slot->name);
    }
    puts("");
}

/* --- Rows ------------------------------------------------------------------------------------- */

typedef struct output {
    const cm_query *query;
    cm_json_writer *json; /* NULL = for people */
} output;

static cm_rc show_row(const void *row, void *argument, cm_err *err) {
    const output *out = argument;
    cm_db db = {.scope = CM_DB_SYSTEM};
    if (out->json != NULL) {
        cm_json_object(out->json);
    }
    for (size_t i = 0; i < out->query->column_count; i++) {
        const cm_sql_slot *slot = &out->query->columns[i];
        cm_value value;
        cm_rc rc = cm_value_read(slot, row, &db, &value, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (out->json != NULL) {
            add_json(out->json, slot, &value);
        } else {
            print_value(slot, &value);
        }
    }
    if (out->json != NULL) {
        cm_json_object_end(out->json);
    } else {
        puts("");
    }
    return CM_OK;
}

static cm_rc show(const cm_cli *cli, cm_store *store, const cm_view *view, cm_err *err) {
    const cm_args_stats *args = cli->args;
    int64_t now = cm_clock_wall_ms();
    int64_t since = now / DAY_MS * DAY_MS - (args->days - 1) * DAY_MS; /* whole days, today's too */
    int64_t params[3] = {since, now + DAY_MS, args->limit};
    cm_db db = cm_store_system(store);
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, JSON_MAX);
    cm_json_writer w;
    cm_json_writer_init(&w, &text);
    output out = {.query = view->read, .json = cli->json ? &w : NULL};
    cm_json_array(&w);
    if (!cli->json) {
        print_names(view->read);
    }
    cm_rc rc =
        cm_query_each(&db, view->read, view->timed ? params : params + 2, show_row, &out, err);
    cm_json_array_end(&w);
    rc = rc == CM_OK ? cm_buf_check(&text, err) : rc;
    if (rc == CM_OK && cli->json) {
        puts(cm_buf_c(&text));
    }
    return rc;
}

/* --- The command ------------------------------------------------------------------------------ */

static const cm_view *find(const char *name) {
    for (size_t i = 0; i < cm_view_count; i++) {
        if (strcmp(cm_views[i].name + strlen(PREFIX), name) == 0) {
            return &cm_views[i];
        }
    }
    return NULL;
}

static int list(const cm_cli *cli) {
    for (size_t i = 0; i < cm_view_count; i++) {
        const char *name = cm_views[i].name + strlen(PREFIX);
        if (cli->json) {
            printf("%s\"%s\"%s", i == 0 ? "[" : "", name, i + 1 == cm_view_count ? "]\n" : ",");
        } else {
            puts(name);
        }
    }
    return 0;
}

int cm_cmd_stats(const cm_cli *cli) {
    const cm_args_stats *args = cli->args;
    if (args->name == NULL) {
        return list(cli);
    }
    cm_err err = {0};
    cm_store *store;
    cm_store_command command;
    const cm_view *view = find(args->name);
    if (view == NULL) {
        cm_rc rc = cm_fail(&err, CM_NOT_FOUND, "there are no figures '%s'; see 'codementor stats'",
                           args->name);
        return cm_command_fail(cli, rc, &err);
    }
    cm_rc rc = cm_store_command_open(cli, false, &command, &err);
    if (rc == CM_OK) {
        command.store.no_migrate = true;
        rc = cm_store_open(&command.store, &store, &err);
        if (rc == CM_OK) {
            rc = show(cli, store, view, &err);
            cm_store_close(store);
        }
        cm_store_command_close(&command);
    }
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
