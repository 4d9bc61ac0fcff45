/* Dictionaries, posting lists and parts: what was written is read back, and damage is never followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/vec.h"
#include "index/segment/dict.h"
#include "index/segment/part.h"
#include "index/segment/postings.h"

static void write_dict(uint32_t count, cm_buf *out) {
    cm_dict_writer w;
    char word[16];
    cm_dict_writer_init(&w);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(word, sizeof(word), "key%06u", i * 2);
        cm_dict_add(&w, cm_str_from(word), (uint64_t)i * 3);
    }
    cm_buf_init(out, CM_MIB(1));
    cm_dict_finish(&w, out);
    cm_dict_writer_done(&w);
}

static void test_index_dict__finds_every_string_and_no_other(void **state) {
    (void)state;
    static const uint32_t counts[] = {0, 1, 15, 16, 17, 500};
    for (size_t c = 0; c < CM_COUNT(counts); c++) {
        cm_buf bytes;
        cm_dict dict;
        uint64_t value;
        char word[16];
        write_dict(counts[c], &bytes);
        assert_true(cm_dict_open(cm_buf_str(&bytes), &dict));
        for (uint32_t i = 0; i < 2 * counts[c] + 2; i++) {
            snprintf(word, sizeof(word), "key%06u", i);
            bool found = cm_dict_find(&dict, cm_str_from(word), &value);
            assert_int_equal(found, i % 2 == 0 && i / 2 < counts[c]);
            if (found) {
                assert_int_equal(value, i / 2 * 3);
            }
        }
        assert_false(cm_dict_find(&dict, CM_STR("aaa"), &value));
        assert_false(cm_dict_find(&dict, CM_STR("zzz"), &value));
        cm_buf_done(&bytes);
    }
}

static void test_index_dict__seek_starts_at_the_first_string_not_below(void **state) {
    (void)state;
    cm_buf bytes;
    cm_dict dict;
    cm_dict_cursor cursor;
    cm_str word;
    uint64_t value;
    write_dict(100, &bytes);
    assert_true(cm_dict_open(cm_buf_str(&bytes), &dict));
    cm_dict_seek(&dict, CM_STR("key000031"), &cursor);
    for (uint32_t i = 16; i < 100; i++) {
        assert_true(cm_dict_next(&cursor, &word, &value));
        assert_int_equal(value, i * 3);
    }
    assert_false(cm_dict_next(&cursor, &word, &value));
    cm_buf_done(&bytes);
}

static cm_posting posting_at(uint32_t i) {
    return (cm_posting){.chunk = i * 7 + i % 3,
                        .body = i % 5,
                        .name = i % 11 == 0 ? 4 : 0,
                        .comment = i % 2,
                        .path = i % 4 == 0};
}

static void test_index_postings__every_entry_is_read_back_and_sought(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 127, 128, 129, 256, 257, 1000};
    for (size_t c = 0; c < CM_COUNT(counts); c++) {
        CM_VEC(cm_posting) list = {0};
        cm_buf bytes;
        cm_postings p;
        for (uint32_t i = 0; i < counts[c]; i++) {
            assert_true(cm_vec_push(&list, posting_at(i)));
        }
        cm_buf_init(&bytes, CM_MIB(1));
        cm_buf_add_c(&bytes, "before");
        cm_postings_write(list.items, list.count, &bytes);
        assert_true(cm_postings_open(cm_buf_str(&bytes), 6, &p));
        for (uint32_t i = 0; i < counts[c]; i++) {
            assert_true(cm_postings_next(&p));
            assert_memory_equal(&p.now, &list.items[i], sizeof(cm_posting));
        }
        assert_false(cm_postings_next(&p));
        for (uint32_t step = 1; step < 400; step = step * 2 + 1) {
            assert_true(cm_postings_open(cm_buf_str(&bytes), 6, &p));
            for (uint32_t i = 0; i < counts[c]; i += step) {
                assert_true(cm_postings_seek(&p, list.items[i].chunk));
                assert_int_equal(p.now.chunk, list.items[i].chunk);
            }
            assert_false(cm_postings_seek(&p, list.items[counts[c] - 1].chunk + 1));
        }
        cm_vec_done(&list);
        cm_buf_done(&bytes);
    }
}

static void test_index_part__sections_come_back_aligned(void **state) {
    (void)state;
    cm_str sections[] = {CM_STR("abc"), CM_STR_EMPTY, CM_STR("longer than eight")};
    cm_buf bytes;
    cm_part part;
    size_t len;
    cm_buf_init(&bytes, CM_MIB(1));
    cm_part_build(CM_PART_WORDS, sections, 3, &bytes);
    char *memory = cm_buf_take(&bytes, &len);
    assert_int_equal(cm_part_take(memory, len, CM_PART_WORDS, &part, NULL), CM_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(cm_str_eq(cm_part_section(&part, i), sections[i]));
        assert_int_equal((uintptr_t)cm_part_section(&part, i).ptr % 8, 0);
    }
    assert_int_equal(cm_part_section(&part, 3).len, 0);
    assert_int_equal(cm_part_check(&part, NULL), CM_OK);
    cm_part_close(&part);
}

static void test_index_part__each_flipped_bit_of_header_and_content_is_found(void **state) {
    (void)state;
    cm_str section = CM_STR("0123456789abcdef"); /* no padding: every byte is covered */
    cm_buf bytes;
    cm_buf_init(&bytes, CM_MIB(1));
    cm_part_build(CM_PART_TEXT, &section, 1, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        cm_part part;
        char *copy = cm_alloc(bytes.len);
        memcpy(copy, bytes.ptr, bytes.len);
        copy[i] = (char)(copy[i] ^ (1 << i % 8));
        cm_rc rc = cm_part_take(copy, bytes.len, CM_PART_TEXT, &part, NULL);
        if (rc == CM_OK) {
            rc = cm_part_check(&part, NULL);
            cm_part_close(&part);
        }
        assert_int_equal(rc, CM_CORRUPT);
    }
    cm_buf_done(&bytes);
}

static void test_index_part__a_cut_file_is_refused(void **state) {
    (void)state;
    cm_str section = CM_STR("0123456789abcdef");
    cm_buf bytes;
    cm_buf_init(&bytes, CM_MIB(1));
    cm_part_build(CM_PART_TEXT, &section, 1, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        cm_part part;
        char *copy = cm_alloc(len + 1);
        memcpy(copy, bytes.ptr, len);
        assert_int_equal(cm_part_take(copy, len, CM_PART_TEXT, &part, NULL), CM_CORRUPT);
    }
    cm_buf_done(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_dict__finds_every_string_and_no_other),
        cmocka_unit_test(test_index_dict__seek_starts_at_the_first_string_not_below),
        cmocka_unit_test(test_index_postings__every_entry_is_read_back_and_sought),
        cmocka_unit_test(test_index_part__sections_come_back_aligned),
        cmocka_unit_test(test_index_part__each_flipped_bit_of_header_and_content_is_found),
        cmocka_unit_test(test_index_part__a_cut_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
