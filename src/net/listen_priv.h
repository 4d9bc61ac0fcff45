/* listen_priv.h - listening sockets: made by any thread, opened on their loop. */
#ifndef CM_NET_LISTEN_PRIV_H
#define CM_NET_LISTEN_PRIV_H

#include "net/server_priv.h"

#define CM_LISTEN_ADDRESSES_MAX 8 /* of one name; further ones are left out, and logged */

/* Binds `count` sockets to each address of a name, all to one port. `ret_fds` has room for `count` times
 * CM_LISTEN_ADDRESSES_MAX; the first `count` of `*ret_addresses` groups are the first address's, which `*ret_bound`
 * (may be NULL) gets. Addresses that the machine has not are left out while there is another. CM_INVALID, CM_EXISTS
 * (somebody listens on one of them), CM_IO; nothing is open then. */
cm_rc cm_listen_tcp(const char *address, unsigned count, int *ret_fds, unsigned *ret_addresses,
                    cm_buf *ret_bound, cm_err *err) cm_must_check;
bool cm_listen_is_unix(const char *address, const char **ret_path);
cm_rc cm_listen_unix(const char *address, const char *path, int *ret_fd, cm_err *err) cm_must_check;

/* Loop thread. Takes `fd` over and begins to accept. Returns a libuv error. */
int cm_listener_open(cm_shard *shard, int fd, cm_tls *tls, const char *unix_path);
/* Loop thread. The caller has taken it off the shard's list. */
void cm_listener_close(cm_listener *listener);

#endif
