/* Contents by their hash, on both engines: kept once, in the row or in a file, and gone when nothing refers to them. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "base/hash.h"
#include "store/blobs.h"

#include "store/q/blobs.h"
#include "store/q/repositories.h"
#include "store/q/sent_files.h"
#include "store/q/users.h"
#include "store/q/workspaces.h"

#include <fcntl.h>
#include <sys/stat.h>

#define LATER_MS (cm_clock_wall_ms() + 60 * 1000) /* a sweep's bound that makes everything old */

static cm_uuid put(fixture *f, cm_str content) {
    cm_blob_new blob = {.workspace_id = f->local.workspace_id, .content = content};
    cm_uuid id;
    assert_ok(cm_blob_put(&f->system, f->dir, &blob, &id, err));
    return id;
}

static int64_t count_rows(fixture *f) {
    cm_q_blobs_count_row row;
    assert_ok(cm_q_blobs_count(&f->system, f->arena, &row, err));
    return row.count;
}

/* `len` bytes that no compressor makes smaller. */
static cm_str noise(fixture *f, size_t len) {
    char *bytes = cm_arena_alloc(f->arena, len);
    uint64_t random = 11;
    for (size_t i = 0; i < len; i++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        bytes[i] = (char)(random >> 33);
    }
    return cm_str_make(bytes, len);
}

static cm_str path_of(fixture *f, cm_uuid id) {
    cm_str path;
    assert_ok(cm_blob_path(&f->me, f->dir, &id, f->arena, &path, err));
    return path;
}

static void assert_content(fixture *f, cm_uuid id, cm_str expected) {
    cm_buf out;
    cm_buf_init(&out, CM_MIB(8));
    assert_ok(cm_blob_read(&f->me, f->dir, &id, &out, err));
    assert_true(cm_str_eq(cm_buf_str(&out), expected));
    cm_buf_done(&out);
}

static void test_store_blobs__small_ones_lie_in_the_row_and_large_ones_in_a_file(void **state) {
    fixture *f = *state;
    char *lines = cm_arena_alloc(f->arena, CM_MIB(1));
    memset(lines, 'x', CM_MIB(1));
    const struct {
        cm_str content;
        bool in_file;
    } cases[] = {{CM_STR(""), false},
                 {CM_STR("int main(void) { return 0; }\n"), false},
                 {cm_str_make("a\0b", 3), false},
                 {cm_str_make(lines, CM_MIB(1)), false}, /* compresses to nothing */
                 {noise(f, CM_BLOB_INLINE_MAX), false},
                 {noise(f, CM_BLOB_INLINE_MAX + 1), true}};
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_uuid id = put(f, cases[i].content);
        assert_int_equal(path_of(f, id).len > 0, cases[i].in_file);
        assert_content(f, id, cases[i].content);
        fixture_reopen(f);
        assert_content(f, id, cases[i].content);
    }
}

static void test_store_blobs__a_content_is_kept_once_a_workspace(void **state) {
    fixture *f = *state;
    cm_uuid first = put(f, CM_STR("the same"));
    cm_uuid second = put(f, CM_STR("the same"));
    assert_true(cm_uuid_eq(&first, &second));
    assert_int_equal(count_rows(f), 1);
    cm_q_workspaces_insert_in other = {
        .id = cm_uuid_v7(), .owner_id = f->local.user_id, .name = CM_STR("other")};
    assert_ok(cm_q_workspaces_insert(&f->system, &other, err));
    cm_blob_new blob = {.workspace_id = other.id, .content = CM_STR("the same")};
    assert_ok(cm_blob_put(&f->system, f->dir, &blob, &second, err));
    assert_false(cm_uuid_eq(&first, &second));
}

static void test_store_blobs__a_stranger_reads_nothing(void **state) {
    fixture *f = *state;
    cm_uuid id = put(f, CM_STR("mine"));
    cm_db stranger = cm_store_as(f->store, cm_uuid_v7());
    cm_buf out;
    cm_buf_init(&out, 100);
    assert_rc(CM_NOT_FOUND, cm_blob_read(&stranger, f->dir, &id, &out, err));
    cm_buf_done(&out);
}

