/* Go's declarations as text: bodies of types, methods, signatures. All of it is somebody's source file. */
#include "code/semantics/go/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cm_str import_named(void *argument, cm_str name) {
    (void)argument;
    return name.len % 2 == 0 ? name : CM_STR_EMPTY; /* some are known */
}

static void assert_inside(cm_str part, cm_str text) {
    cm_assert(part.len == 0 ||
              (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

/* A signature is like itself, whatever is not known of it. */
static void read_signature(cm_str text, cm_str_list parameters, cm_arena *arena) {
    cm_go_place place = {
        .package = CM_STR("example.com/p"), .import = import_named, .parameters = parameters};
    cm_go_signature signature;
    if (cm_go_signature_read(text, &place, arena, &signature)) {
        cm_assert(cm_go_signature_match(&signature, &signature, NULL) != CM_GO_DIFFERS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size);
    cm_arena *arena = cm_arena_new(0);
    cm_go_body body;
    cm_go_method method;
    read_signature(text, (cm_str_list){0}, arena);
    if (cm_go_method_read(text, arena, &method)) {
        assert_inside(method.name, text);
        assert_inside(method.receiver, text);
        read_signature(method.signature, method.parameters, arena);
    }
    if (cm_go_body_read(text, CM_STR("T"), arena, &body)) {
        for (size_t i = 0; i < body.method_count; i++) {
            assert_inside(body.methods[i].signature, text);
            read_signature(body.methods[i].signature, body.parameters, arena);
        }
        for (size_t i = 0; i < body.embed_count; i++) {
            assert_inside(body.embeds[i].name, text);
            assert_inside(body.embeds[i].package, text);
        }
    }
    cm_arena_free(arena);
    return 0;
}
