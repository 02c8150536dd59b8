"""The systems whose calls are played. Where their forms are from stands in the page of each in docs/."""

from __future__ import annotations

from tests.interop.profiles.profile import Profile

ASTERISK = Profile(
    "Asterisk",
    caller='"Ann" <sip:200@{host}>;tag={tag}',
    caller_number="200",
    headers=(
        "Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, REFER",
        "Supported: 100rel, timer, replaces, norefersub, histinfo",
        "Session-Expires: 1800", "Min-SE: 90", "User-Agent: Asterisk PBX 22.5.2",
    ),
    hold="sendonly",
    transfer_end="notify and bye",
    refresh="INVITE",
)  # fmt: skip

FREESWITCH = Profile(
    "FreeSWITCH",
    caller='"Ann" <sip:1001@{host}>;tag={tag}',
    caller_number="1001",
    contact="<sip:mod_sofia@{host}:{port}>",
    headers=(
        "User-Agent: FreeSWITCH-mod_sofia/1.10.12-release",
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY, PUBLISH, SUBSCRIBE",
        "Supported: timer, path, replaces", "Session-Expires: 1800;refresher=uac", "Min-SE: 120",
        "X-FS-Support: update_display,send_info",
        'Remote-Party-ID: "Ann" <sip:1001@{host}>;party=calling;screen=yes;privacy=off',
    ),
    payloads="0 8 101 13",
    attributes=("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=rtpmap:13 CN/8000", "a=ptime:20"),
    hold="sendonly",
    transfer_end="notify and bye",
    refresh="UPDATE",
    reason='Q.850;cause=16;text="NORMAL_CLEARING"',
)  # fmt: skip

CUCM = Profile(
    "Cisco CUCM",
    settings="cucm",
    transport="tcp",
    caller='"Ann" <sip:4001@{host}>;tag={tag}',
    caller_number="4001",
    contact="<sip:4001@{host}:{port};transport=tcp>",
    headers=(
        "Supported: timer,resource-priority,replaces", "Min-SE:  1800", "User-Agent: Cisco-CUCM14.0",
        "Allow: INVITE, OPTIONS, INFO, BYE, CANCEL, ACK, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY",
        "Expires: 180", "Allow-Events: presence, kpml",
        "Cisco-Guid: 3190497536-0000065536-0000000015-0203556362", "Session-Expires:  1800",
        'P-Asserted-Identity: "Ann" <sip:4001@{host}>',
        'Remote-Party-ID: "Ann" <sip:4001@{host}>;party=calling;screen=yes;privacy=off',
    ),
    payloads="9 0 8 101",
    offers_late=True,
    early_media=False,
    hold="no offer",
    transfer_end="notify and bye",
    refresh="UPDATE",
    reason="Q.850;cause=16",
)  # fmt: skip

TEAMS = Profile(
    "Microsoft Teams",
    settings="teams",
    transport="tls",
    caller='"Ann" <sip:+14255550100@sip.pstnhub.microsoft.com:5061;user=phone>;tag={tag}',
    caller_number="+14255550100",
    contact="<sip:{host}:{port};x-i=1e7e7a5c-3f1c-4d0e-8a55-4a4a6b5e7d11;x-c=/s/1;transport=tls>",
    headers=(
        "ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY", "Supported: timer,replaces",
        "Min-SE: 300", "Session-Expires: 3600", "User-Agent: Microsoft.PSTNHub.SIPProxy v.2025.1.1.1 i.EUWE.0",
        "P-Asserted-Identity: <tel:+14255550100>,<sip:ann@example.com>", "Privacy: none",
        "History-Info: <sip:+14255550111@example.com;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
    ),
    payloads="104 9 0 8 13 101",
    attributes=(
        "a=rtcp-mux", "a=label:main-audio", "a=mid:1", "a=ice-ufrag:Tn0p", "a=ice-pwd:gQ4Zt3yQ6oHcN2v5fD8sLk1B",
        "a=candidate:1 1 UDP 2130706431 {host} 49152 typ srflx raddr 10.0.0.1 rport 49152",
        "a=rtpmap:104 SILK/16000", "a=rtpmap:9 G722/8000", "a=rtpmap:13 CN/8000",
        "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20",
    ),
    hold="inactive",
    transfer_end="bye at once",
    refresh="INVITE",
    session="3600",
    reason='Q.850;cause=16;text="6fca0a60-eb32-4ef9-b2e3-5d5a4fcbd9fb;Normal call clearing"',
    encrypted=True,
)  # fmt: skip

