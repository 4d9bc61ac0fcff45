/* rank.c - the rules, each a factor or a share of the best score; their values stand first. */
#include "search/rank.h"

#include "base/map.h"
#include "base/path.h"
#include "index/segment/words.h"

#define DEFINITION_SYMBOL 3.0 /* times the best score: asked for by its exact name */
#define DEFINITION_WORDS  0.2 /* times the share of the question that is in the name */
#define STEM_BOOST        0.3 /* all words of the file's stem are in the question */
#define TEST_FACTOR       0.6
#define VENDORED_FACTOR   0.5
#define FURTHER_FACTOR    0.5         /* each further chunk of one file */
#define FURTHER_LEAST     (1.0 / 256) /* ... but no less */
#define FILE_BOOST \
    0.2 /* times the scores of the others of its file, halved each time: the best chunk */
#define NEAR_BOOST 0.05

static bool is_name_char(char c) {
    return cm_is_word(c) || c == '.' || c == ':' || c == '#' || c == '$';
}

bool cm_rank_is_symbol(cm_str text) {
    text = cm_str_trim(text);
    bool inner_capital = false, joined = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_name_char(c)) {
            return false;
        }
        inner_capital = inner_capital || (i > 0 && c >= 'A' && c <= 'Z');
        joined = joined || c == '_' || c == '.' || c == ':' || cm_is_digit(c);
    }
    return text.len > 1 && (inner_capital || joined || (text.ptr[0] >= 'A' && text.ptr[0] <= 'Z'));
}

double cm_rank_nearness(cm_str path, cm_str other) {
    cm_str a = cm_path_directory(path), b = cm_path_directory(other), left, right;
    size_t common = 0, depth = 0;
    bool same = true;
    for (;;) {
        bool more_left = cm_str_split(&a, '/', &left), more_right = cm_str_split(&b, '/', &right);
        if (!more_left && !more_right) {
            break;
        }
        same = same && more_left && more_right && cm_str_eq(left, right);
        common += same;
        depth++;
    }
    return (double)(common + 1) / (double)(depth + 1);
}

/* How many words of `text` the question has, and how many it has not. */
typedef struct overlap {
    const cm_lexical_result *question;
    size_t common, other;
} overlap;

static void overlap_word(void *argument, cm_str word, size_t start, size_t len) {
    (void)start;
    (void)len;
    overlap *o = argument;
    for (size_t i = 0; i < o->question->word_count; i++) {
        if (cm_str_eq(o->question->words[i].text, word)) {
            o->common++;
            return;
        }
    }
    o->other++;
}

static overlap overlap_of(const cm_lexical_result *question, cm_str text) {
    overlap o = {question, 0, 0};
    cm_words_split(text, overlap_word, &o);
    return o;
}

static bool asks_for(const cm_lexical_result *question, const char *word) {
    for (size_t i = 0; i < question->word_count; i++) {
        if (cm_str_eq_c(question->words[i].text, word)) {
            return true;
        }
    }
    return false;
}

/* The name a question asks for: its last component when it is one word, "open" of "Store::open". The last word of a
 * sentence is no name: "wait for ctrl-c" asks for no function `c`. */
static cm_str name_asked(cm_str text) {
    text = cm_str_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        if (cm_is_space(text.ptr[i])) {
            return CM_STR_EMPTY;
        }
    }
    for (size_t i = text.len; i-- > 0;) {
        if (!cm_is_word(text.ptr[i])) {
            return cm_str_from_offset(text, i + 1);
        }
    }
    return text;
}

