/* SPDX-License-Identifier: Apache-2.0
 *
 * Dialogs that outlive the process that had them: what has to be kept of one, and the BYE that ends one which was kept.
 */
#ifndef PARLEY_DIALOG_H
#define PARLEY_DIALOG_H

#include "bridge.h"

/* Told once what became of a BYE, on the owner's thread, perhaps before it is even sent: the final status, 408 when
 * nobody answered, 503 when it could not be sent, 400 when what was kept cannot be read. */
typedef void (*parley_ended)(uint64_t token, int status);

/* OWNER. Writes what a request inside the dialog of a pjsua call needs, line by line, without a zero at the end:
 * Call-ID, From and To as they stand in our requests, Request-URI, our next CSeq, then one Route each line.
 * Returns how many bytes were written, PARLEY_NO_LEG without a dialog, PARLEY_NO_PLACE when they do not fit. */
PARLEY_EXPORT int parley_dialog_read(int call, char *text, uint32_t size);

/* OWNER. Sends BYE in a dialog that this process does not have; as a transaction, and again with the credentials of a
 * pjsua account when they are asked for. `routes` is one Route a line. */
PARLEY_EXPORT int parley_dialog_end(int account, const char *call_id, const char *from, const char *to,
                                    const char *target, const char *routes, uint32_t cseq, const char *reason,
                                    parley_ended ended, uint64_t token);

#endif
