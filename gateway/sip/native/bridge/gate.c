/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "gate.h"

#include <time.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    uint64_t timestamp;
    int live;
    int arrived; /* of the current tick */
    bool waiting_records;
    bool open;
} gate;

int gate_make_mutex(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    if (result)
        return result;
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    result = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result;
}

int gate_create(void) {
    pthread_condattr_t attributes;
    int result = gate_make_mutex(&gate.lock);
    if (!result)
        result = pthread_condattr_init(&attributes);
    if (result)
        return result;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    result = pthread_cond_init(&gate.opened, &attributes);
    pthread_condattr_destroy(&attributes);
    return result;
}

static void open_gate(void) {
    gate.open = true;
    pthread_cond_broadcast(&gate.opened);
}

void gate_arrive(uint64_t timestamp, bool first) {
    pthread_mutex_lock(&gate.lock);
    gate.live += first;
    if (timestamp != gate.timestamp) {
        gate.timestamp = timestamp;
        gate.arrived = 0;
        if (gate.waiting_records) /* a leg that was expected in the last tick did not come: late beats never */
            open_gate();
    }
    gate.arrived++;
    gate.waiting_records = true;
    if (gate.arrived >= gate.live)
        open_gate();
    pthread_mutex_unlock(&gate.lock);
}

void gate_leave(void) {
    pthread_mutex_lock(&gate.lock);
    gate.live--;
    if (gate.waiting_records && gate.arrived >= gate.live)
        open_gate();
    pthread_mutex_unlock(&gate.lock);
}

void gate_shut(void) {
    pthread_mutex_lock(&gate.lock);
    gate.open = false;
    gate.waiting_records = false;
    pthread_mutex_unlock(&gate.lock);
}

bool gate_wait(uint32_t timeout_us) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)timeout_us * 1000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&gate.lock);
    int result = 0;
    while (!gate.open && !result)
        result = pthread_cond_timedwait(&gate.opened, &gate.lock, &until);
    bool ready = gate.open;
    pthread_mutex_unlock(&gate.lock);
    return ready;
}
