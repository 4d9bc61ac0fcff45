/* One indexing job: walk, decide what changed, analyse in parallel, add in order, publish.
 *
 * Files are analysed by background jobs of the pool, up to WINDOW at once, and consumed strictly in order of path, so
 * the segments do not depend on timing. An analysis that is done submits the next; while the next file in order is not
 * ready the job's own thread analyses one too: a pool that lends a single worker still gives two at work.
 * What is in flight is bounded by count and by bytes; what is under construction by `ram_bytes`. */
#include "index/segment/builder.h"
#include "index/live/index_priv.h"
#include "index/live/sent.h"
#include "index/live/walk.h"

#include "base/beneath.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"

#define WINDOW        1024
#define IN_FLIGHT_MAX CM_MIB(16)  /* of source: an analysis takes several times its text */
#define RAM_DEFAULT   CM_MIB(256) /* of a segment under construction */
#define NOTIFY_MS     100
#define SENT_MAX      CM_MIB(64) /* of one content: CM_BLOB_BYTES_MAX */

typedef struct planned {
    cm_str path;
    uint64_t size;
    bool known; /* `hash` is that of the document in the snapshot */
    cm_hash128 hash;
} planned;

typedef struct slot {
    struct job *job;
    const planned *file;
    bool done;
    cm_rc rc;
    cm_err err;
    cm_analysis *analysis; /* NULL = unchanged or gone */
} slot;

typedef struct job {
    cm_index *r;
    const cm_index_job *asked;
    cm_index_settings *settings;
    bool full;
    cm_cancel *cancel;
    cm_arena *arena;
    cm_snapshot *base; /* what was there when the job began; may be NULL */
    int tree;          /* descriptor of the root; -1 without one */
    cm_walk_result walk;
    bool is_kept; /* no tree: the files are those that were sent (index/live/sent.h) */
    CM_VEC(planned) files;
    CM_VEC(cm_str) removed;
    cm_builder *builder;
    CM_VEC(cm_segment *) pending; /* of a full job: published together at the end */

    pthread_mutex_t lock;
    pthread_cond_t done;
    /* Guarded by `lock`. */
    slot slots[WINDOW];
    size_t next_submit, next_consume; /* indexes into files */
    uint64_t in_flight;
    unsigned outstanding; /* submitted to the pool and not finished */
    bool draining;        /* nothing more is submitted */

    uint64_t notified_ms;
} job;

/* ---- progress ---- */

static void notify(job *j, bool always) {
    cm_index *r = j->r;
    uint64_t now = cm_clock_ms();
    if (!always && now - j->notified_ms < NOTIFY_MS) {
        return;
    }
    j->notified_ms = now;
    if (j->asked->notify) {
        cm_index_progress progress;
        cm_index_job_progress(r, &progress);
        j->asked->notify(j->asked->argument, &progress);
    }
}

#define FILE_WORK 1024 /* to open a file and to keep its records, in bytes of reading */

/* A file over the limit is looked at and not read, however long. */
static uint64_t work_of(const job *j, uint64_t size) {
    return FILE_WORK + (size <= j->settings->options.file_bytes_max ? size : 0);
}

/* `work` 0 = nothing of the file was read. */
static void advance(job *j, uint64_t bytes, uint64_t work, uint64_t unchanged, bool failed) {
    cm_index_progress *p = &j->r->progress;
    pthread_mutex_lock(&j->r->lock);
    p->work_read += work;
    p->files_indexed++;
    p->files_unchanged += unchanged;
    p->files_failed += failed;
    p->bytes_indexed += bytes;
    pthread_mutex_unlock(&j->r->lock);
    notify(j, false);
}

/* ---- the plan ---- */