/* The first symbol of a document that starts at or after `byte`: they are in that order. */
static uint32_t first_symbol_from(const cm_snapshot *snapshot, const cm_index_document *document,
                                  uint32_t byte) {
    uint32_t low = 0, high = document->symbol_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        cm_index_symbol s;
        if (cm_snapshot_symbol(snapshot, document->first_symbol + middle, &s) &&
            s.start_byte < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static double definition_boost(const cm_snapshot *snapshot, const cm_index_chunk *chunk,
                               const cm_index_document *document, cm_str name, bool symbol_asked,
                               const cm_lexical_result *lexical, cm_ranked *r) {
    double best = 0;
    for (uint32_t i = first_symbol_from(snapshot, document, chunk->start_byte);
         i < document->symbol_count; i++) {
        cm_index_symbol s;
        if (!cm_snapshot_symbol(snapshot, document->first_symbol + i, &s) ||
            s.kind == CM_SYMBOL_IMPORT || s.start_byte < chunk->start_byte) {
            continue;
        }
        if (s.start_byte >= chunk->end_byte) {
            break;
        }
        double boost = 0;
        if (cm_str_eq(s.name, name)) {
            boost = symbol_asked ? DEFINITION_SYMBOL : 1.0;
            r->is_definition = true;
            r->symbol = s.id;
        } else if (!symbol_asked) {
            overlap o = overlap_of(lexical, s.name);
            size_t asked = lexical->word_count;
            if (o.common > 0 && o.other == 0) {
                boost = DEFINITION_WORDS * (double)CM_MIN(o.common, asked) / (double)asked;
            }
        }
        best = CM_MAX(best, boost);
    }
    return best;
}

static void rank_one(const cm_snapshot *snapshot, cm_str name, bool symbol_asked, cm_str near_path,
                     const cm_lexical_result *lexical, double top, cm_ranked *r) {
    cm_index_chunk chunk;
    cm_index_document document;
    r->score = r->bm25;
    if (!cm_snapshot_chunk(snapshot, r->chunk, &chunk) ||
        !cm_snapshot_document(snapshot, chunk.document, &document)) {
        return;
    }
    r->document = chunk.document;
    r->symbol = chunk.symbol;
    r->score += top * definition_boost(snapshot, &chunk, &document, name, symbol_asked, lexical, r);
    cm_str base = cm_path_base(document.path);
    size_t dot = cm_str_find_char(base, '.');
    overlap stem = overlap_of(lexical, cm_str_sub(base, 0, dot == SIZE_MAX ? base.len : dot));
    if (stem.common > 0 && stem.other == 0) {
        r->score *= 1 + STEM_BOOST;
    }
    if (document.is_test && !asks_for(lexical, "test")) {
        r->score *= TEST_FACTOR;
    }
    if (document.is_vendored) {
        r->score *= VENDORED_FACTOR;
    }
    if (near_path.len > 0) {
        r->score *= 1 + NEAR_BOOST * cm_rank_nearness(document.path, near_path);
    }
}

static int ranked_cmp(const void *left, const void *right) {
    const cm_ranked *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

/* What a file says in several places it is more likely about: its best chunk gains from the others, and they, which
 * would only crowd the answer, lose. Pieces of one long function count once. */
static void weigh_by_file(cm_ranked *ranked, size_t count) {
    cm_map64 *files = cm_map64_new(0); /* document -> place of its best chunk */
    for (size_t i = 0; i < count; i++) {
        bool added;
        uint64_t *place = cm_map64_slot(files, ranked[i].document, &added);
        if (place == NULL || added) {
            if (place != NULL) {
                *place = i;
                ranked[i].share = 1;
            }
            continue;
        }
        cm_ranked *best = &ranked[*place];
        double score = ranked[i].score;
        if (!ranked[i].is_definition) {
            ranked[i].score *= CM_MAX(best->share * FURTHER_FACTOR, FURTHER_LEAST);
        }
        best->share *= FURTHER_FACTOR;
        if (ranked[i].symbol == CM_ID_NONE || ranked[i].symbol != best->symbol) {
            best->gained += FILE_BOOST * best->share * score;
        }
    }
    for (size_t i = 0; i < count; i++) {
        ranked[i].score += ranked[i].gained;
    }
    cm_map64_free(files);
}

void cm_rank_run(const cm_snapshot *snapshot, cm_str text, cm_str near_path,
                 const cm_lexical_result *lexical, cm_ranked *ranked, size_t count) {
    bool symbol_asked = cm_rank_is_symbol(text);
    cm_str name = name_asked(text);
    double top = 0;
    for (size_t i = 0; i < count; i++) {
        top = CM_MAX(top, ranked[i].bm25);
    }
    for (size_t i = 0; i < count; i++) {
        rank_one(snapshot, name, symbol_asked, near_path, lexical, top, &ranked[i]);
    }
    if (count > 1) {
        qsort(ranked, count, sizeof(*ranked), ranked_cmp);
    }
    weigh_by_file(ranked, count);
    if (count > 1) {
        qsort(ranked, count, sizeof(*ranked), ranked_cmp);
    }
}
