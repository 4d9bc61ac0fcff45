/* Whatever happens to a history, a log brought up to date equals one read from nothing, and counts what it holds.
 *
 * CODEMENTOR_TEST_ROUNDS multiplies the steps (rounds.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/past.h"
#include "index/rounds.h"

typedef struct world {
    fixture *f;
    uint64_t seed;
    unsigned turn;
} world;

static uint32_t pick(world *w, uint32_t below) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % below;
}

static void name_of(world *w, uint32_t names, char path[64]) {
    static const char *const folders[] = {"", "src/", "src/deep/", "doc/"};
    uint32_t n = pick(w, names);
    snprintf(path, 64, "%sf%u.c", folders[pick(w, 2) + (n & 2)], n);
}

static bool exists(world *w, const char *path) {
    char full[PATH_MAX];
    return access(tree_path(&w->f->t, path, full), F_OK) == 0;
}

static void change_some(world *w) {
    char path[64], to[64];
    bool large = pick(w, 10) == 0; /* often of more files than count, with renames among them */
    w->turn++;
    for (uint32_t n = large ? 40 + pick(w, 40) : pick(w, 5) + 1; n-- > 0;) {
        uint32_t kind = pick(w, 10);
        name_of(w, large ? 60 : 10, path);
        if (kind < 7) {
            write_file(w->f, path, w->turn);
        } else if (kind < 8) {
            tree_remove(&w->f->t, path);
        } else {
            name_of(w, large ? 60 : 10, to);
            if (exists(w, path) && !exists(w, to)) {
                move(w->f, path, to);
            }
        }
    }
    w->f->time = NOW + (int64_t)pick(w, 400) * DAY; /* clocks that go backwards too */
    git_commit_all(w->f->git, w->f->time);
}

/* HEAD, and what is checked out, go back some commits: what comes next rewrites history. */
static void rewind_some(world *w) {
    git_object *target;
    char name[32];
    snprintf(name, sizeof(name), "HEAD~%u", pick(w, 6) + 1);
    if (git_revparse_single(&target, w->f->git, name) != 0) {
        return;
    }
    assert_int_equal(git_reset(w->f->git, target, GIT_RESET_HARD, NULL), 0);
    git_object_free(target);
}

static void merge_some(world *w) {
    static const char *const branches[] = {"refs/heads/one", "refs/heads/two"};
    git_oid side;
    if (git_reference_name_to_id(&side, w->f->git, branches[pick(w, 2)]) == 0) {
        git_merge_by_hand(w->f->git, &side, w->f->time);
    }
}

static void assert_equals_fresh(world *w, uint32_t commits, cm_history **history) {
    cm_buf ours, fresh;
    bool known = false, ignored;
    read_at(w->f->t.root, commits, *history, &ours, &known);
    read_at(w->f->t.root, commits, NULL, &fresh, &ignored);
    if (known) {
        assert_true(cm_str_eq((*history)->part.bytes, cm_buf_str(&fresh)));
    } else {
        assert_true(cm_str_eq(cm_buf_str(&ours), cm_buf_str(&fresh)));
    }
    if (!known) {
        cm_history_unref(*history);
        assert_int_equal(cm_history_take(&ours, history, NULL), CM_OK);
    }
    cm_buf_done(&ours);
    cm_buf_done(&fresh);
}

/* Every pair once more, the slow way: support and confidence hold, and both sides agree. */
static void assert_pairs_agree(fixture *f, const cm_history *h) {
    cm_history_facts facts;
    size_t pairs = 0;
    cm_history_facts_get(h, &facts);
    assert_int_equal(facts.state, CM_HISTORY_READ);
    for (uint32_t file = 0; file < facts.files; file++) {
        const cm_cochange *items;
        size_t count;
        assert_int_equal(cm_history_together(h, file, f->arena, &items, &count, NULL), CM_OK);
        for (size_t i = 0; i < count; i++) {
            uint32_t shared = 0;
            for (uint32_t a = h->starts[file]; a < h->starts[file + 1]; a++) {
                for (uint32_t b = h->starts[items[i].file]; b < h->starts[items[i].file + 1]; b++) {
                    shared += h->touched[a] == h->touched[b];
                }
            }
            assert_int_equal(items[i].support, shared);
            assert_true(shared >= CM_HISTORY_SUPPORT_MIN);
            assert_true(items[i].confidence <= 1 && items[i].weight <= 1);
        }
        cm_arena_clear(f->arena);
        pairs += count;
    }
    assert_true(pairs > 0); /* else nothing was tested */
}

static void run_world(fixture *f, uint32_t commits, unsigned steps, uint64_t seed) {
    static const char *const branches[] = {"one", "two", "master"};
    world w = {.f = f, .seed = seed};
    cm_history *history = NULL;
    print_message("seed %llu\n", (unsigned long long)seed);
    write_file(f, "first.c", 0);
    commit(f);
    for (unsigned i = 0; i < steps; i++) {
        uint32_t kind = pick(&w, 20);
        if (kind < 15) {
            change_some(&w);
        } else if (kind < 17) {
            git_switch(f->git, branches[pick(&w, 3)]);
        } else if (kind < 19) {
            rewind_some(&w);
        } else {
            merge_some(&w);
        }
        if (i % 5 == 4 || i + 1 == steps) {
            assert_equals_fresh(&w, commits, &history);
        }
    }
    assert_pairs_agree(f, history);
    cm_history_unref(history);
}

static void test_index_history__brought_up_to_date_equals_read_from_nothing(void **state) {
    run_world(*state, 0, rounds_of(150), 42);
}

static void test_index_history__and_so_does_a_window_of_it(void **state) {
    run_world(*state, 40, rounds_of(100), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_index_history__brought_up_to_date_equals_read_from_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_index_history__and_so_does_a_window_of_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
