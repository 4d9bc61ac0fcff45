#include "net/cases.h"

#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int hex(char c) {
    return cm_is_digit(c) ? c - '0' : cm_to_lower(c) - 'a' + 10;
}

static void add_escaped(cm_buf *out, cm_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\\' || i + 1 == text.len) {
            cm_buf_add_char(out, text.ptr[i]);
            continue;
        }
        char c = text.ptr[++i];
        if (c == 'x' && i + 2 < text.len) {
            cm_buf_add_char(out, (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2])));
            i += 2;
        } else {
            static const char from[] = "rnt0\\";
            static const char to[] = "\r\n\t\0\\";
            const char *at = strchr(from, c);
            assert_non_null(at);
            cm_buf_add_char(out, to[at - from]);
        }
    }
}

static void add_repeated(cm_buf *out, cm_str text) {
    cm_str count;
    uint64_t n;
    assert_true(cm_str_split(&text, ' ', &count));
    assert_true(cm_str_to_u64(count, &n));
    for (uint64_t i = 0; i < n; i++) {
        add_escaped(out, text);
    }
}

static void add_fault(cm_buf *out, cm_str text) {
    static const struct {
        const char *status;
        const char *reason;
    } reasons[] = {{"400", "Bad Request"},
                   {"408", "Request Timeout"},
                   {"413", "Content Too Large"},
                   {"414", "URI Too Long"},
                   {"431", "Request Header Fields Too Large"}};
    cm_str status;
    assert_true(cm_str_split(&text, ' ', &status));
    for (size_t i = 0; i < CM_COUNT(reasons); i++) {
        if (cm_str_eq_c(status, reasons[i].status)) {
            cm_buf_add_f(out, "HTTP/1.1 %s %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                         reasons[i].status, reasons[i].reason, text.len);
            cm_buf_add_str(out, text);
            return;
        }
    }
    fail_msg("status %.*s is not in the table", CM_STR_ARG(status));
}

static enum http_case_end end_of(cm_str text) {
    if (cm_str_eq_c(text, "open")) {
        return CASE_OPEN;
    }
    if (cm_str_eq_c(text, "close")) {
        return CASE_CLOSE;
    }
    assert_true(cm_str_eq_c(text, "nothing"));
    return CASE_NOTHING;
}

static http_case *start_case(http_cases *cases, cm_str name) {
    assert_true(cases->count < CASES_MAX);
    http_case *item = &cases->items[cases->count++];
    size_t len = CM_MIN(name.len, sizeof(item->name) - 1);
    memcpy(item->name, name.ptr, len);
    cm_buf_init(&item->send, CM_MIB(1));
    cm_buf_init(&item->expect, CM_MIB(1));
    return item;
}

static void take_line(http_case *item, cm_str line) {
    cm_str text = cm_str_from_offset(line, 2);
    assert_non_null(item);
    if (cm_str_starts(line, CM_STR("> "))) {
        add_escaped(&item->send, text);
    } else if (cm_str_starts(line, CM_STR(">x "))) {
        add_repeated(&item->send, cm_str_from_offset(line, 3));
    } else if (cm_str_starts(line, CM_STR("< "))) {
        add_escaped(&item->expect, text);
    } else if (cm_str_starts(line, CM_STR("+ "))) {
        cm_buf_add_f(&item->expect, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", text.len);
        cm_buf_add_str(&item->expect, text);
    } else if (cm_str_starts(line, CM_STR("! "))) {
        add_fault(&item->expect, text);
        item->end = CASE_CLOSE;
    } else if (cm_str_starts(line, CM_STR("= "))) {
        item->end = end_of(text);
    } else {
        fail_msg("case '%s': cannot read line '%.*s'", item->name, CM_STR_ARG(line));
    }
}

http_cases *http_cases_read(const char *name) {
    char path[200];
    snprintf(path, sizeof(path), "tests/cases/http/%s.case", name);
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_MIB(1));
    cm_err err;
    if (cm_file_read(path, CM_MIB(1), &text, &err)) {
        fail_msg("%s", err.text);
    }
    http_cases *cases = CM_NEW(http_cases);
    http_case *item = NULL;
    cm_str rest = cm_buf_str(&text);
    cm_str line;
    while (cm_str_line(&rest, &line)) {
        if (cm_str_starts(line, CM_STR("== "))) {
            item = start_case(cases, cm_str_from_offset(line, 3));
        } else if (line.len && line.ptr[0] != '#') {
            take_line(item, line);
        }
    }
    return cases;
}

void http_cases_free(http_cases *cases) {
    for (size_t i = 0; i < cases->count; i++) {
        cm_buf_done(&cases->items[i].send);
        cm_buf_done(&cases->items[i].expect);
    }
    cm_free(cases);
}
