/* Who may see what: every door of registry.h asked by the owner, by a member of the owner's workspace, and by a
 * stranger. */
#include "store/fixture.h" /* tests/unit/store */

#include "index/tree.h"
#include "repository/registry.h"
#include "store/q/users.h"
#include "store/q/workspace_members.h"
#include "store/q/workspaces.h"

typedef struct world {
    fixture *f;
    tree source, data;
    cm_pool *pool;
    cm_indexer *indexer;
    cm_settings_cell *settings;
    cm_repositories *repositories;
    cm_caller owner, member, stranger;
    cm_uuid id; /* the owner's repository, with the tree `source` */
} world;

static cm_rc no_style(const cm_snapshot *snapshot, cm_str stored, cm_arena *arena, cm_str *ret_json,
                      cm_err *err) {
    (void)snapshot, (void)stored, (void)arena, (void)err;
    *ret_json = CM_STR("{}");
    return CM_OK;
}

static cm_caller new_person(fixture *f, const char *name) {
    cm_caller caller = {cm_uuid_v7(), cm_uuid_v7()};
    cm_q_users_insert_in user = {
        .id = caller.user_id,
        .email = cm_arena_fmt(f->arena, "%s@example.com", name),
        .username = cm_str_from(name),
        .name = cm_str_from(name),
        .role = CM_STR("user"),
    };
    cm_q_workspaces_insert_in workspace = {.id = caller.workspace_id,
                                           .owner_id = caller.user_id,
                                           .name = CM_STR("Personal"),
                                           .is_personal = true};
    assert_ok(cm_q_users_insert(&f->system, &user, err));
    assert_ok(cm_q_workspaces_insert(&f->system, &workspace, err));
    return caller;
}

static void world_open(world *w, fixture *f) {
    cm_settings settings = {0};
    *w = (world){.f = f, .owner = f->local};
    tree_new(&w->source);
    tree_new(&w->data);
    tree_write(&w->source, "a.py", CM_STR("def f(): pass\n"));
    w->settings = cm_settings_cell_new(&settings, cm_arena_new(0));
    assert_ok(cm_pool_new(2, 64, &w->pool, err));
    cm_indexer_options options = {.index = {.pool = w->pool, .no_history = true}};
    assert_ok(cm_indexer_open(w->data.root, &options, &w->indexer, err));
    cm_repositories_options repositories = {.store = f->store,
                                            .indexer = w->indexer,
                                            .settings = w->settings,
                                            .file_bytes_max = CM_MIB(1),
                                            .style_guide = no_style};
    assert_ok(cm_repositories_open(&repositories, &w->repositories, err));
    w->member = new_person(f, "member");
    w->stranger = new_person(f, "stranger");
    cm_q_workspace_members_insert_in membership = {.workspace_id = w->owner.workspace_id,
                                                   .user_id = w->member.user_id,
                                                   .role = CM_STR("member")};
    assert_ok(cm_q_workspace_members_insert(&f->system, &membership, err));
    cm_repository *repository = NULL;
    cm_repository_add add = {.root = cm_str_from(w->source.root)};
    assert_ok(cm_repositories_add(w->repositories, &w->owner, &add, &repository, err));
    w->id = *cm_repository_id(repository);
    cm_repository_unref(repository);
}

static void world_close(world *w) {
    cm_indexer_close(w->indexer);
    cm_repositories_close(w->repositories);
    cm_pool_free(w->pool);
    cm_settings_cell_free(w->settings);
    tree_free(&w->source);
    tree_free(&w->data);
}

static cm_rc find(world *w, const cm_caller *caller) {
    cm_repository *repository = NULL;
    cm_err err;
    cm_rc rc = cm_repositories_find(w->repositories, caller, &w->id, &repository, &err);
    assert_true(rc != CM_OK || repository != NULL);
    cm_repository_unref(repository);
    return rc;
}

static void test_repository_access__members_see_it_and_strangers_do_not(void **state) {
    world w;
    world_open(&w, *state);
    cm_caller nobody = {0};
    assert_int_equal(find(&w, &w.owner), CM_OK);
    assert_int_equal(find(&w, &w.member), CM_OK);
    assert_int_equal(find(&w, &w.stranger), CM_NOT_FOUND);
    assert_int_equal(find(&w, &nobody), CM_NOT_FOUND);
    world_close(&w);
}

