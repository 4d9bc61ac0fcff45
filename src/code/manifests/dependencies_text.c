/* dependencies_text.c - manifests read line by line or tag by tag. */
#include "code/manifests/dependencies_priv.h"

/* --- Python ------------------------------------------------------------------------------------ */

static bool is_name_char(char c) {
    return cm_is_alpha(c) || cm_is_digit(c) || c == '-' || c == '_' || c == '.';
}

void cm_dependency_add_pep508(cm_dependency_sink *sink, cm_str requirement, bool is_development) {
    requirement =
        cm_str_sub(requirement, 0, CM_MIN(cm_str_find_char(requirement, ';'), requirement.len));
    requirement = cm_str_trim(requirement);
    size_t end = 0;
    while (end < requirement.len && is_name_char(requirement.ptr[end])) {
        end++;
    }
    cm_str version = cm_str_trim(cm_str_from_offset(requirement, end));
    if (cm_str_starts(version, CM_STR("["))) {
        size_t close = cm_str_find_char(version, ']');
        version =
            close == SIZE_MAX ? CM_STR_EMPTY : cm_str_trim(cm_str_from_offset(version, close + 1));
    }
    if (cm_str_starts(version, CM_STR("@"))) { /* a URL, no version */
        version = CM_STR_EMPTY;
    }
    if (cm_str_starts(version, CM_STR("==")) && !cm_str_starts(version, CM_STR("==="))) {
        version = cm_str_from_offset(version, 2);
    }
    cm_dependency_add(sink, "pip", cm_str_sub(requirement, 0, end), version, is_development, false);
}

static void read_requirements(cm_str text, bool is_development, cm_dependency_sink *sink) {
    cm_str line;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(cm_str_sub(line, 0, CM_MIN(cm_str_find_char(line, '#'), line.len)));
        size_t options = cm_str_find(line, CM_STR(" --"));
        line = cm_str_sub(line, 0, CM_MIN(options, line.len));
        if (line.len > 0 && line.ptr[line.len - 1] == '\\') {
            line.len--;
        }
        if (line.len > 0 && line.ptr[0] != '-') { /* -r, -e, --hash */
            cm_dependency_add_pep508(sink, line, is_development);
        }
    }
}

void cm_read_requirements(cm_str text, cm_dependency_sink *sink) {
    read_requirements(text, false, sink);
}

/* requirements-dev.txt and the like: the name says what they are for. */
void cm_read_requirements_dev(cm_str text, cm_dependency_sink *sink) {
    read_requirements(text, true, sink);
}

void cm_read_setup_cfg(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    bool in_list = false, is_development = false;
    while (cm_str_line(&text, &line)) {
        cm_str content = cm_str_trim(line);
        bool is_indented = line.len > 0 && cm_is_space(line.ptr[0]);
        if (cm_str_starts(content, CM_STR("["))) {
            is_development = cm_str_eq_c(content, "[options.extras_require]");
            in_list = false;
        } else if (!is_indented && content.len > 0) {
            in_list = is_development || cm_str_starts(content, CM_STR("install_requires"));
        } else if (in_list && content.len > 0) {
            cm_dependency_add_pep508(sink, content, is_development);
        }
    }
}

/* --- Go, Ruby, Yarn, CMake --------------------------------------------------------------------- */

static cm_str first_word(cm_str *rest) {
    *rest = cm_str_trim(*rest);
    size_t end = 0;
    while (end < rest->len && !cm_is_space(rest->ptr[end])) {
        end++;
    }
    cm_str word = cm_str_sub(*rest, 0, end);
    *rest = cm_str_trim(cm_str_from_offset(*rest, end));
    return word;
}

