/* segment.c - opening the parts of a segment as typed views, from a folder or from memory, and looking up in them. */
#include "index/segment/segment.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/path.h"
#include "index/segment/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* ---- lists ---- */

void cm_numbers_write(const uint32_t *numbers, size_t count, cm_buf *out) {
    cm_varint_add(out, count);
    uint32_t before = 0;
    for (size_t i = 0; i < count; i++) {
        cm_varint_add(out, numbers[i] - before);
        before = numbers[i];
    }
}

bool cm_numbers_open(cm_str section, uint64_t offset, cm_numbers *ret_numbers) {
    if (offset > section.len) {
        return false;
    }
    cm_numbers numbers = {.reader = cm_reader_of(cm_str_from_offset(section, (size_t)offset))};
    numbers.left = cm_varint_next(&numbers.reader);
    *ret_numbers = numbers;
    return !numbers.reader.failed;
}

bool cm_numbers_next(cm_numbers *numbers) {
    if (numbers->left == 0) {
        return false;
    }
    numbers->left--;
    uint64_t now = (uint64_t)numbers->now + cm_varint_next32(&numbers->reader);
    numbers->now = (uint32_t)now;
    return !numbers->reader.failed && now < UINT32_MAX;
}

bool cm_reference_cursor_open(const cm_segment *segment, uint64_t offset,
                              cm_reference_cursor *ret_cursor) {
    cm_str section = segment->reference_postings;
    if (offset > section.len) {
        return false;
    }
    cm_reference_cursor c = {.segment = segment,
                             .reader = cm_reader_of(cm_str_from_offset(section, (size_t)offset))};
    c.left = cm_varint_next(&c.reader);
    *ret_cursor = c;
    return !c.reader.failed;
}

bool cm_reference_cursor_next(cm_reference_cursor *cursor) {
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    cm_segment_reference *now = &cursor->now;
    uint32_t step = cm_varint_next32(&cursor->reader);
    uint32_t line = cm_varint_next32(&cursor->reader);
    now->column = cm_varint_next32(&cursor->reader);
    uint32_t packed = cm_varint_next32(&cursor->reader);
    now->line = step == 0 ? now->line + line : line;
    now->document += step;
    now->role = packed & 7;
    const cm_segment *s = cursor->segment;
    if (cursor->reader.failed || now->document >= s->document_count) {
        return false;
    }
    uint32_t first = s->documents[now->document].first_symbol;
    uint32_t count = s->documents[now->document + 1].first_symbol - first;
    uint32_t scope = packed >> 3; /* 0 = top level, else the symbol's place in the document + 1 */
    now->scope = scope > 0 && scope <= count ? first + scope - 1 : UINT32_MAX;
    return true;
}

/* ---- opening ---- */

static cm_rc take_records(const cm_segment *segment, enum cm_part_kind kind, size_t section,
                          size_t size, const void **ret_records, uint32_t *ret_count, cm_err *err) {
    cm_str bytes = cm_part_section(&segment->parts[kind], section);
    if (bytes.len % size != 0 || bytes.len / size >= UINT32_MAX) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' of segment %llu has a torn record",
                       cm_part_name(kind), (unsigned long long)segment->number);
    }
    *ret_records = bytes.ptr;
    *ret_count = (uint32_t)(bytes.len / size);
    return CM_OK;
}

/* Every reader trusts the ranges of documents, so these are checked once. */
static cm_rc check_documents(const cm_segment *s, uint32_t by_path_count, cm_err *err) {
    bool ok = by_path_count == s->document_count;
    for (uint32_t i = 0; ok && i <= s->document_count; i++) {
        const cm_document_record *d = &s->documents[i];
        ok = d->first_symbol <= s->symbol_count && d->first_chunk <= s->chunk_count &&
             d->first_import <= s->import_count;
        if (i < s->document_count) {
            ok = ok && d[1].first_symbol >= d->first_symbol && d[1].first_chunk >= d->first_chunk &&
                 d[1].first_import >= d->first_import && s->by_path[i] < s->document_count;
        }
    }
    if (!ok) {
        return cm_fail(err, CM_CORRUPT, "segment %llu has documents out of bounds",
                       (unsigned long long)s->number);
    }
    return CM_OK;
}

