/* parser.c - the parent's side of the parse workers.
 *
 * A caller takes an idle worker, copies the text into its memory, asks, and waits in short slices so
 * that a cancellation is noticed. The answer is copied out of the shared memory before it is checked,
 * because a hostile worker could change it between check and use.
 *
 * A worker that died, overran or lied is replaced at once, by the caller that met it, and the file's
 * hash is remembered: an editor sends the same broken file again with each keystroke elsewhere. One that
 * somebody else ended says nothing of the file, which is tried once more and then only answered as text. */
#include "code/parser.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/utf8.h"
#include "code/parser_priv.h"
#include "code/protocol.h"
#include "code/scope_end.h"
#include "rt/child.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define GRACE_NS          (30 * 1000000ull) /* for the worker's own deadline to work */
#define BUSY_FACTOR       20u /* time a worker may take for its processor time on a busy machine */
#define FIRST_USE_NS      (5 * 1000000000ull) /* a worker compiles the query of a language new to it */
#define SCOPE_DEADLINE_MS 40u
#define SCOPE_SIDE_BYTES  CM_KIB(64)

/* --- one exchange ------------------------------------------------------------------------------ */

/* How an exchange ended, beside a cm_rc that only speaks of cancellation. */
enum outcome { ANSWERED, DIED, KILLED, OVERRAN, LIED, NOT_STARTED };

typedef struct exchange {
    cm_parser_pool *pool;
    cm_parse_worker *worker;
    const cm_cancel *cancel;
    cm_worker_request request;
    cm_worker_reply reply;
    enum outcome outcome;
    void (*meanwhile)(void *argument);
    void *argument;
} exchange;

static char *shared_of(cm_parse_worker *w) {
    size_t len;
    return cm_child_shared(w->child, &len);
}

/* Has the worker used more processor time than a file may have? It looks itself, but where a grammar gives it no
 * occasion it spins on. */
static bool has_spun(const exchange *x, uint64_t cpu_begun) {
    uint64_t allowed = x->request.deadline_ms * 1000000ull;
    uint64_t cpu = cm_child_cpu_ns(x->worker->child);
    return x->request.op == CM_WORKER_PARSE && cpu > cpu_begun &&
           cpu - cpu_begun > allowed + allowed / 4 + GRACE_NS;
}

/* Who ended it? A fault of the worker's raises signals of its own, and a limit on memory lets an allocation fail; these
 * come from an out-of-memory killer, an administrator or a closing terminal. We ourselves kill only on OVERRAN and
 * LIED. */
static enum outcome how_it_ended(cm_parse_worker *w) {
    cm_child_end end = {0};
    if (cm_child_alive(w->child, &end)) {
        return DIED;
    }
    bool is_outside = end.signal == SIGKILL || end.signal == SIGTERM || end.signal == SIGHUP ||
                      end.signal == SIGINT;
    return is_outside ? KILLED : DIED;
}

/* Waits for the answer; tells the worker to stop when the caller does not want it any more. */
static void await(exchange *x) {
    cm_worker_control *control = (cm_worker_control *)(void *)shared_of(x->worker);
    bool *ready = &x->worker->ready[x->request.language];
    uint64_t factor = x->request.op == CM_WORKER_PARSE ? BUSY_FACTOR : 1;
    uint64_t allowed = x->request.deadline_ms * 1000000ull * factor + GRACE_NS;
    uint64_t end = cm_clock_ns() + allowed + (*ready ? 0 : FIRST_USE_NS);
    bool has_begun = *ready;
    uint64_t cpu_begun = cm_child_cpu_ns(x->worker->child);
    x->outcome = OVERRAN;
    while (cm_clock_ns() < end && !(has_begun && has_spun(x, cpu_begun))) {
        size_t len = 0;
        uint64_t slice = CM_MIN(cm_clock_ns() + CM_PARSE_SLICE_NS, end);
        cm_err ignored;
        cm_rc rc =
            cm_child_receive(x->worker->child, slice, &x->reply, sizeof(x->reply), &len, &ignored);
        if (rc == CM_OK) {
            bool ok = len == sizeof(x->reply) && x->reply.magic == CM_WORKER_REPLY_MAGIC &&
                      x->reply.sequence == x->request.sequence;
            x->outcome = ok ? ANSWERED : LIED;
            *ready = true;
            return;
        }
        if (rc != CM_TIMEOUT) {
            x->outcome = rc == CM_END ? how_it_ended(x->worker) : LIED;
            return;
        }
        if (!has_begun && atomic_load(&control->begun) == (unsigned)x->request.sequence) {
            has_begun = true;
            cpu_begun = cm_child_cpu_ns(x->worker->child);
            end = CM_MIN(end, cm_clock_ns() + allowed);
        }
        if (cm_cancel_hit(x->cancel) != CM_CANCEL_NONE && !atomic_load(&control->stop)) {
            atomic_store(&control->stop, 1);
            end = CM_MIN(end, cm_clock_ns() + GRACE_NS);
        }
    }
}

