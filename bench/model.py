"""Reading and writing speed beside llama.cpp's own llama-bench: script/bench model [--pairs N] [--model FILE].

The same weights file, the same library, the same number of threads; ours and the peer alternate. Ours
is the whole path of a request: tokenising, slot choice, sampling, UTF-8, stops. The peer evaluates and discards. Prints
medians and the ratio's spread, then what the peer has no counterpart for: the time to the first text
of a prompt never seen (cold) and of one that grew by a key stroke (typed). Peers are made once by
`script/bootstrap --with peers`."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "eval"))
from _probe import DEFAULT_MODEL, Probe  # noqa: E402

PROMPT, WRITTEN = 512, 32
PEER = Path(".deps/peers/bin/llama-bench")


def run_peer(model, threads):
    def rate(*what):
        command = [str(PEER), "-m", str(model), "-t", str(threads), "-r", "1", "-ub", "256", "-o", "json", *what]
        environment = {"GOMP_SPINCOUNT": "2000", **os.environ}  # as ours: the default may be 50 times slower
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        return json.loads(out)[0]["avg_ts"]

    return {"read": rate("-p", str(PROMPT), "-n", "0"),
            "write": rate("-p", "0", "-n", str(WRITTEN), "-d", str(PROMPT))}


def source_text(number):
    """Python that no round repeats, so that no slot knows it."""
    lines = [f"class Store{number}:"]
    for i in range(60):
        lines.append(f"    def get_{number}_{i}(self, key, default=None):")
        lines.append(f"        return self.items_{number}.get(key, {number * i})")
    return "\n".join(lines)


def run_ours(probe, number):
    text = source_text(number)
    options = {"max_prompt_tokens": PROMPT + 2, "suffix_stop": False, "max_tokens": WRITTEN}
    cold = probe.ask(prefix=text + "\n    def se", **options)
    typed = probe.ask(prefix=text + "\n    def set", **options)
    read = cold["prompt_tokens"] - cold["cached_tokens"]
    return {"read": 1000 * read / cold["prompt_ms"],
            "write": 1000 * (cold["completion_tokens"] - 1) / cold["predict_ms"],
            "cold_ms": cold["first_ms"], "typed_ms": typed["first_ms"], "prompt": cold["prompt_tokens"],
            "typed_new": typed["prompt_tokens"] - typed["cached_tokens"]}


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def measure(model, pairs, threads):
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as cache:
        with Probe(model, cache, "--quantise", "keep", "--threads", str(threads)) as probe:
            run_ours(probe, 0)
            for number in range(1, pairs + 1):
                peer.append(run_peer(model, threads))
                ours.append(run_ours(probe, number))
            name = probe.description
    return name, ours, peer


def report(name, ours, peer):
    print(f"| {name} | ours | llama-bench | ours / peer |\n| --- | --- | --- | --- |")
    for key, title in (("read", f"prompt of {PROMPT}, tokens/s"),
                       ("write", f"writing after {PROMPT}, tokens/s")):
        ratios = [a[key] / b[key] for a, b in zip(ours, peer)]
        print(f"| {title} | {statistics.median(a[key] for a in ours):.0f} | "
              f"{statistics.median(b[key] for b in peer):.0f} | {spread(ratios)} |")
    for key, title in (("cold_ms", "first text, prompt never seen, ms"), ("typed_ms", "first text, one more key, ms")):
        print(f"| {title} | {statistics.median(a[key] for a in ours):.0f} | | |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--quantise", nargs="+", default=["q8_0", "q4_0"], choices=["q8_0", "q4_0"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 1, 8))
    arguments = parser.parse_args()
    if not PEER.exists():
        raise SystemExit("llama-bench is missing: run script/bootstrap --with peers")
    results = {}
    with tempfile.TemporaryDirectory() as cache:
        for kind in arguments.quantise:
            Probe(arguments.model, cache, "--quantise", kind).close()  # makes the file
            weights = max(Path(cache).glob(f"*-to-{kind}-*.gguf"))
            name, ours, peer = measure(weights, arguments.pairs, arguments.threads)
            report(name, ours, peer)
            results[kind] = {"ours": ours, "peer": peer}
    Path("bench/results").mkdir(parents=True, exist_ok=True)
    Path("bench/results/model.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