/* What is checked once must not change afterwards, as a mapped file does that is cut short. */
static cm_rc keep_trusted(cm_segment *s, uint32_t by_path_count, cm_err *err) {
    size_t records = ((size_t)s->document_count + 1) * sizeof(cm_document_record);
    size_t numbers = (size_t)by_path_count * sizeof(uint32_t);
    if (!s->path) {
        return CM_OK;
    }
    char *copy = cm_try_alloc(records + numbers);
    if (!copy) {
        return cm_fail(err, CM_NOMEM, "no memory for the documents of segment %llu",
                       (unsigned long long)s->number);
    }
    memcpy(copy, s->documents, records);
    if (numbers > 0) {
        memcpy(copy + records, s->by_path, numbers);
    }
    s->trusted = copy;
    s->documents = (const cm_document_record *)(const void *)copy;
    s->by_path = (const uint32_t *)(const void *)(copy + records);
    return CM_OK;
}

static cm_rc open_records(cm_segment *s, cm_err *err) {
    const void *documents, *by_path, *symbols, *imports, *chunks;
    uint32_t document_count = 0, by_path_count = 0;
    cm_rc rc = take_records(s, CM_PART_DOCUMENTS, 0, sizeof(cm_document_record), &documents,
                            &document_count, err);
    if (rc == CM_OK) {
        rc = take_records(s, CM_PART_DOCUMENTS, 2, sizeof(uint32_t), &by_path, &by_path_count, err);
    }
    if (rc == CM_OK) {
        rc = take_records(s, CM_PART_SYMBOLS, 0, sizeof(cm_symbol_record), &symbols,
                          &s->symbol_count, err);
    }
    if (rc == CM_OK) {
        rc = take_records(s, CM_PART_IMPORTS, 0, sizeof(cm_import_record), &imports,
                          &s->import_count, err);
    }
    if (rc == CM_OK) {
        rc = take_records(s, CM_PART_CHUNKS, 0, sizeof(cm_chunk_record), &chunks, &s->chunk_count,
                          err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    if (document_count == 0) {
        return cm_fail(err, CM_CORRUPT, "segment %llu has no documents part",
                       (unsigned long long)s->number);
    }
    s->documents = documents;
    s->document_count = document_count - 1;
    s->by_path = by_path;
    rc = keep_trusted(s, by_path_count, err);
    if (rc != CM_OK) {
        return rc;
    }
    s->symbols = symbols;
    s->imports = imports;
    s->chunks = chunks;
    return check_documents(s, by_path_count, err);
}

static cm_rc open_views(cm_segment *s, cm_err *err) {
    cm_rc rc = open_records(s, err);
    if (rc != CM_OK) {
        return rc;
    }
    s->document_strings = cm_part_section(&s->parts[CM_PART_DOCUMENTS], 1);
    s->document_notes = cm_part_section(&s->parts[CM_PART_DOCUMENTS], 3);
    s->text = cm_part_section(&s->parts[CM_PART_TEXT], 0);
    s->symbol_strings = cm_part_section(&s->parts[CM_PART_SYMBOLS], 1);
    s->symbol_postings = cm_part_section(&s->parts[CM_PART_SYMBOLS], 3);
    s->reference_postings = cm_part_section(&s->parts[CM_PART_REFERENCES], 1);
    s->import_strings = cm_part_section(&s->parts[CM_PART_IMPORTS], 1);
    s->word_postings = cm_part_section(&s->parts[CM_PART_WORDS], 1);
    s->trigram_postings = cm_part_section(&s->parts[CM_PART_TRIGRAMS], 1);
    bool ok =
        cm_dict_open(cm_part_section(&s->parts[CM_PART_SYMBOLS], 2), &s->symbol_names) &&
        cm_dict_open(cm_part_section(&s->parts[CM_PART_REFERENCES], 0), &s->reference_names) &&
        cm_dict_open(cm_part_section(&s->parts[CM_PART_WORDS], 0), &s->words) &&
        cm_dict_open(cm_part_section(&s->parts[CM_PART_TRIGRAMS], 0), &s->trigrams);
    cm_str count = cm_part_section(&s->parts[CM_PART_REFERENCES], 2);
    cm_str lengths = cm_part_section(&s->parts[CM_PART_WORDS], 2);
    if (!ok || count.len != sizeof(s->reference_count) || lengths.len != sizeof(s->field_words)) {
        return cm_fail(err, CM_CORRUPT, "segment %llu has a damaged table",
                       (unsigned long long)s->number);
    }
    memcpy(&s->reference_count, count.ptr, count.len);
    memcpy(s->field_words, lengths.ptr, lengths.len);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        s->bytes += s->parts[kind].bytes.len;
    }
    cm_str suffix = cm_part_section(&s->parts[CM_PART_SUFFIX], 0);
    return suffix.len > 0 ? cm_suffix_open(suffix.ptr, suffix.len, false, &s->suffix, err) : CM_OK;
}

static cm_segment *segment_new(uint64_t number) {
    cm_segment *s = CM_NEW(cm_segment);
    atomic_init(&s->refs, 1);
    s->number = number;
    return s;
}

cm_rc cm_segment_open(const char *path, uint64_t number, cm_segment **ret_segment, cm_err *err) {
    cm_segment *s = segment_new(number);
    s->path = cm_strdup(path);
    cm_rc rc = CM_OK;
    for (int kind = 0; rc == CM_OK && kind < CM_PART_KIND_COUNT; kind++) {
        char file[2 * CM_PATH_BYTES_MAX];
        if (snprintf(file, sizeof(file), "%s/%s", path, cm_part_name(kind)) >= (int)sizeof(file)) {
            rc = cm_fail(err, CM_LIMIT, "path of segment '%s' is too long", path);
        } else {
            rc = cm_part_open(file, kind, &s->parts[kind], err);
        }
    }
    if (rc == CM_OK) {
        rc = open_views(s, err);
    }
    if (rc != CM_OK) {
        cm_segment_unref(s);
    } else {
        *ret_segment = s;
    }
    return rc;
}

cm_rc cm_segment_take(cm_buf parts[CM_PART_KIND_COUNT], uint64_t number, cm_segment **ret_segment,
                      cm_err *err) {
    cm_segment *s = segment_new(number);
    cm_rc rc = CM_OK;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        size_t len;
        if (rc == CM_OK) {
            rc = cm_buf_check(&parts[kind], err);
        }
        char *memory = cm_buf_take(&parts[kind], &len);
        if (rc == CM_OK) {
            rc = cm_part_take(memory, len, kind, &s->parts[kind], err);
        } else {
            cm_free(memory);
        }
    }
    if (rc == CM_OK) {
        rc = open_views(s, err);
    }
    if (rc != CM_OK) {
        cm_segment_unref(s);
    } else {
        *ret_segment = s;
    }
    return rc;
}

