/* Tests of the llama.cpp back-end on tiny models, and of what is refused as a model. */
#include "engine_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "model/gguf_priv.h"

#define DRAFTED "retretretretselfselfselfself"

typedef struct world {
    cm_arena *arena;
    cm_engine *engine;
    char directory[64];
} world;

static const char *tiny(const char *family, char path[512]) {
    snprintf(path, 512, "%s/%s.gguf", TEST_MODELS, family);
    return path;
}

/* One compute thread: two would only meet at barriers in a model this small. */
static cm_engine *start_tiny(const char *family, uint32_t slots) {
    char path[512];
    return start_engine(&(cm_engine_options){
        .model.path = tiny(family, path), .threads = 1, .slots = slots, .context = 1024});
}

static int set_up(void **state) {
    world *w = cm_alloc(sizeof(*w));
    w->arena = cm_arena_new(0);
    w->engine = start_tiny("none", 4);
    snprintf(w->directory, sizeof(w->directory), "/tmp/cm-model-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    cm_engine_free(w->engine);
    cm_arena_free(w->arena);
    assert_ok(cm_dir_remove(w->directory, NULL));
    cm_free(w);
    return 0;
}

/* reuse and batching
 *
 * Sums of floats depend on their order, and the order on the shape of the batch: the same token's log
 * probability moves by some thousandths between a batch of one and one of many. So greedy texts
 * may part, but only where the two best tokens were as good as equal. */

#define ROUNDING 0.05f

static void assert_same_but_for_ties(const cm_generated *a, const cm_generated *b) {
    uint32_t count = CM_MIN(a->completion_tokens, b->completion_tokens);
    for (uint32_t i = 0; i < count; i++) {
        const cm_token_info *x = &a->tokens[i], *y = &b->tokens[i];
        if (x->token != y->token) {
            assert_true(x->top[0].logprob - x->top[1].logprob < ROUNDING);
            return;
        }
        assert_true(x->logprob - y->logprob < ROUNDING && y->logprob - x->logprob < ROUNDING);
    }
    assert_int_equal(a->completion_tokens, b->completion_tokens);
    assert_true(cm_str_eq(a->text, b->text));
}

static const char code[] =
    "class Store:\n    def get(self, key):\n        return self.items[key]\n";
static const cm_request greedy = {.max_tokens = 40, .probabilities = true, .top_probabilities = 2};

static void test_model_llama__cached_text_equals_fresh_text(void **state) {
    world *w = *state;
    (void)generate(w->engine, code, greedy, w->arena);
    for (size_t cut = 10; cut < sizeof(code); cut += 9) {
        char part[sizeof(code)];
        memcpy(part, code, cut);
        part[cut] = '\0';
        cm_generated cached = generate(w->engine, part, greedy, w->arena);
        cm_engine *other = start_tiny("none", 1);
        cm_generated fresh = generate(other, part, greedy, w->arena);
        cm_engine_free(other);
        assert_int_equal(fresh.cached_tokens, 0);
        assert_true(cached.cached_tokens > 0);
        assert_same_but_for_ties(&cached, &fresh);
    }
}

static void test_model_llama__seed_decides_the_text(void **state) {
    world *w = *state;
    cm_request request = {.max_tokens = 40, .sampling = {.temperature = 0.9f, .seed = 5}};
    (void)generate(w->engine, code, request, w->arena);
    cm_generated first = generate(w->engine, code, request, w->arena);
    cm_generated again = generate(w->engine, code, request, w->arena);
    request.sampling.seed = 6;
    cm_generated other = generate(w->engine, code, request, w->arena);
    assert_true(cm_str_eq(first.text, again.text));
    assert_false(cm_str_eq(first.text, other.text));
}

typedef struct gather {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done;
    cm_arena *arena;
    cm_generated results[16];
} gather;

typedef struct ticket {
    gather *all;
    unsigned index;
} ticket;

static void gather_done(void *argument, const cm_generated *result, cm_rc rc, const cm_err *err) {
    (void)err;
    ticket *t = argument;
    gather *all = t->all;
    pthread_mutex_lock(&all->mutex);
    if (rc == CM_OK) {
        cm_generated *copy = &all->results[t->index];
        *copy = *result;
        copy->text = cm_arena_str(all->arena, result->text);
        size_t size = result->completion_tokens * sizeof(*result->tokens);
        copy->tokens = memcpy(cm_arena_alloc(all->arena, size), result->tokens, size);
    }
    all->done++;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->mutex);
}

