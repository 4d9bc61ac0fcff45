/* builder_write.c - from a builder's flat arrays to the parts of a segment.
 *
 * Strings are sorted once; every list is then put into their order by a counting sort, which keeps the order of
 * documents within a string. */
#include "index/segment/builder_priv.h"

#include "index/segment/postings.h"

#include <pthread.h>

#define THREAD_TOKENS_MIN 100000 /* sorted in some 20 ms; below, a thread is not worth it */

/* ---- order of strings ---- */

static int string_cmp(const void *left, const void *right, void *strings) {
    const cm_str *s = strings;
    return cm_str_cmp(s[*(const uint32_t *)left], s[*(const uint32_t *)right]);
}

/* Numbers 0..count-1 in byte order of their strings. NULL when memory runs out. */
static uint32_t *sorted_numbers(const cm_str *strings, size_t count) {
    uint32_t *numbers = cm_try_calloc(count + 1, sizeof(*numbers));
    for (uint32_t i = 0; numbers && i < count; i++) {
        numbers[i] = i;
    }
    if (numbers && count > 1) {
        qsort_r(numbers, count, sizeof(*numbers), string_cmp, (void *)(uintptr_t)strings);
    }
    return numbers;
}

/* Where the entries of each key lie after a stable counting sort by key: starts[key] .. starts[key + 1].
 * NULL when memory runs out. */
static size_t *key_starts(const void *entries, size_t count, size_t size, size_t keys) {
    size_t *starts = cm_try_calloc(keys + 2, sizeof(*starts));
    for (size_t i = 0; starts && i < count; i++) {
        uint32_t key; /* first field of every entry */
        memcpy(&key, (const char *)entries + i * size, sizeof(key));
        starts[key + 2]++;
    }
    for (size_t key = 2; starts && key <= keys + 1; key++) {
        starts[key] += starts[key - 1];
    }
    return starts;
}

/* A copy of `entries` sorted by their first field, a key below `keys`, keeping the order of equals. */
static void *sort_by_key(const void *entries, size_t count, size_t size, size_t keys,
                         size_t **ret_starts) {
    size_t *starts = key_starts(entries, count, size, keys);
    char *sorted = starts ? cm_try_alloc(count * size + 1) : NULL;
    if (!sorted) {
        cm_free(starts);
        return NULL;
    }
    size_t *cursor = starts + 1; /* moves to the final starts[key + 1] */
    for (size_t i = 0; i < count; i++) {
        const char *entry = (const char *)entries + i * size;
        uint32_t key;
        memcpy(&key, entry, sizeof(key));
        memcpy(sorted + cursor[key]++ * size, entry, size);
    }
    *ret_starts = starts;
    return sorted;
}

static void take_part(enum cm_part_kind kind, cm_buf *sections, size_t count, cm_buf *out) {
    cm_str slices[CM_PART_SECTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        slices[i] = cm_buf_str(&sections[i]);
        if (sections[i].failed != CM_OK) {
            out->failed = sections[i].failed;
        }
    }
    cm_part_build(kind, slices, count, out);
    for (size_t i = 0; i < count; i++) {
        cm_buf_done(&sections[i]);
    }
}

static void finish_dict(cm_dict_writer *w, cm_buf *out) {
    cm_dict_finish(w, out);
    cm_dict_writer_done(w);
}

static void init_sections(cm_buf *sections, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cm_buf_init(&sections[i], UINT32_MAX);
    }
}

/* ---- documents, symbols ---- */

static int path_cmp(const void *left, const void *right, void *argument) {
    const cm_builder *b = argument;
    const cm_document_record *l = &b->documents.items[*(const uint32_t *)left];
    const cm_document_record *r = &b->documents.items[*(const uint32_t *)right];
    cm_str strings = cm_buf_str(&b->document_strings);
    return cm_str_cmp(cm_segment_string(strings, l->path, l->path_len),
                      cm_segment_string(strings, r->path, r->path_len));
}

