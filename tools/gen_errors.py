#!/usr/bin/env python3
"""Turns spec/errors.toml into enum cm_rc and its table: gen_errors.py SPEC OUT_H OUT_C."""
import sys
import tomllib

KEYS = {"name", "slug", "status", "jsonrpc", "retryable", "title", "meaning"}


def check(rows):
    seen = set()
    for row in rows:
        unknown = set(row) - KEYS
        if unknown:
            sys.exit(f"spec/errors.toml: {row.get('name')}: unknown key {sorted(unknown)}")
        for key in (row["name"], row.get("slug")):
            if key in seen:
                sys.exit(f"spec/errors.toml: '{key}' is declared twice")
            if key:
                seen.add(key)


def c_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(spec, out_h, out_c):
    with open(spec, "rb") as file:
        rows = tomllib.load(file)["error"]
    check(rows)
    names = "".join(f"    CM_{row['name']},\n" for row in rows)
    with open(out_h, "w") as file:
        file.write(
            "/* Generated from spec/errors.toml. */\n"
            "#ifndef CM_BASE_ERRORS_GEN_H\n#define CM_BASE_ERRORS_GEN_H\n\n"
            f"enum cm_rc {{\n    CM_OK,\n{names}}};\n\n"
            f"#define CM_RC_COUNT {len(rows) + 1}\n\n#endif\n"
        )
    with open(out_c, "w") as file:
        file.write('/* Generated from spec/errors.toml. */\n#include "base/err.h"\n\n')
        file.write("extern const cm_err_info cm_err_rows[CM_RC_COUNT];\n\n")
        file.write("const cm_err_info cm_err_rows[CM_RC_COUNT] = {\n")
        file.write('    {CM_OK, "OK", "ok", 200, 0, false, "OK", "No error."},\n')
        for row in rows:
            file.write(
                f"    {{CM_{row['name']}, {c_text(row['name'])}, {c_text(row.get('slug', 'internal'))}, "
                f"{row['status']}, {row['jsonrpc']}, {str(row['retryable']).lower()},\n"
                f"     {c_text(row['title'])},\n     {c_text(row['meaning'])}}},\n"
            )
        file.write("};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