static void test_model_llama__batched_text_equals_lone_text(void **state) {
    world *w = *state;
    enum { COUNT = 10 };
    gather all = {.arena = cm_arena_new(0)};
    pthread_mutex_init(&all.mutex, NULL);
    pthread_cond_init(&all.changed, NULL);
    ticket tickets[COUNT];
    char texts[COUNT][160];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%sdef method_%u(self): x%u", code, i, i * 7);
        tickets[i] = (ticket){&all, i};
        cm_prompt prompt = text_prompt(w->engine, texts[i], w->arena);
        cm_request request = greedy;
        request.prompt = &prompt;
        request.on_done = gather_done;
        request.argument = &tickets[i];
        assert_ok(cm_engine_submit(w->engine, &request, NULL));
    }
    pthread_mutex_lock(&all.mutex);
    while (all.done < COUNT) {
        pthread_cond_wait(&all.changed, &all.mutex);
    }
    pthread_mutex_unlock(&all.mutex);
    cm_engine *other = start_tiny("none", 1);
    for (unsigned i = 0; i < COUNT; i++) {
        cm_generated lone = generate(other, texts[i], greedy, w->arena);
        assert_true(all.results[i].completion_tokens > 0);
        assert_same_but_for_ties(&lone, &all.results[i]);
    }
    cm_engine_free(other);
    cm_arena_free(all.arena);
}

static void draft_noise(void *argument, cm_str generated, cm_buf *out) {
    (void)argument;
    cm_buf_add_str(out, cm_str_from_offset(CM_STR(DRAFTED), generated.len % 7));
}

/* The text itself as its draft: what the first run said. */
static void draft_known(void *argument, cm_str generated, cm_buf *out) {
    cm_str known = *(cm_str *)argument;
    cm_buf_add_str(out, cm_str_sub(known, generated.len, CM_DRAFT_BYTES_MAX));
}

static void test_model_llama__drafts_never_change_the_text(void **state) {
    world *w = *state;
    uint32_t accepted = 0;
    for (size_t cut = 20; cut < sizeof(code); cut += 15) {
        char part[sizeof(code)];
        memcpy(part, code, cut);
        part[cut] = '\0';
        cm_request request = greedy;
        request.draft_length = -1;
        cm_generated plain = generate(w->engine, part, request, w->arena);
        request.draft_length = 7;
        request.draft = draft_noise;
        cm_generated noisy = generate(w->engine, part, request, w->arena);
        request.draft = draft_known;
        request.argument = &plain.text;
        cm_generated known = generate(w->engine, part, request, w->arena);
        assert_same_but_for_ties(&plain, &noisy);
        assert_same_but_for_ties(&plain, &known);
        accepted += known.accepted_tokens;
    }
    assert_true(accepted > 0);
}

static void test_model_llama__healed_word_is_not_repeated(void **state) {
    world *w = *state;
    cm_prompt_pieces pieces = {.prefix = CM_STR("class A:\n    def f(self):\n        retur")};
    cm_prompt prompt;
    assert_ok(cm_prompt_build_fim(cm_engine_model(w->engine), &pieces, CM_FIM_AUTO, 0, 500,
                                  w->arena, &prompt, NULL));
    assert_true(prompt.heal.len > 0);
    cm_request request = {.prompt = &prompt, .max_tokens = 1, .probabilities = true};
    cm_generated result;
    assert_ok(cm_engine_generate(w->engine, &request, w->arena, &result, NULL));
    char piece[64];
    size_t len = cm_model_piece(cm_engine_model(w->engine), result.tokens[0].token, false, piece,
                                sizeof(piece));
    cm_str first = cm_str_make(piece, len);
    assert_true(cm_str_starts(first, prompt.heal) || cm_str_starts(prompt.heal, first));
    assert_true(result.text.len + prompt.heal.len <= len || result.text.len == 0);
}

