"""Filling in one line: script/eval infill DATA [--quantise q8_0 q4_0] [--limit N] [--variant NAME].

DATA is HumanEval-SingleLineInfilling.jsonl.gz (MIT, openai/human-eval-infilling). A line of a Python
function is hidden; the model sees what is before it and what is after it and says what stood there. Prints, for each
weights format: exact match (trailing white space ignored), edit similarity (1 - normalised
Levenshtein), share of empty answers, and speed on this machine. Variants switch one part off, to show
what it is worth."""
import argparse
import gzip
import json
import statistics
import tempfile

from _probe import DEFAULT_MODEL, Probe

VARIANTS = {
    "full": {},
    "no-heal": {"heal": False},
    "no-suffix-stop": {"suffix_stop": False},
}


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def similarity(a, b):
    return 1 - distance(a, b) / max(len(a), len(b), 1)


def load(path, limit):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    step = max(len(items) // limit, 1) if limit else 1
    return items[::step]


def judge(item, reply):
    wanted = item["canonical_solution"].rstrip()
    text = reply["text"].rstrip()
    first = next((line for line in text.split("\n") if line.strip()), "").rstrip()
    return {
        "whole": text.strip("\n") == wanted,
        "line": first == wanted,
        "similar": similarity(first, wanted),
        "empty": not text.strip(),
        "lines": text.strip("\n").count("\n") + 1 if text.strip() else 0,
    }


def run(items, model, kind, variant, cache):
    options = VARIANTS[variant]
    with Probe(model, cache, "--quantise", kind) as probe:
        rows, replies = [], []
        for item in items:
            reply = probe.ask(prefix=item["prompt"], suffix=item["suffix"], max_tokens=64, **options)
            replies.append(reply)
            rows.append(judge(item, reply))
        name = probe.description
    read = [r["prompt_ms"] for r in replies]
    pace = [r["predict_ms"] / r["completion_tokens"] for r in replies if r["completion_tokens"] > 1]

    def share(key):
        return 100 * statistics.mean(row[key] for row in rows)

    print(f"{kind:5} {variant:15} {share('line'):6.1f} {share('whole'):6.1f} {share('similar'):6.1f} "
          f"{share('empty'):6.1f} {statistics.mean(row['lines'] for row in rows):6.2f} "
          f"{statistics.median(read):8.0f} {1000 / statistics.median(pace):8.0f}   {name}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--quantise", nargs="+", default=["q8_0", "q4_0"], choices=["keep", "q8_0", "q4_0"])
    parser.add_argument("--variant", nargs="+", default=["full"], choices=list(VARIANTS))
    parser.add_argument("--limit", type=int, default=0, help="about this many items, evenly spread")
    arguments = parser.parse_args()
    items = load(arguments.data, arguments.limit)
    print(f"{len(items)} items; percentages, then lines per answer, median prompt ms, tokens/s")
    print(f"{'':5} {'':15} {'line':>6} {'whole':>6} {'simil.':>6} {'empty':>6} {'lines':>6} "
          f"{'prompt':>8} {'tok/s':>8}")
    with tempfile.TemporaryDirectory() as cache:
        for variant in arguments.variant:
            for kind in arguments.quantise:
                run(items, arguments.model, kind, variant, cache)


if __name__ == "__main__":
    main()
