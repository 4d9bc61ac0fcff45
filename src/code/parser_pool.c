/* parser_pool.c - the workers of a pool: lent to one caller at a time, replaced when they break, and what is remembered
 * of files and languages that broke them. */
#include "code/parser_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "code/protocol.h"

#include <unistd.h>

#define TEXT_MAX_DEFAULT CM_MIB(1)
#define TEXT_MAX_LIMIT   CM_MIB(64)
#define MEMORY_DEFAULT   CM_MIB(1024)
#define DEADLINE_DEFAULT 1000u
#define WORKERS_MAX      256u
#define REMEMBERED_MAX   8192u

static cm_parser_options with_defaults(const cm_parser_options *given) {
    cm_parser_options o = given ? *given : (cm_parser_options){0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    o.workers = o.workers ? o.workers : cores > 0 ? (unsigned)cores : 1;
    o.workers = CM_MIN(o.workers, WORKERS_MAX);
    o.text_max = o.text_max ? o.text_max : TEXT_MAX_DEFAULT;
    o.memory_max = o.memory_max ? o.memory_max : MEMORY_DEFAULT;
    o.deadline_ms = o.deadline_ms ? o.deadline_ms : DEADLINE_DEFAULT;
    return o;
}

static size_t language_count(void) {
    size_t languages;
    cm_language_all(&languages);
    return languages;
}

cm_rc cm_parser_pool_new(const cm_parser_options *options, cm_parser_pool **ret_pool, cm_err *err) {
    cm_parser_options filled = with_defaults(options);
    if (filled.text_max > TEXT_MAX_LIMIT) {
        return cm_fail(err, CM_LIMIT, "files of %zu bytes cannot be parsed, at most %zu",
                       filled.text_max, (size_t)TEXT_MAX_LIMIT);
    }
    cm_parser_pool *pool = CM_NEW(cm_parser_pool);
    pool->options = filled;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->freed, NULL);
    pool->workers = cm_alloc(filled.workers * sizeof(*pool->workers));
    pool->idle = cm_alloc(filled.workers * sizeof(cm_parse_worker *));
    for (unsigned i = filled.workers; i-- > 0;) {
        pool->idle[pool->idle_count++] = &pool->workers[i];
        pool->workers[i].ready = cm_alloc(language_count());
    }
    pool->remembered = cm_map64_new(REMEMBERED_MAX + 1);
    pool->unloadable = cm_alloc(language_count());
    *ret_pool = pool;
    return CM_OK;
}

void cm_parser_pool_free(cm_parser_pool *pool) {
    if (!pool) {
        return;
    }
    cm_assert(pool->idle_count == pool->options.workers);
    for (unsigned i = 0; i < pool->options.workers; i++) {
        cm_child_free(pool->workers[i].child);
        cm_free(pool->workers[i].ready);
    }
    cm_map64_free(pool->remembered);
    cm_free(pool->unloadable);
    cm_free(pool->idle);
    cm_free(pool->workers);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->mutex);
    cm_free(pool);
}

/* A new process knows nothing. */
static void forget_all(cm_parse_worker *w) {
    memset(w->ready, 0, language_count());
    memset(w->documents, 0, sizeof(w->documents));
}

void cm_parser_pool_rest(cm_parser_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    for (size_t i = 0; i < pool->idle_count; i++) {
        cm_child_free(pool->idle[i]->child);
        pool->idle[i]->child = NULL;
        forget_all(pool->idle[i]);
    }
    pthread_mutex_unlock(&pool->mutex);
}

cm_parser_stats cm_parser_pool_stats(cm_parser_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    cm_parser_stats stats = pool->stats;
    pthread_mutex_unlock(&pool->mutex);
    return stats;
}

/* --- workers ----------------------------------------------------------------------------------- */

cm_rc cm_parse_worker_start(cm_parser_pool *pool, cm_parse_worker *w, cm_err *err) {
    char text_max[24];
    snprintf(text_max, sizeof(text_max), "%zu", pool->options.text_max);
    const char *const argv[] = {"codementor", CM_WORKER_COMMAND, text_max, NULL};
    size_t shared = cm_worker_shared_bytes(pool->options.text_max);
    forget_all(w);
    cm_child_spec spec = {.argv = argv,
                          .shared_bytes = shared,
                          .address_space_max = pool->options.memory_max + shared};
    return cm_child_spawn(&spec, &w->child, err);
}