/* Asks the borrowed worker about the text made of `parts`; x->outcome says how it went. Unless that is ANSWERED the
 * worker has been replaced. */
static void ask_once(exchange *x, const cm_str *parts, size_t part_count) {
    cm_parse_worker *w = x->worker;
    cm_err ignored;
    if (w->child && !cm_child_alive(w->child, NULL)) {
        cm_child_free(w->child);
        w->child = NULL;
    }
    x->outcome = NOT_STARTED;
    if (x->request.op == CM_WORKER_SCOPE_END && !w->ready[x->request.language]) {
        return; /* compiling the query would cost more than the tree is worth here */
    }
    if (!w->child && cm_parse_worker_start(x->pool, w, &ignored) != CM_OK) {
        w->child = NULL;
        return;
    }
    char *shared = shared_of(w);
    char *text = shared + CM_WORKER_CONTROL_BYTES;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > 0) {
            memcpy(text, parts[i].ptr, parts[i].len);
            text += parts[i].len;
        }
    }
    atomic_store(&((cm_worker_control *)(void *)shared)->stop, 0);
    x->request.magic = CM_WORKER_REQUEST_MAGIC;
    x->request.sequence = ++w->sequence;
    if (cm_child_send(w->child, &x->request, sizeof(x->request), &ignored) == CM_OK) {
        if (x->meanwhile) {
            x->meanwhile(x->argument);
            x->meanwhile = NULL; /* once, however often the text is given out */
        }
        await(x);
    } else {
        x->outcome = how_it_ended(w);
    }
    if (x->outcome != ANSWERED) {
        cm_parse_worker_replace(x->pool, w);
    }
}

/* Borrows a worker and asks it. The caller gives it back. */
static cm_rc ask(exchange *x, const cm_str *parts, size_t part_count, cm_err *err) {
    cm_rc rc = cm_parse_worker_borrow(x->pool, &x->request, x->cancel, &x->worker, err);
    if (rc == CM_OK) {
        ask_once(x, parts, part_count);
    }
    return rc;
}

/* There is no tree, and the file has no part in that. */
static bool is_blameless(const exchange *x) {
    return x->outcome == KILLED || x->outcome == NOT_STARTED;
}

static void count_outcome(cm_parser_pool *pool, enum outcome outcome) {
    uint64_t *const counters[] = {
        [ANSWERED] = &pool->stats.parsed, [DIED] = &pool->stats.died,
        [KILLED] = &pool->stats.killed,   [OVERRAN] = &pool->stats.overran,
        [LIED] = &pool->stats.refused,    [NOT_STARTED] = NULL};
    if (counters[outcome]) {
        cm_parser_count(pool, counters[outcome]);
    }
}

/* --- files ------------------------------------------------------------------------------------- */

/* Why this text should not be given to a grammar; empty = it may. */
static cm_str refusal(const cm_parser_pool *pool, cm_str text, cm_arena *arena) {
    if (text.len > pool->options.text_max) {
        return cm_arena_fmt(arena, "file of %zu bytes is over the limit of %zu", text.len,
                            pool->options.text_max);
    }
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        return CM_STR("file has NUL bytes");
    }
    cm_str rest = text, line;
    while (cm_str_line(&rest, &line)) {
        if (line.len > CM_LINE_BYTES_MAX) {
            return cm_arena_fmt(arena, "a line has %zu bytes, over the limit of %d", line.len,
                                CM_LINE_BYTES_MAX);
        }
    }
    return CM_STR_EMPTY;
}

