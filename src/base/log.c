/* log.c - lines are built in a fixed buffer on the stack.
 *
 * A value that does not fit is cut and marked with "...", and what follows is left out, so that every
 * line stays whole JSON. Room for the closing characters is kept back at all times. The target is
 * process-wide state: logging must work from any depth without a parameter. Each part is atomic, so a
 * line written during a reconfiguration goes to the old or the new target. */
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define LINE_RESERVE   8 /* "...", quote, brace, line feed */

static _Atomic int log_level = CM_LOG_INFO;
static _Atomic int log_format = CM_LOG_HUMAN;
static _Atomic int log_fd = STDERR_FILENO;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    bool full;
};

void cm_log_init(enum cm_log_level level, enum cm_log_format format, int fd) {
    atomic_store(&log_level, (int)level);
    atomic_store(&log_format, (int)format);
    atomic_store(&log_fd, fd);
}

bool cm_log_enabled(enum cm_log_level level) {
    return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed) &&
           level != CM_LOG_OFF;
}

bool cm_log_level_parse(cm_str text, enum cm_log_level *ret_level) {
    for (size_t i = 0; i < CM_COUNT(level_names); i++) {
        if (cm_str_eq_nocase(text, cm_str_from(level_names[i]))) {
            *ret_level = (enum cm_log_level)i;
            return true;
        }
    }
    return false;
}

/* Adds all or nothing. */
static void add(struct line *line, const char *bytes, size_t len) {
    if (len > LINE_MAX_BYTES - LINE_RESERVE - line->len) {
        line->full = true;
    }
    if (line->full) {
        return;
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

/* The reserve is for these: they always fit. */
static void add_closing(struct line *line, const char *text) {
    size_t len = strlen(text);
    cm_assert(line->len + len <= LINE_MAX_BYTES);
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void add_quoted(struct line *line, cm_str s) {
    add(line, "\"", 1);
    if (line->full) {
        return;
    }
    for (size_t at = 0; at < s.len && !line->full;) {
        char escaped[CM_JSON_ESCAPE_MAX];
        add(line, escaped, cm_json_escape_next(s, &at, escaped));
    }
    add_closing(line, line->full ? "...\"" : "\"");
}

static bool needs_quotes(cm_str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return true;
        }
    }
    return s.len == 0;
}

static void add_value(struct line *line, const cm_log_field *field, bool json) {
    char number[40];
    int len = 0;
    switch (field->kind) {
    case CM_LOG_STR:
        if (json || needs_quotes(field->value.str)) {
            add_quoted(line, field->value.str);
        } else {
            add(line, field->value.str.ptr, field->value.str.len);
        }
        return;
    case CM_LOG_INT:
        len = snprintf(number, sizeof(number), "%lld", (long long)field->value.i);
        break;
    case CM_LOG_REAL:
        len = isfinite(field->value.real)
                  ? snprintf(number, sizeof(number), "%.6g", field->value.real)
                  : snprintf(number, sizeof(number), "null");
        break;
    case CM_LOG_BOOL:
        len = snprintf(number, sizeof(number), "%s", field->value.i ? "true" : "false");
        break;
    }
    add(line, number, (size_t)len);
}

/* A field goes in with its name and value, or not at all: only text is ever cut. */
static void add_field(struct line *line, const cm_log_field *field, bool json) {
    size_t before = line->len;
    add(line, json ? ",\"" : " ", json ? 2 : 1);
    add(line, field->name, strlen(field->name));
    add(line, json ? "\":" : "=", json ? 2 : 1);
    size_t value = line->len;
    if (!line->full) {
        add_value(line, field, json);
    }
    if (line->full && line->len == value) {
        line->len = before;
    }
}

static void add_head(struct line *line, enum cm_log_level level, const char *event, bool json) {
    char time[CM_TIME_TEXT_MAX];
    cm_str now = cm_time_format(cm_clock_wall_ms(), time);
    char head[96];
    int len =
        json ? snprintf(head, sizeof(head), "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", now.ptr,
                        level_names[level])
             : snprintf(head, sizeof(head), "%s %-5s ", now.ptr, level_names[level]);
    add(line, head, (size_t)len);
    if (json) {
        add_quoted(line, cm_str_from(event));
    } else {
        add(line, event, strlen(event));
    }
}

void cm_log_write(enum cm_log_level level, const char *event, const cm_log_field *fields,
                  size_t count) {
    struct line line;
    line.len = 0;
    line.full = false;
    bool json = atomic_load(&log_format) == CM_LOG_JSON;
    int saved = errno; /* a log line must not disturb the error it reports */
    add_head(&line, level, event, json);
    for (size_t i = 0; i < count && !line.full; i++) {
        add_field(&line, &fields[i], json);
    }
    add_closing(&line, json ? "}\n" : "\n");
    /* A log that cannot be written has nowhere to be reported. */
    cm_unused ssize_t written = write(atomic_load(&log_fd), line.text, line.len);
    errno = saved;
}

void cm_log_err(enum cm_log_level level, const char *event, const cm_err *err) {
    char origin[128];
    snprintf(origin, sizeof(origin), "%s:%d", err->file ? err->file : "?", err->line);
    cm_log(level, event, CM_F("error", err->text), CM_F("code", cm_err_info_get(err->rc)->name),
           CM_F("at", origin));
}