cm_rc cm_segment_check(const cm_segment *segment, cm_err *err) {
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_rc rc = cm_part_check(&segment->parts[kind], err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}

bool cm_segment_is_torn(const cm_segment *segment) {
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        if (cm_mapping_is_torn(&segment->parts[kind].mapping)) {
            return true;
        }
    }
    return false;
}

bool cm_segment_is_cut(const cm_segment *segment) {
    for (int kind = 0; segment->path && kind < CM_PART_KIND_COUNT; kind++) {
        char file[2 * CM_PATH_BYTES_MAX];
        struct stat st;
        snprintf(file, sizeof(file), "%s/%s", segment->path, cm_part_name(kind));
        if (stat(file, &st) == 0 && (uint64_t)st.st_size < segment->parts[kind].bytes.len) {
            return true; /* one that was deleted can still be read */
        }
    }
    return cm_segment_is_torn(segment);
}

cm_segment *cm_segment_ref(cm_segment *segment) {
    atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
    return segment;
}

void cm_segment_unref(cm_segment *segment) {
    if (!segment || atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cm_suffix_close(segment->suffix);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_part_close(&segment->parts[kind]);
    }
    if (segment->path && atomic_load(&segment->obsolete)) {
        cm_err err;
        if (cm_dir_remove(segment->path, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "cannot delete an old segment", &err);
        }
    }
    cm_free(segment->trusted);
    cm_free(segment->path);
    cm_free(segment);
}

