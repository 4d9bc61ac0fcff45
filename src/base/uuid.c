/* uuid.c - version 7 from one process-wide clock and counter, version 8 from a hash, and their text form. */
#include "base/uuid.h"

#include "base/clock.h"
#include <stdatomic.h>
#include <sys/random.h>
#include <xxhash.h>

/* Milliseconds << 12 | counter of the newest value. Process-wide: order must hold across threads.
 * A counter that runs over carries into the milliseconds, which is what RFC 9562 advises. */
static _Atomic uint64_t newest;

static uint64_t next_tick(void) {
    uint64_t now = (uint64_t)cm_clock_wall_ms() << 12;
    uint64_t old = atomic_load(&newest);
    uint64_t tick;
    do {
        tick = now > old ? now : old + 1;
    } while (!atomic_compare_exchange_weak(&newest, &old, tick));
    return tick;
}

static void put_be(uint8_t *bytes, uint64_t value, size_t count) {
    for (size_t i = count; i-- > 0; value >>= 8) {
        bytes[i] = (uint8_t)value;
    }
}

static void set_version(cm_uuid *id, unsigned version) {
    id->bytes[6] = (uint8_t)(version << 4 | (id->bytes[6] & 0x0f));
    id->bytes[8] = (uint8_t)(0x80 | (id->bytes[8] & 0x3f)); /* variant 10 */
}

cm_uuid cm_uuid_v7(void) {
    cm_uuid id;
    uint64_t tick = next_tick();
    put_be(id.bytes, tick >> 12, 6);
    put_be(id.bytes + 6, tick & 0xfff, 2);
    /* Reads of up to 256 bytes are never cut short once the kernel's pool is ready. */
    ssize_t got = getrandom(id.bytes + 8, 8, 0);
    cm_assert(got == 8);
    set_version(&id, 7);
    return id;
}

cm_uuid cm_uuid_v8(const cm_str *parts, size_t count) {
    XXH3_state_t *state = XXH3_createState();
    cm_assert(state);
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < count; i++) {
        uint8_t length[8];
        put_be(length, parts[i].len, sizeof(length));
        XXH3_128bits_update(state, length, sizeof(length));
        XXH3_128bits_update(state, parts[i].ptr, parts[i].len);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    cm_uuid id;
    put_be(id.bytes, hash.high64, 8);
    put_be(id.bytes + 8, hash.low64, 8);
    set_version(&id, 8);
    return id;
}

static bool is_dash(size_t i) {
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void cm_uuid_format(const cm_uuid *id, char text[CM_UUID_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    size_t nibble = 0;
    for (size_t i = 0; i < CM_UUID_TEXT - 1; i++) {
        if (is_dash(i)) {
            text[i] = '-';
            continue;
        }
        uint8_t byte = id->bytes[nibble / 2];
        text[i] = digits[nibble++ % 2 ? byte & 15 : byte >> 4];
    }
    text[CM_UUID_TEXT - 1] = '\0';
}

static int hex_value(char c) {
    if (cm_is_digit(c)) {
        return c - '0';
    }
    c = cm_to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cm_uuid_parse(cm_str text, cm_uuid *ret_id) {
    if (text.len != CM_UUID_TEXT - 1) {
        return false;
    }
    cm_uuid id = {{0}};
    size_t nibble = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_dash(i)) {
            if (text.ptr[i] != '-') {
                return false;
            }
            continue;
        }
        int value = hex_value(text.ptr[i]);
        if (value < 0) {
            return false;
        }
        id.bytes[nibble / 2] |= (uint8_t)(nibble % 2 ? value : value << 4);
        nibble++;
    }
    *ret_id = id;
    return true;
}

bool cm_uuid_eq(const cm_uuid *a, const cm_uuid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool cm_uuid_is_nil(const cm_uuid *id) {
    static const cm_uuid nil;
    return cm_uuid_eq(id, &nil);
}

int64_t cm_uuid_v7_ms(const cm_uuid *id) {
    if (id->bytes[6] >> 4 != 7) {
        return -1;
    }
    int64_t ms = 0;
    for (size_t i = 0; i < 6; i++) {
        ms = ms << 8 | id->bytes[i];
    }
    return ms;
}
