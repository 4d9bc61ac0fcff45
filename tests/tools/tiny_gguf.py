"""Writes a tiny language model: llama architecture, random weights, a byte vocabulary with real FIM markers.

No code model with fill-in-the-middle tokens is small or free enough to ship, so the formats are
tested on these (about 150 KB each). What they say is noise, but the same noise for the same tokens:
cached against fresh and batched against lone evaluation can be compared.

    tiny_gguf.py OUT.gguf [--family NAME] [--seed N]
"""

import argparse

import gguf
import numpy

# Spellings as the families' own tokenizers have them; kept apart from src/model/fim.c on purpose.
FAMILIES = {
    "none": [],
    "qwen": ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>",
             "<|file_sep|>"],
    "codegemma": ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"],
    "starcoder2": ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<repo_name>",
                   "<file_sep>"],
    "granite": ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<reponame>",
                "<filename>"],
    "deepseek": ["<\uff5cfim\u2581begin\uff5c>", "<\uff5cfim\u2581hole\uff5c>",
                 "<\uff5cfim\u2581end\uff5c>"],
    "codestral": ["[PREFIX]", "[SUFFIX]"],
    # Spellings nobody knows; only the metadata says which token is which.
    "stated": ["<<before>>", "<<after>>", "<<here>>"],
}
MERGES = ["r e", "re t", "Ġ Ġ", "ĠĠ ĠĠ", "i n", "Ġ in", "s e", "l f", "se lf"]
LAYERS, WIDTH, HEADS, FEED_FORWARD, CONTEXT = 2, 32, 2, 64, 1024


def byte_letters():
    """GPT-2's reversible map of bytes to visible characters."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in visible}
    for byte in range(256):
        letters.setdefault(byte, chr(256 + len(letters) - len(visible)))
    return [letters[byte] for byte in range(256)]


def vocabulary(markers):
    tokens = byte_letters() + [merge.replace(" ", "") for merge in MERGES]
    types = [gguf.TokenType.NORMAL] * len(tokens)
    for marker in ["<|endoftext|>", *markers]:
        tokens.append(marker)
        types.append(gguf.TokenType.CONTROL)
    return tokens, types


def add_weights(writer, vocab_size, seed):
    source = numpy.random.default_rng(seed)

    def add(name, *shape):
        # Wide enough that the next token depends on the context, not on the embedding alone.
        weights = source.normal(0, 1.5 / shape[-1] ** 0.5, shape)
        writer.add_tensor(name, weights.astype(numpy.float32))

    add("token_embd.weight", vocab_size, WIDTH)
    add("output.weight", vocab_size, WIDTH)
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, dtype=numpy.float32))
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{block}{name}.weight", WIDTH, WIDTH)
        add(f"{block}ffn_gate.weight", FEED_FORWARD, WIDTH)
        add(f"{block}ffn_up.weight", FEED_FORWARD, WIDTH)
        add(f"{block}ffn_down.weight", WIDTH, FEED_FORWARD)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{name}.weight", numpy.ones(WIDTH, dtype=numpy.float32))


def write(path, family, seed):
    markers = FAMILIES[family]
    tokens, types = vocabulary(markers)
    end = tokens.index("<|endoftext|>")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"tiny {family}")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(MERGES)
    writer.add_eos_token_id(end)
    writer.add_bos_token_id(end)
    writer.add_add_bos_token(family == "codestral")
    if family == "stated":
        for key, marker in zip(("pre", "suf", "mid"), markers):
            writer.add_uint32(f"tokenizer.ggml.fim_{key}_token_id", tokens.index(marker))
    add_weights(writer, len(tokens), seed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--family", choices=sorted(FAMILIES), default="qwen")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(arguments.path, arguments.family, arguments.seed)


if __name__ == "__main__":
    main()
