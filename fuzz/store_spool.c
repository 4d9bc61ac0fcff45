/* Any bytes as records of a spool: framed and with their checksums made right, so that what lies behind is reached. */
#include "base/hash.h"
#include "base/mem.h"
#include "store/spool_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t count;
    uint64_t last;
    cm_str bytes = cm_str_make((const char *)data, size);
    cm_str rest = cm_str_sub(bytes, 0, cm_spool_scan(bytes, &count, &last));
    cm_arena *arena = cm_arena_new(CM_MIB(4));
    cm_spool_write write;
    for (size_t i = 0; i < count; i++) { /* as it is */
        cm_assert(cm_spool_next(&rest).len > 0);
    }
    cm_buf record;
    cm_buf_init(&record, CM_MIB(4));
    uint32_t len = (uint32_t)size;
    uint64_t number = 1;
    uint64_t hash = cm_hash64_seed(data, size, number);
    cm_buf_add(&record, &len, sizeof len);
    cm_buf_add(&record, &number, sizeof number);
    cm_buf_add(&record, &hash, sizeof hash);
    cm_buf_add(&record, data, size);
    cm_assert(cm_spool_scan(cm_buf_str(&record), &count, &last) == cm_buf_str(&record).len);
    if (cm_spool_decode(cm_buf_str(&record), arena, &write, NULL) == CM_OK) {
        cm_buf again; /* what was understood is written and read the same */
        cm_spool_write second;
        cm_buf_init(&again, CM_MIB(8));
        cm_assert(cm_spool_encode(&write, &again, NULL) == CM_OK);
        cm_rc rc = cm_spool_decode(cm_buf_str(&again), arena, &second, NULL);
        cm_assert(rc == CM_OK || rc == CM_NOMEM);
        cm_assert(rc != CM_OK || second.query == write.query);
        cm_buf_done(&again);
    }
    cm_buf_done(&record);
    cm_arena_free(arena);
    return 0;
}
