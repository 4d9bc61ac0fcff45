"""Completions in every dialect, streams, feedback and cancellation."""

import json
import socket
import threading
import time
import tomllib
import uuid

import openai
import pytest

from server import ROOT

MAIN = "from pkg.store import Store\n\n\ndef run(path):\n    store = Store(path)\n    store.load_"


def complete(server, tree, text=MAIN, **body):
    lines = text.split("\n")
    return server.complete(tree / "pkg" / "new.py", text, len(lines) - 1, len(lines[-1]), **body)


def events_of(reply):
    """The events of a stream as (name, data) pairs."""
    found, name = [], None
    for line in reply.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            found.append((name, line[6:]))
            name = None
    return found


def test_native__the_repository_completes_a_name_it_knows(server, repository, tree):
    reply = complete(server, tree, options={"model": "instant"})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["completions"][0]["text"].startswith("items()")
    assert body["completions"][0]["source"] == "fallback"
    assert body["metadata"]["model_used"] == "instant"
    assert any(s["file"] == "pkg/store.py" or s["file"] == "pkg/main.py"
               for s in body["metadata"]["context_sources"])


def test_native__the_model_answers_where_the_repository_knows_nothing(server, repository, tree):
    body = complete(server, tree, "zzz_qqq_unheard = ").json()
    assert body["metadata"]["model_used"] == "fake"
    assert body["metadata"]["status"] == "success"
    assert body["metadata"]["state"] == "delivered"
    assert body["metadata"]["tokens_used"]["prompt"] > 0


def test_native__the_definition_of_an_import_is_in_the_context(server, repository, tree):
    body = complete(server, tree, MAIN[:-len("store.load_")] + "x = Store(", options={"return_context": True}).json()
    kept = [(s["type"], s["file"]) for s in body["metadata"]["context_sources"] if s["kept"]]
    assert ("import", "pkg/store.py") in kept or ("symbol", "pkg/store.py") in kept, kept


def test_native__insert_range_is_the_position(server, repository, tree):
    item = complete(server, tree, options={"model": "instant"}).json()["completions"][0]
    assert item["insert_range"]["start"] == item["insert_range"]["end"] == {"line": 5, "character": 15}


def test_native__crlf_documents_get_crlf_answers(server, repository, tree):
    text = "def save(self):\r\n    with open(self.path, \"w\", encoding=\"utf-8\") as file:"
    body = server.complete(tree / "pkg" / "new.py", text, 1, len(text.split("\r\n")[1]),
                           options={"model": "instant", "multiline": "always"}).json()
    for item in body["completions"]:
        assert item["text"].count("\n") == item["text"].count("\r\n")


def test_native__a_position_past_the_end_is_refused(server, repository, tree):
    reply = server.complete(tree / "pkg" / "main.py", "a\nb\n", 99, 0)
    assert reply.status_code == 400
    assert reply.json()["code"] == "position_out_of_range"


def test_native__utf16_positions_count_surrogate_pairs_as_two(server, repository, tree):
    text = "x = '😀'; store.load_"
    body = server.complete(tree / "pkg" / "new.py", text, 0, len(text) + 1, options={"model": "instant"}).json()
    assert body["completions"][0]["text"].startswith("items()")


def test_native__types_not_served_yet_say_so(server):
    reply = server.complete("/x.py", "a", 0, 1, completion_type="agent")
    assert (reply.status_code, reply.json()["code"]) == (501, "not_supported")


def test_native__an_unknown_repository_is_not_found(server):
    reply = server.complete("/x.py", "a", 0, 1, repository_id=str(uuid.uuid4()))
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


REPEATED = "def first(path):\n    one = load(path)\n    two = check(one)\n    three = two + 1\n    return three\n\n\n"


def streamed(server, text, **options):
    """The events of one native stream after `text`, with their data decoded."""
    lines = text.split("\n")
    with server.http.stream("POST", "/v1/completions/stream", json={
            "request_id": str(uuid.uuid4()), "user_id": "me", "completion_type": "fim",
            "document": {"uri": "file:///t.py", "content": text},
            "position": {"line": len(lines) - 1, "character": len(lines[-1])},
            "options": {"max_tokens": 60, "multiline": "always", **options}}) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        return [(name, json.loads(data)) for name, data in events_of(reply)]


