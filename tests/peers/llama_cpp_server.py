"""Serves a model file by llama.cpp over HTTP until it is told to end: MODEL PORT KEY CONTEXT_TOKENS."""

from __future__ import annotations

import signal
import sys

import xllamacpp


def main() -> None:
    model, port, key, context_tokens = sys.argv[1:]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.port = int(port)
    parameters.api_keys = [key]
    parameters.n_parallel = 2
    parameters.n_ctx = 2 * int(context_tokens)
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = 1
    parameters.use_jinja = True
    parameters.warmup = False
    parameters.endpoint_slots = True
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
