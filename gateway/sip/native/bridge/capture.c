/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "capture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include "gate.h"

#define BUFFER_BYTES (4u << 20)
#define MOST_NAME_BYTES 255
#define BEHIND_STRANGERS 13 /* who turns strangers away has 12, the transactions have 16 */
#define BEFORE_SOCKET (PJSIP_MOD_PRIORITY_TRANSPORT_LAYER - 1) /* a message is printed by then */

static struct {
    pthread_mutex_t lock; /* the buffers */
    uint8_t *filling, *taken;
    uint32_t filled;
    uint64_t dropped;
    atomic_uchar ports[65536]; /* by local port: somebody wants its packets */
} capture;

static int make_buffers(void) {
    if (capture.filling)
        return PARLEY_OK;
    uint8_t *filling = malloc(BUFFER_BYTES), *taken = malloc(BUFFER_BYTES);
    if (!filling || !taken || gate_make_mutex(&capture.lock)) {
        free(filling);
        free(taken);
        return PARLEY_NO_MEMORY;
    }
    capture.taken = taken;
    capture.filling = filling;
    return PARLEY_OK;
}

static void keep(parley_captured *head, const char *name, const void *data) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    head->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    uint32_t size = ((uint32_t)sizeof *head + head->name_bytes + head->bytes + 7u) & ~7u;
    pthread_mutex_lock(&capture.lock);
    if (!capture.filling || head->bytes > BUFFER_BYTES / 2 || size > BUFFER_BYTES - capture.filled) {
        capture.dropped++;
    } else {
        uint8_t *at = capture.filling + capture.filled;
        memcpy(at, head, sizeof *head);
        if (head->name_bytes)
            memcpy(at + sizeof *head, name, head->name_bytes);
        memcpy(at + sizeof *head + head->name_bytes, data, head->bytes);
        capture.filled += size;
    }
    pthread_mutex_unlock(&capture.lock);
}

/* False for an address that is none. */
static bool put_address(const pj_sockaddr *address, uint8_t bytes[16], uint16_t *port, uint8_t *family) {
    int kind = address->addr.sa_family;
    if (kind != pj_AF_INET() && kind != pj_AF_INET6())
        return false;
    memcpy(bytes, pj_sockaddr_get_addr(address), kind == pj_AF_INET() ? 4 : 16);
    *port = pj_sockaddr_get_port(address);
    *family = kind == pj_AF_INET() ? 4 : 6;
    return true;
}

/* ---- messages ---- */

static uint8_t transport_of(const pjsip_transport *transport) {
    int kind = transport->key.type & ~PJSIP_TRANSPORT_IPV6;
    return kind == PJSIP_TRANSPORT_TLS ? PARLEY_OVER_TLS : kind == PJSIP_TRANSPORT_TCP ? PARLEY_OVER_TCP : PARLEY_OVER_UDP;
}

/* Ours; a socket that is bound to every address is known by the one that is told to others. */
static void put_local(const pjsip_transport *transport, parley_captured *head) {
    pj_sockaddr told;
    put_address(&transport->local_addr, head->local, &head->local_port, &head->family);
    if (pj_sockaddr_has_addr(&transport->local_addr))
        return;
    int kind = transport->local_addr.addr.sa_family;
    if (pj_sockaddr_init(kind, &told, &transport->local_name.host, (pj_uint16_t)transport->local_name.port) == PJ_SUCCESS)
        put_address(&told, head->local, &head->local_port, &head->family);
}

static bool is_of_a_call(const pjsip_cseq_hdr *cseq, const pjsip_to_hdr *to) {
    if (!cseq || cseq->method.id == PJSIP_REGISTER_METHOD)
        return false;
    return cseq->method.id != PJSIP_OPTIONS_METHOD || (to && to->tag.slen);
}

static void keep_message(parley_captured *head, const pjsip_cid_hdr *name, const void *data, pj_ssize_t bytes) {
    if (!name || name->id.slen <= 0 || name->id.slen > MOST_NAME_BYTES || bytes <= 0)
        return;
    head->name_bytes = (uint32_t)name->id.slen;
    head->bytes = (uint32_t)bytes;
    keep(head, name->id.ptr, data);
}

