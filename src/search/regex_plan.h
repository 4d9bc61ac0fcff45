/* regex_plan.h - what text a regular expression cannot do without.
 *
 * A plan is a list of clauses; every match contains at least one literal of each (Cox, "Regular Expression
 * Matching with a Trigram Index", 2012, reduced to conjunctions of alternatives). Conservative: no clause when
 * in doubt. Literals have three bytes or more, ASCII letters in lower case; bytes beyond ASCII are left
 * out, because a match may have another case of them.
 * Thread: any. */
#ifndef CM_SEARCH_REGEX_PLAN_H
#define CM_SEARCH_REGEX_PLAN_H

#include "base/arena.h"

#define CM_REGEX_ALTERNATIVES_MAX 16

typedef struct cm_regex_clause {
    cm_str literals[CM_REGEX_ALTERNATIVES_MAX];
    size_t count;
} cm_regex_clause;

/* Writes at most `max` clauses; returns how many. */
size_t cm_regex_plan(cm_str pattern, cm_arena *arena, cm_regex_clause *clauses, size_t max);
/* Where the class that begins with '[' at `at` ends, or SIZE_MAX. */
size_t cm_regex_class_end(cm_str pattern, size_t at);
/* Length of the shortest literal: how telling the clause is. */
size_t cm_regex_clause_least(const cm_regex_clause *clause);

#endif
