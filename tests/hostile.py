"""A tree that wants to hurt whoever reads it: what grammars and walkers have been seen to choke on
(docs/design/grammars.md), at the size a real one could have.

make(root) writes it and returns {path: what must become of it}: "text" = no symbols, "any" = the grammar decides;
"skipped" = listed without content. Paths that must not be listed at all are not in the answer."""

import os


def nested_quotes():
    return "".join(">" * depth + " x\n" for depth in range(1, 400)) + "> " * 1000 + "x\n"


def nested_lists(mark):
    return "".join(" " * (2 * depth) + mark for depth in range(400))


def brackets(count):
    return "".join("([{"[i % 3] for i in range(count))


def in_lines(text, width=1000):
    """As lines of a length that a grammar is given."""
    return "\n".join(text[i:i + width] for i in range(0, len(text), width)) + "\n"


def nonsense():
    return "x =\n" + "%w(" * 3000


TEXTS = {
    # deep nesting: 100,000 brackets, on lines a grammar gets to see, and on one it does not
    "deep/brackets.c": ("any", lambda: in_lines(brackets(100_000))),
    "deep/brackets.js": ("any", lambda: in_lines(brackets(100_000))),
    "deep/brackets.json": ("any", lambda: in_lines("[" * 100_000)),
    "deep/closed.py": ("any", lambda: "x = " + in_lines("(" * 50_000 + ")" * 50_000)),
    "deep/one_line.c": ("text", lambda: brackets(100_000)),
    "deep/blocks.go": ("any", lambda: "package p\n\nfunc f() {\n" + "{\n" * 50_000),
    "deep/staircase.py": ("any", lambda: "".join(" " * i + "if x:\n" for i in range(1000))),
    "deep/tags.html": ("any", lambda: in_lines("<div>" * 20_000)),
    # scanners that overran their buffers
    "scan/quotes.md": ("any", nested_quotes),
    "scan/lists.md": ("any", lambda: nested_lists("- x\n")),
    "scan/lists.yaml": ("any", lambda: nested_lists("- x\n")),
    "scan/maps.yaml": ("any", lambda: "".join(" " * i + "a:\n" for i in range(400))),
    "scan/strings.kt": ("any", lambda: "\"${\"#{'`" * 3000),
    "scan/delimiter.cpp": ("any", lambda: "x = R\"" + "a" * 20_000 + "(\n"),
    # nonsense that costs seconds and gigabytes
    "nonsense/A.java": ("any", nonsense),
    "nonsense/a.rs": ("any", nonsense),
    "nonsense/a.cs": ("any", lambda: nonsense() * 3),
    "nonsense/a.sql": ("any", lambda: in_lines("select (" * 20_000)),
    # generated
    "big/one_line.js": ("text", lambda: "var a=1;" * 40_000),
    "big/ten_megabytes.js": ("skipped", lambda: "var a=1;" * (10 * 1024 * 1024 // 8)),
    "big/ten_megabytes.json": ("skipped", lambda: "[" + "1," * (5 * 1024 * 1024) + "1]"),
}

BYTES = {
    "bytes/latin.py": ("any", "käse = 'für dich'\n".encode("latin-1")),
    "bytes/utf16.py": ("skipped", "x = 1\n".encode("utf-16")),
    "bytes/mixed.c": ("any", b"/* \xe4\xf6 \xc3\xa4 \xff\xfe */\nint caf\xe9(void) { return 1; }\nint after(void) { return 2; }\n"),
    "bytes/surrogates.js": ("any", b"let a = '\xed\xa0\x80\xed\xb0\x80';\n"),
    "bytes/nul.py": ("skipped", b"a = 1\n\0\0\0" * 1000),
    "bytes/all.rb": ("any", bytes(range(1, 256)) * 100),
    "bytes/crlf.py": ("any", b"def a():\r\n    pass\r\rdef b(): pass\n"),
}


def make(root):
    expected = {}
    for path, (fate, content) in {**TEXTS, **BYTES}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content().encode())
        expected[path] = fate
    links = root / "links"
    links.mkdir()
    (links / "up").symlink_to(root)
    (links / "self").symlink_to("self")
    (links / "a").symlink_to(links / "b")
    (links / "b").symlink_to(links / "a")
    (links / "nowhere.py").symlink_to(root / "does-not-exist.py")
    os.mkfifo(links / "pipe.py")
    closed = root / "closed.py"
    closed.write_text("secret = 1\n")
    closed.chmod(0)
    future, past = root / "future.py", root / "past.py"
    for path, when in ((future, 4_000_000_000), (past, 1)):  # a clock that went back, and one that was never set
        path.write_text(f"def from_{path.stem}(): pass\n")
        os.utime(path, (when, when))
        expected[path.name] = "any"
    return expected
