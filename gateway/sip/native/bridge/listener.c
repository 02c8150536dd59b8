/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

static pj_str_t text(const char *value)
{
    return pj_str((char *)value);
}

int parley_tls_listen_again(int transport, const parley_tls_listener *as)
{
    pjsua_transport_config config;
    pjsua_transport_config_default(&config);
    config.port = as->port;
    config.bound_addr = text(as->address);
    config.public_addr = text(as->public_address);
    config.tls_setting.ca_list_file = text(as->ca_file);
    config.tls_setting.cert_file = text(as->certificate_file);
    config.tls_setting.privkey_file = text(as->key_file);
    config.tls_setting.proto = as->protocols;
    config.tls_setting.verify_server = as->verify_server ? PJ_TRUE : PJ_FALSE;
    config.tls_setting.verify_client = as->verify_client ? PJ_TRUE : PJ_FALSE;
    config.tls_setting.require_client_cert = config.tls_setting.verify_client;
    config.tls_setting.enable_renegotiation = PJ_FALSE;
    config.tls_setting.timeout.sec = as->handshake_ms / 1000;
    config.tls_setting.timeout.msec = as->handshake_ms % 1000;
    return pjsua_transport_lis_restart(transport, &config);
}

int parley_tls_expect(int transport, const char *name)
{
    if (transport < 0 || transport >= (int)PJ_ARRAY_SIZE(pjsua_var.tpdata) || !pjsua_var.tpdata[transport].data.ptr)
        return PJ_EINVAL;
    return pjsip_tls_transport_expect(pjsua_var.tpdata[transport].data.factory, name);
}
