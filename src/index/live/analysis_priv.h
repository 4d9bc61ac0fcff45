/* analysis_priv.h - steps of one analysis that have a file of their own. */
#ifndef CM_INDEX_LIVE_ANALYSIS_PRIV_H
#define CM_INDEX_LIVE_ANALYSIS_PRIV_H

#include "index/live/analysis.h"

/* analysis_words.c: terms, words and lengths of the chunks. */
cm_rc cm_analysis_words(cm_analysis *a, cm_err *err) cm_must_check;
/* The references with their distinct names, so that the segment looks each up once a file. */
cm_rc cm_analysis_references(cm_analysis *a, cm_err *err) cm_must_check;

#endif
