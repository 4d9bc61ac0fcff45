#include "index/words.h"

/* Sorted; looked up by binary search. */
static const char *const stop_words[] = {
    "a",      "about",  "all",   "an",    "and",  "any",  "are",     "as",    "at",   "be",
    "been",   "by",     "can",   "code",  "do",   "does", "each",    "for",   "from", "given",
    "had",    "has",    "have",  "how",   "i",    "if",   "in",      "into",  "is",   "it",
    "its",    "like",   "me",    "my",    "of",   "on",   "one",     "or",    "our",  "over",
    "python", "should", "so",    "some",  "than", "that", "the",     "their", "them", "then",
    "there",  "these",  "this",  "to",    "use",  "used", "using",   "want",  "was",  "we",
    "what",   "when",   "where", "which", "will", "with", "without", "you",   "your",
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

static bool ends(const char *word, size_t len, const char *suffix) {
    size_t n = strlen(suffix);
    return len >= n && memcmp(word + len - n, suffix, n) == 0;
}

/* Inflection only (plural, -ed, -ing), and only where at least three letters with a vowel stay: a
 * wrong conflation costs more in code than a missed one. Returns the new length. */
static size_t stem(char *word, size_t len) {
    if (len < 4)
        return len;
    if (ends(word, len, "ies") && len > 4) {
        word[len - 3] = 'y';
        return len - 2;
    }
    if (ends(word, len, "sses") || ends(word, len, "shes") || ends(word, len, "ches") ||
        ends(word, len, "xes"))
        return len - 2;
    if (word[len - 1] == 's' && word[len - 2] != 's' && word[len - 2] != 'u' &&
        word[len - 2] != 'i')
        return stem(word, len - 1);
    size_t cut = ends(word, len, "ing") ? 3 : ends(word, len, "ed") ? 2 : 0;
    if (cut == 0 || len < cut + 3)
        return word[len - 1] == 'e' && len > 4 ? len - 1 : len;
    bool vowel = false;
    for (size_t i = 0; i < len - cut; i++)
        vowel = vowel || is_vowel(word[i]);
    if (!vowel)
        return len;
    len -= cut;
    char c = word[len - 1];
    if (len > 3 && c == word[len - 2] && !is_vowel(c) && c != 'l' && c != 's' && c != 'z')
        len--; /* "stopp" -> "stop" */
    return len > 4 && word[len - 1] == 'e' ? len - 1 : len;
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
    size_t len = stemmed ? stem(word, run.len) : run.len;
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
