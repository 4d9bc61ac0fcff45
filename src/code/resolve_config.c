/* resolve_config.c - what a project's own files say of its import paths: go.mod, tsconfig, package.json, Composer,
 * Cargo. Each gives aliases, "what begins so lies in this folder". */
#include "code/resolve_priv.h"

#include "base/json.h"
#include "base/path.h"

static void add_alias(cm_resolver *r, uint8_t kind, cm_str folder, cm_str from, cm_str to) {
    cm_alias a = {cm_arena_str(r->arena, folder), cm_arena_str(r->arena, from),
                  cm_arena_str(r->arena, to), kind};
    if (!cm_vec_push(&r->aliases, a)) {
        cm_vec_clear(&r->aliases); /* without memory aliases are not worth failing for */
    }
}

/* folder + relative path, normalised; empty when it climbs out of the repository. */
static cm_str join(cm_resolver *r, cm_str folder, cm_str relative) {
    cm_buf raw, clean;
    cm_buf_init(&raw, CM_CANDIDATE_BYTES_MAX);
    cm_buf_init(&clean, CM_CANDIDATE_BYTES_MAX);
    cm_path_join(&raw, folder, relative);
    cm_str joined = CM_STR_EMPTY;
    if (cm_buf_check(&raw, NULL) == CM_OK &&
        cm_path_normalise(cm_buf_str(&raw), &clean, NULL) == CM_OK) {
        joined = cm_arena_str(r->arena, cm_buf_str(&clean));
    }
    cm_buf_done(&raw);
    cm_buf_done(&clean);
    return joined;
}

static void read_go_mod(cm_resolver *r, cm_str folder, cm_str text) {
    cm_str line;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(line);
        if (cm_str_starts(line, CM_STR("module "))) {
            add_alias(r, CM_ALIAS_GO, folder, cm_str_trim(cm_str_from_offset(line, 7)), folder);
        }
    }
}

/* The length of the string, comment or other byte at the start of JSON with comments. */
static size_t piece_length(cm_str s, bool *ret_is_comment) {
    cm_str end = cm_str_starts(s, CM_STR("//")) ? CM_STR("\n") : CM_STR("*/");
    *ret_is_comment = cm_str_starts(s, CM_STR("//")) || cm_str_starts(s, CM_STR("/*"));
    if (*ret_is_comment) {
        size_t found = cm_str_find(cm_str_from_offset(s, 2), end);
        return found == SIZE_MAX ? s.len : found + 2 + end.len;
    }
    size_t at = 1;
    if (s.ptr[0] == '"') {
        while (at < s.len && s.ptr[at] != '"') {
            at += s.ptr[at] == '\\' ? 2 : 1;
        }
        at++;
    }
    return CM_MIN(at, s.len);
}

/* TypeScript's configuration has comments and commas in front of closing brackets. NULL: no JSON either way. */
static json_t *parse_with_comments(cm_str text) {
    json_t *root = NULL;
    size_t comma = SIZE_MAX; /* one that nothing has followed yet */
    cm_buf plain;
    cm_buf_init(&plain, text.len + 1);
    while (text.len > 0) {
        bool is_comment;
        size_t len = piece_length(text, &is_comment);
        char first = text.ptr[0];
        bool says_something = !is_comment && !cm_is_space(first);
        if (says_something && comma != SIZE_MAX && (first == '}' || first == ']')) {
            plain.ptr[comma] = ' ';
        }
        if (!is_comment) {
            comma = first == ',' ? plain.len : says_something ? SIZE_MAX : comma;
            cm_buf_add_str(&plain, cm_str_sub(text, 0, len));
        }
        text = cm_str_from_offset(text, len);
    }
    if (cm_buf_check(&plain, NULL) != CM_OK ||
        cm_json_parse(cm_buf_str(&plain), &root, NULL) != CM_OK) {
        root = NULL;
    }
    cm_buf_done(&plain);
    return root;
}