static bool write_documents(cm_builder *b, cm_buf *out) {
    size_t count = b->documents.count;
    cm_document_record last = {.first_symbol = (uint32_t)b->symbols.count,
                               .first_chunk = (uint32_t)b->chunks.count,
                               .first_import = (uint32_t)b->imports.count};
    uint32_t *by_path = cm_try_calloc(count + 1, sizeof(*by_path));
    if (!by_path || !cm_vec_push(&b->documents, last)) {
        cm_free(by_path);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        by_path[i] = i;
    }
    if (count > 1) {
        qsort_r(by_path, count, sizeof(*by_path), path_cmp, b);
    }
    const cm_str sections[] = {
        cm_str_make((const char *)b->documents.items, b->documents.count * sizeof(last)),
        cm_buf_str(&b->document_strings),
        cm_str_make((const char *)by_path, count * sizeof(*by_path)),
        cm_buf_str(&b->document_notes),
    };
    cm_part_build(CM_PART_DOCUMENTS, sections, CM_COUNT(sections), out);
    cm_free(by_path);
    b->documents.count = count;
    return true;
}

static int symbol_cmp(const void *left, const void *right, void *argument) {
    const cm_builder *b = argument;
    uint32_t l = *(const uint32_t *)left, r = *(const uint32_t *)right;
    const cm_symbol_record *ls = &b->symbols.items[l], *rs = &b->symbols.items[r];
    cm_str strings = cm_buf_str(&b->symbol_strings);
    int order = cm_str_cmp(cm_segment_string(strings, ls->name, ls->name_len),
                           cm_segment_string(strings, rs->name, rs->name_len));
    return order != 0 ? order : (l > r) - (l < r);
}

static bool write_symbols(cm_builder *b, cm_buf *out) {
    size_t count = b->symbols.count;
    uint32_t *order = cm_try_calloc(count + 1, sizeof(*order));
    if (!order) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    if (count > 1) {
        qsort_r(order, count, sizeof(*order), symbol_cmp, b);
    }
    cm_str strings = cm_buf_str(&b->symbol_strings);
    cm_dict_writer dict;
    cm_buf tail[2]; /* dictionary, postings */
    cm_dict_writer_init(&dict);
    init_sections(tail, 2);
    for (size_t i = 0; i < count;) {
        const cm_symbol_record *s = &b->symbols.items[order[i]];
        cm_str name = cm_segment_string(strings, s->name, s->name_len);
        size_t end = i + 1;
        for (; end < count; end++) {
            const cm_symbol_record *next = &b->symbols.items[order[end]];
            if (!cm_str_eq(cm_segment_string(strings, next->name, next->name_len), name)) {
                break;
            }
        }
        cm_dict_add(&dict, name, tail[1].len);
        cm_numbers_write(order + i, end - i, &tail[1]);
        i = end;
    }
    finish_dict(&dict, &tail[0]);
    cm_free(order);
    const cm_str sections[] = {
        cm_str_make((const char *)b->symbols.items, count * sizeof(*b->symbols.items)),
        strings,
        cm_buf_str(&tail[0]),
        cm_buf_str(&tail[1]),
    };
    cm_part_build(CM_PART_SYMBOLS, sections, CM_COUNT(sections), out);
    bool ok = tail[0].failed == CM_OK && tail[1].failed == CM_OK;
    cm_buf_done(&tail[0]);
    cm_buf_done(&tail[1]);
    return ok;
}

/* ---- words, references, trigrams ---- */

