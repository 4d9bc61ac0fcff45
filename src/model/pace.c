/* pace.c - running measurements, and the two decisions taken from them.
 *
 * Threads: compute threads meet at a barrier after every operator, so beside another busy process two
 * threads decode slower than one (32 against 11 ms a token here). A step of more than 2.5 running
 * medians drops decoding to one thread at once. Besides, every PERIOD steps the other setting is
 * tried for TRIAL steps and the faster one stays: that finds the way back, and the way down when the machine
 * was busy from the start. Prompts keep all threads: they lose little.
 *
 * Drafts: a batch of K + 1 tokens costs about 1 + 0.4 K steps with a model this small, so a draft pays
 * only when most of it is right. The expected number of tokens is (1 - a^(K+1)) / (1 - a) for a
 * chance a per token; the K with the most tokens per millisecond wins, K = 0 included. */
#include "model/pace_priv.h"

#include <math.h>

#define GUESS_READ_MS 4.0 /* 250 tokens/s: cautious, until the first prompt was read */
#define GUESS_STEP_MS 12.0
#define LEARNING_RATE 0.25
#define SLOW_FACTOR   2.5
#define PERIOD        64 /* a trial of 3 slower steps in 64 costs 3 % at worst */
#define TRIAL         3
#define READ_MIN      16 /* shorter reads measure overhead */

const unsigned cm_draft_lengths[CM_PACE_LENGTHS] = {0, 3, 7, 15};
static const double guessed_cost[CM_PACE_LENGTHS] = {1.0, 2.5, 4.0, 6.5}; /* in steps */

void cm_pace_init(cm_pace *pace, unsigned threads) {
    *pace = (cm_pace){.threads_max = threads, .threads = threads, .left = PERIOD};
}

static void learn(double *mean, double value) {
    *mean = *mean > 0 ? *mean + LEARNING_RATE * (value - *mean) : value;
}

void cm_pace_read(cm_pace *pace, size_t tokens, double ms) {
    if (tokens >= READ_MIN) {
        learn(&pace->read_ms, ms / (double)tokens);
    }
}

static double median(const cm_pace *pace) {
    double sorted[CM_PACE_RING];
    unsigned count = pace->recent_count;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 && sorted[at - 1] > pace->recent[i]; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = pace->recent[i];
    }
    return count > 0 ? sorted[count / 2] : 0;
}

static void use_threads(cm_pace *pace, unsigned threads, unsigned steps, bool trial) {
    pace->threads = threads;
    pace->left = steps;
    pace->trial = trial;
    if (trial) { /* old measurements must not decide it */
        *(threads == 1 ? &pace->single_ms : &pace->full_ms) = 0;
    }
}

static void learn_threads(cm_pace *pace, double ms) {
    unsigned all = pace->threads_max;
    if (all == 1) {
        return;
    }
    bool full = pace->threads == all;
    learn(full ? &pace->full_ms : &pace->single_ms, ms);
    bool known = pace->recent_count >= CM_PACE_RING / 2;
    if (full && !pace->trial && known && ms > SLOW_FACTOR * median(pace)) {
        use_threads(pace, 1, PERIOD, false);
        return;
    }
    if (full) {
        pace->recent[pace->recent_next] = ms;
        pace->recent_next = (pace->recent_next + 1) % CM_PACE_RING;
        pace->recent_count = CM_MIN(pace->recent_count + 1, CM_PACE_RING);
    }
    if (--pace->left > 0) {
        return;
    }
    if (pace->trial) {
        bool all_faster = pace->full_ms <= pace->single_ms;
        use_threads(pace, all_faster ? all : 1, PERIOD, false);
    } else {
        use_threads(pace, full ? 1 : all, TRIAL, true);
    }
}

void cm_pace_write(cm_pace *pace, size_t drafts, double ms) {
    for (unsigned i = 0; i < CM_PACE_LENGTHS; i++) {
        if (drafts <= cm_draft_lengths[i]) {
            learn(&pace->draft_ms[i], ms);
            break;
        }
    }
    if (drafts == 0) {
        learn(&pace->write_ms, ms);
        learn_threads(pace, ms);
    }
}

unsigned cm_pace_threads(cm_pace *pace, bool reads, bool others_compute) {
    if (reads) {
        return pace->threads_max;
    }
    return others_compute ? CM_MAX(pace->threads_max - 1, 1) : pace->threads;
}

double cm_pace_readable(const cm_pace *pace, double ms) {
    return ms / (pace->read_ms > 0 ? pace->read_ms : GUESS_READ_MS);
}

unsigned cm_pace_draft_length(const cm_pace *pace, double acceptance) {
    double step = pace->write_ms > 0 ? pace->write_ms : GUESS_STEP_MS;
    double a = CM_MIN(CM_MAX(acceptance, 0.0), 0.99);
    double best = 0;
    unsigned length = 0;
    for (unsigned i = 0; i < CM_PACE_LENGTHS; i++) {
        unsigned k = cm_draft_lengths[i];
        double cost = pace->draft_ms[i] > 0 ? pace->draft_ms[i] : guessed_cost[i] * step;
        double speed = (1 - pow(a, k + 1)) / (1 - a) / cost;
        if (speed > best) {
            best = speed;
            length = k;
        }
    }
    return length;
}
