/* analysis.c - reading one file, asking the parse worker for it, and what the text alone tells meanwhile. */
#include "index/live/analysis_priv.h"

#include "base/beneath.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/utf8.h"
#include "index/segment/notes.h"
#include "index/segment/roles.h"
#include "index/segment/trigram.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define ARENA_MAX      CM_MIB(512)
#define FALLBACK_LINES 40 /* of a line chunk when there is no parser */

/* File systems keep times in steps of up to 2 s (FAT); a change within that window may leave size and time alone. */
#define RECENT_NS ((int64_t)2000000000)

/* ---- reading ---- */

typedef struct source {
    cm_str text;
    uint64_t size;
    int64_t mtime_ns;
    enum cm_document_status status;
    bool gone;
} source;

static cm_rc read_all(int fd, size_t size, size_t max, cm_arena *arena, source *out, cm_err *err) {
    char *bytes = cm_arena_try_alloc(arena, size + 1);
    if (!bytes) {
        return cm_fail(err, CM_NOMEM, "out of memory reading a file of %zu bytes", size);
    }
    size_t len = 0;
    while (len < size + 1) { /* one byte more shows whether it grew */
        ssize_t n = read(fd, bytes + len, size + 1 - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            out->status = CM_DOCUMENT_UNREADABLE;
            return CM_OK;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    len = CM_MIN(len, CM_MIN(size, max)); /* grown meanwhile: its new time brings us back */
    out->text = cm_str_make(bytes, len);
    return CM_OK;
}

static cm_rc read_source(const cm_analysis_request *request, cm_arena *arena, source *out,
                         cm_err *err) {
    int fd = cm_beneath_open(request->tree, request->path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) {
        out->gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        out->status = CM_DOCUMENT_UNREADABLE;
        return CM_OK;
    }
    struct stat st;
    cm_rc rc = CM_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        out->gone = true;
    } else {
        out->size = (uint64_t)st.st_size;
        out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        if (out->size > request->file_bytes_max) {
            out->status = CM_DOCUMENT_TOO_LARGE;
        } else {
            rc = read_all(fd, (size_t)out->size, request->file_bytes_max, arena, out, err);
        }
    }
    close(fd);
    return rc;
}

/* ---- the whole ---- */

static bool line_chunks(cm_analysis *a) {
    cm_str text = a->text;
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n' || i + 1 == text.len;
    }
    cm_chunk *chunks =
        CM_ARENA_ARRAY(a->arena, cm_chunk, (lines + FALLBACK_LINES - 1) / FALLBACK_LINES + 1);
    if (!chunks) {
        return false;
    }
    size_t count = 0;
    uint32_t line = 1;
    for (size_t at = 0; at < text.len; count++) {
        cm_chunk *chunk = &chunks[count];
        *chunk = (cm_chunk){.start_byte = (uint32_t)at,
                            .start_line = line,
                            .symbol = -1,
                            .type = CM_CHUNK_LINES,
                            .importance = 0.25f};
        for (int i = 0; i < FALLBACK_LINES && at < text.len; i++, line++) {
            size_t newline = cm_str_find_char(cm_str_from_offset(text, at), '\n');
            at = newline == SIZE_MAX ? text.len : at + newline + 1;
        }
        chunk->end_byte = (uint32_t)at;
        chunk->end_line = line - 1;
    }
    a->parsed = (cm_parsed){.language = cm_language_detect(a->path, text),
                            .status = CM_PARSE_SKIPPED,
                            .line_count = (uint32_t)lines,
                            .chunks = chunks,
                            .chunk_count = count};
    return true;
}

static cm_rc compress(cm_analysis *a, cm_err *err) {
    size_t bound = ZSTD_compressBound(a->text.len);
    char *frame = cm_try_alloc(bound);
    char *kept = NULL;
    size_t len = 0;
    if (frame) {
        len = ZSTD_compress(frame, bound, a->text.ptr ? a->text.ptr : "", a->text.len, 1);
        if (!ZSTD_isError(len)) {
            kept = cm_arena_try_alloc(a->arena, len);
        }
    }
    if (kept) {
        memcpy(kept, frame, len);
    }
    cm_free(frame);
    if (!kept) {
        return cm_fail(err, CM_NOMEM, "out of memory compressing a file");
    }
    a->compressed = cm_str_make(kept, len);
    return CM_OK;
}

/* What needs the text alone: done while the parse worker has it. */
typedef struct beside {
    const cm_analysis_request *request;
    cm_analysis *a;
    cm_rc rc;
    cm_err err;
    bool done;
} beside;

