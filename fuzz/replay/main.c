/* main.c - runs one fuzz target over files instead of under libFuzzer.
 *
 * usage: replay_<target> PATH...; a directory stands for the files in it. Any compiler and any sanitizer
 * will do, so the corpora are replayed in every build; finding new inputs needs the `fuzz` preset.
 * Each input is copied to an allocation of its exact size: reading one byte past it is caught. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0) {
        fprintf(stderr, "replay: cannot read '%s'\n", path);
        if (file) {
            fclose(file);
        }
        return -1;
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size ? size : 1);
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    if (!data || got != size) {
        free(data);
        fprintf(stderr, "replay: cannot read '%s' whole\n", path);
        return -1;
    }
    printf("%s (%zu bytes)\n", path, size); /* the last line names the input that crashed */
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

/* Returns how many inputs ran, -1 when one could not be read. */
static int replay(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) {
        return replay_file(path);
    }
    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(directory));) {
        char inner[PATH_BYTES];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        int ran = length < 0 || (size_t)length >= sizeof inner ? -1 : replay_file(inner);
        count = ran < 0 ? -1 : count + ran;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv) {
    if (LLVMFuzzerInitialize) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    static const uint8_t nothing[1];
    LLVMFuzzerTestOneInput(nothing, 0);
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay(argv[i]);
        if (count < 0) {
            return 1;
        }
        total += count;
    }
    printf("replayed %d inputs\n", total);
    return 0;
}
