/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls send and receive: SIP messages, and packets of those media ports that were asked for. Whoever sends or
 * receives appends a copy to one of two buffers; whoever reads swaps the two. Nobody waits for more than a memory copy,
 * and what does not fit is counted.
 *
 * Messages are seen by two pjsip modules: received ones behind the transport layer and those who turn strangers away,
 * before the transactions take repetitions; sent ones as they go to the socket, each repetition anew. Out of what no
 * call has, REGISTER and OPTIONS without a dialog are left out. Packets of media are seen where pjmedia's UDP
 * transport (capture_patches.py) reads and sends them: encrypted where the call is.
 */
#ifndef PARLEY_CAPTURE_H
#define PARLEY_CAPTURE_H

#include "bridge.h"

enum { PARLEY_SIP = 0, PARLEY_RTP = 1, PARLEY_RTCP = 2 };
enum { PARLEY_OVER_UDP = 0, PARLEY_OVER_TCP = 1, PARLEY_OVER_TLS = 2 };

/* The head of a record, 56 bytes; behind it `name_bytes` of the Call-ID, then `bytes` as they were on the wire, then
 * up to 7 bytes so that the next record begins at a multiple of 8. */
typedef struct parley_captured {
    int64_t time_ns; /* CLOCK_REALTIME */
    uint32_t bytes;
    uint8_t kind;
    uint8_t sent;   /* by us; else received */
    uint8_t family; /* 4 or 6 */
    uint8_t transport;
    uint8_t local[16]; /* network order; an IPv4 address takes the first four bytes */
    uint8_t remote[16];
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t name_bytes;
} parley_captured;

/* OWNER. Sees messages from now on; once in the life of an endpoint. */
PARLEY_EXPORT int parley_capture_start(void);
/* Whether packets that one of our media ports sends or receives are kept. */
PARLEY_EXPORT int parley_capture_port(uint16_t port, int on);
/* What came since the last call, which must be done with: it is written over. For one thread at a time.
 * `dropped` is how many records found no place in all. */
PARLEY_EXPORT int parley_capture_take(const uint8_t **records, uint32_t *bytes, uint64_t *dropped);

#endif