/* Copies the answer out of the worker's reach, then checks it. */
static cm_rc take_answer(exchange *x, cm_str text, cm_arena *arena, cm_parsed *parsed,
                         cm_err *err) {
    size_t len = x->reply.answer_len;
    if (len > cm_worker_answer_max(x->pool->options.text_max)) {
        return cm_fail(err, CM_CORRUPT, "parse worker claims an answer of %zu bytes", len);
    }
    char *copy = cm_arena_try_alloc(arena, CM_MAX(len, (size_t)1));
    if (!copy) {
        return cm_fail(err, CM_NOMEM, "no memory for an answer of %zu bytes", len);
    }
    memcpy(copy, shared_of(x->worker) + CM_WORKER_CONTROL_BYTES + x->pool->options.text_max, len);
    return cm_wire_decode(cm_str_make(copy, len), text, arena, parsed, err);
}

/* Text from the worker: bounded, and without control characters. */
static cm_str reply_text(const exchange *x, cm_arena *arena) {
    char text[sizeof(x->reply.text) + 1];
    size_t len = 0;
    for (; len < sizeof(x->reply.text) && x->reply.text[len]; len++) {
        char c = x->reply.text[len];
        text[len] = c >= ' ' && c < 127 ? c : '?';
    }
    return cm_arena_str(arena, cm_str_make(text, len));
}

static cm_str failure_text(const exchange *x, cm_arena *arena) {
    switch (x->outcome) {
    case DIED: return CM_STR("parse worker died");
    case KILLED: return CM_STR("parse worker was ended from outside");
    case OVERRAN: return CM_STR("parsing is over its time limit");
    case LIED: return CM_STR("parse worker gave a wrong answer");
    case NOT_STARTED: return CM_STR("no parse worker could be started");
    case ANSWERED: break;
    }
    return reply_text(x, arena);
}

static bool says_unsupported(const exchange *x) {
    return x->outcome == ANSWERED && x->reply.status == CM_WORKER_UNSUPPORTED;
}

static void note_document(exchange *x) {
    if (x->request.document != 0) {
        cm_parse_worker_note_kept(x->worker, x->request.document);
    }
    if (x->reply.reparsed) {
        cm_parser_count(x->pool, &x->pool->stats.reparsed);
    }
}

