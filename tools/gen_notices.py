#!/usr/bin/env python3
"""Writes what a package must say: whose work is in it, under which licences, and what changed.

    gen_notices.py CHECKOUT DEPS VERSION DATE OUT_FOLDER    copyright, copyright.model, changelog.gz, changelog.Debian.gz

Names and licences are those of deps/lock.toml; the texts are the ones that came with each package, in DEPS.
"""
import datetime
import email.utils
import gzip
import os
import sys
import tomllib
from pathlib import Path

from gencommon import write

OURS = "Copyright: the CodeMentor authors\nLicense: Apache-2.0\n"
APACHE = "On Debian systems the text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n"
LIBRARIES = {"llama-cpp-python": "llama", "httptools": "llhttp", "tree-sitter": "tree-sitter"}
MAINTAINER = "CodeMentor maintainers <maintainers@codementor.invalid>"


def texts_in(folder):
    return [folder] if folder.is_file() else [path for path in sorted(folder.rglob("*")) if path.is_file()]


def notice(title, licence, what, texts):
    """The licence texts of one package, once each."""
    seen, out = set(), f"\n{'-' * 78}\n{title} ({licence}): {what}\n"
    for path in texts:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        if "Apache License" in text and len(text) > 9000:  # the whole of it, which every Debian has
            text = APACHE.strip()
        if text not in seen:
            seen.add(text)
            out += "\n" + text + "\n"
    return out


def copyright_text(lock, deps):
    packages = {row["name"]: row for row in lock["package"]}
    text = "CodeMentor\n\n" + OURS + "\n" + APACHE
    text += "\nThe program contains the work of others, each under its own licence:\n"
    for name, folder in LIBRARIES.items():
        row = packages[name]
        text += notice(f"{name} {row['version']}", row["licence"], row["for"], [deps / folder / "LICENSE"])
    for grammar in lock["grammar"]:
        row = packages[grammar["package"]]
        text += notice(f"{row['name']} {row['version']}", row["licence"], f"parser of {grammar['id']}",
                       texts_in(deps / "grammars" / "LICENSES" / grammar["id"]))
    return text


def model_text(lock):
    row = next(row for row in lock["package"] if row["name"] == lock["model"]["package"])
    return (f"SmolLM2-135M-Instruct, taken from {row['name']} {row['version']} and re-quantised\n\n"
            f"Copyright (C) 2024 Hugging Face\nLicense: {row['licence']}\n\n{APACHE}")


def debian_changelog(version, date):
    when = datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.timezone.utc)
    return (f"codementor ({version}-1) unstable; urgency=medium\n\n  * Release {version}; see changelog.gz.\n\n"
            f" -- {MAINTAINER}  {email.utils.format_datetime(when)}\n")


def write_packed(path, text):
    os.makedirs(path.parent, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main(checkout, deps, version, date, out):
    checkout, deps, out = Path(checkout), Path(deps), Path(out)
    lock = tomllib.loads((checkout / "deps" / "lock.toml").read_text(encoding="utf-8"))
    write(str(out / "copyright"), copyright_text(lock, deps))
    write(str(out / "copyright.model"), model_text(lock))
    write_packed(out / "changelog.gz", (checkout / "CHANGELOG.md").read_text(encoding="utf-8"))
    write_packed(out / "changelog.Debian.gz", debian_changelog(version, date))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