/* Paths such as "@app" + star to "src/app" + star; only the first target of each is taken. */
static void read_tsconfig(cm_resolver *r, cm_str folder, cm_str text) {
    json_t *root = parse_with_comments(text);
    const json_t *options = json_object_get(root, "compilerOptions");
    const char *base_url = json_string_value(json_object_get(options, "baseUrl"));
    cm_str base = base_url ? join(r, folder, cm_str_from(base_url)) : folder;
    if (base_url) {
        add_alias(r, CM_ALIAS_TYPESCRIPT, folder, CM_STR_EMPTY, base);
    }
    const char *from;
    json_t *targets;
    json_object_foreach(json_object_get(options, "paths"), from, targets) {
        const char *to = json_string_value(json_array_get(targets, 0));
        if (to) {
            cm_str to_text = cm_str_from(to), from_text = cm_str_from(from);
            to_text.len -= cm_str_ends(to_text, CM_STR("*"));
            from_text.len -= cm_str_ends(from_text, CM_STR("*"));
            add_alias(r, CM_ALIAS_TYPESCRIPT, folder, from_text, join(r, base, to_text));
        }
    }
    json_decref(root);
}

/* The name other packages of a workspace import this one by. */
static void read_package_json(cm_resolver *r, cm_str folder, cm_str text) {
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    const char *name = json_string_value(json_object_get(root, "name"));
    if (name && name[0] != '\0') {
        add_alias(r, CM_ALIAS_PACKAGE, folder, cm_str_from(name), folder);
    }
    json_decref(root);
}

static void add_psr4(cm_resolver *r, cm_str folder, const char *from, const json_t *target) {
    const char *to = json_string_value(target);
    if (to) {
        add_alias(r, CM_ALIAS_PHP, folder, cm_str_from(from), join(r, folder, cm_str_from(to)));
    }
}

/* Name spaces to folders, one or several each. */
static void read_composer(cm_resolver *r, cm_str folder, cm_str text) {
    static const char *const sections[] = {"autoload", "autoload-dev"};
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    for (size_t i = 0; i < CM_COUNT(sections); i++) {
        const char *from;
        json_t *to;
        json_object_foreach(json_object_get(json_object_get(root, sections[i]), "psr-4"), from,
                            to) {
            size_t at;
            json_t *one;
            add_psr4(r, folder, from, to);
            json_array_foreach(to, at, one) {
                add_psr4(r, folder, from, one);
            }
        }
    }
    json_decref(root);
}

static void read_cargo(cm_resolver *r, cm_str folder, cm_str text) {
    bool in_package = false;
    cm_str line;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(line);
        if (cm_str_starts(line, CM_STR("["))) {
            in_package = cm_str_eq_c(line, "[package]");
        }
        size_t equals = cm_str_find_char(line, '=');
        if (in_package && equals != SIZE_MAX &&
            cm_str_eq_c(cm_str_trim(cm_str_sub(line, 0, equals)), "name")) {
            cm_str name = cm_str_trim(cm_str_from_offset(line, equals + 1));
            if (name.len > 2) {
                char *crate = cm_arena_c(r->arena, cm_str_sub(name, 1, name.len - 2));
                for (char *c = crate; *c; c++) {
                    *c = *c == '-' ? '_' : *c;
                }
                add_alias(r, CM_ALIAS_RUST, folder, cm_str_from(crate),
                          join(r, folder, CM_STR("src")));
            }
        }
    }
}

void cm_resolver_add_config(cm_resolver *resolver, cm_str path, cm_str text) {
    static const struct {
        const char *name;
        void (*read)(cm_resolver *, cm_str, cm_str);
    } readers[] = {{"go.mod", read_go_mod},          {"tsconfig.json", read_tsconfig},
                   {"jsconfig.json", read_tsconfig}, {"package.json", read_package_json},
                   {"composer.json", read_composer}, {"Cargo.toml", read_cargo}};
    for (size_t i = 0; i < CM_COUNT(readers); i++) {
        if (cm_str_eq_c(cm_path_base(path), readers[i].name)) {
            readers[i].read(resolver, cm_path_directory(path), text);
        }
    }
}
