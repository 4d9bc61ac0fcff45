"""Requests that are wrong on purpose: each family makes raw HTTP bytes from a seeded random source, and knows the statuses
that may answer it. What a family makes is always wrong, so a 2xx is a failure as much as a 5xx is."""

import json
import random
import string
import uuid

ID = "018f6e5c-7d2a-7cc1-b1a4-0d5a3c9e8f21"
HOST = "127.0.0.1"


def request(method, path, headers=(), body=b"", host=HOST):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(path, body, *headers):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    return request("POST", path, ["Content-Type: application/json", *headers], body)


# ---- valid bodies to spoil

def native():
    return {"request_id": ID, "user_id": "u", "completion_type": "fim", "position": {"line": 0, "character": 0},
            "document": {"uri": "file:///a.py", "content": "x = 1\n", "language_id": "python"},
            "options": {"max_tokens": 8, "temperature": 0.5}, "context": {"open_files": [{"uri": "file:///b.py"}]}}


BODIES = [
    ("/v1/completions", native),
    ("/v1/completions/stream", native),
    ("/v1/completions", lambda: {"prompt": "def f(", "max_tokens": 4, "stop": ["x"], "stream": False}),
    ("/v1/completions", lambda: {"segments": {"prefix": "def f("}, "language": "python"}),
    (f"/v1/completions/{ID}/feedback", lambda: {"accepted": True, "kind": "all", "shown_at": []}),
    ("/v1/repositories/index", lambda: {"workspace_id": "default", "config": {"max_file_size_kb": 5}}),
    ("/v1/repositories", lambda: {"name": "n", "metadata": {}}),
    (f"/v1/repositories/{ID}/search", lambda: {"query": "q", "limit": 5, "filters": {"languages": ["c"]}}),
    ("/infill", lambda: {"input_prefix": "a", "input_suffix": "b", "input_extra": [{"text": "t"}], "stream": False}),
]
GETS = ["/livez", "/v1/repositories", f"/v1/repositories/{ID}", f"/v1/jobs/{ID}", "/v1/models", "/props", "/metrics"]


# ---- families: function(random) -> (bytes, statuses)

def bad_request_line(r):
    token = "".join(r.choices("abc@{}<>\"\x01\x7f/", k=r.randint(1, 12)))
    line = r.choice([
        f"{token} / HTTP/1.1", f"GET /livez HTTP/{r.randint(2, 9)}.{r.randint(0, 9)}", "GET /livez XTTP/1.1", f"GET {token}",
        "GET  /livez  HTTP/1.1 x", "\x00\x01\x02", "GET http://[ HTTP/1.1", f"GET {token} HTTP/1.1", "get / HTTP/1.1",
    ])
    return line.encode("latin-1") + f"\r\nHost: {HOST}\r\n\r\n".encode(), range(400, 500)


def bad_header(r):
    junk = "".join(r.choices(string.printable[:90], k=20))
    line = r.choice([
        "no colon here", ": no name", "Bad Name: x", "X\x00Y: z", "X: a\x00b", "X: a\x01b", "Content-Length: -1",
        "Content-Length: 5x", "Content-Length: 99999999999999999999", "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: chunked\r\nContent-Length: 3", "Transfer-Encoding: zip", "Host: second.example",
        f"@{junk}\x7f", " X: folded",
    ])
    raw = f"POST /v1/repositories HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{line}\r\n\r\n"
    return raw.encode("latin-1") + b"{}", range(400, 500)


def bad_chunk(r):
    chunk = r.choice([b"zz\r\n", b"-1\r\n", b"5\r\nabcdeX", b"fffffffffffffffff\r\n", b"5;\x00\r\nabcde\r\n0\r\n\r\n",
                      b"3\r\nab\r\n0\r\n\r\n\r\n\r\n", b"\r\n\r\n"])
    head = (f"POST /v1/repositories HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n")
    return head.encode() + chunk, range(400, 500)


def too_much(r):
    kind = r.randrange(3)
    if kind == 0:
        return request("GET", "/livez?" + "x" * r.randint(8200, 12000)), (414,)
    if kind == 1:
        return request("GET", "/livez", [f"X-{i}: {'y' * 1000}" for i in range(20)]), (431,)
    head = (f"POST /v1/repositories HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {r.randint(1048577, 2 ** 40)}\r\n\r\n")
    return head.encode(), (413,)


def wrong_host(r):
    host = r.choice(["evil.example", "localhost.evil.example", "127.0.0.1.evil", "0.0.0.0", "[::2]", "169.254.169.254", ""])
    return request("GET", r.choice(GETS), host=host), (400, 403)


