/* Any bytes as a posting list: reading ends, chunks rise, and seeking agrees with reading. */
#include "index/segment/postings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    cm_str section = cm_str_make((const char *)data + 1, size - 1);
    cm_postings p;
    uint32_t before = 0, middle = 0;
    size_t count = 0;
    if (!cm_postings_open(section, data[0] & 3, &p)) {
        return 0;
    }
    while (cm_postings_next(&p)) {
        cm_assert(p.now.chunk >= before);
        before = p.now.chunk;
        if (count++ == data[0]) {
            middle = p.now.chunk;
        }
        cm_assert(count <= size); /* every entry takes a byte */
    }
    if (cm_postings_open(section, data[0] & 3, &p) && cm_postings_seek(&p, middle)) {
        cm_assert(p.now.chunk >= middle);
    }
    return 0;
}
