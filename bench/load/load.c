/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls for a gateway on 127.0.0.1: load --help. Prints one JSON object in a line for each thing that happens, and the
 * figures at the end.
 *
 *   with --window, --calls calls are brought up and held, watched for the window, and ended;
 *   with --hold, --calls calls are made one after the other at --rate, at most --at-once of them at a time.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

#define LONGEST_SETUP_NS (60000 * MS)

typedef struct {
    call_plan plan;
    int calls, at_once;
    double rate; /* calls a second */
    int64_t settle_ns, window_ns;
} options;

static int64_t used_us, window_us;

static const char *const HELP =
    "load --port PORT --calls N [--rate R] (--window MS [--settle MS] | --hold MS [--at-once N])\n"
    "     [--host 127.0.0.1] [--number 100] [--audio FILE.ulaw] [--echo]\n";

static bool is_loud_frame(const uint8_t *pcmu) {
    int loud = 0;
    for (int i = 0; i < FRAME; i++)
        loud += (~pcmu[i] & 0x7F) >= 0x50;
    return loud >= 20;
}

static void read_audio(call_plan *plan, const char *path) {
    FILE *file = path ? fopen(path, "rb") : NULL;
    uint8_t *audio = malloc(60 * 8000);
    size_t size = file ? fread(audio, 1, 60 * 8000, file) : 0;
    if (path && size < FRAME) {
        fprintf(stderr, "%s holds no audio\n", path);
        exit(2);
    }
    if (!path)
        memset(audio, 0xFF, size = FRAME); /* PCMU's silence */
    plan->audio = audio;
    plan->frames = (int)(size / FRAME);
    plan->first_loud = plan->last_loud = -1;
    for (int i = 0; i < plan->frames; i++)
        if (is_loud_frame(audio + (size_t)i * FRAME)) {
            plan->last_loud = i;
            plan->first_loud = plan->first_loud < 0 ? i : plan->first_loud;
        }
    if (file)
        fclose(file);
}

static options read_options(int count, char **words) {
    enum { HOST = 1, PORT, NUMBER, CALLS, AT_ONCE, RATE, SETTLE, WINDOW, HOLD, AUDIO, ECHO };
    static const struct option known[] = {
        {"host", 1, 0, HOST},     {"port", 1, 0, PORT},     {"number", 1, 0, NUMBER}, {"calls", 1, 0, CALLS},
        {"at-once", 1, 0, AT_ONCE}, {"rate", 1, 0, RATE},   {"settle", 1, 0, SETTLE}, {"window", 1, 0, WINDOW},
        {"hold", 1, 0, HOLD},     {"audio", 1, 0, AUDIO},   {"echo", 0, 0, ECHO},     {0, 0, 0, 0}};
    options o = {.plan = {.host = "127.0.0.1", .number = "100"}, .rate = 10, .settle_ns = 3000 * MS};
    const char *audio = NULL;
    for (int word; (word = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (word) {
        case HOST: o.plan.host = optarg; break;
        case PORT: o.plan.port = (uint16_t)atoi(optarg); break;
        case NUMBER: o.plan.number = optarg; break;
        case CALLS: o.calls = atoi(optarg); break;
        case AT_ONCE: o.at_once = atoi(optarg); break;
        case RATE: o.rate = atof(optarg); break;
        case SETTLE: o.settle_ns = atoi(optarg) * MS; break;
        case WINDOW: o.window_ns = atoi(optarg) * MS; break;
        case HOLD: o.plan.hold_ns = atoi(optarg) * MS; break;
        case AUDIO: audio = optarg; break;
        case ECHO: o.plan.echo = true; break;
        default: fputs(HELP, stderr); exit(2);
        }
    }
    if (!o.plan.port || o.calls < 1 || o.rate <= 0 || !o.window_ns == !o.plan.hold_ns) {
        fputs(HELP, stderr);
        exit(2);
    }
    if (!o.at_once || o.at_once > o.calls)
        o.at_once = o.calls;
    o.at_once = o.at_once < MOST_SLOTS ? o.at_once : MOST_SLOTS;
    read_audio(&o.plan, audio);
    return o;
}

static void tell(const char *event) {
    printf("{\"event\": \"%s\", \"up\": %d, \"failed\": %llu}\n", event, calls_up(), (unsigned long long)found.failed);
    fflush(stdout);
}

static void print_statuses(void) {
    const char *separator = "";
    printf("\"failures\": {");
    for (int status = 0; status < 1000; status++)
        if (found.statuses[status]) {
            printf("%s\"%d\": %d", separator, status, found.statuses[status]);
            separator = ", ";
        }
    printf("}, ");
}

static void print_found(bool realtime) {
    printf("{\"event\": \"result\", \"realtime\": %s, ", realtime ? "true" : "false");
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"invited", found.invited},     {"answered", found.answered},
                  {"completed", found.completed}, {"failed", found.failed},
                  {"ended_by_far_end", found.ended_by_far_end}, {"repeated", found.repeated},
                  {"sent", found.sent},           {"received", found.received},
                  {"lost", found.lost},           {"strangers", found.strangers},
                  {"missed", found.missed},       {"answers", found.answers},
                  {"overflows", wire_overflows()}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        printf("\"%s\": %llu, ", counts[i].name, (unsigned long long)counts[i].value);
    print_statuses();
    printf("\"processor_ms\": %.1f, \"window_processor_ms\": %.1f, \"worst_call_p999\": %.2f, ",
           (double)wire_used_us() / 1000, (double)window_us / 1000, calls_worst_p999());
    const struct {
        const char *name;
        const figures *of;
    } times[] = {{"setup", &found.setup}, {"gaps", &found.gaps}, {"widest", &found.widest}, {"reply", &found.reply},
                 {"late", &found.late}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        figures_print(times[i].of, times[i].name);
        printf(i + 1 < sizeof times / sizeof *times ? ", " : "}\n");
    }
}

/* One millisecond of the run after the other, by an absolute clock; a late one is made up for at once. */
static int64_t millisecond, begun_ns;

static void pass_millisecond(void) {
    millisecond++;
    int64_t due = begun_ns + millisecond * MS;
    wire_sleep_until(due);
    calls_tick(millisecond, due);
}

static void pass(int64_t ns) {
    for (int64_t until = millisecond + ns / MS; millisecond < until && calls_busy();)
        pass_millisecond();
}

static void begin_all(const options *o) {
    double due = (double)millisecond, step = 1000 / o->rate;
    for (int made = 0; made < o->calls;) {
        pass_millisecond();
        while (made < o->calls && (double)millisecond >= due && calls_begin()) {
            made++;
            due += step;
        }
        if ((double)millisecond > due + step) /* no slot was free: the rate is not made up for */
            due = (double)millisecond;
    }
}

static void watch(const options *o) {
    for (int64_t until = millisecond + LONGEST_SETUP_NS / MS;
         millisecond < until && calls_up() < calls_busy();)
        pass_millisecond();
    tell("up");
    pass(o->settle_ns);
    tell("window");
    used_us = wire_used_us();
    calls_measure(true);
    pass(o->window_ns);
    tell("window-end");
    window_us = wire_used_us() - used_us;
}

int main(int count, char **words) {
    options o = read_options(count, words);
    bool realtime = wire_hurry();
    calls_open(&o.plan, o.at_once);
    begun_ns = wire_monotonic_ns();
    begin_all(&o);
    if (o.window_ns) {
        watch(&o);
        calls_end();
    }
    while (calls_busy())
        pass_millisecond();
    print_found(realtime);
    return 0;
}
