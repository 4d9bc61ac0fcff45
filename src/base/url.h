/* url.h - URLs of repositories as they may be kept and shown.
 *
 * Thread: any. */
#ifndef CM_BASE_URL_H
#define CM_BASE_URL_H

#include "base/arena.h"

/* `url` without what signs somebody in: "https://user:token@host/x" gives "https://host/x". A user without a password
 * stays where it is no token ("ssh://git@host/x"; "git@host:x" has no scheme and is itself). Copied into `arena` only
 * when something is cut. */
cm_str cm_url_public(cm_str url, cm_arena *arena);

#endif