static void test_model_llama__slots_serve_several_documents(void **state) {
    world *w = *state;
    cm_request request = {.max_tokens = 2};
    static const char *const documents[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                            "cccccccccccccccccccccccccccccccccccccccccccc"};
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < CM_COUNT(documents); i++) {
            cm_generated result = generate(w->engine, documents[i], request, w->arena);
            if (round > 0) {
                assert_int_equal(result.cached_tokens, result.prompt_tokens - 1);
            }
        }
    }
}

/* opening */

static void write_file(const char *path, cm_str contents) {
    assert_ok(cm_file_replace(path, contents, 0600, NULL));
}

static cm_str read_whole(const char *path, cm_arena *arena) {
    cm_buf bytes;
    cm_buf_init(&bytes, 1 << 20);
    assert_ok(cm_file_read(path, 1 << 20, &bytes, NULL));
    cm_str copy = cm_arena_str(arena, cm_buf_str(&bytes));
    cm_buf_done(&bytes);
    return copy;
}

static cm_rc open_error(const char *path, cm_err *err) {
    cm_model *model = NULL;
    return cm_model_open(&(cm_model_options){.path = path}, &model, err);
}

static void test_model_llama__what_is_no_model_is_refused_with_a_reason(void **state) {
    world *w = *state;
    char source_path[512], path[512];
    cm_str whole = read_whole(tiny("qwen", source_path), w->arena);
    const struct {
        cm_str contents;
        cm_rc rc;
        const char *says;
    } rows[] = {
        {CM_STR(""), CM_CORRUPT, "not a GGUF"},
        {CM_STR("GG"), CM_CORRUPT, "not a GGUF"},
        {CM_STR("GGUF"), CM_CORRUPT, "ends within its header"},
        {CM_STR("<!DOCTYPE html><html><body>not found</body></html>"), CM_CORRUPT, "not a GGUF"},
        {CM_STR("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), CM_CORRUPT,
         "git lfs pull"},
        {CM_STR("GGUF\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), CM_NOT_SUPPORTED, "version 9"},
        {cm_str_sub(whole, 0, 100), CM_CORRUPT, "truncated"},
        {cm_str_sub(whole, 0, 3000), CM_CORRUPT, "truncated"},
        {cm_str_sub(whole, 0, whole.len - 1), CM_CORRUPT, "truncated"},
        {cm_str_sub(whole, 0, whole.len / 2), CM_CORRUPT, "truncated"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        snprintf(path, sizeof(path), "%s/%zu.gguf", w->directory, i);
        write_file(path, rows[i].contents);
        cm_err err = {0};
        assert_int_equal(open_error(path, &err), rows[i].rc);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, rows[i].says));
    }
}

static void test_model_llama__missing_file_and_directory_are_refused(void **state) {
    world *w = *state;
    cm_err err = {0};
    assert_int_equal(open_error("/nonexistent/model.gguf", &err), CM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/model.gguf"));
    assert_int_equal(open_error(w->directory, &err), CM_INVALID);
}

static void test_model_llama__damaged_header_never_crashes(void **state) {
    world *w = *state;
    char source_path[512], path[512];
    cm_str whole = read_whole(tiny("none", source_path), w->arena);
    char *bytes = cm_arena_c(w->arena, whole);
    uint64_t seed = 42;
    snprintf(path, sizeof(path), "%s/damaged.gguf", w->directory);
    for (int i = 0; i < 200; i++) {
        size_t at = 4 + cm_draw_below(&seed, 600);
        char kept = bytes[at];
        bytes[at] = (char)cm_draw(&seed);
        write_file(path, cm_str_make(bytes, whole.len));
        bytes[at] = kept;
        cm_gguf_facts facts;
        cm_err err = {0};
        cm_rc rc = cm_gguf_check(path, &facts, &err);
        assert_true(rc == CM_OK || strstr(err.text, path) != NULL);
    }
}

static void test_model_llama__embedding_model_is_no_engine(void **state) {
    (void)state;
    static const char path[] = ".deps/models/minilm/all-minilm-l6-v2-f16.gguf";
    if (access(path, R_OK) != 0) {
        skip();
    }
    cm_engine *engine = NULL;
    cm_engine_options options = {.model.path = path};
    assert_ok(cm_engine_start(&options, &engine, NULL));
    assert_int_equal(cm_engine_wait(engine, NULL, NULL), CM_NOT_SUPPORTED);
    cm_engine_free(engine);
}

/* re-quantising */

static unsigned count_files(const char *directory, char name[256]) {
    unsigned count = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            count++;
            snprintf(name, 256, "%s", entry->d_name);
        }
    }
    closedir(dir);
    return count;
}

typedef struct stages {
    unsigned quantised;
} stages;

static bool on_stage(void *argument, const char *stage, double done) {
    (void)done;
    ((stages *)argument)->quantised += strcmp(stage, "re-quantise") == 0;
    return true;
}

static void test_model_llama__re_quantising_happens_once(void **state) {
    world *w = *state;
    char path[512], cache[128], name[256], copy[512];
    snprintf(cache, sizeof(cache), "%s/cache", w->directory);
    stages seen = {0};
    cm_model_options options = {.path = tiny("qwen", path),
                                .cache_dir = cache,
                                .quantise = CM_QUANTISE_Q8_0,
                                .progress = on_stage,
                                .progress_argument = &seen};
    for (int i = 0; i < 2; i++) {
        cm_model *model = NULL;
        assert_ok(cm_model_open(&options, &model, NULL));
        assert_non_null(strstr(cm_model_info_get(model)->description, "Q8_0"));
        assert_true((cm_model_info_get(model)->kinds & CM_MODEL_FILLS) != 0);
        cm_model_unref(model);
        assert_int_equal(seen.quantised, 1);
        assert_int_equal(count_files(cache, name), 1);
    }
    /* A copy that was cut short is made again. */
    snprintf(copy, sizeof(copy), "%s/%s", cache, name);
    assert_int_equal(truncate(copy, 4000), 0);
    cm_model *model = NULL;
    assert_ok(cm_model_open(&options, &model, NULL));
    cm_model_unref(model);
    assert_int_equal(seen.quantised, 2);
    /* Automatic: this file's type needs no other form. */
    options.quantise = CM_QUANTISE_AUTO;
    assert_ok(cm_model_open(&options, &model, NULL));
    assert_non_null(strstr(cm_model_info_get(model)->description, "F32"));
    cm_model_unref(model);
}

static void test_model_llama__unwritable_cache_falls_back_to_the_file(void **state) {
    (void)state;
    char path[512];
    cm_model_options options = {.path = tiny("qwen", path),
                                .cache_dir = "/proc/no-such-place",
                                .quantise = CM_QUANTISE_Q4_0};
    cm_model *model = NULL;
    assert_ok(cm_model_open(&options, &model, NULL));
    assert_non_null(strstr(cm_model_info_get(model)->description, "F32"));
    cm_model_unref(model);
}

/* environment */

static void test_model_llama__spin_count_is_set_before_openmp_starts(void **state) {
    (void)state;
    /* libgomp prints what it read when it started; "child" makes this program do no more. */
    FILE *child = popen("env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=verbose "
                        "/proc/$PPID/exe child 2>&1",
                        "r");
    assert_non_null(child);
    char line[256];
    bool found = false;
    while (fgets(line, sizeof(line), child) != NULL) {
        found = found || strstr(line, "GOMP_SPINCOUNT = '" CM_MODEL_SPIN_COUNT "'") != NULL;
    }
    assert_int_equal(pclose(child), 0);
    assert_true(found);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        return 0;
    }
    cm_log_init(CM_LOG_ERROR, CM_LOG_HUMAN, STDERR_FILENO);
#define IN(name) cmocka_unit_test_setup_teardown(test_model_llama__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN(cached_text_equals_fresh_text),
        IN(seed_decides_the_text),
        IN(batched_text_equals_lone_text),
        IN(drafts_never_change_the_text),
        IN(healed_word_is_not_repeated),
        IN(slots_serve_several_documents),
        IN(what_is_no_model_is_refused_with_a_reason),
        IN(missing_file_and_directory_are_refused),
        IN(damaged_header_never_crashes),
        IN(embedding_model_is_no_engine),
        IN(re_quantising_happens_once),
        IN(unwritable_cache_falls_back_to_the_file),
        IN(spin_count_is_set_before_openmp_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
