/* style.h - how the code of a repository is written, found out by votes.
 *
 * Each file votes with its lines and symbols; the majority of a language is its style, its share the
 * confidence. Votes of files can be added up, so an index keeps one small cm_style_votes a file and
 * subtracts nothing: it adds the live files again. An .editorconfig beats every vote.
 *
 * Thread: owner. */
#ifndef CM_CODE_STYLE_H
#define CM_CODE_STYLE_H

#include "code/languages.h"
#include "code/parse.h"

enum cm_indentation { CM_INDENT_UNKNOWN, CM_INDENT_SPACES, CM_INDENT_TABS };
enum cm_naming {
    CM_NAMING_UNKNOWN,
    CM_NAMING_SNAKE,       /* snake_case */
    CM_NAMING_CAMEL,       /* camelCase */
    CM_NAMING_PASCAL,      /* PascalCase */
    CM_NAMING_UPPER_SNAKE, /* UPPER_SNAKE_CASE */
    CM_NAMING_KEBAB,       /* kebab-case */
    CM_NAMING_COUNT
};
enum cm_named { CM_NAMED_FUNCTIONS, CM_NAMED_CLASSES, CM_NAMED_CONSTANTS, CM_NAMED_COUNT };
enum cm_quotes { CM_QUOTES_UNKNOWN, CM_QUOTES_SINGLE, CM_QUOTES_DOUBLE };

#define CM_STYLE_INDENT_MAX 8  /* widths 1..8 are counted */
#define CM_STYLE_LIMITS     14 /* usual limits of a line's length, 72..199 */

/* Counters only. An index stores them in this order: a change here raises NOTES_VERSION in index/segment/notes.c. */
typedef struct cm_style_votes {
    uint32_t files;
    uint32_t lines;
    uint32_t tab_lines, space_lines; /* lines that begin with one */
    uint32_t
        indent_steps[CM_STYLE_INDENT_MAX + 1]; /* increases of indentation by this many blanks */
    uint32_t naming[CM_NAMED_COUNT][CM_NAMING_COUNT];
    uint32_t single_quotes, double_quotes;
    uint32_t with_semicolon, without_semicolon; /* ends of statements (JavaScript, TypeScript) */
    uint32_t line_lengths[CM_STYLE_LIMITS + 1]; /* by the smallest limit kept; the last: longer */
} cm_style_votes;

/* Reads the lines of `text` and the names of `parsed` (may be NULL). */
void cm_style_vote(const cm_language *language, cm_str text, const cm_parsed *parsed,
                   cm_style_votes *votes);
void cm_style_votes_add(cm_style_votes *sum, const cm_style_votes *votes);

/* A decided property with the share of votes for it, 0..1; confidence 1 when an .editorconfig says so. */
typedef struct cm_style {
    enum cm_indentation indentation;
    float indentation_confidence;
    uint32_t indent_size; /* columns; 0 = unknown */
    float indent_size_confidence;
    enum cm_naming naming[CM_NAMED_COUNT];
    float naming_confidence[CM_NAMED_COUNT];
    uint32_t
        max_line_length; /* what 99 % of the lines keep to, rounded up to a usual limit; 0 = unknown */
    float max_line_length_confidence;
    enum cm_quotes quotes;
    float quotes_confidence;
    bool has_semicolons; /* meaningful when its confidence is above 0 */
    float semicolons_confidence;
} cm_style;

cm_style cm_style_decide(const cm_style_votes *votes);
/* Applies what the sections of an .editorconfig (its text) say of `path`. */
void cm_style_apply_editorconfig(cm_style *style, cm_str editorconfig, cm_str path);

/* "snake_case"; never NULL. */
const char *cm_naming_name(enum cm_naming naming);
/* CM_NAMING_UNKNOWN for names that fit none or any (one lower-case word counts as unknown). */
enum cm_naming cm_naming_of(cm_str name);

#endif
