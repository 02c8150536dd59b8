/* SPDX-License-Identifier: Apache-2.0
 *
 * A listening TLS transport of pjsua with another certificate, and whom its connections lead to: pjsua2 has no names for
 * them.
 */
#ifndef PARLEY_LISTENER_H
#define PARLEY_LISTENER_H

#include "bridge.h"

typedef struct parley_tls_listener {
    const char *address;        /* to bind to; empty for any */
    const char *public_address; /* told to others; empty for its own */
    const char *ca_file;
    const char *certificate_file;
    const char *key_file;
    uint32_t port;
    uint32_t protocols; /* of pj_ssl_sock_proto */
    uint32_t verify_server;
    uint32_t verify_client;
    uint32_t handshake_ms;
} parley_tls_listener;

/* Listens anew with what `as` says; connections stay as they are. On the thread that polls the stack.
 * Returns a pj_status_t; when it is not 0 nothing listens any more. */
PARLEY_EXPORT int parley_tls_listen_again(int transport, const parley_tls_listener *as);
/* Connections that this transport opens must be to `name` (asked for by SNI, and verified), whatever host they lead to;
 * empty: the host. Returns a pj_status_t. */
PARLEY_EXPORT int parley_tls_expect(int transport, const char *name);

#endif