void cm_read_go_mod(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    bool in_block = false;
    while (cm_str_line(&text, &line)) {
        cm_str rest = line;
        size_t comment = cm_str_find(rest, CM_STR("//"));
        rest = cm_str_trim(cm_str_sub(rest, 0, CM_MIN(comment, rest.len)));
        if (cm_str_starts(rest, CM_STR("require")) && cm_str_ends(rest, CM_STR("("))) {
            in_block = true;
        } else if (cm_str_starts(rest, CM_STR(")"))) {
            in_block = false;
        } else if (in_block || cm_str_starts(rest, CM_STR("require "))) {
            if (!in_block) {
                first_word(&rest);
            }
            cm_str name = first_word(&rest);
            cm_dependency_add(sink, "go", name, first_word(&rest), false, true);
        }
    }
}

/* Four blanks, name, version in parentheses; deeper lines are what a gem asks for. */
void cm_read_gemfile_lock(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    while (cm_str_line(&text, &line)) {
        bool is_gem = cm_str_starts(line, CM_STR("    ")) && line.len > 4 && line.ptr[4] != ' ';
        size_t open = cm_str_find(line, CM_STR(" ("));
        if (is_gem && open != SIZE_MAX && cm_str_ends(line, CM_STR(")"))) {
            cm_dependency_add(sink, "bundler", cm_str_sub(line, 4, open - 4),
                              cm_str_sub(line, open + 2, line.len - open - 3), false, true);
        }
    }
}

/* The quoted text that begins at or after `*rest`'s start; moves behind it. Empty when there is none. */
static cm_str next_quoted(cm_str *rest) {
    size_t open = 0;
    while (open < rest->len && rest->ptr[open] != '"' && rest->ptr[open] != '\'') {
        open++;
    }
    cm_str inside = cm_str_from_offset(*rest, open + 1);
    size_t close = open < rest->len ? cm_str_find_char(inside, rest->ptr[open]) : SIZE_MAX;
    *rest = cm_str_from_offset(inside, close == SIZE_MAX ? inside.len : close + 1);
    return close == SIZE_MAX ? CM_STR_EMPTY : cm_str_sub(inside, 0, close);
}

static bool names_development(cm_str line) {
    return cm_str_find(line, CM_STR(":development")) != SIZE_MAX ||
           cm_str_find(line, CM_STR(":test")) != SIZE_MAX;
}

/* `gem "rails", "~> 7.0", group: :test`; in `group :development do ... end` all are of that group. */
void cm_read_gemfile(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    bool is_development = false;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(cm_str_sub(line, 0, CM_MIN(cm_str_find_char(line, '#'), line.len)));
        if (cm_str_starts(line, CM_STR("group ")) && cm_str_ends(line, CM_STR(" do"))) {
            is_development = names_development(line);
        } else if (cm_str_eq_c(line, "end")) {
            is_development = false;
        } else if (cm_str_starts(line, CM_STR("gem ")) || cm_str_starts(line, CM_STR("gem("))) {
            cm_str rest = cm_str_from_offset(line, 4), name = next_quoted(&rest);
            bool has_version = cm_str_starts(cm_str_trim(rest), CM_STR(",")) &&
                               cm_str_find(rest, CM_STR(": ")) == SIZE_MAX;
            cm_dependency_add(sink, "bundler", name,
                              has_version ? next_quoted(&rest) : CM_STR_EMPTY,
                              is_development || names_development(rest), false);
        }
    }
}

/* Below "packages:", keys two blanks deep: `/a@1.0.0:`, `'@b/c@2.0.0(peer@1)':`, and `/a/1.0.0:` of old. */
void cm_read_pnpm_lock(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    bool in_packages = false;
    while (cm_str_line(&text, &line)) {
        if (line.len > 0 && !cm_is_space(line.ptr[0])) {
            in_packages = cm_str_eq_c(cm_str_trim(line), "packages:");
        }
        bool is_key = in_packages && cm_str_starts(line, CM_STR("  ")) && line.len > 3 &&
                      line.ptr[2] != ' ' && cm_str_ends(line, CM_STR(":"));
        if (!is_key) {
            continue;
        }
        cm_str key = cm_str_sub(line, 2, line.len - 3);
        cm_str quoted = key;
        key = key.ptr[0] == '\'' || key.ptr[0] == '"' ? next_quoted(&quoted) : key;
        key = cm_str_from_offset(key, cm_str_starts(key, CM_STR("/")));
        key = cm_str_sub(key, 0, CM_MIN(cm_str_find_char(key, '('), key.len));
        size_t at = cm_str_rfind_char(key, '@');
        at = at == SIZE_MAX || at == 0 ? cm_str_rfind_char(key, '/') : at;
        if (at != SIZE_MAX && at > 0) {
            cm_dependency_add(sink, "npm", cm_str_sub(key, 0, at), cm_str_from_offset(key, at + 1),
                              false, true);
        }
    }
}