static bool is_unchanged(const cm_walk_entry *entry, const cm_segment *segment, uint32_t local) {
    const cm_document_record *d = &segment->documents[local];
    return d->size == entry->size && d->mtime_ns == entry->mtime_ns &&
           !(d->flags & CM_DOCUMENT_RECENT) && d->status != CM_DOCUMENT_UNREADABLE &&
           cm_segment_is_complete(segment, local);
}

/* The live document of `path` in the snapshot the job began with. */
static const cm_snapshot_segment *find_live(const job *j, cm_str path, uint32_t *ret_local) {
    cm_index_document d;
    if (!j->base || !cm_snapshot_find_document(j->base, path, &d)) {
        return NULL;
    }
    return cm_snapshot_of_document(j->base, d.id, ret_local);
}

static cm_rc plan_file(job *j, const cm_walk_entry *entry, cm_err *err) {
    uint32_t local = 0;
    planned file = {.path = entry->path, .size = entry->size};
    const cm_snapshot_segment *in = find_live(j, entry->path, &local);
    if (in && !j->full) {
        const cm_document_record *d = &in->segment->documents[local];
        if (is_unchanged(entry, in->segment, local)) {
            advance(j, entry->size, 0, 1, false);
            return CM_OK;
        }
        file.known = (d->status <= CM_DOCUMENT_TEXT || d->status == CM_DOCUMENT_BINARY) &&
                     cm_segment_is_complete(in->segment, local);
        file.hash = (cm_hash128){d->hash_low, d->hash_high};
    }
    return cm_vec_push(&j->files, file) ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory planning");
}

/* Walked paths and documents of the snapshot are compared through a set of the former. */
static cm_rc plan_removed(job *j, cm_err *err) {
    cm_map *seen = cm_map_new(0);
    bool ok = true;
    for (size_t i = 0; ok && i < j->walk.count; i++) {
        cm_str path = j->walk.entries[i].path;
        ok = cm_index_settings_withhold(&j->settings->options, path) || cm_map_put(seen, path, 1);
    }
    cm_index_document d;
    uint64_t ignored;
    for (uint32_t cursor = 0; ok && j->base && cm_snapshot_next_document(j->base, &cursor, &d);) {
        if (!cm_map_get(seen, d.path, &ignored)) {
            ok = cm_vec_push(&j->removed, d.path);
        }
    }
    cm_map_free(seen);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory planning");
}

/* A repository whose files nobody kept consists of what the index holds: a job only reads that again, in new ways. */
static cm_rc list_documents(job *j, cm_err *err) {
    CM_VEC(cm_walk_entry) entries = {0};
    cm_index_document d;
    bool ok = true;
    for (uint32_t cursor = 0; ok && j->base && cm_snapshot_next_document(j->base, &cursor, &d);) {
        if (!cm_document_has_text(&d)) {
            continue;
        }
        ok = cm_vec_push(&entries, (cm_walk_entry){d.path, d.size, d.mtime_ns});
        j->walk.bytes += d.size;
    }
    cm_walk_entry *copy = ok ? CM_ARENA_ARRAY(j->arena, cm_walk_entry, entries.count + 1) : NULL;
    if (copy && entries.count > 0) {
        memcpy(copy, entries.items, entries.count * sizeof(*copy));
    }
    j->walk.entries = copy;
    j->walk.count = copy ? entries.count : 0;
    cm_vec_done(&entries);
    return copy ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory planning");
}

static cm_rc list_sent(job *j, cm_err *err) {
    const cm_sent *sent = j->r->environment.sent;
    cm_rc rc = sent ? cm_sent_list(sent, &j->r->id, j->arena, &j->walk, err) : CM_OK;
    j->is_kept = rc == CM_OK && j->walk.count > 0;
    return rc == CM_OK && !j->is_kept ? list_documents(j, err) : rc;
}

