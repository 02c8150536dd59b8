/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate between the media clock and the one reader: opens when every live leg has had its frame of a tick, so that
 * one drain takes the whole tick. A leg that misses a tick delays the others until the next one, never longer.
 */
#ifndef PARLEY_GATE_H
#define PARLEY_GATE_H

#include <stdbool.h>
#include <stdint.h>

/* A mutex whose holder runs at the priority of whoever waits for it: the clock thread may be a real-time thread. */
#include <pthread.h>
int gate_make_mutex(pthread_mutex_t *mutex);

int gate_create(void);
/* A leg had its frame of the conference tick `timestamp`; `first` when it had none before. */
void gate_arrive(uint64_t timestamp, bool first);
/* A live leg will not arrive any more. */
void gate_leave(void);
/* The reader takes what is there. */
void gate_shut(void);
/* Whether the gate opened in time. */
bool gate_wait(uint32_t timeout_us);

#endif