static void test_store_blobs__a_longer_one_than_wanted_and_a_changed_one_are_refused(void **state) {
    fixture *f = *state;
    cm_str content = noise(f, CM_BLOB_INLINE_MAX + 9);
    cm_uuid id = put(f, content);
    cm_buf out;
    cm_buf_init(&out, content.len - 1);
    assert_rc(CM_LIMIT, cm_blob_read(&f->me, f->dir, &id, &out, err));
    cm_buf_done(&out);
    cm_buf_init(&out, content.len);
    int fd = open(path_of(f, id).ptr, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "~~~~", 4, 77), 4);
    assert_rc(CM_CORRUPT, cm_blob_read(&f->me, f->dir, &id, &out, err));
    assert_int_equal(out.len, 0);
    assert_int_equal(ftruncate(fd, 5), 0);
    close(fd);
    assert_rc(CM_CORRUPT, cm_blob_read(&f->me, f->dir, &id, &out, err));
    put(f, content); /* what is put again is whole again */
    assert_content(f, id, content);
    assert_int_equal(unlink(path_of(f, id).ptr), 0);
    assert_rc(CM_NOT_FOUND, cm_blob_read(&f->me, f->dir, &id, &out, err));
    cm_buf_done(&out);
}

static void test_store_blobs__a_finished_file_is_taken_over(void **state) {
    fixture *f = *state;
    cm_str content = noise(f, 4000);
    const char *path = cm_arena_fmt(f->arena, "%s/export.zip", f->dir).ptr;
    cm_uuid id;
    assert_ok(cm_file_replace(path, content, 0644, err));
    assert_ok(cm_blob_adopt(&f->system, f->dir, f->local.workspace_id, path,
                            CM_STR("application/zip"), &id, err));
    struct stat info;
    assert_int_not_equal(stat(path, &info), 0);
    assert_int_equal(stat(path_of(f, id).ptr, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_content(f, id, content);
}

static void write_file(const char *path, cm_str text) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
}

static void assert_no_copy(fixture *f, cm_rc rc, cm_uuid id) {
    const char *copy = cm_arena_fmt(f->arena, "%s/copy", f->dir).ptr;
    assert_rc(rc, cm_blob_copy(&f->me, f->dir, &id, copy, err));
    assert_int_not_equal(access(copy, F_OK), 0);
}

/* Torn, grown, flipped or a link to elsewhere: nothing has the name that was asked for. */
static void test_store_blobs__a_copy_is_whole_or_not_there(void **state) {
    fixture *f = *state;
    cm_str contents[] = {CM_STR(""), CM_STR("in the row"), noise(f, CM_BLOB_INLINE_MAX + 100)};
    const char *copy = cm_arena_fmt(f->arena, "%s/copy", f->dir).ptr;
    cm_uuid id = {{0}};
    for (size_t i = 0; i < CM_COUNT(contents); i++) {
        cm_buf out;
        id = put(f, contents[i]);
        assert_ok(cm_blob_copy(&f->me, f->dir, &id, copy, err));
        cm_buf_init(&out, CM_MIB(1));
        assert_ok(cm_file_read(copy, CM_MIB(1), &out, err));
        assert_true(cm_str_eq(cm_buf_str(&out), contents[i]));
        cm_buf_done(&out);
        assert_int_equal(unlink(copy), 0);
    }
    cm_str whole = contents[2];
    const char *path = path_of(f, id).ptr;
    write_file(path, cm_str_sub(whole, 0, whole.len - 1));
    assert_no_copy(f, CM_CORRUPT, id);
    write_file(path, noise(f, whole.len + 1));
    assert_no_copy(f, CM_CORRUPT, id);
    char *flipped = cm_arena_alloc(f->arena, whole.len);
    memcpy(flipped, whole.ptr, whole.len);
    flipped[7] ^= 1;
    write_file(path, cm_str_make(flipped, whole.len));
    assert_no_copy(f, CM_CORRUPT, id);
    assert_int_equal(unlink(path), 0);
    assert_no_copy(f, CM_NOT_FOUND, id);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_no_copy(f, CM_CORRUPT, id);
}

static void assert_unread(fixture *f, cm_uuid id) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_str path;
    cm_buf_init(&out, 1000);
    assert_rc(CM_CORRUPT, cm_blob_read(&f->system, f->dir, &id, &out, err));
    assert_rc(CM_CORRUPT, cm_blob_path(&f->system, f->dir, &id, f->arena, &path, err));
    assert_int_equal(out.len, 0);
}

