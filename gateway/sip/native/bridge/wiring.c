/* SPDX-License-Identifier: Apache-2.0
 *
 * Who hears whom on the conference besides a leg and its call: callers that were joined, and sound that goes on for
 * somebody who waits. All of it runs in the media clock thread; the functions here only ask for it.
 */
#include "bridge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#define SIGNATURE PJMEDIA_SIG_CLASS_APP('P', 'L', 'O')

typedef struct loop {
    pj_pool_t *pool;
    uint32_t count;
    uint32_t next;
    int16_t *pcm;
} loop;

static int check_endpoint(void) {
    bool up = pjsua_get_state() >= PJSUA_STATE_INIT && pjsua_var.mconf && pj_thread_is_registered();
    return up ? PARLEY_OK : PARLEY_NO_ENDPOINT;
}

int parley_wire(int source, int sink, int on) {
    int result = check_endpoint();
    if (result)
        return result;
    if (source < 0 || sink < 0)
        return PARLEY_NO_LEG;
    if (on)
        return -pjmedia_conf_connect_port(pjsua_var.mconf, (unsigned)source, (unsigned)sink, 0);
    return -pjmedia_conf_disconnect_port(pjsua_var.mconf, (unsigned)source, (unsigned)sink);
}

/* In the clock thread, which alone reads `next`. */
static pj_status_t get_frame(pjmedia_port *port, pjmedia_frame *frame) {
    loop *l = port->port_data.pdata;
    int16_t *out = frame->buf;
    for (uint32_t i = 0; i < PARLEY_FRAME_SAMPLES; i++) {
        out[i] = l->pcm[l->next];
        l->next = l->next + 1 < l->count ? l->next + 1 : 0;
    }
    frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
    frame->size = PARLEY_FRAME_SAMPLES * sizeof *out;
    return PJ_SUCCESS;
}

static pj_status_t on_destroy(pjmedia_port *port) {
    loop *l = port->port_data.pdata;
    free(l->pcm);
    pj_pool_release(l->pool);
    return PJ_SUCCESS;
}

static pjmedia_port *make_port(pj_pool_t *pool, const int16_t *pcm, uint32_t count) {
    pj_str_t name = pj_str("parley-loop");
    loop *l = PJ_POOL_ZALLOC_T(pool, loop);
    pjmedia_port *port = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
    l->pool = pool;
    l->count = count;
    l->pcm = malloc(count * sizeof *pcm);
    if (!l->pcm)
        return NULL;
    memcpy(l->pcm, pcm, count * sizeof *pcm);
    pjmedia_port_info_init(&port->info, &name, SIGNATURE, PARLEY_CLOCK_RATE, 1, 16, PARLEY_FRAME_SAMPLES);
    port->port_data.pdata = l;
    port->get_frame = &get_frame;
    port->on_destroy = &on_destroy;
    if (pjmedia_port_init_grp_lock(port, pool, NULL) == PJ_SUCCESS)
        return port;
    free(l->pcm);
    return NULL;
}

int parley_loop_open(const int16_t *pcm, uint32_t count) {
    int result = check_endpoint();
    if (result || !count)
        return result ? result : PARLEY_NO_PLACE;
    pj_pool_t *pool = pjsua_pool_create("loop%p", 1000, 1000);
    pjmedia_port *port = pool ? make_port(pool, pcm, count) : NULL;
    if (!port) {
        if (pool)
            pj_pool_release(pool);
        return PARLEY_NO_MEMORY;
    }
    unsigned slot = 0;
    pj_status_t status = pjmedia_conf_add_port(pjsua_var.mconf, pool, port, NULL, &slot);
    /* The conference holds the port from here on; when it lets go, also because pjsua is destroyed, the port goes. */
    pjmedia_port_destroy(port);
    return status == PJ_SUCCESS ? (int)slot : PARLEY_NO_PLACE;
}

int parley_loop_close(int slot) {
    int result = check_endpoint();
    if (result)
        return result;
    return slot < 0 ? PARLEY_NO_LEG : -pjmedia_conf_remove_port(pjsua_var.mconf, (unsigned)slot);
}
