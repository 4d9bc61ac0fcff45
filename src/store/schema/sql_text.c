/* sql_text.c - an SQL script cut into statements: to name the one that failed, and to pick some.
 *
 * Only what hides a semicolon matters: quotes, dollar quotes and comments. */
#include "store/schema/migrate_priv.h"

#define SHOWN_MAX 100 /* bytes of a statement in a message */

static size_t skip_quoted(cm_str sql, size_t at) {
    char quote = sql.ptr[at++];
    while (at < sql.len && sql.ptr[at] != quote) {
        at++; /* a doubled quote ends one text and begins the next: the same here */
    }
    return at < sql.len ? at + 1 : at;
}

static size_t skip_until(cm_str sql, size_t at, cm_str end) {
    size_t found = cm_str_find(cm_str_from_offset(sql, at), end);
    return found == SIZE_MAX ? sql.len : at + found + end.len;
}

/* $$ .. $$ or $tag$ .. $tag$; a lone dollar is a character. */
static size_t skip_dollar(cm_str sql, size_t at) {
    size_t end = at + 1;
    while (end < sql.len &&
           (cm_is_alpha(sql.ptr[end]) || cm_is_digit(sql.ptr[end]) || sql.ptr[end] == '_')) {
        end++;
    }
    if (end >= sql.len || sql.ptr[end] != '$') {
        return at + 1;
    }
    return skip_until(sql, end + 1, cm_str_sub(sql, at, end + 1 - at));
}

/* What starts at `at` and may hold a semicolon, skipped; else one character. */
static size_t skip(cm_str sql, size_t at) {
    char c = sql.ptr[at];
    char next = at + 1 < sql.len ? sql.ptr[at + 1] : '\0';
    if (c == '\'' || c == '"') {
        return skip_quoted(sql, at);
    }
    if (c == '-' && next == '-') {
        return skip_until(sql, at, CM_STR("\n"));
    }
    if (c == '/' && next == '*') {
        return skip_until(sql, at + 2, CM_STR("*/"));
    }
    return c == '$' ? skip_dollar(sql, at) : at + 1;
}

static bool is_comment(cm_str sql) {
    return cm_str_starts(sql, CM_STR("--")) || cm_str_starts(sql, CM_STR("/*"));
}

bool cm_sql_next(cm_str *rest, cm_str *ret_statement) {
    cm_str sql = cm_str_trim(*rest);
    while (sql.len != 0 && (is_comment(sql) || sql.ptr[0] == ';')) {
        sql = cm_str_trim(cm_str_from_offset(sql, skip(sql, 0)));
    }
    if (sql.len == 0) {
        return false;
    }
    size_t at = 0;
    while (at < sql.len && sql.ptr[at] != ';') {
        at = skip(sql, at);
    }
    *ret_statement = cm_str_trim(cm_str_sub(sql, 0, at));
    *rest = cm_str_from_offset(sql, at < sql.len ? at + 1 : at);
    return true;
}

cm_rc cm_sql_blame(cm_err *err, cm_rc rc, size_t number, cm_str statement) {
    cm_str first = CM_STR_EMPTY;
    cm_str sql = statement;
    (void)cm_sql_next(&sql, &first); /* without the comments before it */
    char shown[SHOWN_MAX + 1];
    size_t len = 0;
    for (size_t i = 0; i < first.len && len < SHOWN_MAX; i++) {
        bool blank = first.ptr[i] == '\n' || first.ptr[i] == ' ' || first.ptr[i] == '\t';
        if (!blank || (len != 0 && shown[len - 1] != ' ')) {
            shown[len++] = blank ? ' ' : first.ptr[i];
        }
    }
    shown[len] = '\0';
    return cm_err_prefix(err, rc, "statement %zu, '%s%s'", number, shown,
                         first.len > SHOWN_MAX ? " .." : "");
}
