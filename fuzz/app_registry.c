/* Any bytes as a page of a package index: nothing is read outside it, and a link that is found is an address. */
#include "app/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const cm_registry_wish wish = {"m_x-1.0-", "00112233"};
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *url = NULL;
    cm_err err;
    cm_str page = cm_str_make((const char *)data, size);
    cm_rc rc = cm_registry_link(page, "https://i.example/simple/m-x/", &wish, arena, &url, &err);
    if (rc == CM_OK) {
        cm_assert(strstr(url, "://") != NULL && strchr(url, '#') == NULL);
        cm_assert(cm_registry_shown(url, arena)[0] != '\0');
    } else {
        cm_assert(rc == CM_NOT_FOUND || rc == CM_UPSTREAM_BAD_REPLY);
        cm_assert(err.text[0] != '\0');
    }
    return 0;
}
