/* SPDX-License-Identifier: Apache-2.0 */
#include "dialog.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#define MOST_CHALLENGES 2 /* of a proxy, and of the far end behind it */

typedef struct writer {
    char *text;
    uint32_t size;
    uint32_t used;
    bool full;
} writer;

typedef struct bye {
    pj_pool_t *pool;
    pjsip_auth_clt_sess credentials;
    int challenges;
    bool sending;
    int status; /* that came while it was being sent, 0 for none */
    parley_ended ended;
    uint64_t token;
} bye;

static void write_line(writer *w, const char *text, int length) {
    if (length < 0 || w->used + (uint32_t)length + 1 > w->size) {
        w->full = true;
        return;
    }
    memcpy(w->text + w->used, text, (size_t)length);
    w->used += (uint32_t)length;
    w->text[w->used++] = '\n';
}

/* The value of a header: what stands behind its name. */
static void write_header(writer *w, void *header) {
    char line[PJSIP_MAX_URL_SIZE + 256];
    int length = pjsip_hdr_print_on(header, line, sizeof line);
    const char *colon = length > 0 ? memchr(line, ':', (size_t)length) : NULL;
    if (!colon) {
        w->full = true;
        return;
    }
    const char *value = colon + 1;
    while (value < line + length && *value == ' ')
        value++;
    write_line(w, value, (int)(line + length - value));
}

int parley_dialog_read(int call, char *text, uint32_t size) {
    if (call < 0 || call >= (int)pjsua_var.ua_cfg.max_calls || !pjsua_var.calls[call].inv)
        return PARLEY_NO_LEG;
    pjsip_dialog *dlg = pjsua_var.calls[call].inv->dlg;
    if (!dlg || !dlg->remote.info->tag.slen)
        return PARLEY_NO_LEG;
    writer w = {text, size, 0, false};
    char target[PJSIP_MAX_URL_SIZE], cseq[16];
    write_line(&w, dlg->call_id->id.ptr, (int)dlg->call_id->id.slen);
    write_header(&w, dlg->local.info);
    write_header(&w, dlg->remote.info);
    write_line(&w, target, pjsip_uri_print(PJSIP_URI_IN_REQ_URI, dlg->target, target, sizeof target));
    write_line(&w, cseq, snprintf(cseq, sizeof cseq, "%d", dlg->local.cseq));
    for (pjsip_route_hdr *route = dlg->route_set.next; route != &dlg->route_set; route = route->next)
        write_header(&w, route);
    return w.full ? PARLEY_NO_PLACE : (int)w.used;
}

static void finish(bye *b, int status) {
    if (b->sending) {
        b->status = status;
        return;
    }
    parley_ended ended = b->ended;
    uint64_t token = b->token;
    pjsip_auth_clt_deinit(&b->credentials);
    pj_pool_release(b->pool);
    ended(token, status);
}

static void on_answer(void *token, pjsip_event *event);

/* Where it cannot leave, the stack may tell so in an event, before it returns. */
static void send_request(bye *b, pjsip_tx_data *request) {
    b->sending = true;
    b->status = 0;
    pj_status_t status = pjsip_endpt_send_request(pjsua_var.endpt, request, -1, b, &on_answer);
    b->sending = false;
    if (status && !b->status)
        b->status = PJSIP_SC_SERVICE_UNAVAILABLE;
    if (b->status)
        finish(b, b->status);
}

/* The request with the credentials that were asked for; NULL where there are none. */
static pjsip_tx_data *with_credentials(bye *b, pjsip_transaction *tsx, pjsip_rx_data *challenge) {
    pjsip_tx_data *again;
    if (b->challenges++ >= MOST_CHALLENGES ||
        pjsip_auth_clt_reinit_req(&b->credentials, challenge, tsx->last_tx, &again))
        return NULL;
    pjsip_cseq_hdr *cseq = pjsip_msg_find_hdr(again->msg, PJSIP_H_CSEQ, NULL);
    cseq->cseq++;
    return again;
}

