/* words.c - splitting, stemming and the table of what programmers cut short. */
#include "index/segment/words.h"

#define W(word) \
    { word, sizeof(word) - 1 } /* measured once, not at every look-up */

/* As stems, sorted; looked up by binary search. */
static const cm_str stop_words[] = {
    W("a"),    W("about"), W("all"),    W("an"),     W("and"),     W("any"),  W("are"),  W("as"),
    W("at"),   W("be"),    W("been"),   W("by"),     W("can"),     W("cod"),  W("cre"),  W("do"),
    W("doe"),  W("each"),  W("for"),    W("from"),   W("given"),   W("had"),  W("has"),  W("hav"),
    W("how"),  W("i"),     W("if"),     W("in"),     W("into"),    W("is"),   W("it"),   W("its"),
    W("lik"),  W("mak"),   W("me"),     W("my"),     W("of"),      W("on"),   W("one"),  W("or"),
    W("our"),  W("over"),  W("python"), W("should"), W("so"),      W("som"),  W("than"), W("that"),
    W("the"),  W("their"), W("them"),   W("then"),   W("ther"),    W("thes"), W("thi"),  W("to"),
    W("use"),  W("used"),  W("using"),  W("want"),   W("was"),     W("we"),   W("what"), W("when"),
    W("wher"), W("which"), W("will"),   W("with"),   W("without"), W("you"),  W("your"),
};

