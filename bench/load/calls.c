/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "calls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sip.h"

#define RTP_HEADER 12
#define T1_NS (500 * MS) /* RFC 3261 section 17.1.1.2: repeated after this, then after twice that */
#define T2_NS (4000 * MS)
#define PATIENCE_NS (32000 * MS)
#define LOUD 0x50 /* of a PCMU sample's seven bits, inverted: about -24 dB */
#define LOUD_SAMPLES 20

call_figures found;

typedef struct {
    slot_state state;
    uint32_t number; /* counts the calls of this run */
    struct sockaddr_in media;
    uint16_t sequence;
    uint32_t stamp;
    int frame; /* of the audio, the next to be sent */
    sip_message request;
    char to[SIP_FIELD], remote[SIP_FIELD];
    int64_t begun_ns, again_ns, interval_ns, given_up_ns, end_ns; /* monotonic */
    int64_t invited_ns, loud_ns;                                  /* realtime */
    bool heard_of; /* had a provisional response */
    bool asking;   /* a question waits for its answer */
    bool receiving;
    uint16_t last_sequence;
    int64_t last_ns, widest_ns;
    figures gaps;
} slot;

static const call_plan *plan;
static slot *slots;
static int slot_count, up, busy, sip, media, media_control;
static bool measuring;
static uint32_t run, calls;
static uint16_t slot_of[65536]; /* gateway's media port → slot + 1 */
static struct sockaddr_in gateway;

/* ---- SIP ---- */

static int index_of(const slot *s) { return (int)(s - slots); }

static void write_request(slot *s, const char *method, const char *uri, const char *to, int cseq, const char *body) {
    uint16_t port = wire_port(sip);
    int size = snprintf(s->request.text, SIP_BYTES,
                        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%x-%x-%s%d;rport\r\n"
                        "Max-Forwards: 70\r\nFrom: <sip:load@127.0.0.1:%u>;tag=%x-%x\r\nTo: %s\r\nCall-ID: %d-%x-%x\r\n"
                        "CSeq: %d %s\r\nContact: <sip:load@127.0.0.1:%u>\r\n%sContent-Length: %zu\r\n\r\n%s",
                        method, uri, port, run, s->number, method, cseq, port, run, s->number, to, index_of(s), run,
                        s->number, cseq, method, port, *body ? "Content-Type: application/sdp\r\n" : "", strlen(body),
                        body);
    s->request.size = (size_t)size < SIP_BYTES ? (size_t)size : SIP_BYTES - 1;
}

static void send_first(slot *s, int64_t now) {
    s->begun_ns = now;
    s->interval_ns = T1_NS;
    s->again_ns = now + T1_NS;
    s->given_up_ns = now + PATIENCE_NS;
    sip_send(sip, &gateway, &s->request);
}

static void send_ack(slot *s, const char *uri, const char *to) {
    sip_message kept = s->request;
    write_request(s, "ACK", uri, to, 1, "");
    sip_send(sip, &gateway, &s->request);
    s->request = kept;
}

static void free_slot(slot *s) {
    if (s->state == SLOT_UP)
        up--;
    if (measuring || plan->hold_ns)
        figures_add(&found.widest, s->widest_ns);
    s->state = SLOT_FREE;
    slot_of[ntohs(s->media.sin_port)] = 0;
    busy--;
}

static void fail(slot *s, int status) {
    found.failed++;
    found.statuses[status < 1000 ? status : 0]++;
    free_slot(s);
}

static void answered(slot *s, const char *message, int64_t at_ns) {
    char contact[SIP_FIELD];
    sip_header(message, "Contact", contact);
    sip_uri(contact, s->remote);
    sip_header(message, "To", s->to);
    uint16_t port = sip_audio_port(message);
    if (!port || !*s->remote) {
        fail(s, 488);
        return;
    }
    figures_add(&found.setup, at_ns - s->invited_ns);
    found.answered++;
    s->media = gateway;
    s->media.sin_port = htons(port);
    slot_of[port] = (uint16_t)(index_of(s) + 1);
    s->state = SLOT_UP;
    up++;
    s->end_ns = plan->hold_ns ? wire_monotonic_ns() + plan->hold_ns : INT64_MAX;
}

/* The same branch for the ACK of a refusal as for the INVITE (RFC 3261 section 17.1.1.3). */
static void refuse(slot *s, const char *message, int status) {
    char to[SIP_FIELD], via[SIP_FIELD], uri[SIP_FIELD], text[2 * SIP_BYTES];
    sip_header(message, "To", to);
    sip_header(s->request.text, "Via", via);
    snprintf(uri, sizeof uri, "sip:%s@%s:%u", plan->number, plan->host, plan->port);
    char from[SIP_FIELD], call[SIP_FIELD];
    sip_header(message, "From", from);
    sip_header(message, "Call-ID", call);
    sip_message ack;
    int size = snprintf(text, sizeof text,
                        "ACK %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
                        "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
                        uri, via, from, to, call);
    ack.size = (size_t)size < SIP_BYTES ? (size_t)size : SIP_BYTES - 1;
    memcpy(ack.text, text, ack.size + 1);
    sip_send(sip, &gateway, &ack);
    fail(s, status);
}

