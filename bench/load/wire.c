/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define DATAGRAM_BYTES 4096
#define RECEIVE_BYTES (8 << 20)

static uint32_t overflows;

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 * MS + now.tv_nsec;
}

int64_t wire_now_ns(void) { return read_clock(CLOCK_REALTIME); }

int64_t wire_monotonic_ns(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t wire_used_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

void wire_sleep_until(int64_t monotonic_ns) {
    struct timespec until = {monotonic_ns / (1000 * MS), monotonic_ns % (1000 * MS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void require(bool works, const char *what) {
    if (works)
        return;
    perror(what);
    exit(1);
}

int wire_open(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, bytes = RECEIVE_BYTES;
    require(handle >= 0, "socket");
    require(!setsockopt(handle, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), "SO_TIMESTAMPNS");
    setsockopt(handle, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (setsockopt(handle, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
        setsockopt(handle, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    require(!bind(handle, (struct sockaddr *)&address, sizeof address), "bind");
    return handle;
}

uint16_t wire_port(int handle) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(handle, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static int64_t read_notes(struct msghdr *message) {
    int64_t at_ns = 0;
    for (struct cmsghdr *note = CMSG_FIRSTHDR(message); note; note = CMSG_NXTHDR(message, note)) {
        if (note->cmsg_level != SOL_SOCKET)
            continue;
        if (note->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(note), sizeof at);
            at_ns = at.tv_sec * 1000 * MS + at.tv_nsec;
        } else if (note->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&overflows, CMSG_DATA(note), sizeof overflows);
        }
    }
    return at_ns;
}

void wire_drain(int handle, void (*take)(const datagram *)) {
    static uint8_t data[BATCH][DATAGRAM_BYTES];
    static char notes[BATCH][128];
    static struct sockaddr_in from[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    int count;
    do {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){data[i], DATAGRAM_BYTES - 1};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                                                  .msg_iov = &vectors[i], .msg_iovlen = 1,
                                                  .msg_control = notes[i], .msg_controllen = sizeof notes[i]};
        }
        count = recvmmsg(handle, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            data[i][messages[i].msg_len] = 0;
            datagram one = {read_notes(&messages[i].msg_hdr), ntohs(from[i].sin_port), data[i], messages[i].msg_len};
            take(&one);
        }
    } while (count == BATCH);
}

uint32_t wire_overflows(void) { return overflows; }

bool wire_hurry(void) {
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    return !sched_setscheduler(0, SCHED_RR, &lowest);
}
