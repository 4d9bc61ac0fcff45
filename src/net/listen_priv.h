/* listen_priv.h - listening sockets: made by any thread, opened on their loop. */
#ifndef CM_NET_LISTEN_PRIV_H
#define CM_NET_LISTEN_PRIV_H

#include "net/server_priv.h"

/* Binds `count` sockets to one address and port. `ret_bound` may be NULL. */
cm_rc cm_listen_tcp(const char *address, int *fds, unsigned count, cm_buf *ret_bound,
                    cm_err *err) cm_must_check;
bool cm_listen_is_unix(const char *address, const char **ret_path);
cm_rc cm_listen_unix(const char *address, const char *path, int *ret_fd, cm_err *err) cm_must_check;

/* Loop thread. Takes `fd` over and begins to accept. Returns a libuv error. */
int cm_listener_open(cm_shard *shard, int fd, cm_tls *tls, const char *unix_path);
/* Loop thread. The caller has taken it off the shard's list. */
void cm_listener_close(cm_listener *listener);

#endif
