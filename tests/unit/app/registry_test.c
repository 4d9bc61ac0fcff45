/* Which package index is asked, and which link of its page is meant. */
#include <unistd.h>

#include "app/registry.h"
#include "base/file.h"
#include "unit/check.h"

static const char *const variables[] = {"PIP_INDEX_URL", "PIP_CERT", "PIP_CONFIG_FILE",
                                        "XDG_CONFIG_HOME", "HOME"};

static char home[64];

static int set_up(void **state) {
    *state = cm_arena_new(0);
    for (size_t i = 0; i < CM_COUNT(variables); i++) {
        unsetenv(variables[i]);
    }
    snprintf(home, sizeof(home), "/tmp/cm-registry-XXXXXX");
    assert_non_null(mkdtemp(home));
    setenv("HOME", home, 1);
    return 0;
}

static int tear_down(void **state) {
    cm_err err;
    assert_int_equal(cm_dir_remove(home, &err), CM_OK);
    cm_arena_free(*state);
    return 0;
}

static void write_file(const char *name, const char *text) {
    char path[256];
    cm_err err;
    snprintf(path, sizeof(path), "%s/%s", home, name);
    cm_str folder = cm_str_sub(cm_str_from(path), 0, cm_str_rfind_char(cm_str_from(path), '/'));
    char parent[256];
    snprintf(parent, sizeof(parent), "%.*s", (int)folder.len, folder.ptr);
    assert_int_equal(cm_dir_make(parent, &err), CM_OK);
    assert_int_equal(cm_file_replace(path, cm_str_from(text), 0600, &err), CM_OK);
}

/* Each source is over the one below it, as in pip. */
static void test_app_registry__the_setting_then_what_pip_has(void **state) {
    cm_registry found;
    write_file(".pip/pip.conf",
               "[global]\nindex-url = https://old.example/simple/\ncert=/old.pem\n");
    cm_registry_find("", *state, &found);
    assert_string_equal(found.index, "https://old.example/simple");
    assert_string_equal(found.cert, "/old.pem");
    write_file(
        ".config/pip/pip.conf",
        "[list]\nindex-url = https://no.example\n[global]\nindex-url = https://new.example/s\n");
    cm_registry_find("", *state, &found);
    assert_string_equal(found.index, "https://new.example/s");
    assert_string_equal(found.cert, "/old.pem");
    assert_non_null(strstr(found.from, "/.config/pip/pip.conf"));
    setenv("PIP_INDEX_URL", "https://variable.example/simple//", 1);
    setenv("PIP_CERT", "/variable.pem", 1);
    cm_registry_find("", *state, &found);
    assert_string_equal(found.index, "https://variable.example/simple");
    assert_string_equal(found.cert, "/variable.pem");
    assert_string_equal(found.from, "PIP_INDEX_URL");
    cm_registry_find("https://setting.example", *state, &found);
    assert_string_equal(found.index, "https://setting.example");
    assert_string_equal(found.from, "model.fetch_url");
}

static void test_app_registry__passwords_are_not_shown(void **state) {
    static const char *const cases[][2] = {
        {"https://ann:pw@host/simple", "https://host/simple"},
        {"https://ann@host:81/a@b", "https://host:81/a@b"},
        {"https://host/a@b", "https://host/a@b"},
        {"https://a:b@c@host", "https://host"},
        {"nothing", "nothing"},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        assert_string_equal(cm_registry_shown(cases[i][0], *state), cases[i][1]);
    }
}

#define HASH  "00112233"
#define OTHER "99999999"

static const struct {
    const char *page, *url;
    cm_rc rc;
} links[] = {
    {"<a href=\"https://f.example/p/m_x-1.0-py3-none-any.whl#sha256=" HASH "\">m</a>",
     "https://f.example/p/m_x-1.0-py3-none-any.whl", CM_OK},
    {"<a href='../../p/m_x-1.0-py3-none-any.whl'>m</a>",
     "https://i.example/p/m_x-1.0-py3-none-any.whl", CM_OK},
    {"<a href=\"/d/m_x-1.0-py3-none-any.whl?a=1&amp;b=2#sha256=" HASH "\">m</a>",
     "https://i.example/d/m_x-1.0-py3-none-any.whl?a=1&b=2", CM_OK},
    {"<a href=\"m_x-1.0-a.whl#sha256=" OTHER "\"></a><a href=\"m_x-1.0-b.whl#sha256=" HASH
     "\"></a>",
     "https://i.example/simple/m-x/m_x-1.0-b.whl", CM_OK},
    {"<a href=\"m_x-1.0-a.whl#sha256=" OTHER "\"></a>", NULL, CM_UPSTREAM_BAD_REPLY},
    {"<a href=\"m_x-1.0.tar.gz#sha256=" HASH "\"></a>", NULL, CM_NOT_FOUND},
    {"<a href=\"m_x-1.0.1-a.whl#sha256=" HASH "\"></a>", NULL, CM_NOT_FOUND},
    {"<a href=", NULL, CM_NOT_FOUND},
    {"<a href=\"m_x-1.0-a.whl", "https://i.example/simple/m-x/m_x-1.0-a.whl", CM_OK},
    {"", NULL, CM_NOT_FOUND},
};

static void test_app_registry__the_link_of_the_archive(void **state) {
    static const cm_registry_wish wish = {"m_x-1.0-", HASH};
    for (size_t i = 0; i < CM_COUNT(links); i++) {
        const char *url = NULL;
        cm_err err;
        cm_rc rc = cm_registry_link(cm_str_from(links[i].page), "https://i.example/simple/m-x/",
                                    &wish, *state, &url, &err);
        if (rc != links[i].rc) {
            fail_msg("%s: %d", links[i].page, rc);
        }
        if (rc == CM_OK) {
            assert_string_equal(url, links[i].url);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_app_registry__the_setting_then_what_pip_has, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_app_registry__passwords_are_not_shown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_app_registry__the_link_of_the_archive, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