def test_stream__events_come_in_order_and_deltas_are_a_prefix(server, repository, tree):
    events = streamed(server, REPEATED + REPEATED.split("    two")[0].replace("first", "second"), model="fake")
    names = [name for name, _ in events]
    assert names[0] == "start" and names[-1] == "done"
    assert names.count("done") == 1 and "error" not in names
    texts, finals = {}, {}
    for name, data in events:
        if name == "delta":
            assert data["id"] not in finals, "a delta after its item"
            texts[data["id"]] = texts.get(data["id"], "") + data["text"]
        if name == "item":
            finals[data["id"]] = data["text"]
    assert texts and all(texts.values())
    for written, text in texts.items():
        assert finals[written].startswith(text)


def test_stream__a_line_goes_out_when_it_is_complete_and_none_is_taken_back(server):
    body = {"input_prefix": REPEATED + "def second(path):\n    one = load(path)\n",
            "prompt": "    two = check(one)\n    ", "input_suffix": "\n", "n_predict": 60, "model": "fake"}
    whole = server.http.post("/infill", json=body).json()["content"]
    assert whole == "three = two + 1\n    return three"  # the fake copies
    with server.http.stream("POST", "/infill", json={**body, "stream": True}) as reply:
        parts = [json.loads(data)["content"] for _, data in events_of(reply)]
    assert parts == ["three = two + 1", "\n    return three", ""]


def test_stream__faults_of_the_body_are_an_ordinary_reply(server):
    reply = server.http.post("/v1/completions/stream", json={"request_id": "x"})
    assert reply.status_code == 400
    assert reply.headers["content-type"].startswith("application/problem+json")


def openai_client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)


def test_openai__the_official_client_completes(server):
    reply = openai_client(server).completions.create(model="fake", prompt="def f(", max_tokens=8)
    assert reply.object == "text_completion" and len(reply.choices) == 1
    assert reply.choices[0].text and reply.choices[0].finish_reason in ("stop", "length")
    assert reply.usage.completion_tokens > 0


def test_openai__suffix_makes_it_a_completion_at_a_cursor(server):
    reply = openai_client(server).completions.create(
        model="fake", prompt="zz_one = (", suffix=")\n", max_tokens=16, temperature=0)
    assert len(reply.choices) == 1 and not reply.choices[0].text.endswith(")")


def test_openai__streams_are_read_by_the_official_client(server):
    client = openai_client(server)
    whole = client.completions.create(model="fake", prompt="a b c d", max_tokens=12, temperature=0)
    chunks = list(client.completions.create(model="fake", prompt="a b c d", max_tokens=12, temperature=0,
                                            stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] in ("stop", "length")


def test_openai__several_prompts_and_candidates_are_numbered_through(server):
    reply = openai_client(server).completions.create(
        model="fake", prompt=["one two", "three four"], n=2, temperature=1, seed=1, max_tokens=4)
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]


def test_openai__logprobs_have_one_entry_a_token(server):
    choice = openai_client(server).completions.create(
        model="fake", prompt="a b c", max_tokens=6, logprobs=2).choices[0]
    assert len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs) > 0


def test_openai__errors_have_its_shape(server):
    with pytest.raises(openai.BadRequestError) as refused:
        openai_client(server).completions.create(model="fake", prompt=[1, 2], max_tokens=4)
    assert refused.value.body["code"] == "validation_failed"


def test_openai__models_are_listed(server):
    names = [model.id for model in openai_client(server).models.list()]
    assert "fake" in names and "instant" in names


def test_tabby__segments_get_one_choice(server, repository):
    reply = server.http.post("/v1/completions", json={
        "language": "python", "segments": {"prefix": MAIN, "suffix": "\n", "filepath": "pkg/new.py"}})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert [choice["index"] for choice in body["choices"]] == [0]
    assert body["choices"][0]["text"].startswith("items()")


