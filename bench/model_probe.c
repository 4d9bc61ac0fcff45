/* model_probe.c - the model room without a server around it, for evaluations and benchmarks.
 *
 *     model_probe --model FILE [--cache DIR] [--quantise auto|keep|q8_0|q4_0] [--threads N] [--slots N]
 *
 * reads one JSON object a line (prefix, suffix, path, files, max_tokens, format, temperature, seed, suffix_stop,
 * heal, draft_length, prompt) and writes one a line (text, finish, counts, milliseconds). One request at a time:
 * what is measured is a lone user's latency. The first line it writes describes the model. */
#include <getopt.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "model/engine.h"

#define LINE_MAX_BYTES (8u << 20)
#define FILES_MAX      64

typedef struct first_text {
    uint64_t ns; /* when the first text came; 0 = not yet */
} first_text;

static bool note_first(void *argument, cm_str text) {
    first_text *first = argument;
    (void)text;
    first->ns = first->ns > 0 ? first->ns : cm_clock_ns();
    return true;
}

static cm_str text_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? cm_str_make(json_string_value(value), json_string_length(value))
                                 : CM_STR_EMPTY;
}

static double number_of(const json_t *object, const char *key, double standard) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : standard;
}

static bool flag_of(const json_t *object, const char *key, bool standard) {
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : standard;
}

static cm_rc build_prompt(const cm_model *model, const json_t *in, cm_arena *arena,
                          cm_prompt *ret_prompt, cm_err *err) {
    size_t budget = (size_t)number_of(in, "max_prompt_tokens", 1024);
    if (json_object_get(in, "prompt") != NULL) {
        return cm_prompt_build_text(model, text_of(in, "prompt"), budget, arena, ret_prompt, err);
    }
    cm_prompt_file files[FILES_MAX];
    size_t count = CM_MIN(json_array_size(json_object_get(in, "files")), FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *file = json_array_get(json_object_get(in, "files"), i);
        files[i] = (cm_prompt_file){text_of(file, "name"), text_of(file, "text")};
    }
    cm_prompt_pieces pieces = {.files = files,
                               .file_count = count,
                               .path = text_of(in, "path"),
                               .comment = text_of(in, "comment"),
                               .prefix = text_of(in, "prefix"),
                               .suffix = text_of(in, "suffix"),
                               .middle = text_of(in, "middle")};
    enum cm_fim_format format = CM_FIM_AUTO;
    (void)cm_fim_format_parse(text_of(in, "format"), &format);
    cm_rc rc = cm_prompt_build_fim(model, &pieces, format, 0, budget, arena, ret_prompt, err);
    if (rc == CM_OK && !flag_of(in, "heal", true) && ret_prompt->heal.len > 0) {
        cm_tokens last; /* put back what healing took off */
        cm_token *all = cm_arena_alloc(arena, (ret_prompt->count + 8) * sizeof(*all));
        rc = cm_model_tokenize(model, ret_prompt->heal, CM_TOKENIZE_PLAIN, arena, &last, err);
        memcpy(all, ret_prompt->tokens, ret_prompt->count * sizeof(*all));
        for (size_t i = 0; rc == CM_OK && i < last.count && i < 8; i++) {
            all[ret_prompt->count++] = last.items[i];
        }
        ret_prompt->tokens = all;
        ret_prompt->heal = CM_STR_EMPTY;
    }
    return rc;
}

static void write_result(const cm_generated *result, double first_ms, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "text");
    cm_json_str(&w, result->text);
    cm_json_key(&w, "finish");
    cm_json_i64(&w, result->finish);
    const struct {
        const char *name;
        uint32_t value;
    } counts[] = {{"prompt_tokens", result->prompt_tokens},
                  {"cached_tokens", result->cached_tokens},
                  {"completion_tokens", result->completion_tokens},
                  {"drafted_tokens", result->drafted_tokens},
                  {"accepted_tokens", result->accepted_tokens}};
    for (size_t i = 0; i < CM_COUNT(counts); i++) {
        cm_json_key(&w, counts[i].name);
        cm_json_u64(&w, counts[i].value);
    }
    const struct {
        const char *name;
        double value;
    } times[] = {{"prompt_ms", result->prompt_ms},
                 {"predict_ms", result->predict_ms},
                 {"first_ms", first_ms},
                 {"probability", (double)result->mean_probability}};
    for (size_t i = 0; i < CM_COUNT(times); i++) {
        cm_json_key(&w, times[i].name);
        cm_json_real(&w, times[i].value);
    }
    cm_json_object_end(&w);
    cm_buf_add_char(out, '\n');
}

