/* secrets.h - which files hold secrets, by name and by content, and what is blanked in them.
 *
 * A key or a password that lies in a tree must not turn up in search results, in the files routes or in a prompt. Names
 * decide first (a table of what the usual tools write); content decides where a name says too little: a block of a
 * private key, a token line in a file of package managers. A template (".env.example") is no secret.
 *
 * A file that *is* a secret (its name says so, or it begins with a private key) is told apart from one that merely
 * *holds* one: source code with a test key in it keeps its place in the index, and only the key is blanked.
 *
 * Blanking keeps every length and line, so that offsets found in the text stay those of the file.
 *
 * Thread: any. Nothing here fails. */
#ifndef CM_CODE_SECRETS_H
#define CM_CODE_SECRETS_H

#include "base/str.h"

enum cm_secret_policy {
    CM_SECRETS_DEFAULT, /* as the level above says; at the top: skip */
    CM_SECRETS_SKIP,    /* such files are not indexed */
    CM_SECRETS_REDACT,  /* they are, with their values blanked */
    CM_SECRETS_KEEP,    /* of a file that was asked for by its name */
};

enum cm_secret_kind {
    CM_SECRET_NONE,
    CM_SECRET_PART, /* the text holds a private key among other things */
    CM_SECRET_FILE, /* the file is one */
};

/* Whether a file of this path (relative or not) is a secret whatever it holds. */
bool cm_secret_name(cm_str path);
/* Whether it may be one, and its text decides: "server.pem" is a certificate or a key. */
bool cm_secret_name_is_open(cm_str path);
/* The same for a path with its text. */
enum cm_secret_kind cm_secret_find(cm_str path, cm_str text);
/* Puts '*' over the secrets of a text: over each value when the file is a secret, else over private keys alone. */
void cm_secret_blank(cm_str path, char *text, size_t len);

#endif
