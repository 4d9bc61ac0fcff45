/* engine_fixture.h - an engine on the fake model, and requests to it, for the tests of this room. */
#ifndef CM_TEST_MODEL_ENGINE_FIXTURE_H
#define CM_TEST_MODEL_ENGINE_FIXTURE_H

#include "base/arena.h"
#include "base/mem.h"
#include "model/engine.h"
#include "unit/check.h"

static inline cm_engine *start_engine(const cm_engine_options *options) {
    cm_engine *engine = NULL;
    assert_ok(cm_engine_start(options, &engine, NULL));
    assert_ok(cm_engine_wait(engine, NULL, NULL));
    return engine;
}

static inline cm_prompt text_prompt(const cm_engine *engine, const char *text, cm_arena *arena) {
    cm_prompt prompt;
    assert_ok(cm_prompt_build_text(cm_engine_model(engine), cm_str_from(text), 100000, arena,
                                   &prompt, NULL));
    return prompt;
}

/* Runs one request to its end; it must succeed. */
static inline cm_generated generate(cm_engine *engine, const char *text, cm_request request,
                                    cm_arena *arena) {
    cm_prompt prompt = text_prompt(engine, text, arena);
    cm_generated result = {0};
    request.prompt = &prompt;
    assert_ok(cm_engine_generate(engine, &request, arena, &result, NULL));
    return result;
}

#endif
