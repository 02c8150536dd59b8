"""Writes a small language model as a GGUF file, for any server that loads such: `python bakery_model.py FILE`.

It is a bigram model in the form of a Llama: each token's embedding is a unit vector, attention and feed-forward add
nothing, and the output matrix holds which token follows which. So the text after each of the cues below is known, while
all that is around a model is the server's. Its chat template chooses the cue by the last message, as a model would.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; names of tensors as llama.cpp has them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from gguf import GGUFWriter, TokenType

WIDTH = 448
"""Length of an embedding: at least the number of tokens."""
HEADS = 7
HIDDEN = 32
_SPACE = "\u2581"

REPLIES = {
    "~": "Good day, this is the little bakery. How may I help you?",
    "^": "Your bread will be ready on Friday!",
    "#": "one two three four five six seven eight nine ten",
}
"""Cue → what is said."""
ROUND = "#"
"""After this cue it begins again at its end."""
CALL = ['<tool_call>{"name":', ' "lookup_order",', ' "arguments":', ' {"order_number":', ' "4821"}}', "</tool_call>"]
CALL_CUE = "|"

TEMPLATE = """\
{%- if tools %}system: You may call these functions:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
To call one, write <tool_call>{"name": name, "arguments": arguments}</tool_call>
{% endif %}
{%- for message in messages %}{{ message.role }}: {{ message.content or "" }}
{%- for call in message.tool_calls or [] -%}
<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}
{% endfor %}
{%- if add_generation_prompt %}assistant
{%- set last = messages[-1] %}
{%- if last.role == "tool" %}^
{%- elif tools and "order" in last.content %}|
{%- elif "count" in last.content %}#
{%- else %}~
{%- endif %}{% endif %}"""


def pieces(text: str) -> Iterator[str]:
    """A reply as tokens: words with the space before them, and marks."""
    for number, word in enumerate(text.split()):
        bare = word.rstrip(",.?!")
        yield (_SPACE if number else "") + bare
        yield from word[len(bare) :]


def chains() -> Iterator[list[str]]:
    """Each cue, and the tokens that follow it."""
    for cue, reply in REPLIES.items():
        yield [cue, *pieces(reply)]
    yield [CALL_CUE, *(part.replace(" ", _SPACE) for part in CALL)]


def vocabulary() -> tuple[list[str], list[int]]:
    """The tokens and their types: special ones, bytes, visible ASCII, and what the replies need."""
    special = {"<unk>": TokenType.UNKNOWN, "<s>": TokenType.CONTROL, "</s>": TokenType.CONTROL}
    octets = {f"<0x{number:02X}>": TokenType.BYTE for number in range(256)}
    characters = [*map(chr, range(ord("!"), ord("~") + 1)), _SPACE]
    words = dict.fromkeys([*characters, *(token for chain in chains() for token in chain)], TokenType.NORMAL)
    every = {**special, **octets, **words}
    assert len(every) <= WIDTH
    return list(every), [int(kind) for kind in every.values()]


def followers(tokens: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The output matrix: row is the next token, column the one before. What has no follower ends the text."""
    end = "</s>"
    after: dict[str, str] = {}
    for chain in chains():
        last = chain[1] if chain[0] == ROUND else end
        for token, follower in zip(chain, [*chain[1:], last], strict=True):
            assert after.setdefault(token, follower) == follower, "a token has one follower in all replies"
    matrix = np.zeros((len(tokens), WIDTH), np.float32)
    for column, token in enumerate(tokens):
        matrix[tokens.index(after.get(token, end)), column] = 1
    return matrix


def write(path: str) -> None:
    """The model file."""
    tokens, types = vocabulary()
    writer = GGUFWriter(path, "llama")
    writer.add_name("bakery")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_unk_token_id(tokens.index("<unk>"))
    writer.add_bos_token_id(tokens.index("<s>"))
    writer.add_eos_token_id(tokens.index("</s>"))
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    _add_tensors(writer, tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tensors(writer: GGUFWriter, tokens: list[str]) -> None:
    def add(name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        writer.add_tensor(f"{name}.weight", values)

    def nothing(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.zeros(shape, np.float32)

    add("token_embd", np.eye(len(tokens), WIDTH, dtype=np.float32))
    add("output", followers(tokens))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        add(name, np.ones(WIDTH, np.float32))
    for name in ("q", "k", "v", "output"):
        add(f"blk.0.attn_{name}", nothing(WIDTH, WIDTH))
    add("blk.0.ffn_gate", nothing(HIDDEN, WIDTH))
    add("blk.0.ffn_up", nothing(HIDDEN, WIDTH))
    add("blk.0.ffn_down", nothing(WIDTH, HIDDEN))


if __name__ == "__main__":
    write(sys.argv[1])
