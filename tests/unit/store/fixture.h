/* fixture.h - a store in a temporary directory. */
#ifndef CM_TEST_STORE_FIXTURE_H
#define CM_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

#include <unistd.h>

typedef struct fixture {
    char dir[64];
    cm_store *store;
    cm_store_local local;
    cm_db me;     /* as the local owner */
    cm_db system; /* no tenant predicate */
    cm_arena *arena;
} fixture;

#define assert_ok(call)                                        \
    do {                                                       \
        cm_err err_ = {0};                                     \
        cm_err *err = &err_;                                   \
        cm_rc rc_ = (call);                                    \
        if (rc_ != CM_OK) {                                    \
            fail_msg("%s: %d %s", #call, (int)rc_, err->text); \
        }                                                      \
    } while (0)

#define assert_rc(expected, call)                                    \
    do {                                                             \
        cm_err err_ = {0};                                           \
        cm_err *err = &err_;                                         \
        cm_rc rc_ = (call);                                          \
        if (rc_ != (expected)) {                                     \
            fail_msg("%s: got %d '%s'", #call, (int)rc_, err->text); \
        }                                                            \
    } while (0)

static inline void fixture_open(fixture *f) {
    assert_ok(cm_store_open(&(cm_store_options){.data_dir = f->dir}, &f->store, err));
    assert_ok(cm_store_local_get(f->store, &f->local, err));
    f->me = cm_store_as(f->store, f->local.user_id);
    f->system = cm_store_system(f->store);
}

static inline int fixture_setup(void **state) {
    fixture *f = CM_NEW(fixture);
    cm_log_init(CM_LOG_OFF, CM_LOG_HUMAN, 2);
    snprintf(f->dir, sizeof f->dir, "/tmp/cm-store-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->arena = cm_arena_new(0);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    cm_arena_free(f->arena);
    cm_err err;
    cm_rc rc = cm_dir_remove(f->dir, &err);
    cm_free(f);
    return rc == CM_OK ? 0 : -1;
}

static inline void fixture_reopen(fixture *f) {
    cm_store_close(f->store);
    fixture_open(f);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
