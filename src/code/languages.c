/* languages.c - finding the language of a file.
 *
 * Whole file names beat extensions ("CMakeLists.txt" is not text), extensions beat the #! line, and
 * the contents decide only where one extension belongs to several languages: C, C++ and Objective-C
 * share .h, and a wrong guess there costs most symbols of the file. A linear walk over some 400 short
 * names takes about a microsecond, so there is no index to keep in step with the table. */
#include "code/languages.h"
#include "base/path.h"
#include "code/languages_priv.h"

#define LOOK_BYTES 8192 /* how far into the text a guess may look */

const cm_language *cm_language_all(size_t *ret_count) {
    *ret_count = cm_language_count;
    return cm_language_rows;
}

uint64_t cm_language_rules(void) {
    return cm_language_version;
}

const cm_language *cm_language_at(size_t index) {
    return index < cm_language_count ? &cm_language_rows[index] : NULL;
}

static bool list_has(cm_str_list list, cm_str wanted) {
    for (size_t i = 0; i < list.count; i++) {
        if (cm_str_eq_nocase(list.items[i], wanted)) {
            return true;
        }
    }
    return false;
}

const cm_language *cm_language_find(cm_str id) {
    for (size_t i = 0; i < cm_language_count; i++) {
        const cm_language *language = &cm_language_rows[i];
        if (cm_str_eq_nocase(language->id, id) || list_has(language->aliases, id)) {
            return language;
        }
    }
    return NULL;
}

typedef bool match_fn(const cm_language *language, cm_str wanted);

static const cm_language *first_declared(match_fn *matches, cm_str wanted) {
    for (size_t i = 0; i < cm_language_count; i++) {
        const cm_language *language = &cm_language_rows[cm_language_declared[i]];
        if (matches(language, wanted)) {
            return language;
        }
    }
    return NULL;
}

static bool has_filename(const cm_language *language, cm_str name) {
    for (size_t i = 0; i < language->filenames.count; i++) {
        if (cm_path_glob(language->filenames.items[i], name)) {
            return true;
        }
    }
    return false;
}

static bool has_extension(const cm_language *language, cm_str extension) {
    return list_has(language->extensions, extension);
}

static bool has_shebang(const cm_language *language, cm_str program) {
    return list_has(language->shebangs, program);
}

/* "#!/usr/bin/env -S python3.11 -u" -> "python" */
static cm_str shebang_program(cm_str text) {
    cm_str line;
    if (!cm_str_starts(text, CM_STR("#!")) || !cm_str_line(&text, &line)) {
        return CM_STR_EMPTY;
    }
    cm_str rest = cm_str_trim(cm_str_from_offset(line, 2));
    cm_str word;
    while (cm_str_split(&rest, ' ', &word)) {
        bool is_option =
            cm_str_starts(word, CM_STR("-")) || cm_str_find_char(word, '=') != SIZE_MAX;
        cm_str program = cm_path_base(word);
        if (word.len == 0 || is_option || cm_str_eq_c(program, "env")) {
            continue;
        }
        while (program.len > 0 &&
               (cm_is_digit(program.ptr[program.len - 1]) || program.ptr[program.len - 1] == '.')) {
            program.len--;
        }
        return program;
    }
    return CM_STR_EMPTY;
}

/* What betrays a language behind a shared extension; the first row whose mark starts a line wins. */
static const struct {
    const char *extension;
    const char *mark;
    const char *id;
} marks[] = {
    {"h", "@interface", "objc"},
    {"h", "@protocol", "objc"},
    {"h", "@class", "objc"},
    {"h", "#import", "objc"},
    {"h", "namespace ", "cpp"},
    {"h", "class ", "cpp"},
    {"h", "template <", "cpp"},
    {"h", "template<", "cpp"},
    {"h", "using ", "cpp"},
    {"h", "public:", "cpp"},
    {"h", "private:", "cpp"},
    {"h", "protected:", "cpp"},
    {"h", "inline namespace", "cpp"},
    {"h", "extern \"C++\"", "cpp"},
    {"h", "#include <string>", "cpp"},
    {"h", "#include <vector>", "cpp"},
    {"h", "#include <memory>", "cpp"},
    {"h", "constexpr ", "cpp"},
    {"inc", "<?php", "php"},
    {"inc", "namespace ", "cpp"},
    {"inc", "class ", "cpp"},
    {"inc", "#include", "cpp"},
    {"inc", "static ", "c"},
    {"pl", ":- ", "text"},
    {"v", "Require ", "text"},
    {"t", "<", "text"},
    {"cls", "VERSION ", "text"},
};

static bool is_shared(cm_str extension) {
    for (size_t i = 0; i < CM_COUNT(marks); i++) {
        if (cm_str_eq_c(extension, marks[i].extension)) {
            return true;
        }
    }
    return false;
}

static const cm_language *by_contents(cm_str extension, cm_str text) {
    cm_str rest = is_shared(extension) ? cm_str_sub(text, 0, LOOK_BYTES) : CM_STR_EMPTY;
    cm_str line;
    while (cm_str_line(&rest, &line)) {
        line = cm_str_trim(line);
        for (size_t i = 0; i < CM_COUNT(marks); i++) {
            if (cm_str_eq_c(extension, marks[i].extension) &&
                cm_str_starts(line, cm_str_from(marks[i].mark))) {
                return cm_language_find(cm_str_from(marks[i].id));
            }
        }
    }
    return NULL;
}

const cm_language *cm_language_detect(cm_str path, cm_str text) {
    cm_str name = cm_path_base(path);
    const cm_language *language = first_declared(has_filename, name);
    if (language) {
        return language;
    }
    cm_str extension = cm_path_extension(name);
    if (extension.len > 0) {
        language = by_contents(extension, text);
        if (!language) {
            language = first_declared(has_extension, extension);
        }
        if (language) {
            return language;
        }
    }
    cm_str program = shebang_program(text);
    if (program.len > 0) {
        language = first_declared(has_shebang, program);
    }
    if (!language && cm_str_starts(text, CM_STR("<?xml"))) {
        language = cm_language_find(CM_STR("xml"));
    }
    return language;
}
