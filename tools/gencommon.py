"""What the generators of tools/ share: C text, stopping with a place, writing only what changed."""
import os
import re
import sys


def stop(place, text):
    """Ends the generator: `place` is "file: row or key"."""
    sys.exit(f"{place}: {text}")


def c_text(text):
    """A C string literal; non-ASCII bytes and control characters as octal escapes."""
    out = []
    for byte in str(text).encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def c_text_or_null(text):
    return "NULL" if text is None else c_text(text)


def c_name(text):
    """idle-exit, idleExit, IDLE EXIT -> idle_exit"""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", str(text))
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()


def c_bool(value):
    return "true" if value else "false"


def check_keys(place, row, known):
    for key in row:
        if key not in known:
            stop(place, f"unknown key '{key}'; known are {', '.join(sorted(known))}")


def write(path, text):
    """Writes `text` unless the file already holds it, so that nothing is compiled for nothing."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def guard(name, body, source):
    """A generated header."""
    macro = "CM_" + c_name(name).upper()
    return f"/* Generated from {source}. */\n#ifndef {macro}\n#define {macro}\n\n{body}\n#endif\n"