static cm_rc answer(cm_engine *engine, const json_t *in, cm_arena *arena, cm_buf *out,
                    cm_err *err) {
    cm_prompt prompt;
    cm_rc rc = build_prompt(cm_engine_model(engine), in, arena, &prompt, err);
    if (rc != CM_OK) {
        return rc;
    }
    first_text first = {0};
    cm_request request = {
        .prompt = &prompt,
        .max_tokens = (uint32_t)number_of(in, "max_tokens", 64),
        .suffix_stop = flag_of(in, "suffix_stop", true),
        .single_line = flag_of(in, "single_line", false),
        .sampling = {.temperature = (float)number_of(in, "temperature", 0),
                     .seed = (uint64_t)number_of(in, "seed", 0)},
        .draft_length = (int)number_of(in, "draft_length", 0),
        .on_text = note_first,
        .argument = &first,
    };
    cm_generated result;
    uint64_t start = cm_clock_ns();
    rc = cm_engine_generate(engine, &request, arena, &result, err);
    if (rc == CM_OK) {
        write_result(&result, first.ns > 0 ? (double)(first.ns - start) / 1e6 : 0, out);
    }
    return rc;
}

static cm_rc serve(cm_engine *engine, cm_err *err) {
    char *line = NULL;
    size_t size = 0;
    cm_rc rc = CM_OK;
    for (ssize_t len; rc == CM_OK && (len = getline(&line, &size, stdin)) > 0;) {
        cm_arena *arena = cm_arena_new(0);
        cm_buf out;
        json_t *in = NULL;
        cm_buf_init(&out, LINE_MAX_BYTES);
        rc = cm_json_parse(cm_str_make(line, (size_t)len), &in, err);
        if (rc == CM_OK) {
            rc = answer(engine, in, arena, &out, err);
        }
        fwrite(cm_buf_c(&out), 1, out.len, stdout);
        fflush(stdout);
        json_decref(in);
        cm_buf_done(&out);
        cm_arena_free(arena);
    }
    free(line);
    return rc;
}

static bool parse_options(int argc, char **argv, cm_engine_options *options) {
    static const struct option names[] = {
        {"model", required_argument, NULL, 'm'},
        {"cache", required_argument, NULL, 'c'},
        {"quantise", required_argument, NULL, 'q'},
        {"threads", required_argument, NULL, 't'},
        {"slots", required_argument, NULL, 's'},
        {"context", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    static const char *const kinds[] = {"auto", "keep", "q8_0", "q4_0"};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t number = 0;
        (void)cm_str_to_u64(cm_str_from(optarg), &number);
        switch (c) {
        case 'm': options->model.path = optarg; break;
        case 'c': options->model.cache_dir = optarg; break;
        case 't': options->threads = (uint32_t)number; break;
        case 's': options->slots = (uint32_t)number; break;
        case 'n': options->context = (uint32_t)number; break;
        case 'q':
            for (size_t i = 0; i < CM_COUNT(kinds); i++) {
                if (strcmp(kinds[i], optarg) == 0) {
                    options->model.quantise = (enum cm_quantise)i;
                }
            }
            break;
        default: return false;
        }
    }
    return options->model.path != NULL;
}

int main(int argc, char **argv) {
    cm_engine_options options = {0};
    cm_err err = {0};
    cm_engine *engine = NULL;
    if (!parse_options(argc, argv, &options)) {
        fprintf(stderr, "usage: model_probe --model FILE [--cache DIR] [--quantise KIND]\n");
        return 2;
    }
    cm_log_init(CM_LOG_WARN, CM_LOG_HUMAN, STDERR_FILENO);
    cm_rc rc = cm_engine_start(&options, &engine, &err);
    if (rc == CM_OK) {
        rc = cm_engine_wait(engine, NULL, &err);
    }
    if (rc == CM_OK) {
        printf("{\"model\":\"%s\"}\n", cm_model_info_get(cm_engine_model(engine))->description);
        fflush(stdout);
        rc = serve(engine, &err);
    }
    cm_engine_free(engine);
    if (rc != CM_OK) {
        fprintf(stderr, "model_probe: %s\n", err.text);
    }
    return rc == CM_OK ? 0 : 1;
}