static void on_answer(void *token, pjsip_event *event) {
    bye *b = token;
    pjsip_transaction *tsx = event->body.tsx_state.tsx;
    int status = tsx->status_code;
    bool challenged = status == PJSIP_SC_UNAUTHORIZED || status == PJSIP_SC_PROXY_AUTHENTICATION_REQUIRED;
    pjsip_tx_data *again = NULL;
    if (challenged && event->body.tsx_state.type == PJSIP_EVENT_RX_MSG)
        again = with_credentials(b, tsx, event->body.tsx_state.src.rdata);
    if (again)
        send_request(b, again);
    else
        finish(b, status);
}

/* pjsip's parser wants a text that it may write behind. */
static pj_str_t copied(pj_pool_t *pool, const char *text, size_t length) {
    pj_str_t from = {(char *)text, (pj_ssize_t)length}, to;
    pj_strdup_with_null(pool, &to, &from);
    return to;
}

static void *header_of(pj_pool_t *pool, const char *name, const char *value, size_t length) {
    pj_str_t named = pj_str((char *)name), text = copied(pool, value, length);
    return pjsip_parse_hdr(pool, &named, text.ptr, (pj_size_t)text.slen, NULL);
}

static bool add_routes(pj_pool_t *pool, pjsip_msg *message, const char *routes) {
    while (*routes) {
        size_t length = strcspn(routes, "\n");
        void *route = length ? header_of(pool, "Route", routes, length) : NULL;
        if (length && !route)
            return false;
        if (route)
            pjsip_msg_add_hdr(message, route);
        routes += length + (routes[length] == '\n');
    }
    return true;
}

static pj_status_t make(bye *b, const char *call_id, const char *from, const char *to, const char *target,
                        const char *routes, uint32_t cseq, const char *reason, pjsip_tx_data **request) {
    pj_str_t uri_text = copied(b->pool, target, strlen(target));
    pjsip_uri *uri = pjsip_parse_uri(b->pool, uri_text.ptr, (pj_size_t)uri_text.slen, 0);
    pjsip_from_hdr *local = header_of(b->pool, "From", from, strlen(from));
    pjsip_to_hdr *remote = header_of(b->pool, "To", to, strlen(to));
    if (!uri || !local || !remote)
        return PJSIP_EINVALIDMSG;
    pjsip_cid_hdr *id = pjsip_cid_hdr_create(b->pool);
    id->id = copied(b->pool, call_id, strlen(call_id));
    pj_status_t status = pjsip_endpt_create_request_from_hdr(pjsua_var.endpt, pjsip_get_bye_method(), uri, local,
                                                             remote, NULL, id, (int)cseq, NULL, request);
    if (status)
        return status;
    pj_pool_t *pool = (*request)->pool;
    pj_str_t name = pj_str("Reason"), value = copied(pool, reason, strlen(reason));
    pjsip_msg_add_hdr((*request)->msg, (pjsip_hdr *)pjsip_generic_string_hdr_create(pool, &name, &value));
    if (add_routes(pool, (*request)->msg, routes))
        return PJ_SUCCESS;
    pjsip_tx_data_dec_ref(*request);
    return PJSIP_EINVALIDMSG;
}

int parley_dialog_end(int account, const char *call_id, const char *from, const char *to, const char *target,
                      const char *routes, uint32_t cseq, const char *reason, parley_ended ended, uint64_t token) {
    if (!pjsua_var.endpt || !pjsua_acc_is_valid(account))
        return PARLEY_NO_ENDPOINT;
    pj_pool_t *pool = pjsua_pool_create("parley-bye", 2000, 1000);
    if (!pool)
        return PARLEY_NO_MEMORY;
    bye *b = PJ_POOL_ZALLOC_T(pool, bye);
    b->pool = pool;
    b->ended = ended;
    b->token = token;
    pjsua_acc *acc = &pjsua_var.acc[account];
    pjsip_auth_clt_init(&b->credentials, pjsua_var.endpt, pool, 0);
    pjsip_auth_clt_set_credentials(&b->credentials, (int)acc->cred_cnt, acc->cred);
    pjsip_tx_data *request;
    if (make(b, call_id, from, to, target, routes, cseq, reason, &request)) {
        finish(b, PJSIP_SC_BAD_REQUEST);
        return PARLEY_OK;
    }
    pjsip_tpselector way;
    pjsua_init_tpselector(account, &way);
    pjsip_tx_data_set_transport(request, &way);
    send_request(b, request);
    return PARLEY_OK;
}