/* `"@a/b@^1.0", "@a/b@^1.2":` and below it `  version "1.3.0"`. */
void cm_read_yarn_lock(cm_str text, cm_dependency_sink *sink) {
    cm_str line, name = CM_STR_EMPTY;
    while (cm_str_line(&text, &line)) {
        if (line.len > 0 && !cm_is_space(line.ptr[0]) && line.ptr[0] != '#') {
            cm_str head = line.ptr[0] == '"' ? cm_str_from_offset(line, 1) : line;
            size_t at = cm_str_find_char(cm_str_from_offset(head, 1), '@');
            name = at == SIZE_MAX ? CM_STR_EMPTY : cm_str_sub(head, 0, at + 1);
        } else if (cm_str_starts(cm_str_trim(line), CM_STR("version"))) {
            cm_str version = cm_str_trim(line);
            version = cm_str_from_offset(version, 7);
            while (version.len > 0 && strchr(" :\"", version.ptr[0])) {
                version = cm_str_from_offset(version, 1);
            }
            version = cm_str_sub(version, 0, CM_MIN(cm_str_find_char(version, '"'), version.len));
            cm_dependency_add(sink, "npm", name, version, false, true);
            name = CM_STR_EMPTY;
        }
    }
}

void cm_read_cmake(cm_str text, cm_dependency_sink *sink) {
    size_t at;
    while ((at = cm_str_find(text, CM_STR("find_package"))) != SIZE_MAX) {
        text = cm_str_trim(cm_str_from_offset(text, at + 12));
        if (!cm_str_starts(text, CM_STR("("))) {
            continue;
        }
        cm_str inside = cm_str_sub(text, 1, CM_MIN(cm_str_find_char(text, ')'), text.len) - 1);
        cm_str name = first_word(&inside), version = first_word(&inside);
        bool is_version = version.len > 0 && cm_is_digit(version.ptr[0]);
        if (cm_str_find_char(name, '$') == SIZE_MAX) {
            cm_dependency_add(sink, "cmake", name, is_version ? version : CM_STR_EMPTY, false,
                              false);
        }
    }
}

/* --- Gradle ------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    bool is_development;
} configurations[] = {
    {"implementation", false},
    {"api", false},
    {"compile", false},
    {"compileOnly", false},
    {"runtimeOnly", false},
    {"annotationProcessor", true},
    {"kapt", true},
    {"testImplementation", true},
    {"testCompile", true},
    {"testRuntimeOnly", true},
    {"androidTestImplementation", true},
    {"debugImplementation", true},
};

/* `implementation("group:artifact:version")` or `implementation 'group:artifact:version'`. */
static void read_gradle_line(cm_str line, bool is_development, cm_dependency_sink *sink) {
    size_t open = 0;
    while (open < line.len && line.ptr[open] != '"' && line.ptr[open] != '\'') {
        open++;
    }
    cm_str rest = cm_str_from_offset(line, open + 1);
    size_t close = open < line.len ? cm_str_find_char(rest, line.ptr[open]) : SIZE_MAX;
    size_t colon = cm_str_find_char(rest, ':');
    if (close == SIZE_MAX || colon == 0 || colon >= close) { /* ":lib" is a project */
        return;
    }
    cm_str coordinates = cm_str_sub(rest, 0, close);
    size_t second = cm_str_find_char(cm_str_from_offset(coordinates, colon + 1), ':');
    size_t name_end = second == SIZE_MAX ? coordinates.len : colon + 1 + second;
    cm_dependency_add(sink, "gradle", cm_str_sub(coordinates, 0, name_end),
                      cm_str_from_offset(coordinates, name_end + 1), is_development, false);
}