void cm_parse_worker_replace(cm_parser_pool *pool, cm_parse_worker *w) {
    cm_child_free(w->child);
    w->child = NULL;
    cm_err ignored;
    if (cm_parse_worker_start(pool, w, &ignored) != CM_OK) {
        w->child = NULL; /* tried again at the next request */
    }
}

static bool keeps(const cm_parse_worker *w, uint64_t document) {
    for (size_t i = 0; i < CM_TREES_MAX && document != 0; i++) {
        if (w->documents[i] == document) {
            return true;
        }
    }
    return false;
}

/* Notes that the worker has just kept the document's tree. */
void cm_parse_worker_note_kept(cm_parse_worker *w, uint64_t document) {
    size_t at = 0;
    while (at + 1 < CM_TREES_MAX && w->documents[at] != document) {
        at++;
    }
    memmove(&w->documents[1], &w->documents[0], at * sizeof(w->documents[0]));
    w->documents[0] = document;
}

/* Takes an idle worker off the stack: rather the one that keeps the document's tree, else one that knows the
 * language. */
static cm_parse_worker *take_idle(cm_parser_pool *pool, const cm_worker_request *request) {
    size_t at = pool->idle_count - 1;
    bool is_ready = false;
    for (size_t i = pool->idle_count; i-- > 0;) {
        if (keeps(pool->idle[i], request->document)) {
            at = i;
            break;
        }
        if (!is_ready && pool->idle[i]->ready[request->language]) {
            at = i;
            is_ready = true;
        }
    }
    cm_parse_worker *taken = pool->idle[at];
    memmove(&pool->idle[at], &pool->idle[at + 1],
            (pool->idle_count - at - 1) * sizeof(cm_parse_worker *));
    pool->idle_count--;
    return taken;
}

/* Waits for an idle worker. */
cm_rc cm_parse_worker_borrow(cm_parser_pool *pool, const cm_worker_request *request,
                             const cm_cancel *cancel, cm_parse_worker **ret_worker, cm_err *err) {
    cm_rc rc = CM_OK;
    pthread_mutex_lock(&pool->mutex);
    while (pool->idle_count == 0 && (rc = cm_cancel_check(cancel, err)) == CM_OK) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)CM_PARSE_SLICE_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&pool->freed, &pool->mutex, &until);
    }
    if (rc == CM_OK) {
        *ret_worker = take_idle(pool, request);
    }
    pthread_mutex_unlock(&pool->mutex);
    return rc;
}

void cm_parse_worker_give_back(cm_parser_pool *pool, cm_parse_worker *w) {
    pthread_mutex_lock(&pool->mutex);
    pool->idle[pool->idle_count++] = w;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}

void cm_parser_count(cm_parser_pool *pool, uint64_t *counter) {
    pthread_mutex_lock(&pool->mutex);
    (*counter)++;
    pthread_mutex_unlock(&pool->mutex);
}

uint64_t cm_parser_failure_key(const cm_language *language, cm_str text) {
    return cm_hash64_mix(cm_hash64(text.ptr, text.len), language->index);
}

void cm_parser_remember(cm_parser_pool *pool, uint64_t key) {
    pthread_mutex_lock(&pool->mutex);
    if (cm_map64_count(pool->remembered) >= REMEMBERED_MAX) {
        cm_map64_clear(pool->remembered);
    }
    if (!cm_map64_put(pool->remembered, key, 1)) {
        cm_map64_clear(pool->remembered);
    }
    pthread_mutex_unlock(&pool->mutex);
}

bool cm_parser_is_remembered(cm_parser_pool *pool, uint64_t key) {
    uint64_t value;
    pthread_mutex_lock(&pool->mutex);
    bool found = cm_map64_get(pool->remembered, key, &value);
    pool->stats.remembered += found;
    pthread_mutex_unlock(&pool->mutex);
    return found;
}

bool cm_parser_is_unloadable(cm_parser_pool *pool, const cm_language *language) {
    pthread_mutex_lock(&pool->mutex);
    bool found = pool->unloadable[language->index];
    pthread_mutex_unlock(&pool->mutex);
    return found;
}

/* Says it once: a tree of ten thousand files has one reason, not ten thousand. */
void cm_parser_note_unloadable(cm_parser_pool *pool, const cm_language *language, cm_str why) {
    pthread_mutex_lock(&pool->mutex);
    bool is_news = !pool->unloadable[language->index];
    pool->unloadable[language->index] = true;
    pool->stats.unloadable += is_news;
    pthread_mutex_unlock(&pool->mutex);
    if (is_news) {
        cm_log(CM_LOG_WARN, "files of this language are indexed as text",
               CM_S("language", language->id), CM_S("reason", why));
    }
}
