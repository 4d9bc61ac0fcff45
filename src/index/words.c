#include "index/words.h"

/* CM_STR for static tables. */
#define LITERAL(text) \
    { text, sizeof(text) - 1 }

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

/* By last letter, longest first where one ends another. */
#define SUFFIXES_MAX 16
static const struct {
    char last;
    cm_str suffixes[SUFFIXES_MAX];
} endings[] = {
    {'s',
     {LITERAL("izations"), LITERAL("ations"), LITERAL("ators"), LITERAL("ates"), LITERAL("izers"),
      LITERAL("izes"), LITERAL("ions"), LITERAL("ings"), LITERAL("ers"), LITERAL("ors"),
      LITERAL("es"), LITERAL("s")}},
    {'e', {LITERAL("ate"), LITERAL("ize"), LITERAL("e")}},
    {'d', {LITERAL("ated"), LITERAL("ized"), LITERAL("ed")}},
    {'r', {LITERAL("ator"), LITERAL("izer"), LITERAL("er"), LITERAL("or")}},
    {'g', {LITERAL("ating"), LITERAL("izing"), LITERAL("ing")}},
    {'n', {LITERAL("ization"), LITERAL("ation"), LITERAL("ion")}},
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
    size_t ending = 0;
    while (ending < CM_COUNT(endings) && endings[ending].last != word[len - 1])
        ending++;
    for (size_t i = 0; ending < CM_COUNT(endings) && i < SUFFIXES_MAX; i++) {
        cm_str suffix = endings[ending].suffixes[i];
        if (suffix.len == 0 || len < suffix.len + 3 || !cm_str_ends(w, suffix) ||
            !has_vowel(word, len - suffix.len))
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
    cm_str stem, same;
} synonyms[] = {
    {LITERAL("argument"), LITERAL("arg")},    {LITERAL("array"), LITERAL("arr")},
    {LITERAL("attribut"), LITERAL("attr")},   {LITERAL("authentic"), LITERAL("auth")},
    {LITERAL("averag"), LITERAL("avg")},      {LITERAL("boolean"), LITERAL("bool")},
    {LITERAL("calcul"), LITERAL("calc")},     {LITERAL("charact"), LITERAL("char")},
    {LITERAL("column"), LITERAL("col")},      {LITERAL("command"), LITERAL("cmd")},
    {LITERAL("config"), LITERAL("conf")},     {LITERAL("configur"), LITERAL("conf")},
    {LITERAL("context"), LITERAL("ctx")},     {LITERAL("coordin"), LITERAL("coord")},
    {LITERAL("databas"), LITERAL("db")},      {LITERAL("destin"), LITERAL("dest")},
    {LITERAL("dictionary"), LITERAL("dict")}, {LITERAL("differenc"), LITERAL("diff")},
    {LITERAL("directory"), LITERAL("dir")},   {LITERAL("document"), LITERAL("doc")},
    {LITERAL("element"), LITERAL("elem")},    {LITERAL("environment"), LITERAL("env")},
    {LITERAL("execut"), LITERAL("exec")},     {LITERAL("express"), LITERAL("expr")},
    {LITERAL("extens"), LITERAL("ext")},      {LITERAL("funct"), LITERAL("func")},
    {LITERAL("identifi"), LITERAL("id")},     {LITERAL("imag"), LITERAL("img")},
    {LITERAL("index"), LITERAL("idx")},       {LITERAL("indic"), LITERAL("idx")},
    {LITERAL("inform"), LITERAL("info")},     {LITERAL("initial"), LITERAL("init")},
    {LITERAL("integ"), LITERAL("int")},       {LITERAL("length"), LITERAL("len")},
    {LITERAL("library"), LITERAL("lib")},     {LITERAL("maximum"), LITERAL("max")},
    {LITERAL("messag"), LITERAL("msg")},      {LITERAL("minimum"), LITERAL("min")},
    {LITERAL("numb"), LITERAL("num")},        {LITERAL("object"), LITERAL("obj")},
    {LITERAL("packag"), LITERAL("pkg")},      {LITERAL("paramet"), LITERAL("param")},
    {LITERAL("password"), LITERAL("passwd")}, {LITERAL("point"), LITERAL("ptr")},
    {LITERAL("posit"), LITERAL("pos")},       {LITERAL("previous"), LITERAL("prev")},
    {LITERAL("process"), LITERAL("proc")},    {LITERAL("property"), LITERAL("prop")},
    {LITERAL("random"), LITERAL("rand")},     {LITERAL("receiv"), LITERAL("recv")},
    {LITERAL("rectangl"), LITERAL("rect")},   {LITERAL("referenc"), LITERAL("ref")},
    {LITERAL("repository"), LITERAL("repo")}, {LITERAL("request"), LITERAL("req")},
    {LITERAL("respons"), LITERAL("resp")},    {LITERAL("sequenc"), LITERAL("seq")},
    {LITERAL("sourc"), LITERAL("src")},       {LITERAL("specific"), LITERAL("spec")},
    {LITERAL("statistic"), LITERAL("stat")},  {LITERAL("string"), LITERAL("str")},
    {LITERAL("synchron"), LITERAL("sync")},   {LITERAL("temp"), LITERAL("tmp")},
    {LITERAL("temporary"), LITERAL("tmp")},   {LITERAL("utility"), LITERAL("util")},
    {LITERAL("valu"), LITERAL("val")},        {LITERAL("variabl"), LITERAL("var")},
    {LITERAL("vect"), LITERAL("vec")},        {LITERAL("window"), LITERAL("win")},
};

/* Replaces a stem by its synonym; returns the new length, which is never longer. */
static size_t replace_synonym(char *word, size_t len) {
    size_t low = 0, high = CM_COUNT(synonyms);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cm_str_cmp(synonyms[middle].stem, cm_str_make(word, len));
        if (order == 0) {
            cm_str same = synonyms[middle].same;
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

/* Its parts, and the whole when there is more than one part. */
void cm_words_of(cm_str run, size_t base, cm_word_fn *visit, void *argument) {
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

/* cm_is_word as a table: the loop over a text spends its time here. */
static const bool word_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true,   ['_'] = true,
    ['a' ... 'z'] = true, [0x80 ... 0xff] = true,
};

bool cm_words_next(cm_str text, size_t *at, cm_str *ret_run) {
    for (size_t i = *at; i < text.len; i++) {
        if (!word_bytes[(unsigned char)text.ptr[i]])
            continue;
        size_t end = i + 1;
        while (end < text.len && word_bytes[(unsigned char)text.ptr[end]])
            end++;
        if (end - i <= CM_WORD_BYTES_MAX) {
            *at = end;
            *ret_run = cm_str_make(text.ptr + i, end - i);
            return true;
        }
        i = end;
    }
    return false;
}

void cm_words_split(cm_str text, cm_word_fn *visit, void *argument) {
    size_t at = 0;
    cm_str run;
    while (cm_words_next(text, &at, &run))
        cm_words_of(run, at - run.len, visit, argument);
}
