"""Opens ONNX models for many calls on few cores: one thread per run, no spinning."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def open_session(model: Path | bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session that several threads may run at once. No spinning: idle threads must not eat a core.

    :param model: path of the model, or its bytes
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
