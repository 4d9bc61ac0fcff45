"""The instant tier on held-out files: script/eval instant TREE=.EXT... [--fit].

For each tree a tenth of its files with that extension is held out and the rest indexed; bench/instant_probe.c
says what is asked and how it is counted. With --fit prints the coefficients of cm_instant_token_probability
that these trees give: logistic regression by Newton's method; each tree weighs the same, however many
tokens were asked of it."""
import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ["1", "log2(1+match)", "log2(1+match)^2", "share", "share^2", "log2(support)", "in document", "stem",
         "share*log2(1+match)"]


def features(row: list[float]) -> list[float]:
    match, support, share, in_document, stem = row[:5]
    length = math.log2(1 + match)
    return [1, length, length * length, share, share * share, math.log2(min(support, 64)), in_document, stem,
            share * length]


def read(path: str) -> list[tuple[list[float], float, float]]:
    with open(path, encoding="ascii") as file:
        rows = [[float(v) for v in line.split()] for line in file]
    return [(features(row), row[5], 1 / len(rows)) for row in rows]


def solve(matrix: list[list[float]], vector: list[float]) -> list[float]:
    n = len(vector)
    rows = [row[:] + [value] for row, value in zip(matrix, vector)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def newton_step(data, beta: list[float]) -> list[float]:
    n = len(beta)
    gradient = [-1e-6 * b for b in beta]  # a breath of ridge keeps the matrix invertible
    hessian = [[1e-6 if i == k else 0.0 for k in range(n)] for i in range(n)]
    for x, right, weight in data:
        p = 1 / (1 + math.exp(-sum(b * v for b, v in zip(beta, x))))
        slope = weight * p * (1 - p)
        for i in range(n):
            gradient[i] += weight * (right - p) * x[i]
            for k in range(n):
                hessian[i][k] += slope * x[i] * x[k]
    return [b + d for b, d in zip(beta, solve(hessian, gradient))]


def fit(paths: list[str]) -> None:
    data = [row for path in paths for row in read(path)]
    beta = [0.0] * len(NAMES)
    for _ in range(8):
        beta = newton_step(data, beta)
    for name, value in zip(NAMES, beta):
        print(f"{value:9.4f}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trees", nargs="+", metavar="TREE=.EXT")
    parser.add_argument("--fit", action="store_true", help="fit the probabilities to these trees")
    options = parser.parse_args()
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    subprocess.run(["cmake", "--build", Path(binary).parent, "--target", "instant_probe"], check=True,
                   stdout=subprocess.DEVNULL)
    program = str(Path(binary).parent / "bench" / "instant_probe")
    with tempfile.TemporaryDirectory() as folder:
        features = [str(Path(folder) / str(i)) for i in range(len(options.trees))]
        for item, path in zip(options.trees, features):
            tree, _, extension = item.rpartition("=")
            if not extension.startswith(".") or not Path(tree).is_dir():
                sys.exit(f"'{item}' is not TREE=.EXT with a folder and an extension")
            print(f"{Path(tree).name}, {extension} files", flush=True)
            subprocess.run([program, tree, extension, path], check=True)
        if options.fit:
            fit(features)


if __name__ == "__main__":
    main()
