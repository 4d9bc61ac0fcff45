/* stream.c - tokens are bytes; readers want characters, and nothing they would have to take back.
 *
 * A token may end inside a character (byte-level vocabularies), inside a stop string, or inside a
 * line that will turn out
 * to be the suffix. Text is released up to the earliest point any of these could still claim.
 * Bytes that can never become UTF-8 turn into U+FFFD, so the text is always valid. */
#include "model/stream_priv.h"

#include "base/utf8.h"

void cm_stream_init(cm_stream *stream) {
    *stream = (cm_stream){0};
    cm_buf_init(&stream->text, CM_STREAM_BYTES_MAX);
}

void cm_stream_done(cm_stream *stream) {
    cm_buf_done(&stream->text);
}

/* Bytes a character with this first byte has; 1 also for bytes that start none. */
static size_t character_len(unsigned char first) {
    if (first >= 0xf0 && first <= 0xf4) {
        return 4;
    }
    if (first >= 0xe0) {
        return first <= 0xef ? 3 : 1;
    }
    return first >= 0xc2 && first <= 0xdf ? 2 : 1;
}

static void add_invalid(cm_stream *stream) {
    cm_buf_add(&stream->text, "\xef\xbf\xbd", 3);
}

/* Appends what is complete of `partial`; keeps a possible beginning of a character. */
static void settle(cm_stream *stream) {
    while (stream->partial_len > 0) {
        size_t need = character_len((unsigned char)stream->partial[0]);
        cm_str held = cm_str_make(stream->partial, stream->partial_len);
        size_t taken = 1;
        if (stream->partial_len >= need && cm_utf8_valid(cm_str_sub(held, 0, need))) {
            cm_buf_add(&stream->text, held.ptr, need);
            taken = need;
        } else if (stream->partial_len < need) {
            bool hopeful = true;
            for (size_t i = 1; i < held.len; i++) {
                hopeful = hopeful && ((unsigned char)held.ptr[i] & 0xc0) == 0x80;
            }
            if (hopeful) {
                return;
            }
            add_invalid(stream);
        } else {
            add_invalid(stream);
        }
        stream->partial_len -= taken;
        memmove(stream->partial, stream->partial + taken, stream->partial_len);
    }
}

static void end_at(cm_stream *stream, size_t len, enum cm_finish finish, cm_str stop) {
    /* A stop that is no UTF-8 itself may match inside a character. */
    len = cm_utf8_floor(cm_buf_str(&stream->text), len);
    cm_buf_truncate(&stream->text, CM_MAX(len, stream->sent));
    stream->ended = true;
    stream->finish = finish;
    stream->stop = stop;
}

/* Earliest stop string that ends in the text added since `from`. */
static bool find_stop(cm_stream *stream, size_t from) {
    cm_str text = cm_buf_str(&stream->text);
    size_t best = SIZE_MAX, which = 0;
    for (size_t i = 0; i < stream->stop_count; i++) {
        cm_str stop = stream->stops[i];
        size_t start = from > stop.len ? from - stop.len : 0;
        size_t at = cm_str_find(cm_str_from_offset(text, start), stop);
        if (at != SIZE_MAX && start + at < best) {
            best = start + at;
            which = i;
        }
    }
    if (best == SIZE_MAX) {
        return false;
    }
    end_at(stream, best, CM_FINISH_STOP, stream->stops[which]);
    return true;
}

static bool find_end(cm_stream *stream, size_t from, bool final) {
    if (find_stop(stream, from)) {
        return true;
    }
    cm_str text = cm_buf_str(&stream->text);
    size_t newline = stream->single_line ? cm_str_find_char(text, '\n') : SIZE_MAX;
    if (newline != SIZE_MAX) {
        end_at(stream, newline, CM_FINISH_STOP, CM_STR("\n"));
        return true;
    }
    size_t keep, safe;
    if (stream->use_suffix && cm_suffix_stop_find(&stream->suffix, text, final, &keep, &safe)) {
        end_at(stream, keep, CM_FINISH_SUFFIX, CM_STR_EMPTY);
        return true;
    }
    return false;
}

bool cm_stream_add(cm_stream *stream, cm_str bytes) {
    size_t from = stream->text.len;
    size_t swallowed = CM_MIN(stream->heal, bytes.len);
    stream->heal -= swallowed;
    for (size_t i = swallowed; i < bytes.len; i++) {
        stream->partial[stream->partial_len++] = bytes.ptr[i];
        settle(stream);
    }
    if (stream->text.failed != CM_OK) {
        end_at(stream, stream->text.len, CM_FINISH_LENGTH, CM_STR_EMPTY);
        return true;
    }
    return stream->text.len > from && find_end(stream, from, false);
}

void cm_stream_close(cm_stream *stream) {
    stream->partial_len = 0;
    if (!stream->ended) {
        (void)find_end(stream, stream->text.len, true);
    }
}

/* Longest tail of `text` that is the beginning of a stop string. */
static size_t held_by_stops(const cm_stream *stream, cm_str text) {
    size_t held = 0;
    for (size_t i = 0; i < stream->stop_count; i++) {
        for (size_t len = CM_MIN(stream->stops[i].len - 1, text.len); len > held; len--) {
            if (cm_str_ends(text, cm_str_sub(stream->stops[i], 0, len))) {
                held = len;
            }
        }
    }
    return held;
}

cm_str cm_stream_take(cm_stream *stream) {
    cm_str text = cm_buf_str(&stream->text);
    size_t safe = text.len;
    if (!stream->ended) {
        size_t keep, unclaimed;
        safe = text.len - held_by_stops(stream, text);
        if (stream->use_suffix &&
            !cm_suffix_stop_find(&stream->suffix, text, false, &keep, &unclaimed)) {
            safe = CM_MIN(safe, unclaimed);
        }
        safe = cm_utf8_floor(text, safe);
    }
    safe = CM_MAX(safe, stream->sent);
    cm_str fresh = cm_str_sub(text, stream->sent, safe - stream->sent);
    stream->sent = safe;
    return fresh;
}
