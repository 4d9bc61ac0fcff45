"""Completions at ten real positions of a real tree, by the command line, with the instant tier alone.

The tree is Redis 7.0 (tools/sources.py). At each position the rest of the line is cut off, as when it is being
typed, and what comes back must be what its authors wrote there. The instant tier is deterministic, so a
position that is lost means that something broke."""

import json
import shutil
import sys

import pytest

from server import ROOT, Server

sys.path.insert(0, str(ROOT / "tools"))
from sources import source  # noqa: E402

POSITIONS = [  # file, line, column, what is written there
    ("ae_kqueue.c", 93, 23, "aeEventLoop *eventLoop) {"),
    ("ae_select.c", 63, 58, "int mask) {"),
    ("crcspeed.c", 101, 22, "0; n < 256; n++) {"),
    ("rax.c", 1362, 25, "stack.items = orig_stack_items;"),
    ("notify.c", 126, 9, 'chan = sdscatlen(chan, "__:", 3);'),
    ("hyperloglog.c", 1353, 9, "dbAdd(c->db,c->argv[1],o);"),
    ("rdb.c", 770, 13, "return -1;"),
    ("tls.c", 966, 39, "ret, 0);"),
    ("util.c", 356, 9, "dstlen--;"),
    ("resp_parser.c", 147, 33, "curr_location;"),
]


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """A copy: the test types in it."""
    return shutil.copytree(source("redis"), tmp_path_factory.mktemp("redis") / "redis")


@pytest.fixture(scope="module")
def server(tmp_path_factory, redis):
    with Server(tmp_path_factory.mktemp("server"), "--set", "index.watch=false") as running:
        done = running.run("index", str(redis))
        assert done.returncode == 0, done.stderr
        assert "1378 files" in done.stdout
        yield running


@pytest.mark.parametrize("name,line,column,expected", POSITIONS, ids=[f"{p[0]}:{p[1]}" for p in POSITIONS])
def test_redis__the_line_is_completed_as_its_authors_wrote_it(server, redis, name, line, column, expected):
    file = redis / "src" / name
    whole = file.read_text(encoding="utf-8")
    lines = whole.split("\n")
    assert lines[line - 1][column - 1:].strip() == expected, "the position has moved"
    lines[line - 1] = lines[line - 1][:column - 1]
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        done = server.run("complete", f"{file}:{line}:{column}", "--instant", "--json")
    finally:
        file.write_text(whole, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["metadata"]["model_used"] == "instant"
    assert reply["completions"][0]["text"].strip() == expected
    seen_in = [source["file"] for source in reply["metadata"]["context_sources"] if source["kept"]]
    assert seen_in and all((redis / path).exists() for path in seen_in)


def test_redis__explain_shows_context_scores_and_times(server, redis):
    done = server.run("complete", f"{redis}/src/t_hash.c:60:1", "--instant", "--explain")
    assert done.returncode == 0, done.stderr
    for word in ("model", "time", "context", "prefix", "graph"):
        assert word in done.stdout, done.stdout


def test_redis__questions_in_words_find_the_function(server, redis):
    for question, path in [("expand the hash table if needed", "src/dict.c"),
                           ("add reply bulk string to client output buffer", "src/networking.c"),
                           ("active expire cycle", "src/expire.c")]:
        done = server.run("search", question, "--repo", str(redis), "--json", "--limit", "5")
        assert path in [result["file_path"] for result in json.loads(done.stdout)["results"]], question
