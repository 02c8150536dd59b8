/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks, UDP sockets whose datagrams carry the kernel's time of arrival, and a place among the processes.
 */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS 1000000LL

typedef struct {
    int64_t at_ns; /* CLOCK_REALTIME, by the kernel */
    uint16_t from; /* port of the sender */
    uint8_t *data; /* ends with a zero */
    size_t size;
} datagram;

int64_t wire_now_ns(void); /* CLOCK_REALTIME, that of the kernel's timestamps */
int64_t wire_used_us(void); /* processor time of this process */
void wire_sleep_until(int64_t monotonic_ns);
int64_t wire_monotonic_ns(void);

/* A socket on 127.0.0.1; the program ends with a message when there is none to be had. Port 0: any. */
int wire_open(uint16_t port);
uint16_t wire_port(int socket);

/* Gives all datagrams that have come to `take`. */
void wire_drain(int socket, void (*take)(const datagram *));

/* How often the kernel had no room for a datagram of this socket. */
uint32_t wire_overflows(void);

/* The lowest realtime priority, as the gateway's media clock has it; false when it is not allowed. */
bool wire_hurry(void);

#endif
