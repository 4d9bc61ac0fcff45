/* engine_fixture.h - an engine on the fake model, and requests to it, for the tests of this room. */
#ifndef CM_TEST_MODEL_ENGINE_FIXTURE_H
#define CM_TEST_MODEL_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "model/engine.h"

#define ASSERT_OK(call)                                  \
    do {                                                 \
        cm_err err = {0};                                \
        cm_rc rc_ = (call);                              \
        if (rc_ != CM_OK) {                              \
            fail_msg("%s: %d %s", #call, rc_, err.text); \
        }                                                \
    } while (0)

static inline cm_engine *start_engine(const cm_engine_options *options) {
    cm_engine *engine = NULL;
    ASSERT_OK(cm_engine_start(options, &engine, &err));
    ASSERT_OK(cm_engine_wait(engine, NULL, &err));
    return engine;
}

static inline cm_prompt text_prompt(const cm_engine *engine, const char *text, cm_arena *arena) {
    cm_prompt prompt;
    ASSERT_OK(cm_prompt_build_text(cm_engine_model(engine), cm_str_from(text), 100000, arena,
                                   &prompt, &err));
    return prompt;
}

/* Runs one request to its end; it must succeed. */
static inline cm_generated generate(cm_engine *engine, const char *text, cm_request request,
                                    cm_arena *arena) {
    cm_prompt prompt = text_prompt(engine, text, arena);
    cm_generated result = {0};
    request.prompt = &prompt;
    ASSERT_OK(cm_engine_generate(engine, &request, arena, &result, &err));
    return result;
}

#define assert_text(str, expected)                                             \
    do {                                                                       \
        cm_str got_ = (str);                                                   \
        if (!cm_str_eq_c(got_, (expected))) {                                  \
            fail_msg("got '%.*s', expected '%s'", CM_STR_ARG(got_), expected); \
        }                                                                      \
    } while (0)

#endif