bool cm_word_is_stop(cm_str word) {
    size_t low = 0, high = CM_COUNT(stop_words);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cm_str_cmp(stop_words[middle], word);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static bool is_vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Longest first where one ends another. */
static const cm_str suffixes[] = {
    W("izations"), W("ization"), W("ations"), W("ation"), W("ators"), W("ator"),  W("ating"),
    W("ated"),     W("ates"),    W("ate"),    W("izers"), W("izer"),  W("izing"), W("ized"),
    W("izes"),     W("ize"),     W("ions"),   W("ion"),   W("ings"),  W("ing"),   W("ers"),
    W("er"),       W("ors"),     W("or"),     W("ed"),    W("es"),    W("s"),     W("e"),
};

static bool has_vowel(const char *word, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (is_vowel(word[i])) {
            return true;
        }
    }
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
    if (cm_str_ends(w, CM_STR("ss")) || cm_str_ends(w, CM_STR("us"))) {
        return len; /* class, status */
    }
    if (!memchr("degnrs", w.ptr[len - 1], 6)) {
        return len; /* no suffix ends so: most words leave here */
    }
    for (size_t i = 0; i < CM_COUNT(suffixes); i++) {
        cm_str suffix = suffixes[i];
        if (len < suffix.len + 3 || !cm_str_ends(w, suffix) || !has_vowel(word, len - suffix.len)) {
            continue;
        }
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
    {W("argument"), W("arg")},    {W("array"), W("arr")},       {W("attribut"), W("attr")},
    {W("authentic"), W("auth")},  {W("averag"), W("avg")},      {W("boolean"), W("bool")},
    {W("calcul"), W("calc")},     {W("charact"), W("char")},    {W("column"), W("col")},
    {W("command"), W("cmd")},     {W("config"), W("conf")},     {W("configur"), W("conf")},
    {W("context"), W("ctx")},     {W("coordin"), W("coord")},   {W("databas"), W("db")},
    {W("destin"), W("dest")},     {W("dictionary"), W("dict")}, {W("differenc"), W("diff")},
    {W("directory"), W("dir")},   {W("document"), W("doc")},    {W("element"), W("elem")},
    {W("environment"), W("env")}, {W("execut"), W("exec")},     {W("express"), W("expr")},
    {W("extens"), W("ext")},      {W("funct"), W("func")},      {W("identifi"), W("id")},
    {W("imag"), W("img")},        {W("index"), W("idx")},       {W("indic"), W("idx")},
    {W("inform"), W("info")},     {W("initial"), W("init")},    {W("integ"), W("int")},
    {W("length"), W("len")},      {W("library"), W("lib")},     {W("maximum"), W("max")},
    {W("messag"), W("msg")},      {W("minimum"), W("min")},     {W("numb"), W("num")},
    {W("object"), W("obj")},      {W("packag"), W("pkg")},      {W("paramet"), W("param")},
    {W("password"), W("passwd")}, {W("point"), W("ptr")},       {W("posit"), W("pos")},
    {W("previous"), W("prev")},   {W("process"), W("proc")},    {W("property"), W("prop")},
    {W("random"), W("rand")},     {W("receiv"), W("recv")},     {W("rectangl"), W("rect")},
    {W("referenc"), W("ref")},    {W("repository"), W("repo")}, {W("request"), W("req")},
    {W("respons"), W("resp")},    {W("sequenc"), W("seq")},     {W("sourc"), W("src")},
    {W("specific"), W("spec")},   {W("statistic"), W("stat")},  {W("string"), W("str")},
    {W("synchron"), W("sync")},   {W("temp"), W("tmp")},        {W("temporary"), W("tmp")},
    {W("utility"), W("util")},    {W("valu"), W("val")},        {W("variabl"), W("var")},
    {W("vect"), W("vec")},        {W("window"), W("win")},
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
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return len;
}

enum char_class { CLASS_NONE, CLASS_LOWER, CLASS_UPPER, CLASS_DIGIT, CLASS_UNDERSCORE };

static enum char_class class_of(char c) {
    if ((c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80) {
        return CLASS_LOWER;
    }
    if (c >= 'A' && c <= 'Z') {
        return CLASS_UPPER;
    }
    if (cm_is_digit(c)) {
        return CLASS_DIGIT;
    }
    return c == '_' ? CLASS_UNDERSCORE : CLASS_NONE;
}

/* End of the part that starts at `at`: "HTTP" in "HTTPHeader", "Header", "v2". */
static size_t part_end(cm_str run, size_t at) {
    enum char_class first = class_of(run.ptr[at]);
    size_t i = at + 1;
    if (first == CLASS_DIGIT) {
        while (i < run.len && class_of(run.ptr[i]) == CLASS_DIGIT) {
            i++;
        }
        return i;
    }
    while (i < run.len && class_of(run.ptr[i]) == CLASS_UPPER) {
        i++;
    }
    if (i - at > 1 && first == CLASS_UPPER) {
        if (i < run.len && class_of(run.ptr[i]) == CLASS_LOWER) {
            return i - 1; /* the last capital begins the next part */
        }
    } else if (first == CLASS_LOWER && i > at + 1) {
        return at + 1; /* one small letter before a capital: "eTag" */
    }
    while (i < run.len && class_of(run.ptr[i]) == CLASS_LOWER) {
        i++;
    }
    while (i < run.len && class_of(run.ptr[i]) == CLASS_DIGIT) {
        i++; /* "v2", "utf8" stay whole */
    }
    return i;
}

static void emit(cm_str run, size_t start, bool stemmed, size_t base, cm_word_fn *visit,
                 void *argument) {
    char word[CM_WORD_BYTES_MAX];
    for (size_t i = 0; i < run.len; i++) {
        word[i] = cm_to_lower(run.ptr[i]);
    }
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
        if (end - at > 1 || run.len == 1) {
            emit(cm_str_make(run.ptr + at, end - at), at, true, base, visit, argument);
        }
        parts++;
        at = end;
    }
    if (parts > 1) {
        emit(run, 0, false, base, visit, argument);
    }
}

/* cm_is_word as a table: the loop over a text spends its time here. */
static const bool word_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true,   ['_'] = true,
    ['a' ... 'z'] = true, [0x80 ... 0xff] = true,
};

bool cm_words_next(cm_str text, size_t *at, cm_str *ret_run) {
    for (size_t i = *at; i < text.len; i++) {
        if (!word_bytes[(unsigned char)text.ptr[i]]) {
            continue;
        }
        size_t end = i + 1;
        while (end < text.len && word_bytes[(unsigned char)text.ptr[end]]) {
            end++;
        }
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
    while (cm_words_next(text, &at, &run)) {
        cm_words_of(run, at - run.len, visit, argument);
    }
}
