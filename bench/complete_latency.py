"""What a completion costs on a large tree: script/bench complete-latency [--tree DIR] [--requests N] [--rate N].

Starts the server on an index that is in place, then asks for completions at random places of the tree on schedule
(open loop: a late reply does not delay the next question) with the instant tier, and reports the server's own times
and the client's. Also: start to ready, and memory beyond mapped files. The model's path is measured beside
llama.cpp's own program by `script/bench model`; with --model it is run at the end."""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import httpx

from server import ROOT, Server

sys.path.insert(0, str(ROOT / "tools"))
from sources import source  # noqa: E402

CURSORS = re.compile(r"[(.=,>]\s?|^\s+")


def questions(tree, count, seed=1):
    """Places where somebody might be typing: after white space, brackets, dots and signs; the line's rest is cut off."""
    chance = random.Random(seed)
    files = sorted(p for p in tree.rglob("*") if p.suffix in {".c", ".h", ".py", ".go", ".rs", ".java", ".ts"}
                   and p.stat().st_size < 400_000)
    made = []
    while len(made) < count:
        path = chance.choice(files)
        lines = path.read_text(errors="replace").split("\n")
        number = chance.randrange(len(lines))
        cuts = [m.end() for m in CURSORS.finditer(lines[number])]
        if not cuts or len(lines[number]) < 12:
            continue
        cut = chance.choice(cuts)
        truth = lines[number][cut:]
        lines[number] = lines[number][:cut]
        made.append((path, "\n".join(lines), number, cut, truth))
    return made


def ask(client, question, results):
    path, text, line, character, truth = question
    begun = time.perf_counter()
    reply = client.post("/v1/completions", json={
        "request_id": str(uuid.uuid4()), "user_id": "me", "completion_type": "fim",
        "document": {"uri": f"file://{path}", "content": text}, "position": {"line": line, "character": character},
        "options": {"model": "instant", "position_encoding": "utf-32"}})
    took = (time.perf_counter() - begun) * 1000
    reply.raise_for_status()
    body = reply.json()
    texts = [item["text"] for item in body["completions"]]
    results.append((body["metadata"]["latency_ms"], took, bool(texts), bool(texts) and texts[0].strip() == truth.strip()))


def load(url, asked, rate):
    """Sends on schedule from a few threads; each takes the next question when its time has come."""
    results, lock, position = [], threading.Lock(), iter(enumerate(asked))
    start = time.perf_counter() + 0.2

    def run():
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            while True:
                with lock:
                    number, question = next(position, (None, None))
                if question is None:
                    return
                time.sleep(max(0.0, start + number / rate - time.perf_counter()))
                ask(client, question, results)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def percentiles(values):
    ordered = sorted(values)
    return {name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
            for name, share in (("p50", .5), ("p95", .95), ("p99", .99), ("max", 1))}


def memory(pid):
    """Megabytes: resident in all, and what is not a page of a mapped file."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    number = {key: int(fields[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon", "RssFile")}
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    workers = 0
    for child in children:
        try:
            workers += int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{child}/status").read_text())[1]) / 1024
        except (OSError, TypeError):
            pass
    return {"rss_mb": round(number["VmRSS"], 1), "anonymous_mb": round(number["RssAnon"], 1),
            "mapped_mb": round(number["RssFile"], 1), "parse_workers_anonymous_mb": round(workers, 1)}


def start_times(server, rounds):
    """Start to the ready line, with the index in place."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        server.start()
        taken.append((time.perf_counter() - begun) * 1000)
        server.stop()
    return round(statistics.median(taken), 1)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tree", type=Path)
    options.add_argument("--requests", type=int, default=1000)
    options.add_argument("--rate", type=float, default=50, help="requests a second")
    options.add_argument("--model", action="store_true", help="also run the model's path beside llama-bench")
    chosen = options.parse_args()
    tree = (chosen.tree or source("redis")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, "--log-level", "warn")
        begun = time.perf_counter()
        done = server.run("index", str(tree), "--json")
        indexed = time.perf_counter() - begun
        if done.returncode != 0:
            sys.exit(done.stderr)
        report = {"tree": tree.name, "index": json.loads(done.stdout)["statistics"], "index_seconds": round(indexed, 2),
                  "start_to_ready_ms": start_times(server, 5)}
        with server:
            load(server.url, questions(tree, 100, seed=2), chosen.rate)  # warm-up
            results = load(server.url, questions(tree, chosen.requests), chosen.rate)
            report["memory_after"] = memory(server.process.pid)
    report |= {"requests": len(results), "rate_per_second": chosen.rate,
               "server_ms": percentiles([r[0] for r in results]), "client_ms": percentiles([r[1] for r in results]),
               "shown": round(sum(r[2] for r in results) / len(results), 3),
               "whole_rest_of_line_right": round(sum(r[3] for r in results) / len(results), 3)}
    print(json.dumps(report, indent=2))
    (ROOT / "bench" / "results").mkdir(exist_ok=True)
    (ROOT / "bench" / "results" / "complete-latency.json").write_text(json.dumps(report, indent=2))
    if chosen.model:
        subprocess.run([sys.executable, str(ROOT / "bench" / "model.py")], check=True)


if __name__ == "__main__":
    main()