static void take_response(slot *s, const char *message, const char *cseq, int64_t at_ns) {
    int status = sip_status(message);
    bool invite = strstr(cseq, "INVITE") != NULL;
    if (invite && status < 200) {
        s->heard_of = true;
    } else if (invite && status < 300) {
        if (s->state == SLOT_INVITING)
            answered(s, message, at_ns);
        if (s->state != SLOT_FREE)
            send_ack(s, s->remote, s->to);
    } else if (invite && s->state == SLOT_INVITING) {
        refuse(s, message, status);
    } else if (!invite && s->state == SLOT_ENDING && status >= 200) {
        found.completed++;
        free_slot(s);
    }
}

static void take_request(slot *s, const char *message) {
    sip_message answer;
    bool bye = sip_is_request(message, "BYE");
    if (sip_is_request(message, "ACK"))
        return;
    sip_answer(&answer, message, sip_is_request(message, "INVITE") ? "488 Not Acceptable Here" : "200 OK", "", "", "");
    sip_send(sip, &gateway, &answer);
    if (bye && s && (s->state == SLOT_UP || s->state == SLOT_ENDING)) {
        found.ended_by_far_end++;
        free_slot(s);
    }
}

/* The slot of a message, NULL when its call is no longer there. */
static slot *slot_for(const char *message) {
    char value[SIP_FIELD];
    unsigned index, of_run, number;
    sip_header(message, "Call-ID", value);
    if (sscanf(value, "%u-%x-%x", &index, &of_run, &number) != 3 || of_run != run || index >= (unsigned)slot_count)
        return NULL;
    slot *s = &slots[index];
    return s->number == number && s->state != SLOT_FREE ? s : NULL;
}

static void take_sip(const datagram *one) {
    const char *message = (const char *)one->data;
    char cseq[SIP_FIELD];
    slot *s = slot_for(message);
    sip_header(message, "CSeq", cseq);
    if (sip_is_request(message, ""))
        take_request(s, message);
    else if (s)
        take_response(s, message, cseq, one->at_ns);
}

/* ---- RTP ---- */

static bool is_loud(const uint8_t *pcmu, size_t count) {
    int loud = 0;
    for (size_t i = 0; i < count; i++)
        loud += (~pcmu[i] & 0x7F) >= LOUD;
    return loud >= LOUD_SAMPLES;
}

static void note_gap(slot *s, const datagram *one, uint16_t sequence) {
    int16_t ahead = (int16_t)(sequence - s->last_sequence);
    int64_t gap = one->at_ns - s->last_ns;
    if (s->receiving && (measuring || plan->hold_ns)) {
        figures_add(&found.gaps, gap);
        figures_add(&s->gaps, gap);
        found.lost += ahead > 1 ? (uint64_t)ahead - 1 : 0;
        if (gap > s->widest_ns)
            s->widest_ns = gap;
    }
    if (!s->receiving || ahead > 0)
        s->last_sequence = sequence;
    s->last_ns = one->at_ns;
    s->receiving = true;
}

static void take_media(const datagram *one) {
    uint16_t place = slot_of[one->from];
    if (!place || one->size < RTP_HEADER || slots[place - 1].state == SLOT_FREE) {
        found.strangers++;
        return;
    }
    slot *s = &slots[place - 1];
    found.received++;
    note_gap(s, one, (uint16_t)(one->data[2] << 8 | one->data[3]));
    if (s->asking && (one->data[1] & 0x7F) == 0 && is_loud(one->data + RTP_HEADER, one->size - RTP_HEADER)) {
        s->asking = false;
        if (measuring) {
            found.answers++;
            figures_add(&found.reply, one->at_ns - s->loud_ns);
        }
    }
}

static void ignore(const datagram *one) { (void)one; }

static void write_frame(slot *s, uint8_t packet[RTP_HEADER + FRAME]) {
    uint32_t source = htonl(s->number * 2654435761u + 1), stamp = htonl(s->stamp);
    uint16_t sequence = htons(s->sequence);
    packet[0] = 0x80;
    packet[1] = 0;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &stamp, 4);
    memcpy(packet + 8, &source, 4);
    memcpy(packet + RTP_HEADER, plan->audio + (size_t)s->frame * FRAME, FRAME);
    s->sequence++;
    s->stamp += FRAME;
}

