"""The REST API: Vapi's paths, bodies and errors over the store and the gateways that are attached."""
