/* SPDX-License-Identifier: Apache-2.0
 *
 * As much of SIP over UDP as a load generator needs (RFC 3261): headers of a message, and answers to requests.
 */
#ifndef LOAD_SIP_H
#define LOAD_SIP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIP_BYTES 4096
#define SIP_FIELD 512

typedef struct {
    char text[SIP_BYTES]; /* ends with a zero */
    size_t size;
} sip_message;

/* Whether it is a request of this method, or any with "". */
bool sip_is_request(const char *message, const char *method);

/* The status of a response, 0 for a request. */
int sip_status(const char *message);

/* The value of the first header of this name, without spaces around; false, and "" in `value`, when there is none. */
bool sip_header(const char *message, const char *name, char value[SIP_FIELD]);

/* The URI inside <…> of a value, or the value up to its parameters. */
void sip_uri(const char *value, char uri[SIP_FIELD]);

/* The port of the first audio stream of the session description, 0 without one (RFC 4566 section 5.14). */
uint16_t sip_audio_port(const char *message);

/* A description of PCMU at this port of this address. */
void sip_describe(char body[SIP_FIELD], const char *host, uint16_t port);

/* An answer with the request's Via, From, To, Call-ID and CSeq; `tag` and `contact` may be "", `body` too. */
void sip_answer(sip_message *answer, const char *request, const char *line, const char *tag, const char *contact,
                const char *body);

/* Sends it; what the kernel does not take is lost, as on a network. */
void sip_send(int socket, const struct sockaddr_in *to, const sip_message *message);

#endif