static cm_rc plan(job *j, cm_err *err) {
    cm_rc rc = j->settings->root[0] == '\0'
                   ? list_sent(j, err)
                   : cm_walk_run(j->settings, CM_STR_EMPTY, j->cancel, j->arena, &j->walk, err);
    if (rc != CM_OK) {
        return rc;
    }
    pthread_mutex_lock(&j->r->lock);
    j->r->progress.files_total = j->walk.count;
    j->r->progress.bytes_total = j->walk.bytes;
    j->r->progress.files_failed = j->walk.unreadable;
    pthread_mutex_unlock(&j->r->lock);
    for (size_t i = 0; rc == CM_OK && i < j->walk.count; i++) {
        const cm_walk_entry *entry = &j->walk.entries[i];
        rc = cm_index_settings_withhold(&j->settings->options, entry->path)
                 ? CM_OK
                 : plan_file(j, entry, err);
    }
    pthread_mutex_lock(&j->r->lock);
    for (size_t i = 0; i < j->files.count; i++) {
        j->r->progress.work_total += work_of(j, j->files.items[i].size);
    }
    pthread_mutex_unlock(&j->r->lock);
    return rc == CM_OK ? plan_removed(j, err) : rc;
}

/* ---- analysis in parallel, consumption in order ---- */

static cm_parser_pool *job_parser(const cm_index *r) {
    return r->environment.job_parser ? r->environment.job_parser : r->environment.parser;
}

/* The text the index has, of a document that is still there. */
static cm_rc read_snapshot(const job *j, cm_str path, cm_buf *out, cm_err *err) {
    cm_index_document d;
    cm_str text;
    if (!j->base || !cm_snapshot_find_document(j->base, path, &d)) {
        return cm_fail(err, CM_NOT_FOUND, "a document is gone");
    }
    cm_arena *scratch = cm_arena_new((size_t)1 << 30);
    cm_rc rc = cm_snapshot_text(j->base, d.id, scratch, &text, err);
    if (rc == CM_OK) {
        cm_buf_add_str(out, text);
        rc = cm_buf_check(out, err);
    }
    cm_arena_free(scratch);
    return rc;
}

/* What was sent, else what the index has of it. CM_NOT_FOUND: dropped meanwhile, or lost in both. */
static cm_rc read_sent(const job *j, cm_str path, cm_buf *out, int64_t *ret_mtime_ns, cm_err *err) {
    cm_rc rc = CM_NOT_FOUND;
    if (j->is_kept) {
        rc = cm_sent_read(j->r->environment.sent, &j->r->id, path, out, ret_mtime_ns, err);
    }
    if (rc == CM_CORRUPT) {
        cm_log_err(CM_LOG_ERROR, "a file that was sent is damaged", err);
    }
    if (rc == CM_CORRUPT || rc == CM_NOT_FOUND) {
        rc = read_snapshot(j, path, out, err);
    }
    return rc;
}

static void slot_run_sent(slot *s, cm_analysis_request *request) {
    cm_cleanup(cm_buf_done) cm_buf content;
    cm_buf_init(&content, SENT_MAX);
    s->rc = read_sent(s->job, s->file->path, &content, &request->text_mtime_ns, &s->err);
    if (s->rc == CM_NOT_FOUND || s->rc == CM_CORRUPT) {
        s->rc = CM_OK; /* as a file that is gone from a tree */
        return;
    }
    cm_str text = cm_buf_str(&content);
    request->text = &text;
    if (s->rc == CM_OK) {
        s->rc = cm_analysis_run(request, &s->analysis, &s->err);
    }
}

static void slot_run(slot *s) {
    job *j = s->job;
    cm_analysis_request request = {
        .root = j->settings->root,
        .tree = j->tree,
        .path = s->file->path,
        .file_bytes_max = j->settings->options.file_bytes_max,
        .parser = job_parser(j->r),
        .cancel = j->cancel,
        .unless = s->file->known ? &s->file->hash : NULL,
        .chunk_strategy = j->settings->options.chunk_strategy,
        .secrets = cm_index_settings_secrets(&j->settings->options, s->file->path),
    };
    s->analysis = NULL;
    cm_compute *compute = j->r->environment.compute;
    cm_compute_background_begin(compute, j->cancel);
    if (j->settings->root[0] != '\0') {
        s->rc = cm_analysis_run(&request, &s->analysis, &s->err);
    } else {
        slot_run_sent(s, &request);
    }
    cm_compute_background_end(compute);
}

