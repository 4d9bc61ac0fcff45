/* settings.c - see settings.h. */
#include "index/live/settings.h"

#include "base/hash.h"
#include "base/mem.h"
#include "code/languages.h"

#define READING \
    2 /* raised when files tell more than before by other means than queries: manifests, notes */

static cm_str_list copy_list(cm_arena *arena, cm_str_list list) {
    cm_str *items = cm_arena_alloc(arena, (list.count + 1) * sizeof(*items));
    for (size_t i = 0; i < list.count; i++) {
        items[i] = cm_arena_str(arena, list.items[i]);
    }
    return (cm_str_list){items, list.count};
}

static uint64_t hash_list(uint64_t hash, cm_str_list list) {
    hash = cm_hash64_mix(hash, list.count);
    for (size_t i = 0; i < list.count; i++) {
        hash = cm_hash64_mix(hash, cm_hash64(list.items[i].ptr, list.items[i].len));
    }
    return hash;
}

/* Which files are in, and how they are read: a change means that all are looked at again. */
static uint64_t options_hash(const cm_repository_options *o, bool has_parser) {
    uint64_t hash = cm_hash64_mix(o->file_bytes_max, o->no_ignore_files);
    hash = hash_list(hash_list(hash, o->include), o->exclude);
    if (o->chunk_strategy !=
        CM_CHUNKS_AST_AWARE) { /* the others came later: older hashes stay true */
        hash = cm_hash64_mix(hash, (uint64_t)o->chunk_strategy);
    }
    if (o->secrets == CM_SECRETS_REDACT) {
        hash = cm_hash64_mix(hash, CM_SECRETS_REDACT);
    }
    /* A version that makes more of a file reads all of them again, once. */
    return cm_hash64_mix(hash, has_parser ? cm_language_rules() + READING : 0);
}

cm_index_settings *cm_index_settings_new(const char *root, const cm_repository_options *options,
                                         const cm_index_environment *environment) {
    static const cm_repository_options defaults = {0};
    const cm_repository_options *o = options ? options : &defaults;
    cm_index_settings *s = CM_NEW(cm_index_settings);
    atomic_init(&s->refs, 1);
    s->arena = cm_arena_new(0);
    s->root = cm_arena_c(s->arena, cm_str_from(root));
    s->git = root[0] ? cm_git_new(root) : NULL;
    s->options = *o;
    s->options.include = copy_list(s->arena, o->include);
    s->options.exclude = copy_list(s->arena, o->exclude);
    if (o->secrets == CM_SECRETS_DEFAULT) {
        s->options.secrets = environment->secrets;
    }
    s->hash = options_hash(&s->options, environment->parser != NULL);
    if (o->file_bytes_max == 0) {
        s->options.file_bytes_max = CM_FILE_BYTES_DEFAULT;
    }
    return s;
}

cm_index_settings *cm_index_settings_ref(cm_index_settings *settings) {
    atomic_fetch_add_explicit(&settings->refs, 1, memory_order_relaxed);
    return settings;
}

void cm_index_settings_unref(cm_index_settings *settings) {
    if (settings && atomic_fetch_sub_explicit(&settings->refs, 1, memory_order_acq_rel) == 1) {
        cm_git_free(settings->git);
        cm_arena_free(settings->arena);
        cm_free(settings);
    }
}

bool cm_index_settings_eq(const cm_index_settings *a, const cm_index_settings *b) {
    return a->hash == b->hash && strcmp(a->root, b->root) == 0;
}

enum cm_secret_policy cm_index_settings_secrets(const cm_repository_options *options, cm_str path) {
    for (size_t i = 0; i < options->include.count; i++) {
        if (cm_str_eq(options->include.items[i], path)) {
            return CM_SECRETS_KEEP;
        }
    }
    return options->secrets == CM_SECRETS_REDACT ? CM_SECRETS_REDACT : CM_SECRETS_SKIP;
}

bool cm_index_settings_withhold(const cm_repository_options *options, cm_str path) {
    return cm_secret_name(path) && cm_index_settings_secrets(options, path) == CM_SECRETS_SKIP;
}

bool cm_index_settings_show(const cm_repository_options *options, cm_str path, cm_str text,
                            cm_arena *arena, cm_str *ret_text) {
    enum cm_secret_policy policy = cm_index_settings_secrets(options, path);
    enum cm_secret_kind kind = cm_secret_find(path, text);
    if (policy == CM_SECRETS_SKIP && kind == CM_SECRET_FILE) {
        return false;
    }
    *ret_text = text;
    if (kind == CM_SECRET_NONE || policy == CM_SECRETS_KEEP || text.len == 0) {
        return true;
    }
    char *copy = cm_arena_try_alloc(arena, text.len);
    if (!copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    cm_secret_blank(path, copy, text.len);
    *ret_text = cm_str_make(copy, text.len);
    return true;
}
