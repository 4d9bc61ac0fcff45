/* doctor.c - `codementor doctor`: looks at the machine and the set-up, and says what to do.
 *
 * Each check is one row of a table; it prints what it found and, when that is not good, the next step. */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/places.h"
#include "base/json.h"

#define DISK_NEEDED_MB 1024
#define TEXT_MAX       512

enum verdict { GOOD, POOR, BAD };

typedef struct finding {
    enum verdict verdict;
    char found[TEXT_MAX];
    char advice[TEXT_MAX];
} finding;

typedef struct doctor {
    const cm_config *config;
    cm_places places;
    bool has_places;
    cm_err places_err;
    cm_arena *arena;
} doctor;

static void check_cpu(const doctor *d, finding *f) {
    (void)d;
    bool avx2 = __builtin_cpu_supports("avx2"), avx512 = __builtin_cpu_supports("avx512f");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(f->found, TEXT_MAX, "%ld cores, %s", cores,
             avx512 ? "AVX-512"
             : avx2 ? "AVX2"
                    : "neither AVX2 nor AVX-512");
    if (!avx2) {
        f->verdict = POOR;
        snprintf(f->advice, TEXT_MAX,
                 "the model will be slow; build with CODEMENTOR_NATIVE=1 ./script/bootstrap");
    }
}

static void check_memory(const doctor *d, finding *f) {
    (void)d;
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    snprintf(f->found, TEXT_MAX, "%.1f GB of memory", (double)bytes / 1e9);
    if (bytes < CM_MIB(1024)) {
        f->verdict = POOR;
        snprintf(f->advice, TEXT_MAX, "set model.quantisation = q4_0, or model.context lower");
    }
}

static void check_data(const doctor *d, finding *f) {
    struct statvfs disk;
    if (!d->has_places) {
        f->verdict = BAD;
        snprintf(f->found, TEXT_MAX, "%s", d->places_err.text);
        snprintf(f->advice, TEXT_MAX, "choose a directory you can write with --data-dir");
        return;
    }
    if (statvfs(d->places.data_dir, &disk) != 0) {
        f->verdict = BAD;
        snprintf(f->found, TEXT_MAX, "cannot look at '%s': %s", d->places.data_dir,
                 strerror(errno));
        return;
    }
    uint64_t free_mb = (uint64_t)disk.f_bavail * disk.f_frsize / 1000000;
    snprintf(f->found, TEXT_MAX, "%s, %llu MB free", d->places.data_dir,
             (unsigned long long)free_mb);
    if (free_mb < DISK_NEEDED_MB) {
        f->verdict = POOR;
        snprintf(f->advice, TEXT_MAX, "free some space: an index takes about half of its source");
    }
}

static void check_owner(const doctor *d, finding *f) {
    cm_owner_info info;
    if (!d->has_places || cm_owner_find(&d->places, d->arena, &info, NULL) != CM_OK) {
        snprintf(f->found, TEXT_MAX, "no server runs on this data directory");
        return;
    }
    snprintf(f->found, TEXT_MAX, "process %d serves it%s" CM_STR_FMT, info.pid,
             info.address.len > 0 ? " at " : "", CM_STR_ARG(info.address));
}

static void check_port(const doctor *d, finding *f) {
    uint16_t port = cm_config_listen_port(d->config);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bool free_port = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    cm_owner_info info;
    bool ours = d->has_places && cm_owner_find(&d->places, d->arena, &info, NULL) == CM_OK;
    snprintf(f->found, TEXT_MAX, "port %u is %s", port,
             free_port ? "free"
             : ours    ? "taken, by the server above"
                       : "taken by another program");
    if (!free_port && !ours) {
        f->verdict = POOR;
        snprintf(f->advice, TEXT_MAX, "stop that program, or use another port with --port");
    }
}

static void check_model(const doctor *d, finding *f) {
    const char *origin = "";
    const char *path =
        d->has_places ? cm_places_model(d->config, &d->places, d->arena, &origin) : NULL;
    FILE *file = path == NULL ? NULL : fopen(path, "rbe");
    char magic[4] = {0};
    if (path == NULL) {
        f->verdict = POOR;
        snprintf(f->found, TEXT_MAX, "no model: completions come from the repository alone");
        snprintf(f->advice, TEXT_MAX,
                 "run 'codementor model fetch', or set model.path to a GGUF file");
        return;
    }
    bool good = file != NULL && fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (file != NULL) {
        fclose(file);
    }
    snprintf(f->found, TEXT_MAX, "%s%s (%s)", path, good ? "" : " is no GGUF file", origin);
    if (!good) {
        f->verdict = BAD;
        snprintf(f->advice, TEXT_MAX, "set model.path to a GGUF file, or remove the setting");
    }
}

static const struct {
    const char *name;
    void (*check)(const doctor *d, finding *f);
} checks[] = {{"processor", check_cpu}, {"memory", check_memory}, {"data", check_data},
              {"server", check_owner},  {"port", check_port},     {"model", check_model}};

static void print_finding(const cm_cli *cli, cm_json_writer *w, const char *name,
                          const finding *f) {
    static const char *const marks[] = {[GOOD] = "ok", [POOR] = "poor", [BAD] = "bad"};
    if (!cli->json) {
        printf("%-4s  %-9s  %s\n", marks[f->verdict], name, f->found);
        if (f->advice[0] != '\0') {
            printf("                 -> %s\n", f->advice);
        }
        return;
    }
    cm_json_object(w);
    cm_json_key(w, "check");
    cm_json_c(w, name);
    cm_json_key(w, "verdict");
    cm_json_c(w, marks[f->verdict]);
    cm_json_key(w, "found");
    cm_json_c(w, f->found);
    cm_json_key(w, "advice");
    cm_json_c(w, f->advice[0] == '\0' ? NULL : f->advice);
    cm_json_object_end(w);
}

int cm_cmd_doctor(const cm_cli *cli) {
    doctor d = {.config = cli->config, .arena = cli->arena};
    d.has_places = cm_places_resolve(cli->config, cli->arena, &d.places, &d.places_err) == CM_OK;
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    bool bad = false;
    cm_buf_init(&out, CM_KIB(64));
    cm_json_writer_init(&w, &out);
    cm_json_array(&w);
    for (size_t i = 0; i < CM_COUNT(checks); i++) {
        finding f = {.verdict = GOOD};
        checks[i].check(&d, &f);
        print_finding(cli, &w, checks[i].name, &f);
        bad = bad || f.verdict == BAD;
    }
    cm_json_array_end(&w);
    if (cli->json) {
        puts(cm_buf_c(&out));
    }
    return bad ? 1 : 0;
}
