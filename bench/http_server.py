"""HTTP throughput: keep-alive GET of a small JSON through the net room, beside nginx with the same reply.

Pairs of runs alternate (ours, peer, ours, peer, ...) after a warm-up, so that whatever else the machine does
hits both; what counts is the ratio. Processor time per request is the steadiest figure on a busy machine: it
does not depend on who else wants the cores. Needs wrk and nginx (apt: wrk, nginx-light).
"""
import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess

import _http_servers as servers

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def processor_seconds(pids):
    """User and system time the processes have had."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(server, connections, seconds):
    """One run of wrk: requests a second, processor time each, median and 99th percentile in ms."""
    port, pids = server
    before = processor_seconds(pids)
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/"],
                         check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(out)
    requests = int(re.search(r"(\d+) requests in", out)[1])
    return {"cpu_us": (processor_seconds(pids) - before) * 1e6 / requests,
            "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
            "p50_ms": milliseconds(re.search(r"\n\s+50%\s+(\S+)", out)[1]),
            "p99_ms": milliseconds(re.search(r"\n\s+99%\s+(\S+)", out)[1])}


def spread(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64, 512])
    args = parser.parse_args()
    report = {"bench": "http", "machine": servers.machine(), "rows": []}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(servers.probe())
        peer = stack.enter_context(servers.nginx())
        for connections in args.connections:
            load(ours, connections, 1)
            load(peer, connections, 1)
            pairs = [(load(ours, connections, args.seconds), load(peer, connections, args.seconds))
                     for _ in range(args.pairs)]
            row = {"connections": connections}
            for name in ("rps", "cpu_us", "p50_ms", "p99_ms"):
                row[name] = {"ours": spread([a[name] for a, _ in pairs]), "nginx": spread([b[name] for _, b in pairs]),
                             "ratio": spread([a[name] / b[name] for a, b in pairs])}
            report["rows"].append(row)
            print(f"{connections:4} connections (ours / nginx, ratio):", *(
                f"{name} {row[name]['ours']['median']:.2f} / {row[name]['nginx']['median']:.2f}, "
                f"{row[name]['ratio']['median']:.2f} ({row[name]['ratio']['min']:.2f}..{row[name]['ratio']['max']:.2f});"
                for name in ("rps", "cpu_us", "p99_ms")))
    folder = servers.ROOT / "bench/results"
    folder.mkdir(exist_ok=True)
    (folder / "http.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
