#include "index/words.h"

/* As stems, sorted; looked up by binary search. */
static const char *const stop_words[] = {
    "a",    "about", "all",   "an",   "and",   "any",     "are",    "as",     "at",
    "be",   "been",  "by",    "can",  "cod",   "cre",     "do",     "doe",    "each",
    "for",  "from",  "given", "had",  "has",   "hav",     "how",    "i",      "if",
    "in",   "into",  "is",    "it",   "its",   "lik",     "mak",    "me",     "my",
    "of",   "on",    "one",   "or",   "our",   "over",    "python", "should", "so",
    "som",  "than",  "that",  "the",  "their", "them",    "then",   "ther",   "thes",
    "thi",  "to",    "use",   "used", "using", "want",    "was",    "we",     "what",
    "when", "wher",  "which", "will", "with",  "without", "you",    "your",
};

bool cm_word_is_stop(cm_str word) {
    size_t low = 0, high = CM_COUNT(stop_words);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cm_str_cmp(cm_str_from(stop_words[middle]), word);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool is_vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Longest first where one ends another. */
static const char *const suffixes[] = {
    "izations", "ization", "ations", "ation", "ators", "ator", "ating", "ated", "ates", "ate",
    "izers",    "izer",    "izing",  "ized",  "izes",  "ize",  "ions",  "ion",  "ings", "ing",
    "ers",      "er",      "ors",    "or",    "ed",    "es",   "s",     "e",
};

static bool has_vowel(const char *word, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (is_vowel(word[i]))
            return true;
    return false;
}

/* One suffix goes when at least three letters with a vowel stay: parse, parser, parsing, parsed; iterate,
 * iterator, iteration. Returns the new length. */
static size_t stem(char *word, size_t len) {
    cm_str w = cm_str_make(word, len);
    if (len >= 5 && (cm_str_ends(w, CM_STR("ies")) || cm_str_ends(w, CM_STR("ied")))) {
        word[len - 3] = 'y';
        return len - 2;
    }
    if (cm_str_ends(w, CM_STR("ss")) || cm_str_ends(w, CM_STR("us")))
        return len; /* class, status */
    for (size_t i = 0; i < CM_COUNT(suffixes); i++) {
        cm_str suffix = cm_str_from(suffixes[i]);
        if (len < suffix.len + 3 || !cm_str_ends(w, suffix) || !has_vowel(word, len - suffix.len))
            continue;
        len -= suffix.len;
        char last = word[len - 1];
        bool doubled = suffix.len > 1 && len > 3 && last == word[len - 2] && !is_vowel(last) &&
                       last != 'l' && last != 's' && last != 'z';
        return doubled ? len - 1 : len; /* "stopp" of "stopped" */
    }
    return len;
}

/* What people write out and programmers cut short, by stem; the short form stands for both. Sorted. */
static const struct {
    const char *stem, *same;
} synonyms[] = {
    {"argument", "arg"},    {"array", "arr"},       {"attribut", "attr"},   {"authentic", "auth"},
    {"averag", "avg"},      {"boolean", "bool"},    {"calcul", "calc"},     {"charact", "char"},
    {"column", "col"},      {"command", "cmd"},     {"config", "conf"},     {"configur", "conf"},
    {"context", "ctx"},     {"coordin", "coord"},   {"databas", "db"},      {"destin", "dest"},
    {"dictionary", "dict"}, {"differenc", "diff"},  {"directory", "dir"},   {"document", "doc"},
    {"element", "elem"},    {"environment", "env"}, {"execut", "exec"},     {"express", "expr"},
    {"extens", "ext"},      {"funct", "func"},      {"identifi", "id"},     {"imag", "img"},
    {"index", "idx"},       {"indic", "idx"},       {"inform", "info"},     {"initial", "init"},
    {"integ", "int"},       {"length", "len"},      {"library", "lib"},     {"maximum", "max"},
    {"messag", "msg"},      {"minimum", "min"},     {"numb", "num"},        {"object", "obj"},
    {"packag", "pkg"},      {"paramet", "param"},   {"password", "passwd"}, {"point", "ptr"},
    {"posit", "pos"},       {"previous", "prev"},   {"process", "proc"},    {"property", "prop"},
    {"random", "rand"},     {"receiv", "recv"},     {"rectangl", "rect"},   {"referenc", "ref"},
    {"repository", "repo"}, {"request", "req"},     {"respons", "resp"},    {"sequenc", "seq"},
    {"sourc", "src"},       {"specific", "spec"},   {"statistic", "stat"},  {"string", "str"},
    {"synchron", "sync"},   {"temp", "tmp"},        {"temporary", "tmp"},   {"utility", "util"},
    {"valu", "val"},        {"variabl", "var"},     {"vect", "vec"},        {"window", "win"},
};

/* Replaces a stem by its synonym; returns the new length, which is never longer. */
static size_t replace_synonym(char *word, size_t len) {
    size_t low = 0, high = CM_COUNT(synonyms);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cm_str_cmp(cm_str_from(synonyms[middle].stem), cm_str_make(word, len));
        if (order == 0) {
            cm_str same = cm_str_from(synonyms[middle].same);
            memcpy(word, same.ptr, same.len);
            return same.len;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return len;
}

enum char_class { CLASS_NONE, CLASS_LOWER, CLASS_UPPER, CLASS_DIGIT, CLASS_UNDERSCORE };

static enum char_class class_of(char c) {
    if ((c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80)
        return CLASS_LOWER;
    if (c >= 'A' && c <= 'Z')
        return CLASS_UPPER;
    if (cm_is_digit(c))
        return CLASS_DIGIT;
    return c == '_' ? CLASS_UNDERSCORE : CLASS_NONE;
}

/* End of the part that starts at `at`: "HTTP" in "HTTPHeader", "Header", "v2". */
static size_t part_end(cm_str run, size_t at) {
    enum char_class first = class_of(run.ptr[at]);
    size_t i = at + 1;
    if (first == CLASS_DIGIT) {
        while (i < run.len && class_of(run.ptr[i]) == CLASS_DIGIT)
            i++;
        return i;
    }
    while (i < run.len && class_of(run.ptr[i]) == CLASS_UPPER)
        i++;
    if (i - at > 1 && first == CLASS_UPPER) {
        if (i < run.len && class_of(run.ptr[i]) == CLASS_LOWER)
            return i - 1; /* the last capital begins the next part */
    } else if (first == CLASS_LOWER && i > at + 1) {
        return at + 1; /* one small letter before a capital: "eTag" */
    }
    while (i < run.len && class_of(run.ptr[i]) == CLASS_LOWER)
        i++;
    while (i < run.len && class_of(run.ptr[i]) == CLASS_DIGIT)
        i++; /* "v2", "utf8" stay whole */
    return i;
}

static void emit(cm_str run, size_t start, bool stemmed, size_t base, cm_word_fn *visit,
                 void *argument) {
    char word[CM_WORD_BYTES_MAX];
    for (size_t i = 0; i < run.len; i++)
        word[i] = cm_to_lower(run.ptr[i]);
    size_t len = stemmed ? replace_synonym(word, stem(word, run.len)) : run.len;
    visit(argument, cm_str_make(word, len), base + start, run.len);
}

/* One identifier: its parts, and the whole when there is more than one part. */
static void split_run(cm_str run, size_t base, cm_word_fn *visit, void *argument) {
    if (run.len > CM_WORD_BYTES_MAX)
        return;
    size_t parts = 0;
    for (size_t at = 0; at < run.len;) {
        if (run.ptr[at] == '_') {
            at++;
            continue;
        }
        size_t end = part_end(run, at);
        if (end - at > 1 || run.len == 1)
            emit(cm_str_make(run.ptr + at, end - at), at, true, base, visit, argument);
        parts++;
        at = end;
    }
    if (parts > 1)
        emit(run, 0, false, base, visit, argument);
}

void cm_words_split(cm_str text, cm_word_fn *visit, void *argument) {
    for (size_t at = 0; at < text.len;) {
        if (!cm_is_word(text.ptr[at])) {
            at++;
            continue;
        }
        size_t end = at + 1;
        while (end < text.len && cm_is_word(text.ptr[end]))
            end++;
        split_run(cm_str_make(text.ptr + at, end - at), at, visit, argument);
        at = end;
    }
}
