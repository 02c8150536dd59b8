/* SPDX-License-Identifier: Apache-2.0
 *
 * pjproject as Parley's gateway needs it. Read by pjlib's config.h before every default.
 */

/* A failed assertion must refuse one message or one call, never abort the process with all of them. */
#define NDEBUG 1
#define PJ_ENABLE_EXTRA_CHECK 1

/* Places. pjsua allocates for EpConfig.uaConfig.maxCalls (22 kB a call) and MediaConfig.maxMediaPorts at start-up, so a
 * high limit here costs nothing. Conference ports: one per call, one per leg, one of the bridge's own, and room for
 * calls that are being replaced. Sockets: RTP and RTCP of each call, and transports. */
#define PJSUA_MAX_CALLS 512
#define PJSUA_MAX_ACC 256
#define PJSUA_MAX_CONF_PORTS 1280
#define PJ_IOQUEUE_MAX_HANDLES 4096
#define PJSIP_MAX_TRANSPORTS 1024
#define PJSIP_MAX_TSX_COUNT 8191
#define PJSIP_MAX_DIALOG_COUNT 2047

/* Each of our I/O queues is polled by one thread: nothing to share out among pollers. The default, EPOLLEXCLUSIVE, takes
 * the socket out of the kernel's set and puts it back for every packet, a third of what receiving it costs. */
#define PJ_IOQUEUE_DEFAULT_EPOLL_FLAGS 0

/* A UDP datagram longer than the buffer would be cut without a word; none is longer than this. */
#define PJSIP_MAX_PKT_LEN 65535
/* So that a SIP message of usual size fits into one line of the log. */
#define PJ_LOG_MAX_SIZE 16384

#define PJ_HAS_IPV6 1

/* Keys of encrypted media by DTLS (RFC 5763). AES-GCM is not for Debian's libsrtp2, whose ciphers are those of NSS. */
#define PJMEDIA_SRTP_HAS_DTLS 1

/* The media path is 8 kHz mono PCM between two ports: nothing to draw, and no level control but the caller's own. */
#define PJMEDIA_HAS_VIDEO 0
#define PJMEDIA_RESAMPLE_IMP PJMEDIA_RESAMPLE_LIBSAMPLERATE
#define PJMEDIA_CONF_USE_AGC 0
/* Event 16, the hook flash, is no key. */
#define PJMEDIA_HAS_DTMF_FLASH 0

/* A request after the first takes the credentials with it that the last challenge asked for (RFC 7616 section 3.6): a
 * registrar that comes back from an outage is asked once for each account, not twice. */
#define PJSIP_AUTH_AUTO_SEND_NEXT 1