/* Prepares the slot of the next file; NULL when the window is full or nothing is left. */
static slot *next_slot(job *j) {
    if (j->draining || j->next_submit == j->files.count ||
        j->next_submit - j->next_consume == WINDOW) {
        return NULL;
    }
    const planned *file = &j->files.items[j->next_submit];
    uint64_t bytes = CM_MIN(file->size, j->settings->options.file_bytes_max);
    if (j->in_flight > 0 && j->in_flight + bytes > IN_FLIGHT_MAX) {
        return NULL;
    }
    slot *s = &j->slots[j->next_submit % WINDOW];
    *s = (slot){.job = j, .file = file};
    j->in_flight += bytes;
    j->next_submit++;
    return s;
}

static void slot_job(void *argument, unsigned worker);

/* Keeps the pool busy: two files a worker, or as many as the limit leaves beside the job's own thread. The
 * caller holds the lock. */
static void feed_pool(job *j) {
    cm_pool *pool = j->r->environment.pool;
    unsigned threads = j->r->environment.threads;
    unsigned most = !pool ? 0 : threads > 0 ? threads - 1 : 2 * cm_pool_workers(pool);
    slot *s;
    while (j->outstanding < most && (s = next_slot(j))) {
        if (cm_pool_submit(pool, CM_BACKGROUND, slot_job, s, NULL) != CM_OK) {
            j->next_submit--; /* the queue is full: the job's own thread takes the file */
            j->in_flight -= CM_MIN(s->file->size, j->settings->options.file_bytes_max);
            return;
        }
        j->outstanding++;
    }
}

static void slot_job(void *argument, unsigned worker) {
    (void)worker;
    slot *s = argument;
    job *j = s->job;
    slot_run(s);
    pthread_mutex_lock(&j->lock);
    s->done = true;
    j->outstanding--;
    feed_pool(j);
    pthread_cond_signal(&j->done);
    pthread_mutex_unlock(&j->lock);
}

/* The next file in order, analysed. */
static slot *take_slot(job *j) {
    pthread_mutex_lock(&j->lock);
    slot *head = &j->slots[j->next_consume % WINDOW];
    for (;;) {
        feed_pool(j);
        if (j->next_consume < j->next_submit && head->done) {
            break;
        }
        slot *mine = next_slot(j);
        if (!mine) {
            cm_assert(j->next_consume < j->next_submit);
            pthread_cond_wait(&j->done, &j->lock);
            continue;
        }
        pthread_mutex_unlock(&j->lock);
        slot_run(mine);
        pthread_mutex_lock(&j->lock);
        mine->done = true;
    }
    pthread_mutex_unlock(&j->lock);
    return head;
}

