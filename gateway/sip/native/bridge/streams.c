/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

pjmedia_stream *stream_on(int call_slot) {
    /* a held call has a stream, too, and no slot */
    for (unsigned call = 0; call_slot >= 0 && call < PJSUA_MAX_CALLS; call++) {
        pjsua_call *known = &pjsua_var.calls[call];
        for (unsigned media = 0; known->inv && media < known->med_cnt; media++) {
            pjsua_call_media *one = &known->media[media];
            if (one->type == PJMEDIA_TYPE_AUDIO && one->strm.a.stream && one->strm.a.conf_slot == call_slot)
                return one->strm.a.stream;
        }
    }
    return NULL;
}