static void say(slot *s, int64_t now) {
    if (s->frame == (plan->echo ? plan->first_loud : plan->last_loud)) {
        found.missed += measuring && s->asking;
        s->asking = true;
        s->loud_ns = now;
    }
    s->frame = (s->frame + 1) % plan->frames;
}

static void send_due(int64_t millisecond) {
    static uint8_t packets[MOST_SLOTS][RTP_HEADER + FRAME];
    static struct mmsghdr messages[MOST_SLOTS];
    static struct iovec vectors[MOST_SLOTS];
    int64_t now = wire_now_ns();
    unsigned count = 0;
    for (int i = (int)(millisecond % FRAME_MS); i < slot_count; i += FRAME_MS) {
        slot *s = &slots[i];
        if (s->state != SLOT_UP)
            continue;
        write_frame(s, packets[count]);
        vectors[count] = (struct iovec){packets[count], sizeof packets[count]};
        messages[count].msg_hdr = (struct msghdr){.msg_name = &s->media, .msg_namelen = sizeof s->media,
                                                  .msg_iov = &vectors[count], .msg_iovlen = 1};
        say(s, now);
        count++;
    }
    if (count)
        found.sent += (uint64_t)sendmmsg(media, messages, count, 0);
}

/* ---- */

static void look_at(slot *s, int64_t now) {
    bool waiting = s->state == SLOT_ENDING || (s->state == SLOT_INVITING && !s->heard_of);
    if ((s->state == SLOT_INVITING || s->state == SLOT_ENDING) && now >= s->given_up_ns) {
        fail(s, 0);
    } else if (waiting && now >= s->again_ns) {
        found.repeated++;
        sip_send(sip, &gateway, &s->request);
        s->interval_ns = s->interval_ns * 2 < T2_NS ? s->interval_ns * 2 : T2_NS;
        s->again_ns = now + s->interval_ns;
    }
}

static void end_call(slot *s) {
    s->state = SLOT_ENDING;
    up--;
    write_request(s, "BYE", s->remote, s->to, 2, "");
    send_first(s, wire_monotonic_ns());
}

void calls_open(const call_plan *made, int count) {
    plan = made;
    slot_count = count;
    slots = calloc((size_t)count, sizeof *slots);
    run = (uint32_t)(wire_now_ns() / MS) ^ (uint32_t)getpid();
    gateway = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(plan->port)};
    inet_pton(AF_INET, plan->host, &gateway.sin_addr);
    sip = wire_open(0);
    do {
        media = wire_open(0);
    } while (wire_port(media) % 2);
    media_control = wire_open((uint16_t)(wire_port(media) + 1));
}

bool calls_begin(void) {
    slot *s = NULL;
    static int next;
    for (int i = 0; i < slot_count && !s; i++, next = (next + 1) % slot_count)
        if (slots[next].state == SLOT_FREE)
            s = &slots[next];
    if (!s)
        return false;
    char uri[SIP_FIELD], to[SIP_FIELD], body[SIP_FIELD];
    memset(s, 0, sizeof *s);
    s->state = SLOT_INVITING;
    s->number = ++calls;
    busy++;
    found.invited++;
    snprintf(uri, sizeof uri, "sip:%s@%s:%u", plan->number, plan->host, plan->port);
    snprintf(to, sizeof to, "<%s>", uri);
    sip_describe(body, "127.0.0.1", wire_port(media));
    write_request(s, "INVITE", uri, to, 1, body);
    s->invited_ns = wire_now_ns();
    send_first(s, wire_monotonic_ns());
    return true;
}

void calls_measure(bool on) {
    measuring = on;
    for (int i = 0; on && i < slot_count; i++)
        slots[i].asking = false;
}

void calls_tick(int64_t millisecond, int64_t due_ns) {
    int64_t now = wire_monotonic_ns();
    if (measuring)
        figures_add(&found.late, now - due_ns);
    send_due(millisecond);
    wire_drain(media, &take_media);
    wire_drain(sip, &take_sip);
    if (millisecond % 10)
        return;
    wire_drain(media_control, &ignore);
    for (int i = 0; i < slot_count; i++) {
        look_at(&slots[i], now);
        if (slots[i].state == SLOT_UP && now >= slots[i].end_ns)
            end_call(&slots[i]);
    }
}

void calls_end(void) {
    for (int i = 0; i < slot_count; i++)
        if (slots[i].state == SLOT_UP)
            end_call(&slots[i]);
}

int calls_up(void) { return up; }

int calls_busy(void) { return busy; }

double calls_worst_p999(void) {
    double worst = 0;
    for (int i = 0; i < slot_count; i++) {
        double one = slots[i].gaps.count ? figures_quantile(&slots[i].gaps, 0.999) : 0;
        worst = one > worst ? one : worst;
    }
    return worst;
}