def wrong_origin(r):
    origin = r.choice(["http://evil.example", "null", "https://127.0.0.1", "file://", "http://127.0.0.1:1"])
    path, body = r.choice(BODIES)
    return post(path, body(), f"Origin: {origin}"), (403,)


def no_such_path(r):
    path = r.choice(["/", "/v1", "/v1/", "/livez/", "/v2/completions", "//livez", "/v1/repositories/", "/../etc/passwd", "/%",
                     "/v1/repositories/%zz", "/v1/repositories/%00", "/v1/repositories/%ff", "/v1/jobs/none", "/v1/jobs/1",
                     f"/v1/jobs/{ID}x", f"/v1/repositories/{ID}/nothing", "/problems/nothing",
                     "/" + "".join(r.choices(string.ascii_letters + "/%._~-", k=r.randint(3, 40)))])
    return request("GET", path), (400, 404)


def wrong_method(r):
    path = r.choice(GETS)
    return request(r.choice(["PUT", "PATCH", "TRACE", "PROPFIND"]), path), (400, 405)


def wrong_type(r):
    path, body = r.choice(BODIES)
    kind = r.choice(["text/plain", "application/xml", "application/json; charset=latin1", "", "multipart/form-data", "json"])
    data = json.dumps(body()).encode()
    return request("POST", path, [f"Content-Type: {kind}"], data), (415,)


def wrong_accept(r):
    return request("GET", r.choice(GETS), [f"Accept: {r.choice(['text/css', 'image/*', 'application/json;q=0', ';'])}"]), (406,)


def wrong_encoding(r):
    path, body = r.choice(BODIES)
    return post(path, body(), f"Content-Encoding: {r.choice(['gzip', 'br', 'x'])}"), (415,)


def wrong_deadline(r):
    return request("GET", r.choice(GETS), [f"X-CodeMentor-Deadline-Ms: {r.choice(['x', '-1', '1e3', '', '9' * 30])}"]), (400,)


def wrong_query(r):
    query = r.choice(["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "archived=maybe", "q=%zz", "q=%00", "q=%ff",
                      "q=" + "x" * 300, "workspace_id=", "&".join(f"a{i}=1" for i in range(70))])
    return request("GET", f"/v1/repositories?{query}"), (400,)


def truncated_json(r):
    path, body = r.choice(BODIES)
    text = json.dumps(body()).encode()
    return post(path, text[:r.randint(1, len(text) - 1)]), (400,)


def broken_json(r):
    path, _ = r.choice(BODIES)
    body = r.choice([
        b"nul", b"{\"a\":01}", b"{\"a\":NaN}", b"{\"a\":Infinity}", b"{'a':1}", b"{\"a\":1,}", b"[1,]", b"{\"a\" 1}", b"\x00",
        b"{\"a\":1}{", b"{\"a\":1} x", b"\"", b"{\"a\":\"\x01\"}", b"{\"a\":\"\\x\"}", b"{\"a\":\"\\ud800\"}", b"{\"a\":1e999}",
        b"{\"a\":\"\xff\xfe\"}", b"{\"a\":1,\"a\":2}", b"[" * r.randint(65, 3000), b"{\"a\":" * 100, b" ", b"\xef\xbb\xbf",
        b"{\"a\":\"\\u0000\"}", b"// x\n{}", b"-", b"tr", b"{\"a\":" + b"[" * 64 + b"]" * 64 + b"}",
    ])
    return post(path, body), (400,)


def not_an_object(r):
    path, _ = r.choice(BODIES)
    return post(path, r.choice([b"[]", b"1", b"\"x\"", b"null", b"true", b"[{}]", b"1.5e3"])), (400,)


def empty_body(r):
    path, _ = r.choice(BODIES)
    return request("POST", path, ["Content-Type: application/json", "Content-Length: 0"]), (400,)


BAD_FIELDS = {
    "request_id": ["", "x", 5, ID + "0", ID.replace("-", "_")], "user_id": [5, "u" * 65, {}], "completion_type": ["outline", 5, ""],
    "document": [5, [], {}, {"uri": ""}, {"uri": "f" * 4097}, {"uri": "a", "version": -1}, {"uri": "a", "content": 5}],
    "position": [5, {}, {"line": -1, "character": 0}, {"line": "0", "character": 0}, {"line": 1.5, "character": 0}],
    "options": [5, {"max_tokens": 0}, {"max_tokens": 10 ** 30}, {"temperature": 3}, {"n": 6}, {"stop_sequences": [""]},
                {"stop_sequences": ["x" * 65]}, {"model_preference": "slow"}, {"top_k": 0}, {"stop_sequences": "x"}],
    "context": [5, {"prefix": 5}, {"open_files": [5]}, {"open_files": [{"uri": "a"}] * 21}, {"indent": {"tab_size": 0}},
                {"recent_edits": [{"uri": "a", "timestamp": "now"}]}, {"diagnostics": [{"range": {}, "message": "m"}]}],
}