/* A row may say anything: no other file than the blob's own is read. */
static void test_store_blobs__a_row_cannot_name_another_file(void **state) {
    static const char *const hashes[] = {
        "../../../../../../../../../../../../../../../../../../../etc/hostname", "/etc/hostname",
        "", "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789"};
    fixture *f = *state;
    cm_q_blobs_insert_in in = {.workspace_id = f->local.workspace_id, .size_bytes = 1};
    for (size_t i = 0; i < CM_COUNT(hashes); i++) {
        in.id = cm_uuid_v7();
        in.content_hash = cm_str_from(hashes[i]);
        in.location = in.content_hash;
        assert_ok(cm_q_blobs_insert(&f->system, &in, err));
        assert_no_copy(f, CM_CORRUPT, in.id);
        assert_unread(f, in.id);
    }
    char hash[CM_SHA256_TEXT];
    cm_sha256_hex("x", 1, hash);
    in.id = cm_uuid_v7();
    in.content_hash = cm_str_from(hash);
    in.location = CM_STR("../../../../etc/hostname");
    assert_ok(cm_q_blobs_insert(&f->system, &in, err));
    assert_no_copy(f, CM_CORRUPT, in.id);
    assert_unread(f, in.id);
}

static cm_uuid add_repository(fixture *f) {
    cm_q_repositories_insert_in in = {.id = cm_uuid_v7(),
                                      .workspace_id = f->local.workspace_id,
                                      .owner_id = f->local.user_id,
                                      .name = CM_STR("code"),
                                      .source_type = CM_STR("upload")};
    assert_ok(cm_q_repositories_insert(&f->system, &in, err));
    return in.id;
}

static cm_blobs_swept sweep(fixture *f, int64_t before_ms) {
    cm_blobs_swept swept;
    assert_ok(cm_blobs_sweep(&f->system, f->dir, before_ms, &swept, err));
    return swept;
}

static void test_store_blobs__what_nothing_refers_to_is_swept_and_the_rest_stays(void **state) {
    fixture *f = *state;
    cm_uuid repository = add_repository(f);
    cm_str kept = noise(f, CM_BLOB_INLINE_MAX + 1), loose = noise(f, CM_BLOB_INLINE_MAX + 2);
    cm_q_sent_files_insert_in file = {
        .repository_id = repository, .file_path = CM_STR("a.c"), .blob_id = put(f, kept)};
    assert_ok(cm_q_sent_files_insert(&f->system, &file, err));
    cm_str loose_path = path_of(f, put(f, loose));
    put(f, CM_STR("short"));
    assert_int_equal(sweep(f, cm_clock_wall_ms() - CM_BLOB_GRACE_MS).rows, 0); /* too young */
    assert_int_equal(count_rows(f), 3);
    cm_blobs_swept swept = sweep(f, LATER_MS);
    assert_int_equal(swept.rows, 2);
    assert_int_equal(swept.files, 1);
    assert_int_not_equal(access(loose_path.ptr, F_OK), 0);
    assert_content(f, file.blob_id, kept);
    assert_ok(
        cm_q_repositories_delete(&f->system, &(cm_q_repositories_delete_in){repository}, err));
    assert_int_equal(sweep(f, LATER_MS).rows, 1);
    assert_int_equal(count_rows(f), 0);
}

static void test_store_blobs__files_of_a_workspace_that_is_gone_go_at_once(void **state) {
    fixture *f = *state;
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("a@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    cm_q_workspaces_insert_in theirs = {
        .id = cm_uuid_v7(), .owner_id = person.id, .name = CM_STR("theirs")};
    assert_ok(cm_q_workspaces_insert(&f->system, &theirs, err));
    cm_blob_new blob = {.workspace_id = theirs.id, .content = noise(f, CM_BLOB_INLINE_MAX + 3)};
    cm_uuid id;
    cm_str path;
    assert_ok(cm_blob_put(&f->system, f->dir, &blob, &id, err));
    assert_ok(cm_blob_path(&f->system, f->dir, &id, f->arena, &path, err));
    assert_int_equal(access(path.ptr, F_OK), 0);
    assert_ok(cm_q_workspaces_delete(&f->system, &(cm_q_workspaces_delete_in){theirs.id}, err));
    sweep(f, cm_clock_wall_ms() - CM_BLOB_GRACE_MS);
    assert_int_not_equal(access(path.ptr, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_blobs__small_ones_lie_in_the_row_and_large_ones_in_a_file),
        store_test(test_store_blobs__a_content_is_kept_once_a_workspace),
        store_test(test_store_blobs__a_stranger_reads_nothing),
        store_test(test_store_blobs__a_longer_one_than_wanted_and_a_changed_one_are_refused),
        store_test(test_store_blobs__a_finished_file_is_taken_over),
        store_test(test_store_blobs__a_copy_is_whole_or_not_there),
        store_test(test_store_blobs__a_row_cannot_name_another_file),
        store_test(test_store_blobs__what_nothing_refers_to_is_swept_and_the_rest_stays),
        store_test(test_store_blobs__files_of_a_workspace_that_is_gone_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
