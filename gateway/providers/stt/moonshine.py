"""Moonshine tiny (int8): recognition of speech of any length.

An encoder over the raw samples and a decoder that is asked for one token at a time (greedy). Its work grows with the
length of the speech, where Whisper's is always that of 30 s. It is poor at digit strings and very short answers: see
`gateway.providers.stt.embedded`. Architecture: Jeffries et al., "Moonshine", arXiv:2410.15608.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from gateway.models import model_path
from gateway.providers.base import TranscriptHint
from gateway.providers.onnx import open_session
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Samples

_START, _END = 1, 2
_LAYERS, _HEADS, _HEAD_SIZE = 6, 8, 36
_TOKENS_PER_SECOND = 6.5  # section 3.2 of the paper: more than that is a repetition
_SHORTEST = MODEL_RATE // 10


class Moonshine:
    """The loaded model.

    :raises ModelError: a model file is missing or damaged
    """

    def __init__(self, *, threads: int = 1) -> None:
        folder = model_path("moonshine-tiny")
        self._encoder = open_session(folder / "encoder_model.onnx", threads=threads)
        self._decoder = open_session(folder / "decoder_model_merged.onnx", threads=threads)
        self._tokenizer = Tokenizer.from_file(str(model_path("moonshine-tokenizer") / "tokenizer.json"))
        self._outputs = [output.name for output in self._decoder.get_outputs()]

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of a span of speech; empty for less than 100 ms. The hint is not used: the model has no prompt."""
        if len(samples) < _SHORTEST:
            return Hypothesis("", 0.0)
        (states,) = self._encoder.run(None, {"input_values": samples[np.newaxis]})
        limit = int(len(samples) / MODEL_RATE * _TOKENS_PER_SECOND) + 6
        tokens, log_probability = self._decode(states, limit)
        complete = len(tokens) < limit
        text = self._tokenizer.decode(tokens).strip()
        return Hypothesis(text, float(np.exp(log_probability / (len(tokens) + 1))) if text else 0.0, complete)

    def _decode(self, states: Samples, limit: int) -> tuple[list[int], float]:
        """Greedy decoding: the tokens without start and end, and the sum of their log probabilities."""
        cache = self._empty_cache()
        encoded = onnxruntime.OrtValue.ortvalue_from_numpy(states)
        token, log_probability = _START, 0.0
        tokens: list[int] = []
        while len(tokens) < limit:
            feed = {
                "input_ids": onnxruntime.OrtValue.ortvalue_from_numpy(np.array([[token]], dtype=np.int64)),
                "encoder_hidden_states": encoded,
                "use_cache_branch": onnxruntime.OrtValue.ortvalue_from_numpy(np.array([bool(tokens)])),
                **cache,
            }
            logits, *present = self._decoder.run_with_ort_values(self._outputs, feed)
            scores = logits.numpy()[0, -1]
            token = int(scores.argmax())
            log_probability -= float(np.log(np.exp(scores - scores[token]).sum()))
            if token == _END:
                break
            self._remember(cache, present, first=not tokens)
            tokens.append(token)
        return tokens, log_probability

    def _empty_cache(self) -> dict[str, onnxruntime.OrtValue]:
        empty = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((0, _HEADS, 1, _HEAD_SIZE), dtype=np.float32))
        return {name.replace("present", "past_key_values"): empty for name in self._outputs[1:]}

    @staticmethod
    def _remember(cache: dict[str, onnxruntime.OrtValue], present: list[onnxruntime.OrtValue], *, first: bool) -> None:
        """Keep the attention keys and values. Those of the encoder come once, in the first step."""
        new = dict(zip(cache, present, strict=True))
        cache.update({name: value for name, value in new.items() if first or ".decoder." in name})
