"""Each grammar of libgrammars.a parses a valid snippet, its queries compile, and the two scanners that we
patch survive what used to overrun their buffers."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPS = ROOT / ".deps"
SNIPPETS = tomllib.loads((Path(__file__).parent / "grammar_snippets.toml").read_text())
GRAMMARS = json.loads((DEPS / "grammars" / "grammars.json").read_text())
IDS = [grammar["id"] for grammar in GRAMMARS]


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    (folder / "grammars.inc").write_text(
        "".join(f'GRAMMAR("{g["id"]}", {g["symbol"]})\n' for g in GRAMMARS))
    program = folder / "probe"
    subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-Wall", "-Werror", "-I", folder,
                    "-I", DEPS / "tree-sitter" / "include", "-o", program,
                    Path(__file__).parent / "grammar_probe.c",
                    DEPS / "grammars" / "lib" / "libgrammars.a",
                    DEPS / "tree-sitter" / "lib" / "libtree-sitter.a"], check=True)
    return program


def parse(probe, grammar, text, *more):
    run = subprocess.run([probe, grammar, *more], input=text.encode(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False, timeout=60)
    assert run.returncode == 0, (run.returncode, run.stdout, run.stderr)
    return run.stdout.decode().strip()


@pytest.mark.parametrize("grammar", IDS)
def test_grammar__valid_snippet_parses_without_error(probe, grammar):
    assert parse(probe, grammar, SNIPPETS[grammar]) == "clean"


def query_files():
    for grammar in GRAMMARS:
        for path in sorted((DEPS / "grammars" / "queries" / grammar["id"]).glob("*.scm")):
            if path.stem in ("tags", "locals"):
                yield pytest.param(grammar["id"], path, id=f"{grammar['id']}-{path.stem}")


@pytest.mark.parametrize("grammar, path", list(query_files()))
def test_grammar__shipped_query_compiles(probe, grammar, path):
    parse(probe, grammar, "", path)


def test_grammar__each_has_a_licence_text():
    for grammar in IDS:
        assert len((DEPS / "grammars" / "LICENSES" / grammar).read_text()) > 50, grammar


def nested_yaml(depth):
    return "".join(" " * (2 * level) + "a:\n" for level in range(depth))


def nested_list(depth):
    return "".join(" " * (2 * level) + "- a\n" for level in range(depth))


HOSTILE = {
    "markdown-quotes": ("markdown", "> " * 3000 + "a\n"),
    "markdown-lists": ("markdown", "- " * 3000 + "a\n"),
    "markdown-list-lines": ("markdown", nested_list(1000)),
    "markdown-mixed": ("markdown", "> - 1. " * 2000 + "a\n\n" + "> " * 300 + "b\n" + "# c\n" * 50),
    "yaml-255": ("yaml", nested_yaml(255)),
    "yaml-600": ("yaml", nested_yaml(600)),
    "yaml-sequences": ("yaml", "- " * 2000 + "a\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_grammar__nesting_that_overran_a_scanner_is_survived(probe, name):
    grammar, text = HOSTILE[name]
    assert parse(probe, grammar, text) in ("clean", "error", "timeout")


def test_yaml__line_33000_is_like_any_other(probe):
    """Rows are 16 bits in its scanner: an order between them breaks at 32,768."""
    assert parse(probe, "yaml", "a:\n" + "  - b: 1\n    c: 2\n" * 17000) == "clean"
