"""Memory of idle keep-alive connections: 10,000 that have each had one reply, in the net room and in nginx.

PSS of all processes of a server before and after; kernel socket buffers are not part of it. Clients are split
over processes and loopback addresses, so that neither descriptors nor ports run out.
"""
import argparse
import json
import os
import resource
import socket

import _http_servers as servers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def pss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def hold(port, pids, steps):
    """Opens connections in steps; yields (open, PSS)."""
    sockets = []
    for target in steps:
        while len(sockets) < target:
            s = socket.socket()
            s.bind((f"127.0.0.{2 + len(sockets) % 8}", 0))
            s.connect(("127.0.0.1", port))
            s.sendall(REQUEST)
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                raise SystemExit("a connection was not served")
            sockets.append(s)
        yield len(sockets), pss_kib(pids)
    for s in sockets:
        s.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10000)
    args = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = args.connections + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    report = {"bench": "idle_connections", "machine": servers.machine(), "rows": []}
    for name, start in (("ours", servers.probe), ("nginx", servers.nginx)):
        with start() as (port, pids):
            steps = [1, args.connections // 10, args.connections // 2, args.connections]
            points = list(hold(port, pids, steps))
            (first, base), (last, full) = points[0], points[-1]
            each = (full - base) * 1024 / (last - first)
            report["rows"].append({"server": name, "points": points, "bytes_per_connection": round(each)})
            print(f"{name}: {each:.0f} bytes per idle connection "
                  f"(PSS {base} KiB with {first}, {full} KiB with {last})")
    folder = servers.ROOT / "bench/results"
    os.makedirs(folder, exist_ok=True)
    (folder / "idle_connections.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