static bool write_words(cm_builder *b, cm_buf *out) {
    size_t keys = b->terms.strings.count;
    size_t *starts = NULL;
    uint32_t *order = sorted_numbers(b->terms.strings.items, keys);
    word_entry *sorted =
        order ? sort_by_key(b->words.items, b->words.count, sizeof(word_entry), keys, &starts)
              : NULL;
    CM_VEC(cm_posting) list = {0};
    cm_dict_writer dict;
    cm_buf sections[3];
    cm_dict_writer_init(&dict);
    init_sections(sections, 3);
    bool ok = sorted;
    for (size_t i = 0; ok && i < keys; i++) {
        uint32_t term = order[i];
        cm_vec_clear(&list);
        for (size_t e = starts[term]; ok && e < starts[term + 1]; e++) {
            const word_entry *w = &sorted[e];
            ok = cm_vec_push(&list, (cm_posting){w->chunk, w->body, w->name, w->comment, w->path});
        }
        if (!ok || list.count == 0) {
            continue;
        }
        cm_dict_add(&dict, b->terms.strings.items[term], sections[1].len);
        cm_postings_write(list.items, list.count, &sections[1]);
    }
    finish_dict(&dict, &sections[0]);
    cm_buf_add(&sections[2], b->field_words, sizeof(b->field_words));
    take_part(CM_PART_WORDS, sections, 3, out);
    cm_vec_done(&list);
    cm_free(order);
    cm_free(sorted);
    cm_free(starts);
    return ok;
}

static void write_reference_list(const reference_entry *entries, size_t count, cm_buf *out) {
    uint32_t document = 0, line = 0;
    cm_varint_add(out, count);
    for (size_t i = 0; i < count; i++) {
        const reference_entry *r = &entries[i];
        uint32_t step = r->document - document;
        cm_varint_add(out, step);
        cm_varint_add(out, step == 0 ? r->line - line : r->line);
        cm_varint_add(out, r->column);
        cm_varint_add(out, r->packed);
        document = r->document;
        line = r->line;
    }
}

static bool write_references(cm_builder *b, cm_buf *out) {
    size_t keys = b->names.strings.count;
    size_t *starts = NULL;
    uint32_t *order = sorted_numbers(b->names.strings.items, keys);
    reference_entry *sorted = order ? sort_by_key(b->references.items, b->references.count,
                                                  sizeof(reference_entry), keys, &starts)
                                    : NULL;
    cm_dict_writer dict;
    cm_buf sections[3];
    cm_dict_writer_init(&dict);
    init_sections(sections, 3);
    for (size_t i = 0; sorted && i < keys; i++) {
        uint32_t name = order[i];
        size_t count = starts[name + 1] - starts[name];
        if (count == 0) {
            continue;
        }
        cm_dict_add(&dict, b->names.strings.items[name], sections[1].len);
        write_reference_list(sorted + starts[name], count, &sections[1]);
    }
    finish_dict(&dict, &sections[0]);
    uint64_t count = b->references.count;
    cm_buf_add(&sections[2], &count, sizeof(count));
    take_part(CM_PART_REFERENCES, sections, 3, out);
    cm_free(order);
    cm_free(sorted);
    cm_free(starts);
    return sorted;
}

static int trigram_cmp(const void *left, const void *right) {
    const trigram_entry *a = left, *b = right;
    if (a->trigram != b->trigram) {
        return a->trigram < b->trigram ? -1 : 1;
    }
    return (a->document > b->document) - (a->document < b->document);
}

