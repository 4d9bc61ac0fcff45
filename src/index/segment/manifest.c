/* manifest.c - the text of a manifest: written beside the old one and renamed; read whole or not at all. */
#include "index/segment/manifest.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define MANIFEST_BYTES_MAX CM_MIB(64)
/* Rises whenever the bytes of a part change their meaning: an index of another format is built again. */
#define FORMAT_KEY         "codementor-index"
#define FORMAT_NUMBER      "2"
#define FORMAT             FORMAT_KEY " " FORMAT_NUMBER
#define PREFIX             "MANIFEST-"

void cm_manifest_done(cm_manifest *manifest) {
    for (size_t i = 0; i < manifest->segments.count; i++) {
        cm_bitmap_unref(manifest->segments.items[i].dead);
    }
    cm_vec_done(&manifest->segments);
    cm_free(manifest->root);
    *manifest = (cm_manifest){0};
}

/* ---- writing ---- */

static void add_root(cm_buf *out, cm_str root) {
    for (size_t i = 0; i < root.len; i++) {
        unsigned char c = (unsigned char)root.ptr[i];
        if (c <= ' ' || c == '%' || c >= 0x7f) {
            cm_buf_add_f(out, "%%%02x", c);
        } else {
            cm_buf_add_char(out, (char)c);
        }
    }
}

static void add_dead(cm_buf *out, const cm_manifest_segment *segment) {
    const char *separator = "";
    cm_buf_add_f(out, "dead %llu ", (unsigned long long)segment->number);
    for (uint32_t i = 0; i < segment->documents; i++) {
        if (!cm_bitmap_has(segment->dead, i)) {
            continue;
        }
        uint32_t last = i;
        while (last + 1 < segment->documents && cm_bitmap_has(segment->dead, last + 1)) {
            last++;
        }
        cm_buf_add_f(out, last > i ? "%s%u-%u" : "%s%u", separator, i, last);
        separator = ",";
        i = last;
    }
    cm_buf_add_char(out, '\n');
}

static void format(const cm_manifest *m, cm_buf *out) {
    cm_buf_add_f(out, FORMAT "\ngeneration %llu\nnext %llu\nroot ",
                 (unsigned long long)m->generation, (unsigned long long)m->next_segment);
    add_root(out, cm_str_from(m->root));
    cm_buf_add_f(out, "\noptions %016llx\n", (unsigned long long)m->options);
    for (size_t i = 0; i < m->segments.count; i++) {
        const cm_manifest_segment *s = &m->segments.items[i];
        cm_buf_add_f(out, "segment %llu %u\n", (unsigned long long)s->number, s->documents);
        if (cm_bitmap_count(s->dead) > 0) {
            add_dead(out, s);
        }
    }
    uint64_t checksum = cm_hash64(out->ptr, out->len);
    cm_buf_add_f(out, "end %016llx\n", (unsigned long long)checksum);
}

/* Generation in the file name; false when it is no manifest. */
static bool name_generation(const char *name, uint64_t *ret_generation) {
    cm_str s = cm_str_from(name);
    return cm_str_starts(s, CM_STR(PREFIX)) &&
           cm_str_to_u64(cm_str_from_offset(s, sizeof(PREFIX) - 1), ret_generation);
}

static void remove_older(const char *folder, uint64_t generation) {
    DIR *dir = opendir(folder);
    if (!dir) {
        return;
    }
    uint64_t other;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (name_generation(entry->d_name, &other) && other < generation) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
}

cm_rc cm_manifest_write(const char *folder, const cm_manifest *manifest, cm_err *err) {
    char path[2 * CM_PATH_BYTES_MAX];
    if (snprintf(path, sizeof(path), "%s/" PREFIX "%llu", folder,
                 (unsigned long long)manifest->generation) >= (int)sizeof(path)) {
        return cm_fail(err, CM_LIMIT, "path of index folder '%s' is too long", folder);
    }
    cm_buf text;
    cm_buf_init(&text, MANIFEST_BYTES_MAX);
    format(manifest, &text);
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        rc = cm_file_replace(path, cm_buf_str(&text), 0600, err);
    }
    cm_buf_done(&text);
    if (rc == CM_OK) {
        remove_older(folder, manifest->generation);
    }
    return rc;
}

/* ---- reading ---- */

