"""The database: durable writes beside one by one, point reads, and what posting costs; embedded and PostgreSQL.

Every write of the first group is acknowledged only after its fsync. The peer is SQLite used directly, one FULL
transaction a row, on the same file and disk in the same run; for PostgreSQL (which syncs here) libpq used plainly, and
pipelined as the store does it: BEGIN, identity, statement, COMMIT in one round trip, the three around it prepared or parsed.
"stalled" is posting while another session holds the table. Medians and spreads are shown.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def figures(title, count, command, directory=None):
    """Runs the probe `count` times; medians and spreads of what it prints."""
    runs = []
    for _ in range(count):
        folder = tempfile.mkdtemp(prefix="cm-store-bench-", dir=directory)
        try:
            done = subprocess.run(command(folder), check=True, stdout=subprocess.PIPE, text=True)
            runs.append(json.loads(done.stdout))
        finally:
            shutil.rmtree(folder)
    print(title)
    result = {}
    for key in runs[0]:
        values = [run[key] for run in runs]
        result[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(f"{key:>20} {result[key]['median']:>12,.2f}   ({min(values):,.2f} .. {max(values):,.2f})")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--directory", default=None, help="where the databases are made (default: the temporary directory)")
    parser.add_argument("--postgres", default="18", help="16, 18, or nothing to leave it out (default: %(default)s)")
    options = parser.parse_args()
    binary = pathlib.Path(os.environ["CODEMENTOR_BINARY"]).parent
    subprocess.run(["cmake", "--build", binary, "--target", "store_probe"], check=True, stdout=subprocess.DEVNULL)
    probe = binary / "bench" / "store_probe"
    result = figures("embedded", options.runs, lambda folder: [probe, folder], options.directory)
    if options.postgres and (ROOT / ".deps" / "postgres").exists():
        beside = [sys.executable, ROOT / "tests" / "tools" / "with_postgres.py", options.postgres, "--durable"]
        shell = ["sh", "-c", 'exec "$0" "$CODEMENTOR_TEST_POSTGRES"', probe]
        result["postgres"] = figures(f"PostgreSQL {options.postgres}", options.runs, lambda _: [*beside, *shell])
    out = ROOT / "bench" / "results" / "store.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