def broken_field(r):
    body = native()
    for field in r.sample(sorted(BAD_FIELDS), r.randint(1, 3)):
        body[field] = r.choice(BAD_FIELDS[field])
    return post(r.choice(["/v1/completions", "/v1/completions/stream"]), body), (400,)


def missing_field(r):
    body = native()
    del body[r.choice(["request_id", "user_id", "completion_type", "document"])]
    return post("/v1/completions/stream", body), (400,)


OTHER_BAD = [
    ("/v1/completions", {}), ("/v1/completions", {"x": 1}), ("/v1/completions", {"prompt": None}),
    ("/v1/completions", {"document": {}, "prompt": "x"}), ("/v1/completions", {"document": {}, "segments": {}}),
    ("/v1/completions", {"prompt": 5}), ("/v1/completions", {"prompt": []}), ("/v1/completions", {"prompt": [1, 2]}),
    ("/v1/completions", {"prompt": ["x"] * 9}), ("/v1/completions", {"prompt": "x", "stream": "yes"}),
    ("/v1/completions", {"prompt": "x", "max_tokens": "5"}), ("/v1/completions", {"prompt": "x", "stop": [5]}),
    ("/v1/completions", {"segments": {}}), ("/v1/completions", {"segments": {"prefix": 5}}),
    ("/v1/completions", {"segments": {"prefix": "a"}, "mode": "x"}),
    (f"/v1/completions/{ID}/feedback", {"accepted": "yes"}), (f"/v1/completions/{ID}/feedback", {"kind": "half"}),
    (f"/v1/completions/{ID}/feedback", {"accepted_length": -1}), (f"/v1/completions/{ID}/feedback", {"at": "2026-13-01T00:00:00Z"}),
    ("/v1/repositories", {}), ("/v1/repositories", {"name": ""}), ("/v1/repositories", {"name": "n" * 256}),
    ("/v1/repositories", {"name": "n", "source_type": "svn"}), ("/v1/repositories", {"name": "n", "metadata": []}),
    ("/v1/repositories/index", {}), ("/v1/repositories/index", {"workspace_id": "default", "mode": "partial"}),
    ("/v1/repositories/index", {"workspace_id": "default", "repository_id": "x"}),
    ("/v1/repositories/index", {"workspace_id": "default", "config": {"max_file_size_kb": 0}}),
    ("/v1/repositories/index", {"workspace_id": "default", "config": {"include_patterns": [""]}}),
    (f"/v1/repositories/{ID}/search", {}), (f"/v1/repositories/{ID}/search", {"query": ""}),
    (f"/v1/repositories/{ID}/search", {"query": "q", "limit": 101}), (f"/v1/repositories/{ID}/search", {"query": "q" * 4001}),
    (f"/v1/repositories/{ID}/search", {"query": "q", "filters": {"symbol_kinds": ["verb"]}}),
    ("/infill", {"input_prefix": 5}), ("/infill", {"input_extra": {}}), ("/infill", {"input_extra": [{}]}),
    ("/infill", {"n_predict": "all"}), ("/infill", {"stream": 1}), ("/infill", {"response_fields": "content"}),
]


def other_bad(r):
    path, body = r.choice(OTHER_BAD)
    return post(path, body), (400,)


def strict_unknown(r):
    path, body = r.choice(BODIES[:2] + BODIES[4:8])
    return post(path, {**body(), "unknown_" + uuid.UUID(int=r.getrandbits(128)).hex[:6]: 1}, "Prefer: handling=strict"), (400,)


FAMILIES = [bad_request_line, bad_header, bad_chunk, too_much, wrong_host, wrong_origin, no_such_path, wrong_method, wrong_type,
            wrong_accept, wrong_encoding, wrong_deadline, wrong_query, truncated_json, broken_json, not_an_object, empty_body,
            broken_field, missing_field, other_bad, strict_unknown]
# Answered by the HTTP parser: the connection is of no further use.
CLOSES = {bad_request_line, bad_header, bad_chunk, too_much}


def make(number, seed):
    """Request `number` of the table: (family, bytes, statuses)."""
    family = FAMILIES[number % len(FAMILIES)]
    raw, statuses = family(random.Random(f"{seed}/{number}"))
    return family, raw, statuses