def test_dialects__none_or_two_at_once_are_refused(server):
    assert server.http.post("/v1/completions", json={"x": 1}).json()["code"] == "unknown_dialect"
    both = {"document": {"uri": "file:///a"}, "prompt": "x"}
    assert server.http.post("/v1/completions", json=both).json()["code"] == "ambiguous_dialect"


def test_infill__answers_like_llama_server(server, repository):
    body = server.http.post("/infill", json={
        "input_prefix": MAIN[:-len("    store.load_")], "prompt": "    store.load_", "input_suffix": "\n",
        "n_predict": 16, "t_max_predict_ms": 500}).json()
    assert body["content"] and body["model"] in ("fake", "instant")
    assert body["stop"] is True and set(body["timings"]) >= {"prompt_n", "predicted_ms"}


def test_infill__response_fields_keep_their_slashes(server):
    body = server.http.post("/infill", json={
        "input_prefix": "zz", "input_suffix": "", "n_predict": 4,
        "response_fields": ["content", "timings/prompt_n", "no/such"]}).json()
    assert set(body) == {"content", "timings/prompt_n"}
    assert server.http.post("/infill", json={"input_prefix": "zz", "input_suffix": "", "n_predict": 4,
                                             "response_fields": []}).json() == {}


def test_infill__warming_up_answers_with_nothing(server):
    body = server.http.post("/infill", json={"input_prefix": "abc", "input_suffix": "", "n_predict": 0}).json()
    assert body["content"] == ""


def test_feedback__accept_then_modify(server, repository, tree):
    done = complete(server, tree, options={"model": "instant"}).json()
    path = f"/v1/completions/{done['request_id']}/feedback"
    text = done["completions"][0]["text"]
    assert server.http.post(path, json={"accepted": True}).status_code == 204
    assert server.http.post(path, json={"accepted": True}).status_code == 204  # repeated: nothing changes
    assert server.http.post(path, json={"modified_text": text + "!"}).status_code == 204
    late = server.http.post(path, json={"accepted": False})
    assert late.status_code in (204, 409)


def test_feedback__unknown_requests_and_empty_bodies(server):
    path = f"/v1/completions/{uuid.uuid4()}/feedback"
    assert server.http.post(path, json={"accepted": True}).status_code == 404
    assert server.http.post(path, json={}).status_code == 400


def test_request_id__is_echoed_and_a_running_one_is_not_taken_twice(server, repository, tree):
    request_id = str(uuid.uuid4())
    assert complete(server, tree, request_id=request_id).json()["request_id"] == request_id
    replies = []

    def ask(ready, again):
        ready.wait()
        replies.append(complete(server, tree, "zzz_qqq_unheard = ", request_id=again))

    for _ in range(100):  # how two of them meet is up to the scheduler: until they do
        ready, again = threading.Barrier(4), str(uuid.uuid4())
        threads = [threading.Thread(target=ask, args=(ready, again)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if any(reply.status_code == 409 for reply in replies):
            break
    assert {(reply.status_code, reply.json().get("code")) for reply in replies} == {
        (200, None), (409, "request_in_progress")}


def metric(server, series):
    return next((float(line.rsplit(" ", 1)[1]) for line in server.http.get("/metrics").text.splitlines()
                 if line.startswith(series + " ")), 0)


def test_cancel__a_client_that_leaves_frees_the_model(server):
    """A long generation is begun and its connection cut: the model stops it, and its slot is free again."""
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"prompt": "never ending story " * 50, "max_tokens": 4000, "stream": True}).encode()
    stopped = 'cm_model_requests_total{model="fake",outcome="stopped"}'
    before = metric(server, stopped)
    give_up = time.monotonic() + 60
    while metric(server, stopped) == before:  # one may end by itself before its client is missed
        assert time.monotonic() < give_up
        with socket.create_connection((host, int(port))) as link:
            link.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
            link.recv(1)
        while metric(server, 'cm_model_slots{model="fake",use="busy"}') > 0 or metric(server, "cm_completions_in_flight") > 0:
            assert time.monotonic() < give_up
    assert metric(server, 'cm_model_requests_waiting{model="fake"}') == 0
    assert metric(server, 'cm_completions_total{origin="none",outcome="cancelled"}') >= 1


