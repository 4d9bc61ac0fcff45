/* log.h - one line an event, as JSON or for people, on standard error or in a file.
 *
 * A line is built on the caller's stack and written with one write(2), so lines of several threads
 * never mix. Fields are pairs of a literal name and a value; values are escaped, control characters
 * and invalid UTF-8 included. No secret is ever a field.
 *
 *     cm_log(CM_LOG_WARN, "segment is damaged", CM_F("path", path), CM_I("segment", 12));
 *
 * Thread: any, after cm_log_init. */
#ifndef CM_BASE_LOG_H
#define CM_BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum cm_log_level { CM_LOG_DEBUG, CM_LOG_INFO, CM_LOG_WARN, CM_LOG_ERROR, CM_LOG_OFF };
enum cm_log_format { CM_LOG_HUMAN, CM_LOG_JSON };

typedef struct cm_log_field {
    const char *name;
    enum { CM_LOG_STR, CM_LOG_INT, CM_LOG_REAL, CM_LOG_BOOL } kind;
    union {
        cm_str str;
        int64_t i;
        double real;
    } value;
} cm_log_field;

#define CM_F(n, text) \
    ((cm_log_field){.name = (n), .kind = CM_LOG_STR, .value.str = cm_str_from(text)})
#define CM_S(n, slice) ((cm_log_field){.name = (n), .kind = CM_LOG_STR, .value.str = (slice)})
#define CM_I(n, number) \
    ((cm_log_field){.name = (n), .kind = CM_LOG_INT, .value.i = (int64_t)(number)})
#define CM_R(n, number) ((cm_log_field){.name = (n), .kind = CM_LOG_REAL, .value.real = (number)})
#define CM_B(n, truth)  ((cm_log_field){.name = (n), .kind = CM_LOG_BOOL, .value.i = (truth)})

/* `fd` stays the caller's. May be called again (configuration reload). */
void cm_log_init(enum cm_log_level level, enum cm_log_format format, int fd);
bool cm_log_enabled(enum cm_log_level level);
bool cm_log_level_parse(cm_str text, enum cm_log_level *ret_level);

#define cm_log(level, event, ...)                                                             \
    do {                                                                                      \
        if (cm_log_enabled(level)) {                                                          \
            const cm_log_field cm_log_fields_[] = {{0}, ##__VA_ARGS__};                       \
            cm_log_write((level), (event), cm_log_fields_ + 1, CM_COUNT(cm_log_fields_) - 1); \
        }                                                                                     \
    } while (0)

void cm_log_write(enum cm_log_level level, const char *event, const cm_log_field *fields,
                  size_t count);
/* Logs `err` as field "error" with its code and origin. */
void cm_log_err(enum cm_log_level level, const char *event, const cm_err *err);

#endif
