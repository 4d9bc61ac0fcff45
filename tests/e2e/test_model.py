"""The real default model in the real server, and once more where no network exists at all."""

import os
import shutil
import subprocess
import time
import uuid

import httpx
import openai
import pytest

from server import Server, small_repository

MODEL = os.environ.get("CODEMENTOR_MODEL", "")

pytestmark = pytest.mark.skipif(not os.path.exists(MODEL), reason="script/bootstrap has fetched no model")


def wait_for_model(http, seconds=120):
    give_up = time.monotonic() + seconds
    while http.get("/readyz").json()["checks"]["model"] != "ok":
        assert time.monotonic() < give_up, "the model did not load"
        time.sleep(0.05)  # between two looks; the reply decides


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), "--set", f"model.path={MODEL}", "--set",
                "model.max_prompt_ms=4000", "--set", "model.max_predict_ms=8000", fake=False) as running:
        wait_for_model(running.http)
        yield running


def infill(http):
    body = http.post("/infill", json={
        "input_prefix": "def add(a, b):\n    return a + b\n\ndef subtract(a, b):\n    return", "input_suffix": "\n",
        "n_predict": 12, "temperature": 0}, headers={"X-CodeMentor-Deadline-Ms": "60000"}).json()
    return body


def test_model__writes_what_follows(server):
    body = infill(server.http)
    assert "a - b" in body["content"] or "a" in body["content"]
    assert body["model"].startswith("smollm2") or body["model"] == "instant"


def test_model__the_openai_client_works_unchanged(server):
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)
    extra = {"extra_headers": {"X-CodeMentor-Deadline-Ms": "60000"}}
    whole = client.completions.create(model="any", prompt="The capital of France is", max_tokens=4, temperature=0,
                                      **extra)
    assert "Paris" in whole.choices[0].text
    chunks = client.completions.create(model="any", prompt="The capital of France is", max_tokens=4, temperature=0,
                                       stream=True, **extra)
    assert "".join(c.text for chunk in chunks for c in chunk.choices) == whole.choices[0].text
    filled = client.completions.create(model="any", prompt="def area(radius):\n    return ", suffix="\n", max_tokens=12,
                                       temperature=0, **extra)
    assert filled.choices[0].finish_reason in ("stop", "length")


def test_model__the_same_prompt_is_found_in_the_cache(server):
    first, again = infill(server.http), infill(server.http)
    if first["model"] != "instant":
        assert again["tokens_cached"] > 0 and again["content"] == first["content"]


def test_model__works_with_no_network_at_all(tmp_path):
    """In an empty network namespace nothing can leave the machine: all that is needed is in the binary and its files."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode != 0:
        pytest.skip("network namespaces are not allowed here")
    tree = small_repository(tmp_path / "tree")

    class Alone(Server):
        def command(self, *arguments):
            inside = 'ip link set lo up && exec "$@"'
            return ["unshare", "-n", "sh", "-c", inside, "sh", *super().command(*arguments)]

    with Alone(tmp_path, "--set", f"model.path={MODEL}", "--repository", str(tree), fake=False) as alone:
        transport = httpx.HTTPTransport(uds=str(alone.data / "run" / "codementor.sock"))
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=120, trust_env=False) as http:
            alone.http = http
            wait_for_model(http)
            (repository,) = [r["repo_id"] for r in http.get("/v1/repositories").json()["items"]]
            alone.wait_indexed(repository)
            reply = http.post("/v1/completions", json={
                "request_id": str(uuid.uuid4()), "user_id": "me", "completion_type": "fim",
                "document": {"uri": f"file://{tree}/pkg/new.py", "content": "store = Store(1)\nstore.load_"},
                "position": {"line": 1, "character": 11}, "options": {"model": "instant"}}).json()
            assert reply["completions"][0]["text"].startswith("items()")
            assert "a" in infill(http)["content"]
