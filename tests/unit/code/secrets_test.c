#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mem.h"
#include "code/secrets.h"

#define LINE "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
#define KEY  "-----BEGIN RSA PRIVATE KEY-----\n" LINE LINE "abcd==\n-----END RSA PRIVATE KEY-----\n"

static void test_code_secrets__names_say_so(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool is;
    } cases[] = {
        {".env", true},
        {"deploy/.env.production", true},
        {"prod.env", true},
        {"Deploy/.ENV", true},
        {".env.example", false},
        {".env.local.sample", false},
        {"environment.py", false},
        {"env", false},
        {".ssh/id_rsa", true},
        {".ssh/id_rsa.pub", false},
        {"id_ed25519", true},
        {"tls/server.key", true},
        {"key", false},
        {"keys.c", false},
        {".netrc", true},
        {"_netrc", true},
        {".git-credentials", true},
        {".pgpass", true},
        {".aws/credentials", true},
        {"aws/credentials", false},
        {"x.aws/credentials", false},
        {"home/.docker/config.json", true},
        {"config.json", false},
        {"store.jks", true},
        {".npmrc", false}, /* its text decides */
        {"server.pem", false},
        {"", false},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        if (cm_secret_name(cm_str_from(cases[i].path)) != cases[i].is) {
            fail_msg("'%s' should %sbe a secret", cases[i].path, cases[i].is ? "" : "not ");
        }
    }
}

static void test_code_secrets__text_decides_where_the_name_is_open(void **state) {
    (void)state;
    static const struct {
        const char *path, *text;
        enum cm_secret_kind kind;
    } cases[] = {
        {"server.pem", KEY, CM_SECRET_FILE},
        {"server.pem", "-----BEGIN CERTIFICATE-----\n" LINE "-----END CERTIFICATE-----\n",
         CM_SECRET_NONE},
        {"both.pem", "-----BEGIN CERTIFICATE-----\n" LINE "-----END CERTIFICATE-----\n" KEY,
         CM_SECRET_FILE},
        {"deploy_rsa", KEY, CM_SECRET_FILE},
        {"key_test.go", "package x\nconst k = `" KEY "`\n", CM_SECRET_PART},
        {"pem.go", "const header = \"-----BEGIN RSA PRIVATE KEY-----\"\nfunc f() {}\n",
         CM_SECRET_NONE},
        {"README.md", "text about a PRIVATE KEY and -----BEGIN nothing\n", CM_SECRET_NONE},
        {".npmrc", "registry=https://r.example\n", CM_SECRET_NONE},
        {".npmrc", "//r.example/:_authToken=npm_0123456789\n", CM_SECRET_FILE},
        {"pip.conf", "index-url = https://me:pw@pypi.example/simple\n", CM_SECRET_FILE},
        {"pip.conf", "index-url = https://pypi.example/simple\n", CM_SECRET_NONE},
        {".env", "", CM_SECRET_FILE},
        {"main.c", "int main(void) { return 0; }\n", CM_SECRET_NONE},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        enum cm_secret_kind kind =
            cm_secret_find(cm_str_from(cases[i].path), cm_str_from(cases[i].text));
        if (kind != cases[i].kind) {
            fail_msg("'%s' (case %zu) is %d, expected %d", cases[i].path, i, kind, cases[i].kind);
        }
    }
}

static void assert_blanked(const char *path, const char *text, const char *want) {
    cm_cleanup(cm_freep) char *copy = cm_strdup(text);
    cm_secret_blank(cm_str_from(path), copy, strlen(copy));
    assert_string_equal(copy, want);
}

static void test_code_secrets__values_are_blanked_and_places_stay(void **state) {
    (void)state;
    assert_blanked(".env", "# note\nexport TOKEN=s3cret value\nEMPTY=\n[part]\nbare\n",
                   "* ****\nexport TOKEN=****** *****\n******\n[part]\n****\n");
    assert_blanked(".netrc", "machine h login me password pw\n",
                   "******* * ***** ** ******** **\n");
    assert_blanked(".npmrc", "a=1\n//r/:_authToken=npm_x\n", "a=*\n//r/:****************\n");
    assert_blanked("a.go", "x := `" KEY "`\nvar y = 1\n",
                   "x := `-----BEGIN RSA PRIVATE KEY-----\n"
                   "****************************************************************\n"
                   "****************************************************************\n"
                   "******\n-----END RSA PRIVATE KEY-----\n`\nvar y = 1\n");
    assert_blanked("a.go", "var y = 1\n", "var y = 1\n");
}

/* Whatever stands in the text, what is found and blanked stays inside it (run under ASan). */
static void test_code_secrets__cut_anywhere(void **state) {
    (void)state;
    static const char *const paths[] = {".env", "a.pem", "a.go", ".npmrc", "id_rsa", "x"};
    const char *text = "A=b\n//r/:_authToken=npm_x\n" KEY "https://u:p@h/\n" KEY;
    size_t len = strlen(text);
    for (size_t i = 0; i < CM_COUNT(paths); i++) {
        for (size_t cut = 0; cut <= len; cut++) {
            char *copy = cm_alloc(cut + 1);
            memcpy(copy, text + (len - cut), cut);
            char *exact = memcpy(cm_alloc(cut > 0 ? cut : 1), copy, cut);
            cm_secret_blank(cm_str_from(paths[i]), exact, cut);
            for (size_t k = 0; k < cut; k++) {
                assert_true(exact[k] == copy[k] || exact[k] == '*');
            }
            cm_free(exact);
            cm_free(copy);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_secrets__names_say_so),
        cmocka_unit_test(test_code_secrets__text_decides_where_the_name_is_open),
        cmocka_unit_test(test_code_secrets__values_are_blanked_and_places_stay),
        cmocka_unit_test(test_code_secrets__cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
