/* stream_priv.h - the text of one generation as it grows: whole characters, stops, held-back tails. */
#ifndef CM_MODEL_STREAM_PRIV_H
#define CM_MODEL_STREAM_PRIV_H

#include "base/buf.h"
#include "model/engine.h"

#define CM_STREAM_BYTES_MAX (1u << 20)

typedef struct cm_stream {
    cm_buf text;     /* valid UTF-8 */
    size_t sent;     /* bytes given to on_text */
    char partial[4]; /* an unfinished character */
    size_t partial_len;
    size_t heal; /* bytes still to swallow: the prompt's end, generated again */
    const cm_str *stops;
    size_t stop_count;
    bool single_line;
    bool use_suffix;
    cm_suffix_stop suffix;
    bool ended;
    enum cm_finish finish; /* why, when ended */
    cm_str stop;           /* the stop string met */
} cm_stream;

void cm_stream_init(cm_stream *stream);
void cm_stream_done(cm_stream *stream);
/* Adds a token's bytes. True when the text ends here (then `finish` is set and the text is cut). */
bool cm_stream_add(cm_stream *stream, cm_str bytes);
/* No more bytes will come: an unfinished character is dropped, the suffix looked at once more. */
void cm_stream_close(cm_stream *stream);
/* Text that can be sent now, valid until the next add; counts as sent. May be empty. */
cm_str cm_stream_take(cm_stream *stream);

#endif
