/* secrets.c - see secrets.h. */
#include "code/secrets.h"

#include "base/path.h"

#include <string.h>

#define NAME_MAX_BYTES 255
#define KEY_HEADER_MAX 40  /* from "-----BEGIN " to "PRIVATE KEY" */
#define KEY_BODY_LOOK  512 /* the body begins this soon: encrypted keys have lines between */
#define KEY_BODY_RUN   40  /* base64 characters in a row that only a key has there */
#define KEY_BYTES_MAX  ((size_t)64 << 10)
#define KEY_START_MAX  256 /* a file that begins with a key is one; a comment may stand before it */
#define BLANKED_RUN    4

enum match { WHOLE, ENDING, BEGINNING, PATH };

/* What such a file is: values behind '=' or ':' in each line; nothing that may be shown; and by its text alone, a
 * secret when it holds a private key, or values when one of them is a token. */
enum form { VALUES, OPAQUE, IF_KEY, IF_TOKEN };

typedef struct rule {
    enum match match;
    enum form form;
    const char *name; /* lower case */
} rule;

/* One row for what a tool writes or reads secrets from. PATH: the end of the path, by whole names. */
static const rule rules[] = {
    {WHOLE, VALUES, ".env"},
    {BEGINNING, VALUES, ".env."},
    {ENDING, VALUES, ".env"},
    {WHOLE, VALUES, ".envrc"},
    {WHOLE, OPAQUE, "id_rsa"},
    {WHOLE, OPAQUE, "id_dsa"},
    {WHOLE, OPAQUE, "id_ecdsa"},
    {WHOLE, OPAQUE, "id_ecdsa_sk"},
    {WHOLE, OPAQUE, "id_ed25519"},
    {WHOLE, OPAQUE, "id_ed25519_sk"},
    {ENDING, OPAQUE, ".key"},
    {ENDING, OPAQUE, ".p12"},
    {ENDING, OPAQUE, ".pfx"},
    {ENDING, OPAQUE, ".jks"},
    {ENDING, OPAQUE, ".keystore"},
    {ENDING, OPAQUE, ".ppk"},
    {ENDING, OPAQUE, ".kdbx"},
    {WHOLE, OPAQUE, ".netrc"},
    {WHOLE, OPAQUE, "_netrc"},
    {WHOLE, OPAQUE, ".authinfo"},
    {WHOLE, OPAQUE, ".git-credentials"},
    {WHOLE, OPAQUE, ".pgpass"},
    {WHOLE, OPAQUE, "pgpass.conf"},
    {WHOLE, OPAQUE, ".htpasswd"},
    {WHOLE, OPAQUE, ".vault-token"},
    {WHOLE, VALUES, ".my.cnf"},
    {WHOLE, VALUES, ".mylogin.cnf"},
    {WHOLE, VALUES, ".pypirc"},
    {WHOLE, VALUES, ".boto"},
    {WHOLE, VALUES, ".s3cfg"},
    {WHOLE, VALUES, ".dockercfg"},
    {ENDING, VALUES, ".tfstate"},
    {PATH, VALUES, ".docker/config.json"},
    {PATH, VALUES, ".aws/credentials"},
    {PATH, VALUES, ".gem/credentials"},
    {PATH, VALUES, ".cargo/credentials"},
    {PATH, VALUES, ".cargo/credentials.toml"},
    {PATH, VALUES, ".kube/config"},
    {PATH, VALUES, "gh/hosts.yml"},
    {PATH, VALUES, ".config/gcloud/application_default_credentials.json"},
    {ENDING, IF_KEY, ".pem"},
    {ENDING, IF_KEY, ".crt"},
    {ENDING, IF_KEY, ".cer"},
    {ENDING, IF_KEY, ".asc"},
    {ENDING, IF_KEY, ".gpg"},
    {ENDING, IF_KEY, ".ovpn"},
    {WHOLE, IF_TOKEN, ".npmrc"},
    {WHOLE, IF_TOKEN, ".yarnrc"},
    {WHOLE, IF_TOKEN, ".yarnrc.yml"},
    {WHOLE, IF_TOKEN, "pip.conf"},
};