static void read_text(void *argument) {
    beside *b = argument;
    cm_analysis *a = b->a;
    b->done = true;
    b->rc = compress(a, &b->err);
    if (b->rc == CM_OK) {
        b->rc = cm_trigrams_of(a->text, a->arena, &a->trigrams, &a->trigram_count, &b->err);
    }
    a->is_test = cm_path_is_test(a->path);
    a->is_vendored = cm_path_is_vendored(a->path) || cm_text_is_generated(a->text);
    if (b->request->meanwhile) {
        b->request->meanwhile(b->request->argument, a);
    }
}

/* What the parser calls this file from one edit to the next. */
static uint64_t document_of(const cm_analysis_request *request) {
    if (!request->is_edit) {
        return 0;
    }
    uint64_t key = cm_hash64_mix(cm_hash64(request->root, strlen(request->root)),
                                 cm_hash64(request->path.ptr, request->path.len));
    return key != 0 ? key : 1;
}

static cm_rc parse(cm_analysis *a, const cm_analysis_request *request, beside *b, cm_err *err) {
    static const enum cm_document_status statuses[] = {
        [CM_PARSE_OK] = CM_DOCUMENT_OK,
        [CM_PARSE_PARTIAL] = CM_DOCUMENT_PARTIAL,
        [CM_PARSE_FAILED] = CM_DOCUMENT_TEXT,
        [CM_PARSE_SKIPPED] = CM_DOCUMENT_TEXT,
    };
    if (!request->parser) {
        if (!line_chunks(a)) {
            return cm_fail(err, CM_NOMEM, "out of memory cutting a file into chunks");
        }
        a->status = CM_DOCUMENT_TEXT;
        return CM_OK;
    }
    cm_parse_request parse_request = {.path = a->path,
                                      .text = a->text,
                                      .strategy = request->chunk_strategy,
                                      .document = document_of(request),
                                      .meanwhile = read_text,
                                      .argument = b};
    cm_rc rc =
        cm_parse_file(request->parser, &parse_request, request->cancel, a->arena, &a->parsed, err);
    if (rc != CM_OK) {
        return rc;
    }
    a->status = statuses[a->parsed.status];
    if (a->parsed.status == CM_PARSE_FAILED) {
        cm_log(CM_LOG_WARN, "file is indexed as text", CM_S("path", a->path),
               CM_S("reason", a->parsed.failure));
    }
    return CM_OK;
}

static cm_rc analyse_text(cm_analysis *a, const cm_analysis_request *request, cm_err *err) {
    beside b = {.request = request, .a = a};
    cm_rc rc = parse(a, request, &b, err);
    if (rc == CM_OK && !b.done) {
        read_text(&b);
    }
    if (rc == CM_OK && b.rc != CM_OK) {
        rc = b.rc;
        if (err) {
            *err = b.err;
        }
    }
    if (rc == CM_OK) {
        rc = cm_analysis_words(a, err);
    }
    return rc == CM_OK ? cm_analysis_references(a, err) : rc;
}

static cm_rc read_request(const cm_analysis_request *request, cm_arena *arena, source *out,
                          cm_err *err) {
    if (!request->text) {
        return read_source(request, arena, out, err);
    }
    out->size = request->text->len;
    out->mtime_ns = request->text_mtime_ns;
    if (out->size > request->file_bytes_max) {
        out->status = CM_DOCUMENT_TOO_LARGE;
        return CM_OK;
    }
    char *bytes = cm_arena_try_alloc(arena, request->text->len + 1);
    if (!bytes) {
        return cm_fail(err, CM_NOMEM, "out of memory copying a document");
    }
    memcpy(bytes, request->text->ptr ? request->text->ptr : "", request->text->len);
    out->text = cm_str_make(bytes, request->text->len);
    return CM_OK;
}

/* ---- notes ---- */

#define MANIFEST_BYTES_MAX CM_MIB(16) /* lock files outgrow the limit of what is worth searching */

/* A manifest over the size limit has no content in the index, but it is known what it declares. */
static cm_str manifest_text(const cm_analysis *a, const cm_analysis_request *request,
                            cm_arena *scratch) {
    source src = {.status = CM_DOCUMENT_OK};
    cm_analysis_request again = *request;
    again.file_bytes_max = MANIFEST_BYTES_MAX;
    cm_err ignored;
    if (a->status != CM_DOCUMENT_TOO_LARGE) {
        return a->text;
    }
    return read_request(&again, scratch, &src, &ignored) == CM_OK && src.status == CM_DOCUMENT_OK
               ? src.text
               : CM_STR_EMPTY;
}

