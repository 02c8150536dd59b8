"""What Parley changes in pjproject, each with its reason."""

from __future__ import annotations

from gateway.sip.native.capture_patches import CAPTURE_PATCHES
from gateway.sip.native.dialog_patches import DIALOG_PATCHES
from gateway.sip.native.dtls_patches import DTLS_PATCHES
from gateway.sip.native.jitter_patches import JITTER_PATCHES
from gateway.sip.native.keypad_patches import KEYPAD_PATCHES
from gateway.sip.native.media_patches import MEDIA_PATCHES
from gateway.sip.native.message_patches import MESSAGE_PATCHES
from gateway.sip.native.port_patches import PORT_PATCHES
from gateway.sip.native.transport_patches import TRANSPORT_PATCHES

PATCHES = (
    # pjsua2 reports each operation of the conference bridge to Endpoint.onAudioMediaOpCompleted from the media clock
    # thread, where a Python subclass of Endpoint waits for the GIL: a stalled interpreter would stop all media.
    ("pjsip/src/pjsua2/endpoint.cpp", "ua_cfg.cb.on_conf_op_completed      = &Endpoint::on_conf_op_completed;", ""),
    ("pjsip/src/pjsua2/endpoint.cpp", "ua_cfg.cb.on_vid_conf_op_completed  = &Endpoint::on_vid_conf_op_completed;", ""),
    # The media clock is a real-time thread where the system allows it. A thread that holds a lock which the clock
    # waits for must run at the clock's priority, or whatever else the machine does comes first.
    (
        "pjlib/src/pj/os_core_unix.c",
        "    rc = pthread_mutex_init(&mutex->mutex, &attr);",
        "    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);\n"
        "    rc = pthread_mutex_init(&mutex->mutex, &attr);",
    ),
    *MEDIA_PATCHES,
    *JITTER_PATCHES,
    *KEYPAD_PATCHES,
    *DIALOG_PATCHES,
    *MESSAGE_PATCHES,
    *TRANSPORT_PATCHES,
    *PORT_PATCHES,
    *DTLS_PATCHES,
    *CAPTURE_PATCHES,
)
"""File, text, and what stands there instead. A text that another version of pjproject does not have is left alone."""