static bool write_trigrams(cm_builder *b, cm_buf *out) {
    size_t count = b->trigrams.count;
    size_t *starts = NULL;
    const size_t keys = (size_t)1 << 24;
    trigram_entry *sorted;
    if (count < keys / 64) { /* a small segment: clearing a counter for each key would cost more */
        sorted = b->trigrams.items;
        if (count > 1) {
            qsort(sorted, count, sizeof(*sorted), trigram_cmp);
        }
    } else {
        sorted = sort_by_key(b->trigrams.items, count, sizeof(*sorted), keys, &starts);
        if (!sorted) {
            return false;
        }
    }
    CM_VEC(uint32_t) list = {0};
    cm_dict_writer dict;
    cm_buf sections[2];
    cm_dict_writer_init(&dict);
    init_sections(sections, 2);
    bool ok = true;
    for (size_t i = 0; ok && i < count;) {
        uint32_t trigram = sorted[i].trigram;
        cm_vec_clear(&list);
        for (; ok && i < count && sorted[i].trigram == trigram; i++) {
            ok = cm_vec_push(&list, sorted[i].document);
        }
        char key[3] = {(char)(trigram >> 16), (char)(trigram >> 8), (char)trigram};
        cm_dict_add(&dict, cm_str_make(key, 3), sections[1].len);
        if (ok) {
            cm_numbers_write(list.items, list.count, &sections[1]);
        }
    }
    finish_dict(&dict, &sections[0]);
    take_part(CM_PART_TRIGRAMS, sections, 2, out);
    cm_vec_done(&list);
    if (starts) {
        cm_free(sorted);
        cm_free(starts);
    }
    return ok;
}

/* Sorting the tokens takes about as long as all other parts together, so it has a thread. */
typedef struct suffix_task {
    cm_builder *builder;
    cm_buf *out;
    cm_rc rc;
    cm_err err;
} suffix_task;

static void *write_suffix(void *argument) {
    suffix_task *task = argument;
    cm_buf section;
    init_sections(&section, 1);
    if (task->builder->sorted.len > 0) {
        cm_buf_add_str(&section, cm_buf_str(&task->builder->sorted));
    } else if (cm_suffix_builder_tokens(task->builder->suffix) > 0) {
        task->rc = cm_suffix_builder_finish(task->builder->suffix, &section, &task->err);
    }
    take_part(CM_PART_SUFFIX, &section, 1, task->out);
    return NULL;
}

static bool write_others(cm_builder *b, cm_buf parts[CM_PART_KIND_COUNT]) {
    const cm_str text = cm_buf_str(&b->text);
    const cm_str imports[] = {
        cm_str_make((const char *)b->imports.items, b->imports.count * sizeof(*b->imports.items)),
        cm_buf_str(&b->import_strings),
    };
    const cm_str chunks =
        cm_str_make((const char *)b->chunks.items, b->chunks.count * sizeof(*b->chunks.items));
    cm_part_build(CM_PART_TEXT, &text, 1, &parts[CM_PART_TEXT]);
    cm_part_build(CM_PART_IMPORTS, imports, CM_COUNT(imports), &parts[CM_PART_IMPORTS]);
    cm_part_build(CM_PART_CHUNKS, &chunks, 1, &parts[CM_PART_CHUNKS]);
    return write_documents(b, &parts[CM_PART_DOCUMENTS]) &&
           write_symbols(b, &parts[CM_PART_SYMBOLS]) && write_words(b, &parts[CM_PART_WORDS]) &&
           write_references(b, &parts[CM_PART_REFERENCES]) &&
           write_trigrams(b, &parts[CM_PART_TRIGRAMS]);
}

cm_rc cm_builder_finish(cm_builder *builder, cm_buf parts[CM_PART_KIND_COUNT], cm_err *err) {
    suffix_task task = {.builder = builder, .out = &parts[CM_PART_SUFFIX]};
    pthread_t thread;
    bool threaded = builder->sorted.len == 0 &&
                    cm_suffix_builder_tokens(builder->suffix) > THREAD_TOKENS_MIN &&
                    pthread_create(&thread, NULL, write_suffix, &task) == 0;
    if (!threaded) {
        write_suffix(&task);
    }
    bool ok = write_others(builder, parts);
    if (threaded) {
        pthread_join(thread, NULL);
    }
    if (!ok) {
        return cm_fail(err, CM_NOMEM, "out of memory writing a segment");
    }
    if (task.rc != CM_OK) {
        if (err) {
            *err = task.err;
        }
        return task.rc;
    }
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_rc rc = cm_buf_check(&parts[kind], err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}
