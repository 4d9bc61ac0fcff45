/* models.h - the models of one server by name. One of them is the default: a name nobody knows falls to it.
 *
 * Thread: any, after the last cm_models_add. */
#ifndef CM_MODEL_MODELS_H
#define CM_MODEL_MODELS_H

#include "model/engine.h"
#include "rt/metrics.h"

typedef struct cm_models cm_models;

cm_models *cm_models_new(void);
void cm_models_free(cm_models *models); /* stops every engine; NULL is allowed */
/* Starts an engine that loads in the background. The first one added is the default. CM_EXISTS: the name
 * is taken. */
cm_rc cm_models_add(cm_models *models, const cm_engine_options *options, cm_err *err) cm_must_check;
cm_rc cm_models_set_default(cm_models *models, cm_str name, cm_err *err) cm_must_check;

/* Never NULL once one model was added: an empty or unknown name gives the default (`*ret_exact` tells;
 * may be NULL). Borrowed. */
cm_engine *cm_models_find(const cm_models *models, cm_str name, bool *ret_exact);
size_t cm_models_count(const cm_models *models);
/* In order of adding; `*ret_name` is known also while it loads, and may be NULL. */
cm_engine *cm_models_at(const cm_models *models, size_t index, cm_str *ret_name);

/* Brings the series cm_model_* up to date: state, memory, queue, slots, tokens. Before they are printed. */
void cm_models_observe(const cm_models *models, cm_metrics *metrics);

#endif
