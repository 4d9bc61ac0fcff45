/* models.c - a list of a few models, searched from front to back. */
#include "model/models.h"

#include "base/mem.h"
#include "base/vec.h"

typedef struct named {
    char *name;
    cm_engine *engine;
} named;

struct cm_models {
    CM_VEC(named) all;
    size_t standard; /* index of the default */
};

cm_models *cm_models_new(void) {
    return CM_NEW(cm_models);
}

void cm_models_free(cm_models *models) {
    if (models == NULL) {
        return;
    }
    for (size_t i = 0; i < models->all.count; i++) {
        cm_engine_free(models->all.items[i].engine);
        cm_free(models->all.items[i].name);
    }
    cm_vec_done(&models->all);
    cm_free(models);
}

/* Index of the model called `name`, or SIZE_MAX. */
static size_t index_of(const cm_models *models, cm_str name) {
    for (size_t i = 0; i < models->all.count; i++) {
        if (cm_str_eq_c(name, models->all.items[i].name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

cm_rc cm_models_add(cm_models *models, const cm_engine_options *options, cm_err *err) {
    cm_str name = cm_model_name(&options->model);
    if (index_of(models, name) != SIZE_MAX) {
        return cm_fail(err, CM_EXISTS, "two models are called '" CM_STR_FMT "'", CM_STR_ARG(name));
    }
    cm_engine *engine;
    cm_rc rc = cm_engine_start(options, &engine, err);
    if (rc != CM_OK) {
        return rc;
    }
    named entry = {cm_strndup(name.ptr, name.len), engine};
    if (!cm_vec_push(&models->all, entry)) {
        cm_engine_free(engine);
        cm_free(entry.name);
        return cm_fail(err, CM_NOMEM, "no memory for model '" CM_STR_FMT "'", CM_STR_ARG(name));
    }
    return CM_OK;
}

cm_rc cm_models_set_default(cm_models *models, cm_str name, cm_err *err) {
    size_t index = index_of(models, name);
    if (index == SIZE_MAX) {
        return cm_fail(err, CM_NOT_FOUND, "no model is called '" CM_STR_FMT "'", CM_STR_ARG(name));
    }
    models->standard = index;
    return CM_OK;
}

cm_engine *cm_models_find(const cm_models *models, cm_str name, bool *ret_exact) {
    size_t index = index_of(models, name);
    if (ret_exact != NULL) {
        *ret_exact = index != SIZE_MAX;
    }
    if (models->all.count == 0) {
        return NULL;
    }
    return models->all.items[index != SIZE_MAX ? index : models->standard].engine;
}

size_t cm_models_count(const cm_models *models) {
    return models->all.count;
}

cm_engine *cm_models_at(const cm_models *models, size_t index, cm_str *ret_name) {
    cm_assert(index < models->all.count);
    if (ret_name != NULL) {
        *ret_name = cm_str_from(models->all.items[index].name);
    }
    return models->all.items[index].engine;
}
