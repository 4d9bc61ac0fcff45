/* Any text as a manifest, with its checksum made right so that what lies behind it is reached. */
#include "base/buf.h"
#include "base/hash.h"
#include "index/segment/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_buf text;
    cm_manifest m;
    cm_buf_init(&text, CM_MIB(4));
    cm_buf_add(&text, data, size);
    cm_buf_add_f(&text, "end %016llx\n", (unsigned long long)cm_hash64(data, size));
    if (cm_manifest_parse(cm_buf_str(&text), &m, NULL) == CM_OK) {
        for (size_t i = 0; i < m.segments.count; i++) {
            const cm_manifest_segment *s = &m.segments.items[i];
            cm_assert(cm_bitmap_count(s->dead) <= s->documents);
        }
        cm_manifest_done(&m);
    }
    cm_buf_done(&text);
    return 0;
}
