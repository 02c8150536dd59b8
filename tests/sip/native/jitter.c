/* SPDX-License-Identifier: Apache-2.0
 *
 * Names for what delay.h and overlap.h have in line, so that Python can call it.
 */
#include "delay.h"
#include "overlap.h"

void rule_reset(delay *d) { delay_reset(d); }
void rule_heard(delay *d, int64_t now, int64_t waited) { delay_heard(d, now, waited); }
void rule_missed(delay *d, int64_t now, int64_t late) { delay_missed(d, now, late); }
void rule_moved(delay *d, int64_t now, int64_t us) { delay_moved(d, now, us); }
void rule_ran_dry(delay *d, int64_t now, int64_t us) { delay_ran_dry(d, now, us); }
int rule_wish(const delay *d, int64_t now) { return delay_wish(d, now); }
int rule_is_urgent(const delay *d, int64_t now) { return delay_is_urgent(d, now); }
void join(int16_t *begin, const int16_t *end, unsigned count) { overlap_add(begin, end, count); }
int is_inaudible(const int16_t *a, const int16_t *b, unsigned count, int64_t loud) {
    return overlap_is_inaudible(a, b, count, loud);
}
