/* SPDX-License-Identifier: Apache-2.0 */
#include "level.h"

#include <math.h>

float level_db(const int16_t frame[PARLEY_FRAME_SAMPLES]) {
    int64_t energy = 0;
    for (int i = 0; i < PARLEY_FRAME_SAMPLES; i++)
        energy += (int32_t)frame[i] * frame[i];
    if (!energy)
        return LEVEL_SILENCE_DB;
    return 10.0f * log10f((float)energy / (PARLEY_FRAME_SAMPLES * 32768.0f * 32768.0f));
}
