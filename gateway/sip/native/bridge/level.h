/* SPDX-License-Identifier: Apache-2.0
 *
 * How loud a frame is: measured where its samples have just been written, for a detector that sees only levels.
 */
#ifndef PARLEY_LEVEL_H
#define PARLEY_LEVEL_H

#include "bridge.h"

#define LEVEL_SILENCE_DB (-96.0f)

/* RMS of a frame in dB below full scale, LEVEL_SILENCE_DB for digital silence. */
float level_db(const int16_t frame[PARLEY_FRAME_SAMPLES]);

#endif