static void drain(job *j) {
    pthread_mutex_lock(&j->lock);
    j->draining = true;
    while (j->outstanding > 0) {
        pthread_cond_wait(&j->done, &j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    for (; j->next_consume < j->next_submit; j->next_consume++) {
        cm_analysis_free(j->slots[j->next_consume % WINDOW].analysis);
    }
}

/* ---- flushing ---- */

/* Of what is not written yet, one part of `parts_left` is now. */
static void wrote(job *j, uint64_t parts_left) {
    cm_index_progress *p = &j->r->progress;
    pthread_mutex_lock(&j->r->lock);
    p->work_written += (p->work_read - p->work_written) / parts_left;
    pthread_mutex_unlock(&j->r->lock);
    notify(j, false);
}

/* Writes what has been built; an incremental or first job publishes it at once. */
static cm_rc flush(job *j, cm_err *err) {
    cm_index *r = j->r;
    if (cm_builder_count(j->builder) == 0) {
        return CM_OK;
    }
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *segment = NULL;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    }
    cm_rc rc = cm_builder_finish(j->builder, parts, err);
    cm_builder_free(j->builder);
    j->builder = cm_builder_new();
    wrote(j, 2);
    if (rc == CM_OK) {
        rc = cm_index_seal(r, parts, true, &segment, err);
    }
    if (rc == CM_OK && j->full && j->base) {
        if (!cm_vec_push(&j->pending, cm_segment_ref(segment))) {
            rc = cm_fail(err, CM_NOMEM, "out of memory publishing");
        }
    } else if (rc == CM_OK) {
        cm_change change = {
            .added = &segment, .added_count = 1, .persist = true, .respect_synced = true};
        rc = cm_index_publish(r, &change, err);
    }
    wrote(j, 1);
    cm_segment_unref(segment);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_done(&parts[kind]);
    }
    return rc;
}

static uint64_t set_indexed_options(cm_index *r, uint64_t options) {
    pthread_mutex_lock(&r->lock);
    uint64_t before = r->indexed_options;
    r->indexed_options = options;
    pthread_mutex_unlock(&r->lock);
    return before;
}

/* The last step: what was removed, what a full job held back, and the options all of it was made with. */
static cm_rc finish(job *j, cm_err *err) {
    cm_index *r = j->r;
    cm_rc rc = flush(j, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool replace = j->full && j->base;
    cm_change change = {.added = j->pending.items,
                        .added_count = j->pending.count,
                        .removed = j->removed.items,
                        .removed_count = j->removed.count,
                        .replaced = replace ? j->base : NULL,
                        .persist = true,
                        .respect_synced = true};
    uint64_t before = set_indexed_options(r, j->settings->hash);
    cm_snapshot *now = cm_index_snapshot(r);
    bool needed = replace || j->removed.count > 0 || before != j->settings->hash || !now;
    cm_snapshot_unref(now);
    rc = needed ? cm_index_publish(r, &change, err) : CM_OK;
    if (rc != CM_OK) {
        set_indexed_options(r, before);
    }
    return rc;
}

static cm_rc consume(job *j, slot *s, cm_err *err) {
    cm_analysis *a = s->analysis;
    const planned *file = s->file;
    cm_rc rc = s->rc;
    if (rc != CM_OK && err) {
        *err = s->err;
    }
    bool unchanged = rc == CM_OK && !a;
    bool failed = a && (a->status == CM_DOCUMENT_UNREADABLE ||
                        (a->status == CM_DOCUMENT_TEXT && a->parsed.status == CM_PARSE_FAILED));
    bool withheld = a && a->status == CM_DOCUMENT_WITHHELD;
    if (rc == CM_OK && a && !withheld) {
        rc = cm_builder_add(j->builder, a, err);
    } else if (rc == CM_OK && (withheld || !file->known) && !cm_vec_push(&j->removed, file->path)) {
        rc = cm_fail(err, CM_NOMEM, "out of memory"); /* gone between walk and read */
    }
    cm_analysis_free(a);
    s->analysis = NULL;
    pthread_mutex_lock(&j->lock);
    j->in_flight -= CM_MIN(file->size, j->settings->options.file_bytes_max);
    j->next_consume++;
    pthread_mutex_unlock(&j->lock);
    if (rc == CM_OK) {
        advance(j, file->size, work_of(j, file->size), unchanged && file->known, failed);
    }
    return rc;
}

static cm_rc run(job *j, cm_err *err) {
    size_t ram = j->r->environment.ram_bytes ? j->r->environment.ram_bytes : RAM_DEFAULT;
    cm_rc rc = cm_index_check(j->r, j->cancel, err);
    j->base = cm_index_begin_healing(j->r);
    if (rc == CM_OK && j->settings->root[0] != '\0') {
        rc = cm_beneath_tree(j->settings->root, &j->tree, err);
    }
    if (rc == CM_OK) {
        rc = plan(j, err);
    }
    while (rc == CM_OK && j->next_consume < j->files.count) {
        rc = consume(j, take_slot(j), err);
        if (rc == CM_OK && cm_builder_bytes(j->builder) > ram) {
            rc = flush(j, err);
        }
        if (rc == CM_OK) {
            rc = cm_cancel_check(j->cancel, err);
        }
    }
    drain(j);
    if (rc == CM_OK) {
        rc = finish(j, err);
    }
    if (rc == CM_OK) {
        rc = cm_index_merge(j->r, j->cancel, err);
    }
    if (rc == CM_OK) {
        rc = cm_index_read_history(j->r, j->settings->git, j->cancel, err);
    }
    return rc;
}

/* ---- the thread ---- */

static void job_init(job *j, cm_index *r, const cm_index_job *asked) {
    *j = (job){.r = r,
               .tree = -1,
               .asked = asked,
               .settings = cm_index_settings_get(r),
               .cancel = asked->cancel,
               .arena = cm_arena_new((size_t)2 << 30),
               .builder = cm_builder_new()};
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->done, NULL);
    /* A sync that has read files publishes them before this job reads any, and one that comes after it counts. */
    pthread_mutex_lock(&r->sync);
    pthread_mutex_lock(&r->publish);
    cm_map_clear(r->synced);
    pthread_mutex_unlock(&r->publish);
    pthread_mutex_lock(&r->lock);
    j->full = asked->mode == CM_INDEX_FULL || r->indexed_options != j->settings->hash;
    r->running = true;
    r->progress.status = CM_INDEX_INDEXING;
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_unlock(&r->sync);
}

