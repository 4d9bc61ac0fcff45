/* post_stream.c - the filters of post.c over a text that grows, in time linear in its length.
 *
 * Every rule but one looks backward, so a line is judged once, when its end is known. The one that looks
 * forward is the short copy of the next line ("}"): it is a copy only where the text ends with it, or with it and
 * one line end. It is held back then, and let go when more follows. */
#include "base/base.h"

#include "assist/post_priv.h"

void cm_post_stream_init(cm_post_stream *stream, const cm_post_request *request) {
    *stream = (cm_post_stream){.scan = cm_post_scan_make(request)};
}

/* A text that ends before this line ends with the line end of the one before: only that one may be held. */
static void end_before(cm_post_stream *s) {
    s->closed = true;
    s->held_lines = s->held_lines == 1 ? 1 : 0;
}

static void hold_short_copy(cm_post_stream *s, cm_str line, bool is_copy) {
    if (is_copy) {
        s->held_end = s->solid_end;
        s->held_lines = 1;
    } else {
        s->held_lines = s->held_lines == 1 && line.len == 0 ? 2 : 0;
    }
}

static void count_solid(cm_post_stream *s, size_t at, cm_str line) {
    cm_str trimmed = cm_str_trim(line);
    if (trimmed.len == 0) {
        return;
    }
    size_t begin = at + (size_t)(trimmed.ptr - line.ptr);
    s->solid_begin = s->solid_end == 0 ? begin : s->solid_begin;
    s->solid_end = begin + trimmed.len;
}

static void begin_text(cm_post_stream *s, cm_str *line) {
    cm_str head = cm_post_cut_indent(&s->scan, *line);
    s->skip = line->len - head.len;
    *line = head;
    cm_post_scope_begin(&s->scope, &s->scan, head);
    s->closed |= !s->scan.lines_wanted;
}

/* What the cursor line itself bounds. */
static void cut_head(cm_post_stream *s, cm_str *line) {
    size_t copied = cm_post_copied(&s->scan, *line);
    size_t fits = cm_post_brackets(&s->scan, cm_str_sub(*line, 0, line->len - copied));
    s->closed |= fits < line->len;
    *line = cm_str_sub(*line, 0, fits);
}

static void take_line(cm_post_stream *s, size_t at, cm_str line) {
    bool first = s->line_count++ == 0;
    if (!first && cm_str_starts(line, cm_str_from(&CM_POST_FENCE[1]))) {
        s->closed = true;
        return;
    }
    size_t whole = line.len;
    line = cm_post_cut_markers(line);
    s->closed |= line.len < whole;
    if (first) {
        begin_text(s, &line);
        at += s->skip;
    }
    enum cm_post_verdict verdict = cm_post_scope_line(&s->scope, line);
    s->closed |= verdict == CM_POST_LAST;
    if (verdict == CM_POST_DROP || cm_post_repeats(&s->repeat, line)) {
        end_before(s);
        return;
    }
    bool begun_before = first && !cm_post_is_blank(s->scan.line_before);
    size_t copied = first ? cm_post_copied(&s->scan, line) : 0;
    cm_str trimmed = cm_str_trim(line), next = s->scan.next_line;
    bool is_copy = next.len > 0 && !begun_before && copied == 0 && cm_str_eq(trimmed, next);
    if (is_copy && next.len > 2) {
        end_before(s);
        return;
    }
    hold_short_copy(s, line, is_copy);
    if (first) {
        cut_head(s, &line);
    }
    count_solid(s, at, line);
}

static size_t sure_bytes(const cm_post_stream *s, cm_str text) {
    size_t end = s->held_lines > 0 ? s->held_end : s->solid_end;
    bool nothing = end == 0 || cm_post_is_there(&s->scan, cm_str_sub(text, s->solid_begin,
                                                                     end - s->solid_begin));
    return nothing ? 0 : end - s->skip;
}

cm_str cm_post_stream_next(cm_post_stream *stream, cm_str text) {
    cm_post_stream *s = stream;
    s->repeat.line = cm_str_sub(text, s->repeat_at, s->repeat.line.len);
    while (!s->closed) {
        size_t feed = cm_str_find_char(cm_str_from_offset(text, s->seen), '\n');
        if (feed == SIZE_MAX) {
            s->seen = text.len;
            break;
        }
        size_t end = s->seen + feed;
        take_line(s, s->line, cm_str_sub(text, s->line, end - s->line));
        s->seen = s->line = end + 1;
        s->sure = SIZE_MAX; /* to be found anew */
    }
    s->repeat_at = s->repeat.line.len > 0 ? (size_t)(s->repeat.line.ptr - text.ptr) : 0;
    s->sure = s->sure == SIZE_MAX ? sure_bytes(s, text) : s->sure;
    return cm_str_sub(text, s->skip, s->sure);
}
