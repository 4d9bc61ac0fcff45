/* completion_call.h - what the completion dialects share: from a body to assist, and the text back.
 *
 * Each dialect (native, OpenAI, Tabby, llama.cpp) is one file that fills a cm_completion_call and
 * writes its own reply. Here: line ends, documents to repositories, client snippets, deadlines.
 *
 * Thread: a worker fills it; `deltas` come on the inference thread, `done` on a worker. */
#ifndef CM_API_COMPLETION_CALL_H
#define CM_API_COMPLETION_CALL_H

#include "api/api_gen.h"
#include "api/services.h"

#define CM_SNIPPETS_MAX 128

typedef struct cm_completion_call {
    cm_call *call;
    const cm_services *services;
    cm_completion_request request;
    cm_repository *repository; /* reference, dropped by cm_completion_call_done */
    bool crlf;                 /* the document's line ends; restored in every text that goes out */
    cm_client_snippet *snippets;
    size_t snippet_count;
    bool stream;
    bool kept;                 /* cm_call_keep was called */
    cm_api_range insert_range; /* native: where the texts go */
    size_t prompt_index;       /* OpenAI: which of several prompts runs */
    void *dialect_state;
} cm_completion_call;

/* In the call's arena, with the defaults every dialect starts from and a fresh id. */
cm_completion_call *cm_completion_call_new(cm_call *call, const char *dialect);
/* Drops what the arena does not own. Before the reply, on the path that replies. */
void cm_completion_call_done(cm_completion_call *c);

/* Starts the completion, or answers the failure of reading its request (`rc`, `err`). Otherwise the sink
 * answers, possibly before this returns and possibly on another thread: touch neither the call nor
 * `c` afterwards. */
void cm_completion_call_run(cm_completion_call *c, cm_rc rc, const cm_err *err,
                            const cm_completion_sink *sink);
/* Answers a failure. */
void cm_completion_call_fail(cm_completion_call *c, cm_rc rc, const cm_err *err);

/* The text around the cursor as the client has it; CRLF becomes LF. */
void cm_completion_call_text(cm_completion_call *c, cm_str prefix, cm_str suffix);
/* A text for the client: LF becomes the document's own line end. */
cm_str cm_completion_call_out(const cm_completion_call *c, cm_str text, cm_arena *arena);

/* Repository by id when given, else the one that holds the file (`file` is a file:// URI, an absolute path, or a
 * path relative to the only repository there is). CM_NOT_FOUND when an id is given and unknown. */
cm_rc cm_completion_call_locate(cm_completion_call *c, cm_str repository_id, cm_str file,
                                cm_err *err) cm_must_check;
void cm_completion_call_add_snippet(cm_completion_call *c, enum cm_context_type type, cm_str file,
                                    cm_str text, uint32_t start_line);
/* Stop sequences; empty ones, which some clients send for "none", are left out. */
void cm_completion_call_stops(cm_completion_call *c, cm_str_list stops);
/* `name` is what the client asked for: "instant" is the instant tier alone. */
void cm_completion_call_model(cm_completion_call *c, cm_str name);
/* The file's name as it is inside its repository; for snippets. */
cm_str cm_completion_call_file(const cm_completion_call *c, cm_str uri);

#endif