void cm_read_gradle(cm_str text, cm_dependency_sink *sink) {
    cm_str line;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(line);
        for (size_t i = 0; i < CM_COUNT(configurations); i++) {
            cm_str word = cm_str_from(configurations[i].word);
            if (cm_str_starts(line, word) && line.len > word.len &&
                !cm_is_word(line.ptr[word.len])) {
                read_gradle_line(cm_str_from_offset(line, word.len),
                                 configurations[i].is_development, sink);
            }
        }
    }
}

/* --- XML --------------------------------------------------------------------------------------- */

/* Text between <name> and </name> inside `xml`, first occurrence; empty when absent. */
static cm_str element(cm_str xml, const char *name) {
    char tag[40];
    snprintf(tag, sizeof(tag), "<%s>", name);
    size_t open = cm_str_find(xml, cm_str_from(tag));
    if (open == SIZE_MAX) {
        return CM_STR_EMPTY;
    }
    cm_str rest = cm_str_from_offset(xml, open + strlen(tag));
    return cm_str_trim(cm_str_sub(rest, 0, CM_MIN(cm_str_find_char(rest, '<'), rest.len)));
}

void cm_read_pom(cm_str text, cm_dependency_sink *sink) {
    size_t at;
    while ((at = cm_str_find(text, CM_STR("<dependency>"))) != SIZE_MAX) {
        text = cm_str_from_offset(text, at + 12);
        cm_str one =
            cm_str_sub(text, 0, CM_MIN(cm_str_find(text, CM_STR("</dependency>")), text.len));
        cm_str group = element(one, "groupId"), artifact = element(one, "artifactId");
        if (group.len > 0 && artifact.len > 0) {
            cm_str name = cm_arena_fmt(sink->arena, CM_STR_FMT ":" CM_STR_FMT, CM_STR_ARG(group),
                                       CM_STR_ARG(artifact));
            cm_dependency_add(sink, "maven", name, element(one, "version"),
                              cm_str_eq_c(element(one, "scope"), "test"), false);
        }
    }
}

static cm_str attribute(cm_str tag, const char *name) {
    char start[32];
    snprintf(start, sizeof(start), "%s=\"", name);
    size_t at = cm_str_find(tag, cm_str_from(start));
    if (at == SIZE_MAX) {
        return CM_STR_EMPTY;
    }
    cm_str rest = cm_str_from_offset(tag, at + strlen(start));
    return cm_str_sub(rest, 0, CM_MIN(cm_str_find_char(rest, '"'), rest.len));
}

/* What a tag of this name includes. */
static void read_package_tags(cm_str text, const char *name, bool is_locked,
                              cm_dependency_sink *sink) {
    char open[40], close[40];
    size_t at;
    snprintf(open, sizeof(open), "<%s ", name);
    snprintf(close, sizeof(close), "</%s>", name);
    while ((at = cm_str_find(text, cm_str_from(open))) != SIZE_MAX) {
        text = cm_str_from_offset(text, at + strlen(open) - 1);
        cm_str tag = cm_str_sub(text, 0, CM_MIN(cm_str_find_char(text, '>'), text.len));
        cm_str version = attribute(tag, "Version");
        if (version.len == 0 && !cm_str_ends(tag, CM_STR("/"))) {
            version = element(
                cm_str_sub(text, 0, CM_MIN(cm_str_find(text, cm_str_from(close)), text.len)),
                "Version");
        }
        cm_dependency_add(sink, "nuget", attribute(tag, "Include"), version, false, is_locked);
    }
}

void cm_read_csproj(cm_str text, cm_dependency_sink *sink) {
    read_package_tags(text, "PackageReference", false, sink);
}

/* Versions for all projects of a tree: they speak for references without one. */
void cm_read_packages_props(cm_str text, cm_dependency_sink *sink) {
    read_package_tags(text, "PackageVersion", true, sink);
}