static pj_bool_t on_received(pjsip_rx_data *data) {
    if (!is_of_a_call(data->msg_info.cseq, data->msg_info.to))
        return PJ_FALSE;
    parley_captured head = {.kind = PARLEY_SIP, .transport = transport_of(data->tp_info.transport)};
    put_local(data->tp_info.transport, &head);
    if (put_address(&data->pkt_info.src_addr, head.remote, &head.remote_port, &head.family))
        keep_message(&head, data->msg_info.cid, data->msg_info.msg_buf, data->msg_info.len);
    return PJ_FALSE;
}

static pj_status_t on_sent(pjsip_tx_data *data) {
    const pjsip_transport *transport = data->tp_info.transport;
    const pjsip_cseq_hdr *cseq = pjsip_msg_find_hdr(data->msg, PJSIP_H_CSEQ, NULL);
    const pjsip_to_hdr *to = pjsip_msg_find_hdr(data->msg, PJSIP_H_TO, NULL);
    if (!transport || !is_of_a_call(cseq, to))
        return PJ_SUCCESS;
    parley_captured head = {.kind = PARLEY_SIP, .sent = 1, .transport = transport_of(transport)};
    put_local(transport, &head);
    if (put_address(&data->tp_info.dst_addr, head.remote, &head.remote_port, &head.family) ||
        put_address(&transport->key.rem_addr, head.remote, &head.remote_port, &head.family))
        keep_message(&head, pjsip_msg_find_hdr(data->msg, PJSIP_H_CALL_ID, NULL), data->buf.start,
                     data->buf.cur - data->buf.start);
    return PJ_SUCCESS;
}

static pjsip_module receiving, sending;

int parley_capture_start(void) {
    if (pjsua_get_state() < PJSUA_STATE_INIT || !pj_thread_is_registered())
        return PARLEY_NO_ENDPOINT;
    int result = make_buffers();
    if (result)
        return result;
    /* anew: the endpoint that they belonged to is gone */
    receiving = (pjsip_module){.name = {"mod-parley-received", 19}, .id = -1, .priority = BEHIND_STRANGERS,
                               .on_rx_request = &on_received, .on_rx_response = &on_received};
    sending = (pjsip_module){.name = {"mod-parley-sent", 15}, .id = -1, .priority = BEFORE_SOCKET,
                             .on_tx_request = &on_sent, .on_tx_response = &on_sent};
    pj_status_t status = pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &receiving);
    if (status == PJ_SUCCESS)
        status = pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &sending);
    return -status;
}

/* ---- packets of media ---- */

/* Called by pjmedia's UDP transport, on whichever thread reads or sends. */
void parley_capture_packet(int kind, int sent, const pj_sockaddr *local, const pj_sockaddr *remote, const void *data,
                           pj_size_t bytes) {
    uint16_t port = pj_sockaddr_get_port(local);
    if (!capture.ports[port] || bytes > PJMEDIA_MAX_MTU)
        return;
    parley_captured head = {.kind = (uint8_t)kind, .sent = (uint8_t)sent, .bytes = (uint32_t)bytes};
    if (put_address(local, head.local, &head.local_port, &head.family) &&
        put_address(remote, head.remote, &head.remote_port, &head.family))
        keep(&head, NULL, data);
}

int parley_capture_port(uint16_t port, int on) {
    if (on && !capture.filling)
        return PARLEY_NO_ENDPOINT;
    capture.ports[port] = on != 0;
    return PARLEY_OK;
}

int parley_capture_take(const uint8_t **records, uint32_t *bytes, uint64_t *dropped) {
    *bytes = 0;
    *dropped = 0;
    if (!capture.filling)
        return PARLEY_NO_ENDPOINT;
    pthread_mutex_lock(&capture.lock);
    uint8_t *full = capture.filling;
    capture.filling = capture.taken;
    capture.taken = full;
    *bytes = capture.filled;
    *dropped = capture.dropped;
    capture.filled = 0;
    pthread_mutex_unlock(&capture.lock);
    *records = full;
    return PARLEY_OK;
}
