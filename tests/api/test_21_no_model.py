"""Without a usable model: raw text gets a clear error, a cursor still gets the instant tier, nothing dies."""

import json

import pytest

from server import Server


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with Server(folder, "--set", f"model.path={folder / 'cut.gguf'}", fake=False) as running:
        yield running


@pytest.mark.parametrize("stream, status", [(False, 503), (True, 200)])
def test_api_no_model__raw_text_is_refused_with_a_reason(broken, stream, status):
    """A stream has begun when the model is asked, so there the error is its one event."""
    body = {"prompt": "int main(void) {", "max_tokens": 4, "stream": stream}
    reply = broken.http.post("/v1/completions", json=body)
    assert reply.status_code == status, reply.text
    error = json.loads(reply.text.removeprefix("data: ").split("\n")[0])["error"]
    assert error["code"] in ("model_unavailable", "model_not_loaded")
    assert broken.http.get("/livez").status_code == 200


def test_api_no_model__infill_answers_without_one(broken):
    reply = broken.http.post("/infill", json={"input_prefix": "def f(", "input_suffix": ")\n"})
    assert reply.status_code == 200, reply.text
    assert broken.http.get("/livez").status_code == 200