@pytest.mark.parametrize("text, options, reason", [
    (MAIN, {"model": "instant"}, "asked for by the client"),
    ("zzz_qqq_unheard = ", {}, "nothing like it in the repository"),
    ("zzz_qqq_unheard = ", {"model": "fake"}, "nothing like it in the repository"),
    (REPEATED * 3 + "def first(path):\n    one = load(pa", {}, "the repository is sure"),
    (REPEATED * 3 + REPEATED.split("    two")[0], {}, "the repository is not sure enough"),
])
def test_routing__the_reason_says_which_row_it_was(server, repository, tree, text, options, reason):
    metadata = complete(server, tree, text, options=options).json()["metadata"]
    assert metadata["routing_reason"] == reason
    assert (metadata["model_used"] == "instant") == (reason in ("asked for by the client", "the repository is sure"))


def test_metrics__each_completion_is_counted_by_origin_and_outcome(server, repository, tree):
    delivered = {origin: f'cm_completions_total{{origin="{origin}",outcome="delivered"}}' for origin in ("instant", "model")}
    before = {origin: metric(server, series) for origin, series in delivered.items()}
    seconds = 'cm_completion_seconds_count{origin="instant"}'
    stage, timed = 'cm_completion_stage_seconds_count{stage="infer"}', metric(server, seconds)
    staged = metric(server, stage)
    done = complete(server, tree, options={"model": "instant"}).json()
    complete(server, tree, "zzz_qqq_unheard = ")
    assert metric(server, delivered["instant"]) == before["instant"] + 1
    assert metric(server, delivered["model"]) == before["model"] + 1
    assert metric(server, seconds) == timed + 1 and metric(server, stage) == staged + 2
    accepted = 'cm_completion_feedback_total{verdict="accepted"}'
    judged = metric(server, accepted)
    for _ in range(2):  # the second says the same
        server.http.post(f"/v1/completions/{done['request_id']}/feedback", json={"accepted": True})
    assert metric(server, accepted) == judged + 1


def test_metrics__the_model_shows_state_memory_slots_and_tokens(server):
    def tokens(kind):
        return metric(server, f'cm_model_tokens_total{{model="fake",kind="{kind}"}}')

    assert metric(server, 'cm_model_state{model="fake",state="ready"}') == 1
    assert metric(server, 'cm_model_state{model="fake",state="loading"}') == 0
    assert metric(server, 'cm_model_memory_bytes{model="fake",part="cache"}') > 0
    assert metric(server, 'cm_model_slots{model="fake",use="all"}') >= 1
    prompt = "".join(f"word{i} " for i in range(100))
    before = {kind: tokens(kind) for kind in ("read", "cached", "written")}
    hits, ended = metric(server, 'cm_model_prefix_hits_total{model="fake"}'), 'cm_model_requests_total{model="fake",outcome="ended"}'
    count = metric(server, ended)
    for _ in range(2):
        assert server.http.post("/v1/completions", json={"prompt": prompt, "max_tokens": 4}).status_code == 200
    assert tokens("read") > before["read"] and tokens("written") >= before["written"] + 2
    assert tokens("cached") >= before["cached"] + 100  # the second prompt is the first one
    assert metric(server, 'cm_model_prefix_hits_total{model="fake"}') >= hits + 1
    assert metric(server, ended) == count + 2


def test_metrics__every_one_declared_for_completions_and_models_is_shown(server, repository, tree):
    complete(server, tree)
    declared = [row["name"] for row in tomllib.loads((ROOT / "spec" / "metrics.toml").read_text())["metric"]]
    text = server.http.get("/metrics").text
    silent = [name for name in declared if name.startswith(("cm_completion", "cm_model"))
              and not any(line.startswith((name + "{", name + " ", name + "_bucket{")) for line in text.splitlines())]
    assert silent in ([], ["cm_completion_feedback_total"])  # nobody may have judged one yet
