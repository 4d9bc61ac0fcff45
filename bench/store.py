"""The embedded database: durable writes by group commit beside one by one, point reads, and what posting costs.

Every write of the first group is acknowledged only after its fsync. The peer is SQLite used directly, one FULL
transaction a row, on the same file and disk in the same run. Pairs alternate; medians and spreads are shown.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--directory", default=None, help="where the databases are made (default: the temporary directory)")
    options = parser.parse_args()
    binary = pathlib.Path(os.environ["CODEMENTOR_BINARY"]).parent
    subprocess.run(["cmake", "--build", binary, "--target", "store_probe"], check=True, stdout=subprocess.DEVNULL)
    runs = []
    for _ in range(options.runs):
        folder = tempfile.mkdtemp(prefix="cm-store-bench-", dir=options.directory)
        try:
            done = subprocess.run([binary / "bench" / "store_probe", folder], check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout))
        finally:
            shutil.rmtree(folder)
    result = {}
    for key in runs[0]:
        values = [run[key] for run in runs]
        result[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(f"{key:>20} {result[key]['median']:>12,.2f}   ({min(values):,.2f} .. {max(values):,.2f})")
    out = ROOT / "bench" / "results" / "store.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
