"""The embedding model as GGUF: names, types and vocabulary that llama.cpp insists on."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps" / "models" / "minilm"
sys.path.insert(0, str(ROOT / "tools"))

gguf = pytest.importorskip("gguf")
import minilm_gguf  # noqa: E402


@pytest.fixture(scope="module")
def reader():
    return gguf.GGUFReader(MODEL / "all-minilm-l6-v2-f16.gguf")


def test_minilm__has_101_tensors_of_the_right_types(reader):
    types = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert len(types) == minilm_gguf.TENSORS
    assert types["token_embd.weight"] == types["blk.5.ffn_down.weight"] == "F16"
    assert types["position_embd.weight"] == types["blk.0.attn_q.bias"] == "F32"


def test_minilm__vocabulary_is_one_to_one(reader):
    field = reader.fields["tokenizer.ggml.tokens"]
    tokens = [bytes(field.parts[index]).decode() for index in field.data]
    assert len(tokens) == len(set(tokens)) == 30522
    assert tokens[101] == "[CLS]" and tokens[1996] == "\u2581the"


def test_minilm__weights_are_the_ones_of_the_source(reader):
    source = minilm_gguf.read_safetensors(MODEL / "model.safetensors")
    want = source["encoder.layer.3.attention.self.key.weight"].astype(np.float16)
    tensor = next(t for t in reader.tensors if t.name == "blk.3.attn_k.weight")
    assert np.array_equal(tensor.data, want)


def test_token_text__wordpiece_to_phantom_space():
    assert minilm_gguf.token_text("##ing") == "ing"
    assert minilm_gguf.token_text("the") == "\u2581the"
    assert minilm_gguf.token_text("[unused7]") == "[unused7]"
    assert [minilm_gguf.token_type(t) for t in ("[PAD]", "[UNK]", "[unused7]", "a")] == [3, 2, 5, 1]
