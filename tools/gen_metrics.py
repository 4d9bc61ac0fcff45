#!/usr/bin/env python3
"""Turns spec/metrics.toml into enum cm_metric and its table: gen_metrics.py SPEC OUT_H OUT_C"""
import sys
import tomllib

from gencommon import c_text, check_keys, guard, stop, write

KEYS = {"name", "kind", "labels", "buckets", "help"}
LABELS_MAX = 3
BUCKETS_MAX = 16


def load(spec):
    with open(spec, "rb") as file:
        rows = tomllib.load(file)["metric"]
    seen = set()
    for row in rows:
        place = f"{spec}: {row.get('name', 'metric without name')}"
        check_keys(place, row, KEYS)
        if row["name"] in seen:
            stop(place, "declared twice")
        seen.add(row["name"])
        check(place, row)
    return rows


def check(place, row):
    buckets = row.get("buckets", [])
    if row["kind"] not in ("counter", "gauge", "histogram"):
        stop(place, f"unknown kind '{row['kind']}'")
    if (row["kind"] == "histogram") != bool(buckets):
        stop(place, "a histogram, and only a histogram, has buckets")
    if buckets != sorted(set(buckets)) or len(buckets) > BUCKETS_MAX:
        stop(place, f"buckets must ascend and be at most {BUCKETS_MAX}")
    if len(row["labels"]) > LABELS_MAX:
        stop(place, f"at most {LABELS_MAX} labels")
    if row["kind"] == "counter" and not row["name"].endswith("_total"):
        stop(place, "the name of a counter ends in _total")


def header_text(rows):
    ids = "".join(f"    {row['name'].upper().replace('CM_', 'CM_METRIC_', 1)}, /* {row['help']} */\n" for row in rows)
    return guard("rt/metrics_gen.h", f"enum cm_metric {{\n{ids}    CM_METRIC_COUNT\n}};\n", "spec/metrics.toml")


def source_text(rows):
    text = '/* Generated from spec/metrics.toml. */\n#include "rt/metrics_priv.h"\n\n'
    text += "const cm_metric_info cm_metric_infos[CM_METRIC_COUNT] = {\n"
    for row in rows:
        labels = ", ".join(c_text(label) for label in row["labels"]) or "NULL"
        buckets = ", ".join(repr(float(bound)) for bound in row.get("buckets", [])) or "0"
        text += (f"    {{{c_text(row['name'])}, CM_METRIC_{row['kind'].upper()}, {{{labels}}}, {len(row['labels'])},\n"
                 f"     {{{buckets}}}, {len(row.get('buckets', []))}, {c_text(row['help'])}}},\n")
    return text + "};\n"


def main(spec, out_h, out_c):
    rows = load(spec)
    write(out_h, header_text(rows))
    write(out_c, source_text(rows))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