/* From the end of an exchange to a result. The worker is still borrowed. */
static cm_rc conclude(exchange *x, const cm_parse_request *request, cm_arena *arena,
                      cm_parsed *ret_parsed, cm_err *err) {
    bool done = x->outcome == ANSWERED && x->reply.status == CM_WORKER_DONE;
    if (done) {
        cm_parsed parsed = {.language = request->language};
        cm_rc rc = take_answer(x, request->text, arena, &parsed, err);
        if (rc == CM_OK || rc == CM_NOMEM) {
            *ret_parsed = parsed;
            count_outcome(x->pool, ANSWERED);
            note_document(x);
            return rc;
        }
        x->outcome = LIED;
        cm_parse_worker_replace(x->pool, x->worker);
    }
    cm_rc rc = cm_cancel_check(x->cancel, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool is_overrun = x->outcome == ANSWERED && x->reply.status == CM_WORKER_TIMED_OUT;
    bool is_unsupported = says_unsupported(x);
    count_outcome(x->pool, is_overrun ? OVERRAN : x->outcome);
    if (!is_blameless(x) && !is_unsupported) {
        cm_parser_remember(x->pool, cm_parser_failure_key(request->language, request->text));
    }
    rc = cm_parse_as_text(request, CM_PARSE_FAILED, failure_text(x, arena), arena, ret_parsed, err);
    ret_parsed->is_blameless = rc == CM_OK && is_blameless(x);
    return rc;
}

/* A hostile file may have spoken through its worker: another worker, shown no file at all, must say the
 * same before a whole language is given up. */
static cm_rc confirm_unloadable(cm_parser_pool *pool, const cm_language *language,
                                const cm_cancel *cancel, cm_parsed *parsed, cm_err *err) {
    cm_str nothing = CM_STR("\n");
    exchange x = {.pool = pool,
                  .cancel = cancel,
                  .request = {.op = CM_WORKER_PARSE,
                              .language = language->index,
                              .text_len = (uint32_t)nothing.len,
                              .deadline_ms = pool->options.deadline_ms}};
    cm_rc rc = ask(&x, &nothing, 1, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (says_unsupported(&x)) {
        cm_parser_note_unloadable(pool, language, parsed->failure);
        parsed->status = CM_PARSE_SKIPPED;
    }
    cm_parse_worker_give_back(pool, x.worker);
    return CM_OK;
}

cm_rc cm_parse_file(cm_parser_pool *pool, const cm_parse_request *given, const cm_cancel *cancel,
                    cm_arena *arena, cm_parsed *ret_parsed, cm_err *err) {
    cm_parse_request request = *given;
    if (!request.language) {
        request.language = cm_language_detect(request.path, request.text);
    }
    if (!request.language || !request.language->has_grammar || request.text.len == 0) {
        return cm_parse_as_text(&request, CM_PARSE_OK, CM_STR_EMPTY, arena, ret_parsed, err);
    }
    cm_str why = refusal(pool, request.text, arena);
    if (why.len == 0 && cm_parser_is_unloadable(pool, request.language)) {
        why = CM_STR("the grammar does not fit the parser runtime");
    }
    if (why.len > 0) {
        return cm_parse_as_text(&request, CM_PARSE_SKIPPED, why, arena, ret_parsed, err);
    }
    if (cm_parser_is_remembered(pool, cm_parser_failure_key(request.language, request.text))) {
        return cm_parse_as_text(&request, CM_PARSE_FAILED, CM_STR("the same text failed before"),
                                arena, ret_parsed, err);
    }
    exchange x = {.pool = pool,
                  .cancel = cancel,
                  .meanwhile = request.meanwhile,
                  .argument = request.argument,
                  .request = {.op = CM_WORKER_PARSE,
                              .language = request.language->index,
                              .strategy = (uint32_t)request.strategy,
                              .text_len = (uint32_t)request.text.len,
                              .deadline_ms = pool->options.deadline_ms,
                              .document = request.document}};
    cm_rc rc = ask(&x, &request.text, 1, err);
    if (rc == CM_OK && is_blameless(&x) && cm_cancel_hit(cancel) == CM_CANCEL_NONE) {
        count_outcome(pool, x.outcome);
        ask_once(&x, &request.text, 1); /* of the worker that took the other's place */
    }
    if (rc == CM_OK) {
        rc = conclude(&x, &request, arena, ret_parsed, err);
        bool unsupported = rc == CM_OK && says_unsupported(&x);
        if (unsupported) {
            cm_parse_worker_replace(pool, x.worker);
        }
        cm_parse_worker_give_back(pool, x.worker);
        rc = unsupported ? confirm_unloadable(pool, request.language, cancel, ret_parsed, err) : rc;
    }
    return rc;
}

/* --- scope ends -------------------------------------------------------------------------------- */

cm_rc cm_parse_scope_end(cm_parser_pool *pool, const cm_language *language, cm_str before,
                         cm_str candidate, cm_str after, const cm_cancel *cancel,
                         cm_scope_end *ret_end, cm_err *err) {
    if (before.len > SCOPE_SIDE_BYTES) {
        before = cm_str_from_offset(before, before.len - SCOPE_SIDE_BYTES);
    }
    after = cm_str_sub(after, 0, SCOPE_SIDE_BYTES);
    cm_scope_end end = cm_scope_end_by_brackets(language, before, candidate);
    cm_str parts[] = {before, candidate, after};
    size_t total = before.len + candidate.len + after.len;
    bool parses = pool && language && language->has_grammar && total <= pool->options.text_max;
    if (!parses) {
        *ret_end = end;
        return CM_OK;
    }
    exchange x = {.pool = pool,
                  .cancel = cancel,
                  .request = {.op = CM_WORKER_SCOPE_END,
                              .language = language->index,
                              .text_len = (uint32_t)total,
                              .start = (uint32_t)before.len,
                              .end = (uint32_t)(before.len + candidate.len),
                              .deadline_ms = SCOPE_DEADLINE_MS}};
    cm_rc rc = ask(&x, parts, CM_COUNT(parts), err);
    if (rc != CM_OK) {
        return rc;
    }
    if (x.outcome == ANSWERED && x.reply.status == CM_WORKER_DONE) {
        end = (cm_scope_end){.statement = CM_MIN(x.reply.statement, candidate.len),
                             .block = CM_MIN(x.reply.block, candidate.len),
                             .unit = CM_MIN(x.reply.unit, candidate.len),
                             .parsed = true};
    }
    cm_parse_worker_give_back(pool, x.worker);
    *ret_end = end;
    return CM_OK;
}
