/* connection_priv.h - the two halves of a connection: connection.c (states, reading, time limits) and
 * sending.c (answers, streams, the socket's write side). Thread: the shard's loop. */
#ifndef CM_NET_CONNECTION_PRIV_H
#define CM_NET_CONNECTION_PRIV_H

#include "net/server_priv.h"
#include "net/tls_priv.h"

/* In this order: up to CM_BODY input is looked at. */
enum cm_state { CM_HANDSHAKE, CM_IDLE, CM_HEAD, CM_BODY, CM_HANDLING, CM_LINGER, CM_CLOSED };

/* Connections above the limit that still get a 503 instead of a bare close. */
#define CM_REFUSALS_MAX 256

enum cm_sent {
    CM_SENT_NONE, /* nothing to send now */
    CM_SENT_SOME,
    CM_SENT_ALL, /* the answer is complete and handed to the system */
};

/* When the timer must fire, in loop time; 0 = never. */
uint64_t cm_connection_due(const cm_connection *connection);

/* --- sending.c --- */
/* Sends what the exchange has to say. May cut the connection. */
enum cm_sent cm_connection_send_answer(cm_connection *connection);
/* Bytes outside an answer (100 Continue). May cut the connection. */
void cm_connection_send_text(cm_connection *connection, cm_str text);
/* Sends what the TLS session has produced. May cut the connection. */
void cm_connection_flush_tls(cm_connection *connection);
/* When joined events or a heartbeat are due, or the client counts as stalled; 0 = never. */
uint64_t cm_connection_sending_due(const cm_connection *connection);
/* Has the client taken nothing for config.stall_ms? */
bool cm_connection_is_stalled(cm_connection *connection);
/* Is the answer a stream? */
bool cm_exchange_streams(cm_exchange *exchange);

#endif
