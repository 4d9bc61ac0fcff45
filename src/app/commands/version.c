/* version.c - `codementor version`. */
#include "base/base.h"

#include "app/build_gen.h"
#include "app/cli.h"

int cm_cmd_version(const cm_cli *cli) {
    if (cli->json) {
        printf("{\"version\":\"%s\",\"commit\":\"%s\",\"build_date\":\"%s\"}\n", CM_BUILD_VERSION,
               CM_BUILD_COMMIT, CM_BUILD_DATE);
    } else {
        printf("codementor %s (%s, %s)\n", CM_BUILD_VERSION, CM_BUILD_COMMIT, CM_BUILD_DATE);
    }
    return 0;
}