static int hex_digit(char c) {
    if (cm_is_digit(c)) {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex64(cm_str s, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_digit(s.ptr[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (unsigned)digit;
    }
    *ret_value = value;
    return s.len == 16;
}

static bool parse_root(cm_str s, char **ret_root) {
    char *root = cm_alloc(s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                cm_free(root);
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        root[len++] = c;
    }
    *ret_root = root;
    return true;
}

static bool parse_number32(cm_str s, uint32_t *ret_value) {
    uint64_t value;
    if (!cm_str_to_u64(s, &value) || value >= UINT32_MAX) {
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

static bool parse_segment(cm_manifest *m, cm_str value) {
    cm_str number, documents;
    cm_manifest_segment s = {0};
    if (!cm_str_split(&value, ' ', &number) || !cm_str_split(&value, ' ', &documents) ||
        !cm_str_to_u64(number, &s.number) || !parse_number32(documents, &s.documents)) {
        return false;
    }
    return s.documents <= ((uint32_t)1 << 28) && cm_vec_push(&m->segments, s);
}

/* "3 0-4,9" for the segment named last. */
static bool parse_dead(cm_manifest *m, cm_str value) {
    uint64_t number;
    cm_str part;
    if (m->segments.count == 0 || !cm_str_split(&value, ' ', &part) ||
        !cm_str_to_u64(part, &number)) {
        return false;
    }
    cm_manifest_segment *s = cm_vec_last(&m->segments);
    if (s->number != number || s->dead) {
        return false;
    }
    s->dead = cm_bitmap_copy(NULL, s->documents);
    while (cm_str_split(&value, ',', &part)) {
        uint32_t first, last;
        cm_str from;
        if (!cm_str_split(&part, '-', &from) || !parse_number32(from, &first)) {
            return false;
        }
        last = first;
        if (part.len > 0 && !parse_number32(part, &last)) {
            return false;
        }
        if (last < first || last >= s->documents) {
            return false;
        }
        for (uint32_t i = first; i <= last; i++) {
            cm_bitmap_add(s->dead, i);
        }
    }
    return true;
}

static bool parse_line(cm_manifest *m, cm_str line) {
    cm_str key;
    if (!cm_str_split(&line, ' ', &key)) {
        return false;
    }
    if (cm_str_eq_c(key, FORMAT_KEY)) {
        return cm_str_eq_c(line, FORMAT_NUMBER);
    }
    if (cm_str_eq_c(key, "generation")) {
        return cm_str_to_u64(line, &m->generation);
    }
    if (cm_str_eq_c(key, "next")) {
        return cm_str_to_u64(line, &m->next_segment);
    }
    if (cm_str_eq_c(key, "root")) {
        return !m->root && parse_root(line, &m->root);
    }
    if (cm_str_eq_c(key, "options")) {
        return parse_hex64(line, &m->options);
    }
    if (cm_str_eq_c(key, "segment")) {
        return parse_segment(m, line);
    }
    return cm_str_eq_c(key, "dead") && parse_dead(m, line);
}

cm_rc cm_manifest_parse(cm_str text, cm_manifest *ret_manifest, cm_err *err) {
    static const size_t end_len = sizeof("end 0123456789abcdef\n") - 1;
    cm_manifest m = {0};
    uint64_t checksum = 0;
    cm_str end = cm_str_from_offset(text, text.len < end_len ? 0 : text.len - end_len);
    cm_str body = cm_str_sub(text, 0, text.len - end.len), line;
    bool ok = end.len == end_len && cm_str_starts(end, CM_STR("end ")) &&
              end.ptr[end.len - 1] == '\n' && parse_hex64(cm_str_sub(end, 4, 16), &checksum) &&
              cm_hash64(body.ptr, body.len) == checksum;
    while (ok && cm_str_line(&body, &line)) {
        ok = parse_line(&m, line);
    }
    if (!ok || !m.root) {
        cm_manifest_done(&m);
        if (cm_str_starts(text, CM_STR(FORMAT_KEY " ")) &&
            !cm_str_starts(text, CM_STR(FORMAT "\n"))) {
            return cm_fail(err, CM_CORRUPT, "index was written by another version");
        }
        return cm_fail(err, CM_CORRUPT, "index manifest is damaged");
    }
    *ret_manifest = m;
    return CM_OK;
}

static cm_rc read_one(const char *folder, uint64_t generation, cm_manifest *ret_manifest,
                      cm_err *err) {
    char path[2 * CM_PATH_BYTES_MAX];
    if (snprintf(path, sizeof(path), "%s/" PREFIX "%llu", folder, (unsigned long long)generation) >=
        (int)sizeof(path)) {
        return cm_fail(err, CM_LIMIT, "path of index folder '%s' is too long", folder);
    }
    cm_buf text;
    cm_buf_init(&text, MANIFEST_BYTES_MAX);
    cm_rc rc = cm_file_read(path, MANIFEST_BYTES_MAX, &text, err);
    if (rc == CM_OK) {
        rc = cm_manifest_parse(cm_buf_str(&text), ret_manifest, err);
    }
    cm_buf_done(&text);
    return rc;
}

cm_rc cm_manifest_read(const char *folder, cm_manifest *ret_manifest, cm_err *err) {
    uint64_t below = UINT64_MAX;
    cm_rc rc = cm_fail(err, CM_NOT_FOUND, "no index in '%s'", folder);
    for (;;) { /* newest first; an older one survives only when the newest was torn */
        DIR *dir = opendir(folder);
        if (!dir) {
            return errno == ENOENT ? rc : cm_fail_errno(err, errno, "cannot read '%s'", folder);
        }
        uint64_t newest = 0, generation;
        bool any = false;
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (name_generation(entry->d_name, &generation) && generation < below &&
                (!any || generation > newest)) {
                newest = generation;
                any = true;
            }
        }
        closedir(dir);
        if (!any) {
            return rc;
        }
        rc = read_one(folder, newest, ret_manifest, err);
        if (rc == CM_OK) {
            return rc;
        }
        cm_log(CM_LOG_WARN, "index manifest cannot be read", CM_F("folder", folder),
               CM_I("generation", newest));
        below = newest;
    }
}