static cm_rc note(cm_analysis *a, const cm_analysis_request *request, cm_err *err) {
    const cm_language *language = a->parsed.language;
    cm_arena *scratch = cm_arena_new(ARENA_MAX);
    cm_dependencies dependencies = {0};
    cm_style_votes votes = {0};
    cm_buf out;
    cm_buf_init(&out, CM_MIB(64));
    cm_rc rc = CM_OK;
    if (language && !language->is_markup &&
        cm_document_has_text(&(cm_index_document){.status = a->status})) {
        cm_style_vote(language, a->text, &a->parsed, &votes);
    }
    if (cm_dependencies_known(a->path)) {
        rc = cm_dependencies_read(a->path, manifest_text(a, request, scratch), scratch,
                                  &dependencies, err);
    }
    if (rc == CM_OK) {
        cm_notes_write(&votes, &dependencies, &out);
        rc = cm_buf_check(&out, err);
    }
    if (rc == CM_OK) {
        char *kept = cm_arena_try_alloc(a->arena, out.len);
        if (kept) {
            memcpy(kept, out.ptr, out.len);
        } else {
            rc = cm_fail(err, CM_NOMEM, "out of memory noting the style of a file");
        }
        a->notes = cm_str_make(kept, out.len);
    }
    cm_buf_done(&out);
    cm_arena_free(scratch);
    return rc;
}

/* ---- all of it ---- */

/* The text has been hashed as it is on disk, so that a change is still seen. */
static void withhold(cm_analysis *a, enum cm_secret_policy policy) {
    if (policy == CM_SECRETS_KEEP) {
        return;
    }
    enum cm_secret_kind kind = cm_secret_find(a->path, a->text);
    if (kind == CM_SECRET_FILE && policy != CM_SECRETS_REDACT) {
        a->status = CM_DOCUMENT_WITHHELD;
        a->text = CM_STR_EMPTY;
    } else if (kind != CM_SECRET_NONE && a->text.len > 0) {
        cm_secret_blank(a->path, (char *)(uintptr_t)a->text.ptr, a->text.len); /* our own copy */
    }
}

cm_rc cm_analysis_run(const cm_analysis_request *request, cm_analysis **ret_analysis, cm_err *err) {
    cm_arena *arena = cm_arena_new(ARENA_MAX);
    source src = {.status = CM_DOCUMENT_OK};
    cm_rc rc = cm_cancel_check(request->cancel, err);
    if (rc == CM_OK) {
        rc = read_request(request, arena, &src, err);
    }
    cm_hash128 hash = cm_hash128_of(src.text.ptr, src.text.len);
    bool same = request->unless && src.status == CM_DOCUMENT_OK &&
                hash.low == request->unless->low && hash.high == request->unless->high;
    if (rc != CM_OK || src.gone || same) {
        cm_arena_free(arena);
        if (rc == CM_OK) {
            *ret_analysis = NULL;
        }
        return rc;
    }
    cm_analysis *a = CM_ARENA_NEW(arena, cm_analysis);
    int64_t now_ns = cm_clock_wall_ms() * 1000000;
    *a = (cm_analysis){.arena = arena,
                       .path = cm_arena_str(arena, request->path),
                       .status = src.status,
                       .hash = hash,
                       .size = src.size,
                       .mtime_ns = src.mtime_ns,
                       .recent = request->text ? request->text_mtime_ns == 0
                                               : src.mtime_ns > now_ns - RECENT_NS,
                       .text = src.text};
    withhold(a, request->secrets);
    if (a->status == CM_DOCUMENT_OK && a->text.len > 0 && memchr(a->text.ptr, 0, a->text.len)) {
        a->status = CM_DOCUMENT_BINARY;
        a->text = CM_STR_EMPTY;
    }
    if (cm_document_has_text(&(cm_index_document){.status = a->status})) {
        rc = analyse_text(a, request, err);
    }
    if (rc == CM_OK && a->status != CM_DOCUMENT_WITHHELD) {
        rc = note(a, request, err);
    }
    if (rc != CM_OK) {
        cm_analysis_free(a);
    } else {
        *ret_analysis = a;
    }
    return rc;
}

void cm_analysis_free(cm_analysis *analysis) {
    if (analysis) {
        cm_arena_free(analysis->arena);
    }
}