TWILIO = Profile(
    "Twilio",
    settings="twilio",
    transport="tls",
    caller='"+14155550100" <sip:+14155550100@acme.pstn.twilio.com>;tag={tag}',
    caller_number="+14155550100",
    contact="<sip:+14155550100@{host}:{port};transport=tls>",
    headers=(
        "User-Agent: Twilio Gateway", "Allow: INVITE,ACK,CANCEL,BYE,REFER,NOTIFY,OPTIONS",
        "X-Twilio-AccountSid: AC00000000000000000000000000000000", "X-Twilio-CallSid: CA0000000000000000000000000000",
        "Diversion: <sip:+18005550100@public-vip.us1.twilio.com>;reason=unconditional",
    ),
    payloads="0 8 101",
    attributes=("a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=maxptime:20"),
    hold="sendonly",
    transfer_end="notify",
    refresh="INVITE",
    reason='Q.850;cause=16;text="Normal call clearing"',
    encrypted=True,
)  # fmt: skip

TELNYX = Profile(
    "Telnyx",
    settings="telnyx",
    transport="tcp",
    caller='"+13125550100" <sip:+13125550100@sip.telnyx.com>;tag={tag}',
    caller_number="+13125550100",
    contact="<sip:+13125550100@{host}:{port};transport=tcp>",
    headers=(
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REFER, NOTIFY",
        "Supported: timer, path, replaces", "Session-Expires: 1800;refresher=uac", "Min-SE: 120",
        "P-Asserted-Identity: <sip:+13125550100@sip.telnyx.com>", "X-Telnyx-Session-ID: 2f1b6c9a",
        "Record-Route: <sip:{host}:{port};transport=tcp;r2=on;lr>",
    ),
    payloads="9 0 8 101",
    hold="sendonly",
    transfer_end="notify",
    refresh="UPDATE",
    reason='Q.850;cause=16;text="NORMAL_CLEARING"',
)  # fmt: skip

THREE_CX = Profile(
    "3CX",
    settings="3cx",
    caller='"Ann" <sip:101@{host}:{port}>;tag={tag}',
    caller_number="101",
    contact="<sip:101@{host}:{port}>",
    headers=(
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REGISTER, SUBSCRIBE, NOTIFY, REFER, INFO, MESSAGE, UPDATE",
        "Supported: replaces, timer", "User-Agent: 3CXPhoneSystem 20.0.5.551",
        'Remote-Party-ID: "Ann" <sip:101@{host}:{port}>;party=calling',
    ),
    payloads="0 8 9 101",
    hold="0.0.0.0",
    transfer_end="notify and bye",
    refresh="INVITE",
    reason='SIP;cause=200;text="Call completed"',
)  # fmt: skip

IMS = Profile(
    "IMS",
    caller="<sip:+4930555010@ims.mnc001.mcc262.3gppnetwork.org;user=phone>;tag={tag}",
    caller_number="+4930555010",
    contact='<sip:{host}:{port}>;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"',
    headers=(
        "Supported: 100rel, timer, precondition, histinfo", "Session-Expires: 1800", "Min-SE: 600",
        "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, INFO, NOTIFY, REFER, MESSAGE",
        "Accept-Contact: *;audio;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"",
        "P-Asserted-Identity: <sip:+4930555010@ims.mnc001.mcc262.3gppnetwork.org;user=phone>, <tel:+4930555010>",
        "P-Charging-Vector: icid-value=7f3b8e21;orig-ioi=home1.net",
        "P-Early-Media: supported", "Feature-Caps: *;+g.3gpp.srvcc",
        "Record-Route: <sip:{host}:{port};lr>",
    ),
    payloads="96 97 8 101",
    attributes=(
        "a=rtpmap:96 AMR-WB/16000", "a=fmtp:96 mode-change-capability=2;max-red=0", "a=rtpmap:97 AMR/8000",
        "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "b=AS:49", "a=maxptime:240", "a=ptime:20",
    ),
    changed_payloads="0 101",
    hold="sendonly",
    digit="info",
    transfer_end="notify",
    refresh="UPDATE",
    reason='Q.850;cause=16;text="Normal call clearing"',
)  # fmt: skip

SYSTEMS = [ASTERISK, FREESWITCH, CUCM, TEAMS, TWILIO, TELNYX, THREE_CX, IMS]
