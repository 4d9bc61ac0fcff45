/* environment.c - what libgomp must find in the environment when it starts.
 *
 * ggml's operators end in OpenMP barriers, several hundred a token. By default a waiting thread spins for
 * seconds; beside one other busy process its partner is off the core and decoding becomes 25 to 50
 * times slower. GOMP_SPINCOUNT=2000 bounds that at 5 times and costs about 1 ms a token when idle
 * (docs/design/model.md, "Threads").
 *
 * libgomp reads the variable in its own constructor, so setting it in `main` is too late. Re-executing the process
 * was rejected: it doubles start-up and loses the name shown by ps. libgomp is linked statically
 * instead, and a constructor with a priority number runs before those without, libgomp's among
 * them. cm_model_environment pulls this file into every program that links the room. */
#include <stdlib.h>

#include "model/model.h"

/* 101 is the first priority programs may use. */
__attribute__((constructor(101))) static void set_spin_count(void) {
    if (getenv("OMP_WAIT_POLICY") == NULL) {
        (void)setenv("GOMP_SPINCOUNT", CM_MODEL_SPIN_COUNT, 0);
    }
}

void cm_model_environment(void) {
}
