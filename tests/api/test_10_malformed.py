"""10,000 requests that are wrong in a way each: always a 4xx in the shape of its path, never a crash, nothing kept."""

import concurrent.futures
import json
import os
import socket

import malformed
from server import Server

SEED = os.environ.get("CODEMENTOR_TEST_SEED", "2026-11-22")
COUNT = int(os.environ.get("CODEMENTOR_MALFORMED", "10000"))
THREADS = 4


def read_reply(stream):
    """(status, headers, body) of one reply, or None when the server closed without one."""
    line = stream.readline()
    if not line:
        return None
    status = int(line.split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, _, value = line.partition(b":")
        headers[name.strip().lower().decode()] = value.strip().decode()
    return status, headers, stream.read(int(headers.get("content-length", 0)))


def fault_of(number, family, raw, statuses, reply):
    """Why `reply` is not what it must be; None when it is."""
    name = f"request {number} of seed {SEED} ({family.__name__})\n{raw[:600]!r}\n"
    if reply is None:
        return name + "the connection was closed without a reply"
    status, headers, body = reply
    if status not in statuses:
        return name + f"status {status}, not {statuses}: {body[:300]!r}"
    try:
        problem = json.loads(body)
    except ValueError:
        return name + f"the body is not JSON: {body[:300]!r}"
    code = headers.get("x-error-code")
    if "error" in problem:
        good = problem["error"]["message"] and code
    else:
        good = (headers["content-type"] == "application/problem+json" and problem["status"] == status
                and problem["code"] == code and problem["request_id"] == headers["x-request-id"])
    return None if good else name + f"not a problem: {headers} {body[:300]!r}"


def send(address, numbers):
    """Faults of these requests, on one connection as long as it lasts."""
    faults = []
    stream = None
    for number in numbers:
        family, raw, statuses = malformed.make(number, SEED)
        if stream is None:
            connection = socket.create_connection(address, timeout=30)
            stream = connection.makefile("rwb")
            connection.close()  # the file keeps it open
        try:
            stream.write(raw)
            stream.flush()
            reply = read_reply(stream)
        except (BrokenPipeError, ConnectionResetError) as error:
            faults.append(f"request {number} ({family.__name__}): {error}")
            reply, stream = None, None
            continue
        fault = fault_of(number, family, raw, statuses, reply)
        if fault:
            faults.append(fault)
        if family in malformed.CLOSES or reply is None or reply[1].get("connection") == "close":
            stream.close()
            stream = None
    return faults


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def growth_allowed_kib(pid):
    """Freed memory goes back at once, except under the address sanitizer, which keeps 256 MiB of it on purpose."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        return 512 * 1024 if "libasan" in file.read() else 64 * 1024


def test_malformed__ten_thousand_requests_get_a_4xx_each(tmp_path):
    with Server(tmp_path) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        address = (host, int(port))
        assert not send(address, range(200))  # every family once or more; memory has settled then
        before = resident_kib(server.process.pid)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            parts = pool.map(lambda part: send(address, range(part, COUNT, THREADS)), range(THREADS))
            faults = [fault for part in parts for fault in part]
        assert not faults, f"{len(faults)} faults, the first:\n" + "\n\n".join(faults[:3])
        assert server.http.get("/livez").status_code == 200
        assert resident_kib(server.process.pid) - before < growth_allowed_kib(server.process.pid)
        log = server.log.read_text(errors="replace")
        assert "reply breaks its schema" not in log and "request failed" not in log
