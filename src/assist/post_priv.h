/* post_priv.h - the steps of the filters of post.c, as post_stream.c takes them line by line. */
#ifndef CM_ASSIST_POST_PRIV_H
#define CM_ASSIST_POST_PRIV_H

#include "assist/post.h"

#define CM_POST_FENCE "\n```" /* the one marker that begins with a line end */

enum cm_post_verdict {
    CM_POST_KEEP,
    CM_POST_LAST,
    CM_POST_DROP
}; /* DROP: the text ends before this line */

cm_post_scan cm_post_scan_make(const cm_post_request *request);
bool cm_post_is_blank(cm_str s);
/* Up to the first marker. */
cm_str cm_post_cut_markers(cm_str text);
/* Without the white space that stands before the cursor already. */
cm_str cm_post_cut_indent(const cm_post_scan *s, cm_str text);
/* `head` is the first line of the text. */
void cm_post_scope_begin(cm_post_scope *scope, const cm_post_scan *s, cm_str head);
enum cm_post_verdict cm_post_scope_line(cm_post_scope *scope, cm_str line);
/* Whether `line` is once too often what came before it. */
bool cm_post_repeats(cm_post_repeat *repeat, cm_str line);
/* Bytes at the end of the first line that stand after the cursor already. */
size_t cm_post_copied(const cm_post_scan *s, cm_str head);
/* Bytes of the first line before a bracket that closes nothing. */
size_t cm_post_brackets(const cm_post_scan *s, cm_str head);
/* Whether `whole`, a trimmed text, says nothing that does not stand after the cursor already. */
bool cm_post_is_there(const cm_post_scan *s, cm_str whole);

#endif
