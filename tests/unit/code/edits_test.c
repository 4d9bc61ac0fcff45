/* A file that is edited gives, after each edit, what a whole parse of its text gives: every case file of every
 * language, changed at random many times, in this process. CM_EDITS sets how many edits each file gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/file.h"
#include "code/extract.h"
#include "each_case.h"

#define CASES      "tests/cases/symbols"
#define EDITS      40
#define TEXT_MAX   CM_KIB(64)
#define PIECES_MAX 8
#define RESTORE_EVERY \
    5 /* edits until the text is whole again: most lead away from what the grammar takes */

typedef struct fixture {
    cm_extractor *edited, *fresh;
    cm_extraction got, wanted;
    cm_buf original, text, next;
    uint64_t seed;
    unsigned edits;
    size_t reparsed, compared;
} fixture;

static uint32_t below(fixture *f, size_t limit) {
    f->seed = f->seed * 6364136223846793005ull + 1442695040888963407ull;
    return limit > 0 ? (uint32_t)((f->seed >> 33) % limit) : 0;
}

/* --- edits ------------------------------------------------------------------------------------- */

/* Start of a line of the text, at random. */
static size_t some_line(fixture *f) {
    size_t at = below(f, f->text.len + 1);
    while (at > 0 && f->text.ptr[at - 1] != '\n') {
        at--;
    }
    return at;
}

static size_t line_after(const fixture *f, size_t at, unsigned lines) {
    while (at < f->text.len && lines > 0) {
        lines -= f->text.ptr[at++] == '\n';
    }
    return at;
}

/* text[start, end) becomes `with`. */
static void splice(fixture *f, size_t start, size_t end, cm_str with) {
    cm_str text = cm_buf_str(&f->text);
    cm_buf_clear(&f->next);
    cm_buf_add_str(&f->next, cm_str_sub(text, 0, start));
    cm_buf_add_str(&f->next, with);
    cm_buf_add_str(&f->next, cm_str_from_offset(text, end));
    cm_buf_clear(&f->text);
    cm_buf_add_str(&f->text, cm_buf_str(&f->next));
    assert_int_equal(cm_buf_check(&f->text, NULL), CM_OK);
}

static void repeat_lines(fixture *f, size_t to) {
    char lines[2048];
    size_t start = some_line(f), end = line_after(f, start, 1 + below(f, 4));
    size_t len = CM_MIN(end - start, sizeof(lines));
    memcpy(lines, f->text.ptr + start, len);
    splice(f, to, to, cm_str_make(lines, len));
}

static void change_letter(fixture *f) {
    size_t at = below(f, f->text.len);
    if (at < f->text.len && cm_is_word(f->text.ptr[at])) {
        splice(f, at, at + 1, cm_str_make(&"abcxyzABZ019_"[below(f, 13)], 1));
    }
}

static void edit(fixture *f) {
    static const char *const pieces[PIECES_MAX] = {" ",  "\n", "(",        "}",
                                                   "\"", "x",  "\xc3\xa9", "\n\n"};
    size_t at = below(f, f->text.len + 1), line = some_line(f);
    switch (below(f, 6)) {
    case 0: splice(f, at, at, cm_str_from(pieces[below(f, PIECES_MAX)])); break;
    case 1: splice(f, at, CM_MIN(at + 1 + below(f, 3), f->text.len), CM_STR_EMPTY); break;
    case 2: splice(f, line, line_after(f, line, 1 + below(f, 2)), CM_STR_EMPTY); break;
    case 3: repeat_lines(f, line); break;
    default: change_letter(f); break;
    }
}

/* --- both ways --------------------------------------------------------------------------------- */

static void expect_same(fixture *f, const char *path) {
    size_t size = cm_wire_size(&f->wanted);
    uint8_t *got = cm_alloc(CM_MAX(size, cm_wire_size(&f->got)));
    uint8_t *wanted = cm_alloc(size);
    cm_wire_encode(&f->got, got);
    cm_wire_encode(&f->wanted, wanted);
    if (cm_wire_size(&f->got) != size || memcmp(got, wanted, size) != 0) {
        print_message("%s differs from a whole parse after an edit that gave:\n%s\n", path,
                      cm_buf_c(&f->text));
        fail();
    }
    cm_free(got);
    cm_free(wanted);
    f->compared++;
    f->reparsed += f->got.is_reparsed;
}

static void parse_both(fixture *f, const cm_language *language, uint64_t document,
                       const char *path) {
    cm_extract_limits limits = {.document = document};
    cm_str text = cm_buf_str(&f->text);
    assert_int_equal(cm_extract(f->edited, language, text, &limits, &f->got, NULL), CM_OK);
    limits.document = 0;
    assert_int_equal(cm_extract(f->fresh, language, text, &limits, &f->wanted, NULL), CM_OK);
    assert_false(f->wanted.is_reparsed);
    assert_false(language->whole && f->got.is_reparsed);
    expect_same(f, path);
}

static void check_file(void *argument, const char *path) {
    fixture *f = argument;
    cm_buf_clear(&f->original);
    assert_int_equal(cm_file_read(path, TEXT_MAX, &f->original, NULL), CM_OK);
    const cm_language *language = cm_language_detect(cm_str_from(path), cm_buf_str(&f->original));
    if (!language || !language->has_grammar) {
        return;
    }
    uint64_t document = f->compared + 1;
    for (unsigned i = 0; i < f->edits; i++) {
        if (i % RESTORE_EVERY == 0) {
            cm_buf_clear(&f->text);
            cm_buf_add_str(&f->text, cm_buf_str(&f->original));
        } else {
            edit(f);
        }
        parse_both(f, language, document, path);
    }
}

static fixture *open_fixture(uint64_t seed) {
    fixture *f = CM_NEW(fixture);
    const char *edits = getenv("CM_EDITS");
    uint64_t wanted = EDITS;
    if (edits) {
        assert_true(cm_str_to_u64(cm_str_from(edits), &wanted));
    }
    f->seed = seed;
    f->edits = (unsigned)wanted;
    f->edited = cm_extractor_new();
    f->fresh = cm_extractor_new();
    cm_extraction_init(&f->got);
    cm_extraction_init(&f->wanted);
    cm_buf_init(&f->original, TEXT_MAX);
    cm_buf_init(&f->text, CM_MIB(16));
    cm_buf_init(&f->next, CM_MIB(16));
    return f;
}

static void close_fixture(fixture *f) {
    cm_extraction_done(&f->got);
    cm_extraction_done(&f->wanted);
    cm_extractor_free(f->edited);
    cm_extractor_free(f->fresh);
    cm_buf_done(&f->original);
    cm_buf_done(&f->text);
    cm_buf_done(&f->next);
    cm_free(f);
}

static void test_code_edits__every_edit_gives_what_a_whole_parse_gives(void **state) {
    (void)state;
    fixture *f = open_fixture(1);
    assert_true(each_case(CASES, check_file, f) > 0);
    print_message("%zu texts, %zu with an earlier tree\n", f->compared, f->reparsed);
    assert_true(f->compared > 45 * f->edits);
    assert_true(f->reparsed > f->compared / 4);
    close_fixture(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_edits__every_edit_gives_what_a_whole_parse_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
