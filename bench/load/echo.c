/* SPDX-License-Identifier: Apache-2.0
 *
 * The least that answers a call: `echo PORT` accepts every INVITE on 127.0.0.1 and sends each packet of media back as it
 * comes. What it costs, and how evenly it sends, is what this machine and the load generator allow.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sip.h"
#include "wire.h"

#define CALLS 2000
#define EVENTS 64

typedef struct {
    char id[SIP_FIELD];
    int media; /* socket, 0 when there is no call */
} call;

static call calls[CALLS];
static int sip, epoll, echoing;
static struct sockaddr_in peer;

static call *call_with(const char *id) {
    call *free_place = NULL;
    for (int i = 0; i < CALLS; i++) {
        if (calls[i].media && !strcmp(calls[i].id, id))
            return &calls[i];
        if (!calls[i].media && !free_place)
            free_place = &calls[i];
    }
    return free_place;
}

static void accept_call(call *c, const char *id) {
    struct epoll_event event = {.events = EPOLLIN};
    snprintf(c->id, sizeof c->id, "%s", id);
    c->media = wire_open(0);
    event.data.fd = c->media;
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->media, &event);
}

static void take_sip(const datagram *one) {
    const char *message = (const char *)one->data;
    char id[SIP_FIELD], body[SIP_FIELD] = "", contact[64];
    sip_message answer;
    if (!sip_is_request(message, "") || sip_is_request(message, "ACK"))
        return;
    sip_header(message, "Call-ID", id);
    call *c = call_with(id);
    if (c && !c->media && sip_is_request(message, "INVITE"))
        accept_call(c, id);
    if (c && c->media && sip_is_request(message, "INVITE"))
        sip_describe(body, "127.0.0.1", wire_port(c->media));
    if (c && c->media && sip_is_request(message, "BYE")) {
        close(c->media);
        c->media = 0;
    }
    snprintf(contact, sizeof contact, "sip:echo@127.0.0.1:%u", wire_port(sip));
    sip_answer(&answer, message, "200 OK", "echo", contact, body);
    peer.sin_port = htons(one->from);
    sip_send(sip, &peer, &answer);
}

static void take_media(const datagram *one) {
    peer.sin_port = htons(one->from);
    (void)!sendto(echoing, one->data, one->size, 0, (struct sockaddr *)&peer, sizeof peer);
}

int main(int count, char **words) {
    if (count != 2) {
        fputs("echo PORT\n", stderr);
        return 2;
    }
    peer.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
    wire_hurry();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    sip = wire_open((uint16_t)atoi(words[1]));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sip}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, sip, &event);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            echoing = events[i].data.fd;
            wire_drain(echoing, echoing == sip ? &take_sip : &take_media);
        }
    }
}
