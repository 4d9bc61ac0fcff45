/* post_probe.c - what streaming a completion costs on the inference thread, by length.
 *
 * usage: post_probe
 *
 * A text of short lines grows by tokens of four bytes, as a model writes it. "whole": the filter chain over all
 * complete lines at each token; "lines": cm_post_stream_next. Microseconds for the whole text, best of five. */
#include <stdio.h>

#include "assist/post.h"
#include "base/buf.h"
#include "base/clock.h"

#define TOKEN_BYTES 4
#define ROUNDS      5

static const cm_post_request around = {
    .prefix = {"void f(void) {\n", 15}, .suffix = {"\n}\n", 3}, .multiline = CM_MULTILINE_ALWAYS};

static void whole(cm_str text) {
    for (size_t at = TOKEN_BYTES; at <= text.len; at += TOKEN_BYTES) {
        cm_str so_far = cm_str_sub(text, 0, at);
        size_t feed = cm_str_rfind_char(so_far, '\n');
        if (feed == SIZE_MAX) {
            continue;
        }
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(CM_MIB(2));
        cm_post_request request = around;
        cm_post_result result;
        request.text = cm_str_sub(so_far, 0, feed);
        cm_post_process(&request, arena, &result);
    }
}

static void lines(cm_str text) {
    cm_post_stream stream;
    cm_post_stream_init(&stream, &around);
    for (size_t at = TOKEN_BYTES; at <= text.len; at += TOKEN_BYTES) {
        (void)cm_post_stream_next(&stream, cm_str_sub(text, 0, at));
    }
}

static double best_us(void (*run)(cm_str), cm_str text) {
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = cm_clock_ns();
        run(text);
        double us = (double)(cm_clock_ns() - start) / 1e3;
        best = i == 0 || us < best ? us : best;
    }
    return best;
}

int main(void) {
    printf("%8s %12s %12s %8s\n", "bytes", "whole us", "lines us", "ratio");
    for (size_t bytes = 256; bytes <= CM_KIB(64); bytes *= 4) {
        cm_buf text;
        cm_buf_init(&text, CM_KIB(128));
        for (unsigned i = 0; text.len < bytes; i++) {
            cm_buf_add_f(&text, "    value_%u = next(%u);\n", i, i * 7);
        }
        double before = best_us(whole, cm_buf_str(&text)),
               after = best_us(lines, cm_buf_str(&text));
        printf("%8zu %12.1f %12.1f %8.0f\n", text.len, before, after, before / after);
        cm_buf_done(&text);
    }
    return 0;
}
