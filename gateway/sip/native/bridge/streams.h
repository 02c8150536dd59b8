/* SPDX-License-Identifier: Apache-2.0
 *
 * The media stream behind a call's conference slot. For the OWNER thread.
 */
#ifndef PARLEY_STREAMS_H
#define PARLEY_STREAMS_H

#include <pjmedia/stream.h>

/* NULL where there is none. */
pjmedia_stream *stream_on(int call_slot);

#endif
