/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

bool sip_is_request(const char *message, const char *method) {
    size_t size = strlen(method);
    return strncmp(message, "SIP/", 4) && (!size || (!strncmp(message, method, size) && message[size] == ' '));
}

int sip_status(const char *message) { return strncmp(message, "SIP/2.0 ", 8) ? 0 : atoi(message + 8); }

bool sip_header(const char *message, const char *name, char value[SIP_FIELD]) {
    size_t size = strlen(name);
    for (const char *line = strstr(message, "\r\n"); line && strncmp(line, "\r\n\r\n", 4); line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, size) || line[size] != ':')
            continue;
        const char *start = line + size + 1 + strspn(line + size + 1, " \t");
        snprintf(value, SIP_FIELD, "%.*s", (int)strcspn(start, "\r"), start);
        return true;
    }
    value[0] = 0;
    return false;
}

void sip_uri(const char *value, char uri[SIP_FIELD]) {
    const char *start = strchr(value, '<');
    start = start ? start + 1 : value;
    snprintf(uri, SIP_FIELD, "%.*s", (int)strcspn(start, start == value ? ";" : ">"), start);
}

uint16_t sip_audio_port(const char *message) {
    const char *line = strstr(message, "\nm=audio ");
    return line ? (uint16_t)atoi(line + 9) : 0;
}

void sip_describe(char body[SIP_FIELD], const char *host, uint16_t port) {
    snprintf(body, SIP_FIELD,
             "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0 101\r\n"
             "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n",
             host, host, port);
}

void sip_answer(sip_message *answer, const char *request, const char *line, const char *tag, const char *contact,
                const char *body) {
    char via[SIP_FIELD], from[SIP_FIELD], to[SIP_FIELD], call[SIP_FIELD], cseq[SIP_FIELD];
    sip_header(request, "Via", via);
    sip_header(request, "From", from);
    sip_header(request, "To", to);
    sip_header(request, "Call-ID", call);
    sip_header(request, "CSeq", cseq);
    const char *separator = *tag && !strstr(to, ";tag=") ? ";tag=" : "";
    int size = snprintf(answer->text, SIP_BYTES,
                        "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s%s%s%s"
                        "Content-Length: %zu\r\n\r\n%s",
                        line, via, from, to, separator, *separator ? tag : "", call, cseq, *contact ? "Contact: <" : "",
                        contact, *contact ? ">\r\n" : "", *body ? "Content-Type: application/sdp\r\n" : "",
                        strlen(body), body);
    answer->size = (size_t)size < SIP_BYTES ? (size_t)size : SIP_BYTES - 1;
}

void sip_send(int socket, const struct sockaddr_in *to, const sip_message *message) {
    (void)!sendto(socket, message->text, message->size, 0, (const struct sockaddr *)to, sizeof *to);
}