/* ---- writing ---- */

static cm_rc write_file(const char *path, cm_str bytes, cm_err *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot create '%s'", path);
    }
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, CM_MIN(bytes.len, CM_MIB(64)));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            cm_rc rc = cm_fail_errno(err, n < 0 ? errno : ENOSPC, "cannot write '%s'", path);
            close(fd);
            return rc;
        }
        bytes = cm_str_from_offset(bytes, (size_t)n);
    }
    int failed = fdatasync(fd) != 0 ? errno : 0;
    if (close(fd) != 0 && !failed) {
        failed = errno;
    }
    return failed ? cm_fail_errno(err, failed, "cannot write '%s'", path) : CM_OK;
}

cm_rc cm_segment_write(const cm_buf parts[CM_PART_KIND_COUNT], const char *path, cm_err *err) {
    if (mkdir(path, 0700) != 0) {
        return cm_fail_errno(err, errno, "cannot create '%s'", path);
    }
    cm_rc rc = CM_OK;
    for (int kind = 0; rc == CM_OK && kind < CM_PART_KIND_COUNT; kind++) {
        char file[2 * CM_PATH_BYTES_MAX];
        rc = cm_buf_check(&parts[kind], err);
        if (rc == CM_OK &&
            snprintf(file, sizeof(file), "%s/%s", path, cm_part_name(kind)) >= (int)sizeof(file)) {
            rc = cm_fail(err, CM_LIMIT, "path of segment '%s' is too long", path);
        }
        if (rc == CM_OK) {
            rc = write_file(file, cm_buf_str(&parts[kind]), err);
        }
    }
    if (rc == CM_OK) {
        rc = cm_dir_sync(path, err);
    }
    cm_err ignored;
    if (rc != CM_OK && cm_dir_remove(path, &ignored) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "cannot delete an unfinished segment", &ignored);
    }
    return rc;
}

/* ---- look-ups ---- */

cm_str cm_segment_path(const cm_segment *segment, uint32_t document) {
    const cm_document_record *d = &segment->documents[document];
    return cm_segment_string(segment->document_strings, d->path, d->path_len);
}

cm_str cm_segment_notes(const cm_segment *segment, uint32_t document) {
    uint32_t offset = segment->documents[document].notes;
    if (offset == 0 || offset >= segment->document_notes.len) {
        return CM_STR_EMPTY;
    }
    cm_reader r = cm_reader_of(cm_str_from_offset(segment->document_notes, offset));
    return cm_reader_bytes(&r, cm_varint_next(&r));
}

bool cm_segment_is_complete(const cm_segment *segment, uint32_t document) {
    return !(segment->documents[document].flags & CM_DOCUMENT_UNPARSED) &&
           cm_notes_known(cm_segment_notes(segment, document));
}

uint32_t cm_segment_find(const cm_segment *segment, cm_str path) {
    uint32_t low = 0, high = segment->document_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = cm_str_cmp(cm_segment_path(segment, segment->by_path[middle]), path);
        if (order == 0) {
            return segment->by_path[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return UINT32_MAX;
}

cm_rc cm_segment_text(const cm_segment *segment, uint32_t document, cm_arena *arena,
                      cm_str *ret_text, cm_err *err) {
    const cm_document_record *d = &segment->documents[document];
    cm_str frame = CM_STR_EMPTY;
    if (d->text_offset <= UINT32_MAX) {
        frame = cm_segment_string(segment->text, (uint32_t)d->text_offset, d->text_len);
    }
    unsigned long long len = ZSTD_getFrameContentSize(frame.ptr, frame.len);
    if (len > UINT32_MAX) {
        return cm_fail(err, CM_CORRUPT, "text of document %u is damaged", document);
    }
    char *text = cm_arena_try_alloc(arena, (size_t)len + 1);
    if (!text) {
        return cm_fail(err, CM_NOMEM, "no memory for a document of %llu bytes", len);
    }
    if (ZSTD_decompress(text, (size_t)len, frame.ptr, frame.len) != len) {
        return cm_fail(err, CM_CORRUPT, "text of document %u is damaged", document);
    }
    *ret_text = cm_str_make(text, (size_t)len);
    return CM_OK;
}
