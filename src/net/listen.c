/* listen.c - listening sockets: one per loop and address for TCP (SO_REUSEPORT), one in all for a Unix socket.
 *
 * With SO_REUSEPORT the kernel spreads connections over the loops, and none is woken in vain. It also
 * lets a second process of the same user bind the port and take half the connections, so a probe
 * without it comes first and fails when anybody listens there.
 *
 * When the process runs out of descriptors libuv gives up a spare one, takes and closes the waiting
 * connections, and gets the spare back (uv__emfile_trick), so an accept loop never spins. */
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "net/listen_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CM_BACKLOG     1024
#define CM_PORT_TRIES  16
#define CM_UNIX_PREFIX "unix:"

/* --- addresses --- */

/* "host:port" or "[v6]:port" into its parts. */
static bool split_address(const char *address, char host[NI_MAXHOST], char port[NI_MAXSERV]) {
    cm_str text = cm_str_from(address);
    size_t colon = cm_str_rfind_char(text, ':');
    if (colon == SIZE_MAX) {
        return false;
    }
    cm_str name = cm_str_sub(text, 0, colon);
    cm_str number = cm_str_from_offset(text, colon + 1);
    uint64_t value;
    if (name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        name = cm_str_sub(name, 1, name.len - 2);
    } else if (cm_str_find_char(name, ':') != SIZE_MAX) {
        return false;
    }
    if (!name.len || name.len >= NI_MAXHOST || number.len >= NI_MAXSERV ||
        !cm_str_to_u64(number, &value) || value > 65535) {
        return false;
    }
    memcpy(host, name.ptr, name.len);
    host[name.len] = 0;
    memcpy(port, number.ptr, number.len);
    port[number.len] = 0;
    return true;
}

typedef struct address_list {
    struct sockaddr_storage at[CM_LISTEN_ADDRESSES_MAX];
    unsigned count;
} address_list;

static socklen_t size_of(const struct sockaddr_storage *addr) {
    return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* A hosts file may name an address twice; the second would find the first one's port taken. */
static bool has_address(const address_list *list, const struct addrinfo *info) {
    for (unsigned i = 0; i < list->count; i++) {
        if (size_of(&list->at[i]) == info->ai_addrlen &&
            memcmp(&list->at[i], info->ai_addr, info->ai_addrlen) == 0) {
            return true;
        }
    }
    return false;
}

static cm_rc resolve(const char *address, address_list *ret_list, cm_err *err) {
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (!split_address(address, host, port)) {
        return cm_fail(err, CM_INVALID,
                       "cannot listen on '%s': give HOST:PORT, [IPv6]:PORT or unix:PATH", address);
    }
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc) {
        return cm_fail(err, CM_INVALID, "cannot listen on '%s': %s", address, gai_strerror(rc));
    }
    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
        if (has_address(ret_list, info)) {
            continue;
        }
        if (ret_list->count == CM_LISTEN_ADDRESSES_MAX) {
            cm_log(CM_LOG_WARN, "a name has too many addresses; the first ones are listened on",
                   CM_F("address", address));
            break;
        }
        memcpy(&ret_list->at[ret_list->count++], info->ai_addr, info->ai_addrlen);
    }
    freeaddrinfo(list);
    return CM_OK;
}

static void set_port(struct sockaddr_storage *addr, in_port_t port) {
    if (addr->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)addr)->sin6_port = port;
    } else {
        ((struct sockaddr_in *)addr)->sin_port = port;
    }
}

static in_port_t port_of(const struct sockaddr_storage *addr) {
    return addr->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)addr)->sin6_port
                                       : ((const struct sockaddr_in *)addr)->sin_port;
}

static void name_bound(const struct sockaddr_storage *addr, cm_buf *out) {
    char text[INET6_ADDRSTRLEN];
    bool six = addr->ss_family == AF_INET6;
    const void *host = six ? (const void *)&((const struct sockaddr_in6 *)addr)->sin6_addr
                           : &((const struct sockaddr_in *)addr)->sin_addr;
    if (inet_ntop(addr->ss_family, host, text, sizeof(text))) {
        cm_buf_add_f(out, six ? "[%s]:%u" : "%s:%u", text, (unsigned)ntohs(port_of(addr)));
    }
}

/* --- binding --- */

static cm_rc fail_listen(cm_err *err, int errno_value, const char *address) {
    if (errno_value == EADDRINUSE) {
        return cm_fail(
            err, CM_EXISTS,
            "cannot listen on '%s': another process does; stop it or choose another port", address);
    }
    return cm_fail_errno(err, errno_value, "cannot listen on '%s'", address);
}

static int bind_tcp(const struct sockaddr_storage *addr, bool share) {
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    bool six = addr->ss_family == AF_INET6;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) ||
        (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
        bind(fd, (const struct sockaddr *)addr, size_of(addr))) {
        int failed = errno;
        close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

static void close_all(int *fds, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]);
    }
}

/* `count` sockets on one address, whose port 0 becomes the one that the first got. 0, or errno with none open. */
static int bind_address(struct sockaddr_storage *addr, int *fds, unsigned count) {
    int probe = bind_tcp(addr, false);
    if (probe < 0) {
        return errno;
    }
    close(probe);
    for (unsigned made = 0; made < count; made++) {
        fds[made] = bind_tcp(addr, true);
        if (fds[made] < 0) {
            int failed = errno;
            close_all(fds, made);
            return failed;
        }
        if (made == 0) {
            struct sockaddr_storage bound = {0};
            socklen_t len = sizeof(bound);
            getsockname(fds[0], (struct sockaddr *)&bound, &len);
            set_port(addr, port_of(&bound));
        }
    }
    return 0;
}

