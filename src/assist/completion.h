/* completion.h - one completion, as every dialect and face asks for it and gets it.
 *
 * Texts of a request have LF line ends; whoever took them from a client converts, and converts the answer
 * back (api/). Strings of a request are borrowed until `done` was called, those of a result live in
 * the run's arena until `done` returns.
 *
 * Thread: values. */
#ifndef CM_ASSIST_COMPLETION_H
#define CM_ASSIST_COMPLETION_H

#include "assist/context.h"
#include "assist/lifecycle.h"
#include "assist/post.h"
#include "repository/repository.h"
#include "model/engine.h"

#define CM_COMPLETIONS_MAX 6 /* five candidates of the model and one of the instant tier */

enum cm_completion_type {
    CM_COMPLETION_INLINE,
    CM_COMPLETION_FIM,
    CM_COMPLETION_CHAT,
    CM_COMPLETION_NEXT_EDIT,
    CM_COMPLETION_AGENT
};
enum cm_completion_tier { CM_TIER_AUTO, CM_TIER_INSTANT, CM_TIER_MODEL };
enum cm_completion_source { CM_SOURCE_MODEL, CM_SOURCE_CACHE, CM_SOURCE_FALLBACK };

const char *cm_completion_type_name(enum cm_completion_type type);
const char *cm_completion_source_name(enum cm_completion_source source);

typedef struct cm_completion_request {
    cm_uuid id;
    enum cm_completion_type type;
    const char *dialect; /* "native", "openai", "tabby", "llamacpp" */
    cm_str path;         /* relative to the repository's root when it has one */
    cm_str language;     /* id of spec/languages.toml; empty = by path */
    cm_str prefix;       /* document before the cursor */
    cm_str suffix;       /* document after it */
    cm_str middle;       /* text already behind the cursor mark (llama.vim's `prompt`) */
    cm_str prompt;       /* a prompt the client built itself; then prefix and suffix are empty */
    cm_repository *repository; /* borrowed; NULL = none */
    const cm_client_snippet *snippets;
    size_t snippet_count;
    bool raw;      /* no filters: a generic client expects what the model wrote */
    bool retrieve; /* look into the repository */
    bool explain;  /* report the whole context, also when the instant tier answers */
    enum cm_multiline multiline;
    enum cm_completion_tier tier;
    cm_str model; /* name; empty = default */
    enum cm_fim_format fim_format;
    uint32_t max_tokens;                    /* 0 = warm-up */
    uint32_t count;                         /* candidates of the model, 1..5 */
    uint32_t max_prompt_ms, max_predict_ms; /* 0 = the server's setting */
    cm_sampling sampling;
    uint32_t top_probabilities; /* 0..5 */
    bool probabilities;
    const cm_str *stops;
    size_t stop_count;
    uint64_t deadline_ns;
    cm_cancel *cancel; /* borrowed; may be NULL */
} cm_completion_request;

typedef struct cm_completion_item {
    cm_uuid id;
    uint32_t index;
    cm_str text;
    double confidence; /* 0..1 */
    enum cm_completion_source source;
    const char *model;         /* that wrote it; "instant" for the instant tier */
    const char *finish_reason; /* "stop", "length", "scope", "deadline", "filter" */
    const char *filters[CM_POST_FILTERS_MAX];
    size_t filter_count;
    cm_str stop;                 /* stop string met */
    const cm_token_info *tokens; /* when probabilities were asked for */
    size_t token_count;
} cm_completion_item;

enum cm_stage {
    CM_STAGE_QUEUE,
    CM_STAGE_CACHE,
    CM_STAGE_CONTEXT,
    CM_STAGE_INFER,
    CM_STAGE_POST,
    CM_STAGE_COUNT
};

typedef struct cm_completion {
    const cm_completion_request *request;
    cm_lifecycle life;
    const cm_completion_item *items; /* best first; may be empty */
    size_t item_count;
    const cm_context_piece *sources;
    size_t source_count;
    const char *model_used;
    const char *routing_reason;
    uint32_t prompt_tokens, cached_tokens, completion_tokens;
    uint32_t prefix_tokens, suffix_tokens, context_tokens;
    uint32_t drafted_tokens, accepted_tokens;
    double prompt_ms, predict_ms; /* as the engine measured them */
    bool truncated;               /* the deadline ended it, or the prompt was shortened */
    const char *degraded;
    double stage_ms[CM_STAGE_COUNT];
    double latency_ms;
} cm_completion;

/* How an answer leaves. `item` and `delta` may be NULL. */
typedef struct cm_completion_sink {
    void *argument;
    /* The instant tier's candidate, sent at once while the model still works. Worker thread. */
    void (*item)(void *argument, const cm_completion_item *item);
    /* More text of candidate 0: the joined deltas are always a prefix of its final text. False = nobody listens any
     * more. Inference thread: must not block. */
    bool (*delta)(void *argument, const cm_completion_item *item, cm_str text);
    /* Exactly once. With rc CM_OK the items are final; otherwise err tells. Worker thread. */
    void (*done)(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err);
} cm_completion_sink;

#endif