/* What such files look like in a repository that is to be shared. */
static const char *const templates[] = {".example", ".sample", ".template",
                                        ".dist",    ".tmpl",   ".defaults"};

static bool ends_with(cm_str s, const char *ending) {
    return cm_str_ends(s, cm_str_from(ending));
}

static bool matches(const rule *r, cm_str path, cm_str base) {
    cm_str name = cm_str_from(r->name);
    switch (r->match) {
    case WHOLE: return cm_str_eq(base, name);
    case ENDING: return base.len > name.len && cm_str_ends(base, name);
    case BEGINNING: return cm_str_starts(base, name);
    case PATH: break;
    }
    return cm_str_ends(path, name) &&
           (path.len == name.len || path.ptr[path.len - name.len - 1] == '/');
}

/* The rule of a path; NULL when its name says nothing. */
static const rule *rule_of(cm_str path) {
    char lower[NAME_MAX_BYTES];
    cm_str tail =
        path.len > sizeof(lower) ? cm_str_from_offset(path, path.len - sizeof(lower)) : path;
    for (size_t i = 0; i < tail.len; i++) {
        char c = tail.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    cm_str name = cm_str_make(lower, tail.len);
    cm_str base = cm_path_base(name);
    for (size_t i = 0; i < CM_COUNT(templates); i++) {
        if (ends_with(base, templates[i])) {
            return NULL;
        }
    }
    for (size_t i = 0; i < CM_COUNT(rules); i++) {
        if (matches(&rules[i], name, base)) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool is_open(const rule *r) {
    return r && (r->form == IF_KEY || r->form == IF_TOKEN);
}

bool cm_secret_name(cm_str path) {
    const rule *r = rule_of(path);
    return r && !is_open(r);
}

bool cm_secret_name_is_open(cm_str path) {
    return is_open(rule_of(path));
}

/* ---- private keys ---- */

static bool is_base64(char c) {
    return (cm_is_word(c) && c != '_') || c == '+' || c == '/' || c == '=';
}

static size_t find(cm_str text, const char *what) {
    return cm_str_find(text, cm_str_from(what));
}

/* Does something follow that only a key can be? A mention of the header in a program is none. */
static bool has_body(cm_str rest) {
    size_t run = 0;
    for (size_t i = 0; i < rest.len && i < KEY_BODY_LOOK; i++) {
        run = is_base64(rest.ptr[i]) ? run + 1 : 0;
        if (run >= KEY_BODY_RUN) {
            return true;
        }
    }
    return false;
}

/* The next private key at or behind `*at`; its body, and where its header begins. */
static bool next_key(cm_str text, size_t *at, size_t *ret_start, cm_str *ret_body) {
    for (;;) {
        size_t label = find(cm_str_from_offset(text, *at), "PRIVATE KEY");
        if (label == SIZE_MAX) {
            return false;
        }
        label += *at;
        *at = label + 1;
        size_t from = label > KEY_HEADER_MAX ? label - KEY_HEADER_MAX : 0;
        size_t begin = find(cm_str_sub(text, from, label - from), "-----BEGIN ");
        size_t close = find(cm_str_sub(text, label, KEY_HEADER_MAX), "-----");
        if (begin == SIZE_MAX || close == SIZE_MAX) {
            continue;
        }
        cm_str body = cm_str_sub(text, label + close + 5, KEY_BYTES_MAX);
        size_t end = find(body, "-----END");
        body = cm_str_sub(body, 0, end);
        if (!has_body(body)) {
            continue;
        }
        *at = label + close + 5 + body.len;
        *ret_start = from + begin;
        *ret_body = body;
        return true;
    }
}

static bool has_token(cm_str text) {
    static const char *const marks[] = {"_authToken=", "_auth=", "_password=", "npmAuthToken",
                                        "npmAuthIdent"};
    for (size_t i = 0; i < CM_COUNT(marks); i++) {
        if (find(text, marks[i]) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* "https://user:password@host" */
static bool has_userinfo(cm_str text) {
    cm_str line;
    while (cm_str_line(&text, &line)) {
        size_t scheme = find(line, "://");
        size_t at = cm_str_find_char(line, '@');
        size_t colon = scheme == SIZE_MAX
                           ? SIZE_MAX
                           : cm_str_find_char(cm_str_from_offset(line, scheme + 3), ':');
        if (at != SIZE_MAX && colon != SIZE_MAX && scheme + 3 + colon < at) {
            return true;
        }
    }
    return false;
}

/* Is the whole text a key? Files of keys often have no ending ("deploy_rsa"), and a comment may stand before. */
static bool is_key_file(cm_str path, size_t start) {
    return start <= KEY_START_MAX && cm_path_extension(path).len == 0;
}

enum cm_secret_kind cm_secret_find(cm_str path, cm_str text) {
    const rule *r = rule_of(path);
    size_t at = 0, start = 0;
    cm_str body;
    if (r && !is_open(r)) {
        return CM_SECRET_FILE;
    }
    if (r && r->form == IF_TOKEN && (has_token(text) || has_userinfo(text))) {
        return CM_SECRET_FILE;
    }
    if (!next_key(text, &at, &start, &body)) {
        return CM_SECRET_NONE;
    }
    return r || is_key_file(path, start) ? CM_SECRET_FILE : CM_SECRET_PART;
}

/* ---- blanking ---- */

static void blank_words(char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!cm_is_space(text[i])) {
            text[i] = '*';
        }
    }
}

static void blank_runs(char *text, size_t len) {
    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && is_base64(text[end])) {
            end++;
        }
        if (end - i >= BLANKED_RUN) {
            memset(text + i, '*', end - i);
        }
        i = end + 1;
    }
}

static void blank_keys(char *text, size_t len) {
    cm_str whole = cm_str_make(text, len), body;
    size_t at = 0, start = 0;
    while (next_key(whole, &at, &start, &body)) {
        blank_runs(text + (body.ptr - text), body.len);
    }
}

/* Where the value of a line begins: behind "name =" or "name:"; 0 when it has no name, then all of it is blanked. */
static size_t value_at(cm_str line) {
    size_t i = 0;
    while (i < line.len && (cm_is_word(line.ptr[i]) || memchr(" \t.-#\"'{/@", line.ptr[i], 10))) {
        i++;
    }
    bool named = i < line.len && (line.ptr[i] == '=' || line.ptr[i] == ':');
    /* What ends in '=' and nothing behind it may be the last line of base64. */
    return named && i + 1 < line.len && line.ptr[i + 1] != '=' ? i + 1 : 0;
}

static void blank_values(char *text, size_t len) {
    cm_str rest = cm_str_make(text, len), line;
    while (cm_str_line(&rest, &line)) {
        size_t value = value_at(line);
        bool is_section = line.len > 0 && line.ptr[0] == '[' && line.ptr[line.len - 1] == ']';
        if (!is_section) {
            blank_words(text + (line.ptr - text) + value, line.len - value);
        }
    }
}

void cm_secret_blank(cm_str path, char *text, size_t len) {
    const rule *r = rule_of(path);
    enum cm_secret_kind kind = cm_secret_find(path, cm_str_make(text, len));
    if (kind == CM_SECRET_FILE && r && r->form == OPAQUE) {
        blank_words(text, len);
    } else if (kind == CM_SECRET_FILE && r && r->form != IF_KEY) {
        blank_values(text, len);
    } else if (kind != CM_SECRET_NONE) {
        blank_keys(text, len);
    }
}