static void test_repository_access__paths_find_ones_own_alone(void **state) {
    world w;
    world_open(&w, *state);
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/a.py", w.source.root);
    cm_repository *by_path = cm_repositories_find_path(w.repositories, &w.owner, cm_str_from(path));
    cm_repository *only = cm_repositories_find_only(w.repositories, &w.owner);
    assert_non_null(by_path);
    assert_ptr_equal(by_path, only);
    cm_repository_unref(by_path);
    cm_repository_unref(only);
    assert_null(cm_repositories_find_path(w.repositories, &w.stranger, cm_str_from(path)));
    assert_null(cm_repositories_find_only(w.repositories, &w.stranger));
    world_close(&w);
}

static void test_repository_access__one_root_is_a_repository_for_each(void **state) {
    world w;
    world_open(&w, *state);
    cm_repository *theirs = NULL;
    cm_repository_add add = {.root = cm_str_from(w.source.root)};
    assert_ok(cm_repositories_add(w.repositories, &w.stranger, &add, &theirs, err));
    assert_false(cm_uuid_eq(cm_repository_id(theirs), &w.id));
    assert_true(cm_repository_is_of(theirs, &w.stranger.workspace_id));
    cm_repository_unref(theirs);
    world_close(&w);
}

static void test_repository_access__a_stranger_changes_nothing(void **state) {
    world w;
    world_open(&w, *state);
    cm_repository_config config;
    assert_rc(CM_NOT_FOUND,
              cm_repositories_config(w.repositories, &w.stranger, &w.id, w.f->arena, &config, err));
    assert_ok(cm_repositories_config(w.repositories, &w.owner, &w.id, w.f->arena, &config, err));
    assert_rc(CM_NOT_FOUND,
              cm_repositories_configure(w.repositories, &w.stranger, &w.id, &config, err));
    assert_rc(CM_NOT_FOUND, cm_repositories_forget_index(w.repositories, &w.stranger, &w.id, err));
    assert_rc(CM_NOT_FOUND, cm_repositories_remove(w.repositories, &w.stranger, &w.id, err));
    assert_int_equal(find(&w, &w.owner), CM_OK);
    assert_ok(cm_repositories_remove(w.repositories, &w.owner, &w.id, err));
    assert_int_equal(find(&w, &w.owner), CM_NOT_FOUND);
    world_close(&w);
}

static void test_repository_access__jobs_are_the_owners(void **state) {
    world w;
    world_open(&w, *state);
    cm_repository *repository = NULL;
    cm_row_jobs row;
    cm_uuid job;
    const cm_row_jobs *rows;
    size_t count;
    cm_job_filter all = {.status = CM_STR(""), .type = CM_STR(""), .limit = 10};
    assert_ok(cm_repositories_find(w.repositories, &w.owner, &w.id, &repository, err));
    assert_ok(cm_repositories_index(w.repositories, repository, CM_INDEX_FULL, &job, err));
    assert_ok(cm_repository_wait(repository, 60000, err));
    cm_repository_unref(repository);
    assert_ok(cm_repositories_job_row(w.repositories, &w.owner, &job, w.f->arena, &row, err));
    assert_true(cm_uuid_eq(&row.user_id, &w.owner.user_id));
    assert_ok(cm_repositories_job_row(w.repositories, &w.member, &job, w.f->arena, &row, err));
    assert_rc(CM_NOT_FOUND,
              cm_repositories_job_row(w.repositories, &w.stranger, &job, w.f->arena, &row, err));
    assert_ok(
        cm_repositories_job_page(w.repositories, &w.owner, &all, w.f->arena, &rows, &count, err));
    assert_int_equal(count, 1);
    assert_ok(cm_repositories_job_page(w.repositories, &w.stranger, &all, w.f->arena, &rows, &count,
                                       err));
    assert_int_equal(count, 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_repository_access__members_see_it_and_strangers_do_not,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_access__paths_find_ones_own_alone,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_access__one_root_is_a_repository_for_each,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_access__a_stranger_changes_nothing,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_access__jobs_are_the_owners, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
