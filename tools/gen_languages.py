#!/usr/bin/env python3
"""Turns spec/languages.toml and queries/ into C tables:
gen_languages.py SPEC QUERIES OUT_LANGUAGES_C OUT_GRAMMARS_C.

languages_gen.c holds what any program may know of a language; grammars_gen.c adds entry points of the
grammars and the joined query texts, and is linked only where a parse worker lives."""
import hashlib
import sys
import tomllib
from pathlib import Path

KEYS = {
    "id", "name", "grammar", "queries", "comments", "quotes", "aliases", "extensions", "filenames",
    "shebangs", "macros", "names", "wrappers", "visibility", "markup", "indents", "whole",
}
VISIBILITIES = ["none", "modifier", "capital", "underscore", "keyword", "static", "section"]
# One query is compiled from all of them; a missing file is an empty one.
QUERY_FILES = ["symbols.scm", "references.scm", "imports.scm", "scopes.scm"]


def check(spec):
    seen = set()
    for row in spec["language"]:
        where = f"spec/languages.toml: {row.get('id')}"
        unknown = set(row) - KEYS
        if unknown:
            sys.exit(f"{where}: unknown key {sorted(unknown)}")
        for name in [row["id"], *row.get("aliases", [])]:
            if name in seen:
                sys.exit(f"{where}: the name '{name}' is declared twice")
            seen.add(name)
        if row["comments"] not in spec["comments"]:
            sys.exit(f"{where}: unknown comments '{row['comments']}'")
        if row.get("visibility", "none") not in VISIBILITIES:
            sys.exit(f"{where}: unknown visibility '{row['visibility']}'")


def c_text(text):
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '\\"':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "?" or not 32 <= byte < 127:  # no trigraphs, no escapes that run on
            out.append(f"\\{byte:03o}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def c_str(text):
    return f"{{{c_text(text)}, {len(text.encode())}}}" if text else "{0}"


def c_list(texts):
    if not texts:
        return "{0}"
    items = ", ".join(c_str(text) for text in texts)
    return f"{{(const cm_str[]){{{items}}}, {len(texts)}}}"


def language_row(index, row, comments):
    comment = comments[row["comments"]]
    block = comment.get("block", ["", ""])
    fields = {
        "id": c_str(row["id"]),
        "name": c_str(row["name"]),
        "index": index,
        "has_grammar": int("grammar" in row),
        "is_markup": int(row.get("markup", False)),
        "indents": int(row.get("indents", False)),
        "whole": int(row.get("whole", False)),
        "visibility": "CM_VISIBILITY_" + row.get("visibility", "none").upper(),
        "line_comment": c_str(comment.get("line", "")),
        "block_open": c_str(block[0]),
        "block_close": c_str(block[1]),
        "quotes": c_str(row.get("quotes", "")),
        "aliases": c_list(row.get("aliases", [])),
        "extensions": c_list(row.get("extensions", [])),
        "filenames": c_list(row.get("filenames", [])),
        "shebangs": c_list(row.get("shebangs", [])),
    }
    body = "".join(f"     .{key} = {value},\n" for key, value in fields.items())
    return f"    {{\n{body}    }},\n"


def query_text(row, folder):
    text = ""
    for name in row.get("queries", [row["id"]]):
        for file in QUERY_FILES:
            path = folder / name / file
            if path.exists():
                text += path.read_text() + "\n"
    return text


def grammar_row(row, folder):
    if "grammar" not in row:
        return "    {0},\n"
    return (
        f"    {{.entry = tree_sitter_{row['grammar']},\n"
        f"     .names = {c_list(row.get('names', []))},\n"
        f"     .wrappers = {c_list(row.get('wrappers', []))},\n"
        f"     .macros = {int(row.get('macros', False))},\n"
        f"     .query = {query_literal(query_text(row, folder))}}},\n"
    )


def query_literal(text):
    """One C string, cut at line ends for the compiler's limit on source lines."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith(";")]
    joined = "\n          ".join(c_text(line + "\n") for line in lines)
    size = sum(len((line + "\n").encode()) for line in lines)
    return f"{{{joined or 'NULL'}, {size}}}"


def main(spec_path, queries, out_languages, out_grammars):
    with open(spec_path, "rb") as file:
        spec = tomllib.load(file)
    check(spec)
    # Order of declaration decides between languages that share an extension, so it is kept beside.
    rows = spec["language"]
    order = sorted(range(len(rows)), key=lambda i: rows[i]["id"])
    languages = "".join(language_row(index, rows[i], spec["comments"]) for index, i in enumerate(order))
    grammars = "".join(grammar_row(rows[i], Path(queries)) for i in order)
    version = hashlib.sha256((languages + grammars).encode()).hexdigest()[:16]
    with open(out_languages, "w") as file:
        file.write(
            "/* Generated from spec/languages.toml. */\n"
            '#include "code/languages_priv.h"\n\n'
            f"const size_t cm_language_count = {len(rows)};\n\n"
            f"const uint64_t cm_language_version = 0x{version};\n\n"
            "const cm_language cm_language_rows[] = {\n"
        )
        file.write(languages)
        rank = ", ".join(str(order.index(i)) for i in range(len(rows)))
        file.write(f"}};\n\nconst uint16_t cm_language_declared[] = {{{rank}}};\n")
    with open(out_grammars, "w") as file:
        file.write(
            "/* Generated from spec/languages.toml and queries/. */\n"
            '#include "code/grammars.h"\n\n'
        )
        for entry in sorted({row["grammar"] for row in rows if "grammar" in row}):
            file.write(f"const TSLanguage *tree_sitter_{entry}(void);\n")
        file.write("\nconst cm_grammar cm_grammar_rows[] = {\n")
        file.write(grammars)
        file.write("};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