static void job_done(job *j) {
    for (size_t i = 0; i < j->pending.count; i++) {
        cm_segment_unref(j->pending.items[i]);
    }
    cm_vec_done(&j->pending);
    cm_vec_done(&j->files);
    cm_vec_done(&j->removed);
    cm_builder_free(j->builder);
    cm_snapshot_unref(j->base);
    cm_index_settings_unref(j->settings);
    cm_beneath_close(j->tree);
    cm_arena_free(j->arena);
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->done);
}

static bool in_snapshot(cm_index *r, const cm_segment *segment) {
    cm_snapshot *s = cm_index_snapshot(r);
    bool found = false;
    for (size_t i = 0; s && i < s->count && !found; i++) {
        found = s->segments[i].segment == segment;
    }
    cm_snapshot_unref(s);
    return found;
}

static void conclude(job *j, cm_rc rc, const cm_err *err) {
    cm_index *r = j->r;
    bool cancelled = rc == CM_CANCELLED;
    for (size_t i = 0; rc != CM_OK && i < j->pending.count; i++) {
        if (!in_snapshot(r, j->pending.items[i])) {
            atomic_store(&j->pending.items[i]->obsolete, true); /* never became part of the index */
        }
    }
    pthread_mutex_lock(&r->lock);
    r->progress.cancelled = cancelled;
    if (rc != CM_OK && !cancelled) {
        r->progress.error = *err;
    }
    r->running = false;
    pthread_mutex_unlock(&r->lock);
    if (rc != CM_OK && !cancelled) {
        cm_log_err(CM_LOG_ERROR, "indexing failed", err);
    }
    cm_index_tell(r, CM_INDEX_CHANGED);
}

void cm_index_job_run(cm_index *index, const cm_index_job *asked) {
    cm_err err = {0};
    job *j = CM_NEW(job);
    job_init(j, index, asked);
    cm_rc rc = run(j, &err);
    if (index->environment.job_parser) {
        cm_parser_pool_rest(index->environment.job_parser);
    }
    conclude(j, rc, &err);
    job_done(j);
    cm_free(j);
}
