/* archive.c, archive_zip.c, archive_tar.c: limits and kinds; whole archives of other programs are in
 * tests/api/test_43_upload.py, hostile bytes in fuzz/base_archive.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/archive.h"

#include <string.h>
#include <zlib.h>

static const cm_archive_limits limits = {
    .unpacked_max = CM_MIB(4), .ratio_max = 200, .file_bytes_max = 100, .entries_max = 3};

typedef struct seen {
    char text[512]; /* "name=content;", "name!" too large, "name?" other */
    cm_rc answer;
} seen;

static cm_rc note(const cm_archive_entry *entry, void *argument, cm_err *err) {
    static const char marks[] = {
        [CM_ARCHIVE_FILE] = '=', [CM_ARCHIVE_TOO_LARGE] = '!', [CM_ARCHIVE_OTHER] = '?'};
    seen *s = argument;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof s->text - at, CM_STR_FMT "%c" CM_STR_FMT ";",
             CM_STR_ARG(entry->name), marks[entry->kind], CM_STR_ARG(entry->content));
    return s->answer == CM_OK ? CM_OK : cm_fail(err, s->answer, "enough");
}

static cm_rc read_all(const cm_buf *archive, seen *s) {
    cm_err err;
    return cm_archive_each(cm_buf_str(archive), &limits, note, s, &err);
}

/* --- making --- */

static void add_tar(cm_buf *out, const char *name, char type, size_t len, char fill) {
    char block[512] = {0};
    unsigned sum = 0;
    snprintf(block, 100, "%s", name);
    snprintf(block + 124, 12, "%011zo", len);
    memset(block + 148, ' ', 8);
    block[156] = type;
    for (size_t i = 0; i < sizeof block; i++) {
        sum += (uint8_t)block[i];
    }
    snprintf(block + 148, 8, "%06o", sum);
    cm_buf_add(out, block, sizeof block);
    cm_buf_add_repeat(out, fill, len);
    cm_buf_add_repeat(out, '\0', (512 - len % 512) % 512);
}

static void add_u16(cm_buf *out, unsigned value) {
    cm_buf_add_char(out, (char)(value & 0xff));
    cm_buf_add_char(out, (char)(value >> 8 & 0xff));
}

static void add_u32(cm_buf *out, size_t value) {
    add_u16(out, (unsigned)(value & 0xffff));
    add_u16(out, (unsigned)(value >> 16 & 0xffff));
}

/* One stored file, `times` times in the directory. */
static void make_zip(cm_buf *out, const char *name, const char *content, unsigned times) {
    size_t len = strlen(content), name_len = strlen(name);
    size_t crc = crc32_z(0, (const Bytef *)content, len);
    add_u32(out, 0x04034b50);
    for (int i = 0; i < 5; i++) {
        add_u16(out, 0);
    }
    add_u32(out, crc);
    add_u32(out, len);
    add_u32(out, len);
    add_u32(out, name_len); /* and no extra */
    cm_buf_add_c(out, name);
    cm_buf_add_c(out, content);
    size_t directory = out->len;
    for (unsigned n = 0; n < times; n++) {
        add_u32(out, 0x02014b50);
        for (int i = 0; i < 6; i++) {
            add_u16(out, 0);
        }
        add_u32(out, crc);
        add_u32(out, len);
        add_u32(out, len);
        add_u32(out, name_len);
        for (int i = 0; i < 7; i++) {
            add_u16(out, 0);
        }
        cm_buf_add_c(out, name);
    }
    size_t end = out->len;
    add_u32(out, 0x06054b50);
    add_u32(out, 0);
    add_u16(out, times);
    add_u16(out, times);
    add_u32(out, end - directory);
    add_u32(out, directory);
    add_u16(out, 0);
}

/* --- tests --- */

static void test_base_archive__tar_gives_files_links_and_what_is_too_large(void **state) {
    (void)state;
    seen s = {0};
    cm_cleanup(cm_buf_done) cm_buf tar = {.max = CM_MIB(1)};
    add_tar(&tar, "a.c", '0', 3, 'x');
    add_tar(&tar, "folder/", '5', 0, 0);
    add_tar(&tar, "link", '2', 0, 0);
    add_tar(&tar, "big", '0', 101, 'y');
    assert_true(cm_archive_is(cm_buf_str(&tar)));
    assert_int_equal(read_all(&tar, &s), CM_OK);
    assert_string_equal(s.text, "a.c=xxx;link?;big!;");
}

static void test_base_archive__zip_gives_names_with_slashes(void **state) {
    (void)state;
    seen s = {0};
    cm_cleanup(cm_buf_done) cm_buf zip = {.max = CM_MIB(1)};
    make_zip(&zip, "a\\b.c", "int x;", 2);
    assert_true(cm_archive_is(cm_buf_str(&zip)));
    assert_int_equal(read_all(&zip, &s), CM_OK);
    assert_string_equal(s.text, "a/b.c=int x;;a/b.c=int x;;");
}

static void test_base_archive__more_entries_than_allowed_are_refused(void **state) {
    (void)state;
    seen s = {0};
    cm_cleanup(cm_buf_done) cm_buf zip = {.max = CM_MIB(1)};
    make_zip(&zip, "a", "1", 4);
    assert_int_equal(read_all(&zip, &s), CM_UNPROCESSABLE);
    assert_string_equal(s.text, "a=1;a=1;a=1;");
}

static void test_base_archive__more_bytes_than_allowed_are_refused(void **state) {
    (void)state;
    seen s = {0};
    cm_cleanup(cm_buf_done) cm_buf tar = {.max = CM_MIB(16)};
    add_tar(&tar, "big", '0', CM_MIB(4), 'y'); /* skipped, and counted all the same */
    assert_int_equal(read_all(&tar, &s), CM_UNPROCESSABLE);
    assert_string_equal(s.text, "");
}

static void test_base_archive__the_callers_error_ends_it(void **state) {
    (void)state;
    seen s = {.answer = CM_CANCELLED};
    cm_cleanup(cm_buf_done) cm_buf tar = {.max = CM_MIB(1)};
    add_tar(&tar, "a", '0', 1, 'x');
    add_tar(&tar, "b", '0', 1, 'x');
    assert_int_equal(read_all(&tar, &s), CM_CANCELLED);
    assert_string_equal(s.text, "a=x;");
}

static void test_base_archive__anything_else_is_none(void **state) {
    (void)state;
    seen s = {0};
    cm_cleanup(cm_buf_done) cm_buf bytes = {.max = CM_MIB(1)};
    assert_int_equal(read_all(&bytes, &s), CM_UNPROCESSABLE);
    cm_buf_add_repeat(&bytes, 'x', 2000);
    assert_false(cm_archive_is(cm_buf_str(&bytes)));
    assert_int_equal(read_all(&bytes, &s), CM_UNPROCESSABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_archive__tar_gives_files_links_and_what_is_too_large),
        cmocka_unit_test(test_base_archive__zip_gives_names_with_slashes),
        cmocka_unit_test(test_base_archive__more_entries_than_allowed_are_refused),
        cmocka_unit_test(test_base_archive__more_bytes_than_allowed_are_refused),
        cmocka_unit_test(test_base_archive__the_callers_error_ends_it),
        cmocka_unit_test(test_base_archive__anything_else_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