/* A name may have addresses that the machine has not: "localhost" without IPv6. */
static bool is_absent(int errno_value) {
    return errno_value == EADDRNOTAVAIL || errno_value == EAFNOSUPPORT;
}

/* All addresses on one port; those the machine has not are left out. 0, or errno with none open. */
static int bind_list(const address_list *list, int *fds, unsigned count, unsigned *ret_addresses,
                     struct sockaddr_storage *ret_first) {
    int absent = EADDRNOTAVAIL;
    unsigned bound = 0;
    for (unsigned i = 0; i < list->count; i++) {
        struct sockaddr_storage addr = list->at[i];
        if (bound > 0) {
            set_port(&addr, port_of(ret_first));
        }
        int failed = bind_address(&addr, fds + (size_t)bound * count, count);
        if (failed && is_absent(failed)) {
            absent = failed;
            continue;
        }
        if (failed) {
            close_all(fds, bound * count);
            return failed;
        }
        *ret_first = bound == 0 ? addr : *ret_first;
        bound++;
    }
    *ret_addresses = bound;
    return bound > 0 ? 0 : absent;
}

cm_rc cm_listen_tcp(const char *address, unsigned count, int *ret_fds, unsigned *ret_addresses,
                    cm_buf *ret_bound, cm_err *err) {
    address_list list = {0};
    cm_rc rc = resolve(address, &list, err);
    if (rc) {
        return rc;
    }
    struct sockaddr_storage first = {0};
    bool any_port = port_of(&list.at[0]) == 0;
    int failed = EADDRINUSE;
    /* The port that the first address got may be taken on another one. */
    for (unsigned tries = any_port ? CM_PORT_TRIES : 1; tries > 0 && failed == EADDRINUSE;
         tries--) {
        failed = bind_list(&list, ret_fds, count, ret_addresses, &first);
    }
    if (failed) {
        return fail_listen(err, failed, address);
    }
    if (ret_bound) {
        name_bound(&first, ret_bound);
    }
    return CM_OK;
}

bool cm_listen_is_unix(const char *address, const char **ret_path) {
    size_t prefix = sizeof(CM_UNIX_PREFIX) - 1;
    if (strncmp(address, CM_UNIX_PREFIX, prefix) != 0) {
        return false;
    }
    *ret_path = address + prefix;
    return true;
}

/* A socket file that nobody answers at is left from a crash. */
static bool is_dead(const struct sockaddr_un *addr) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
                errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return dead;
}

cm_rc cm_listen_unix(const char *address, const char *path, int *ret_fd, cm_err *err) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(addr.sun_path)) {
        return cm_fail(err, CM_INVALID, "cannot listen on '%s': the path must have 1 to %zu bytes",
                       address, sizeof(addr.sun_path) - 1);
    }
    memcpy(addr.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
    if (fd >= 0 && rc && errno == EADDRINUSE && is_dead(&addr)) {
        unlink(path);
        rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
    }
    /* Nobody can connect between bind and listen, so the mode is in force before the first client. */
    if (rc == 0) {
        rc = chmod(path, 0600);
    }
    if (rc) {
        int failed = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fail_listen(err, failed, address);
    }
    *ret_fd = fd;
    return CM_OK;
}

/* --- handing the socket to its loop --- */

static void on_incoming(uv_stream_t *stream, int status) {
    cm_listener *listener = stream->data;
    if (status == 0) {
        cm_connection_accept(listener);
    } else {
        cm_log(CM_LOG_WARN, "cannot accept a connection", CM_F("error", uv_strerror(status)));
    }
}

static void on_listener_closed(uv_handle_t *handle) {
    cm_listener *listener = handle->data;
    cm_http_server *server = listener->shard->server;
    cm_free(listener->unlink_path);
    cm_free(listener);
    cm_server_handle_closed(server);
}

void cm_listener_close(cm_listener *listener) {
    if (listener->unlink_path) {
        unlink(listener->unlink_path);
    }
    uv_close(&listener->uv.handle, on_listener_closed);
}

int cm_listener_open(cm_shard *shard, int fd, cm_tls *tls, const char *unix_path) {
    cm_listener *listener = CM_NEW(cm_listener);
    uv_loop_t *loop = cm_loop_uv(shard->loop);
    listener->shard = shard;
    listener->tls = tls;
    listener->local = unix_path != NULL;
    int rc;
    if (unix_path) {
        listener->unlink_path = cm_strdup(unix_path);
        uv_pipe_init(loop, &listener->uv.pipe, 0);
        rc = uv_pipe_open(&listener->uv.pipe, fd);
    } else {
        uv_tcp_init(loop, &listener->uv.tcp);
        rc = uv_tcp_open(&listener->uv.tcp, fd);
    }
    if (rc) {
        close(fd);
    }
    listener->uv.handle.data = listener;
    listener->next = shard->listeners;
    shard->listeners = listener;
    cm_server_handle_opened(shard->server);
    return rc ? rc : uv_listen(&listener->uv.stream, CM_BACKLOG, on_incoming);
}
