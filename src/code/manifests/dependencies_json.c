/* dependencies_json.c - manifests in JSON: npm and Composer. */
#include "base/json.h"
#include "code/manifests/dependencies_priv.h"

static void add_all(const json_t *object, const char *manager, bool is_development,
                    cm_dependency_sink *sink) {
    const char *name;
    json_t *version;
    json_object_foreach((json_t *)(uintptr_t)object, name, version) {
        cm_dependency_add(sink, manager, cm_str_from(name), cm_str_from(json_string_value(version)),
                          is_development, false);
    }
}

void cm_read_package_json(cm_str text, cm_dependency_sink *sink) {
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    add_all(json_object_get(root, "dependencies"), "npm", false, sink);
    add_all(json_object_get(root, "peerDependencies"), "npm", false, sink);
    add_all(json_object_get(root, "optionalDependencies"), "npm", false, sink);
    add_all(json_object_get(root, "devDependencies"), "npm", true, sink);
    json_decref(root);
}

/* Versions 2 and 3 key "packages" by path: "node_modules/a/node_modules/@b/c" is "@b/c". */
void cm_read_package_lock(cm_str text, cm_dependency_sink *sink) {
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(root, "packages"), key, value) {
        cm_str path = cm_str_from(key), marker = CM_STR("node_modules/");
        size_t at;
        cm_str name = CM_STR_EMPTY;
        while ((at = cm_str_find(path, marker)) != SIZE_MAX) {
            path = name = cm_str_from_offset(path, at + marker.len);
        }
        cm_dependency_add(sink, "npm", name,
                          cm_str_from(json_string_value(json_object_get(value, "version"))),
                          json_is_true(json_object_get(value, "dev")), true);
    }
    json_object_foreach(json_object_get(root, "dependencies"), key, value) { /* version 1 */
        cm_dependency_add(sink, "npm", cm_str_from(key),
                          cm_str_from(json_string_value(json_object_get(value, "version"))),
                          json_is_true(json_object_get(value, "dev")), true);
    }
    json_decref(root);
}

/* "php" and "ext-json" are the platform, not packages: those have a vendor in front. */
static void add_packages(const json_t *object, bool is_development, cm_dependency_sink *sink) {
    const char *name;
    json_t *version;
    json_object_foreach((json_t *)(uintptr_t)object, name, version) {
        if (strchr(name, '/')) {
            cm_dependency_add(sink, "composer", cm_str_from(name),
                              cm_str_from(json_string_value(version)), is_development, false);
        }
    }
}

void cm_read_composer(cm_str text, cm_dependency_sink *sink) {
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    add_packages(json_object_get(root, "require"), false, sink);
    add_packages(json_object_get(root, "require-dev"), true, sink);
    json_decref(root);
}

/* "packages": [{"name": "a/b", "version": "v1.2.3"}], and "packages-dev". */
void cm_read_composer_lock(cm_str text, cm_dependency_sink *sink) {
    static const char *const lists[] = {"packages", "packages-dev"};
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    for (size_t i = 0; i < CM_COUNT(lists); i++) {
        size_t at;
        json_t *package;
        json_array_foreach(json_object_get(root, lists[i]), at, package) {
            cm_dependency_add(
                sink, "composer", cm_str_from(json_string_value(json_object_get(package, "name"))),
                cm_str_from(json_string_value(json_object_get(package, "version"))), i == 1, true);
        }
    }
    json_decref(root);
}

/* "default" and "develop": {"requests": {"version": "==2.31.0"}}. */
void cm_read_pipfile_lock(cm_str text, cm_dependency_sink *sink) {
    static const char *const groups[] = {"default", "develop"};
    json_t *root = NULL;
    if (cm_json_parse(text, &root, NULL) != CM_OK) {
        return;
    }
    for (size_t i = 0; i < CM_COUNT(groups); i++) {
        const char *name;
        json_t *package;
        json_object_foreach(json_object_get(root, groups[i]), name, package) {
            cm_str version = cm_str_from(json_string_value(json_object_get(package, "version")));
            version =
                cm_str_starts(version, CM_STR("==")) ? cm_str_from_offset(version, 2) : version;
            cm_dependency_add(sink, "pip", cm_str_from(name), version, i == 1, true);
        }
    }
    json_decref(root);
}
