"""The generators of tools/: the same input gives the same bytes, and a slip in a table is named with its place."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import validate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from genapi import promises  # noqa: E402
from genapi.document import published  # noqa: E402
from genapi.spec import Spec  # noqa: E402
from genapi.types import Types  # noqa: E402

OPENAPI = yaml.safe_load((ROOT / "spec" / "openapi.yaml").read_text())


def run(program, *arguments):
    return subprocess.run([sys.executable, "-B", ROOT / "tools" / program, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True, check=False)


def generate(program, spec, directory, names):
    result = run(program, spec, *[directory / name for name in names])
    assert result.returncode == 0, result.stderr
    return {name: (directory / name).read_bytes() for name in names}


TABLES = [
    ("gen_options.py", "spec/options.toml", ["o.h", "o.c", "s.h"]),
    ("gen_commands.py", "spec/commands.toml", ["c.h", "c.c", "r.c"]),
    ("gen_model.py", "deps/lock.toml", ["m.h"]),
    ("gen_metrics.py", "spec/metrics.toml", ["m.h", "m.c"]),
]


@pytest.mark.parametrize("program, spec, names", TABLES)
def test_tables__give_the_same_bytes_twice(tmp_path, program, spec, names):
    first = generate(program, spec, tmp_path, names)
    second = generate(program, spec, tmp_path / "again", names)
    assert first == second


def test_languages__a_changed_query_changes_the_version(tmp_path):
    """An index made with other queries is read again: the number in the program says so."""
    def version(queries):
        result = run("gen_languages.py", ROOT / "spec" / "languages.toml", queries, tmp_path / "l.c", tmp_path / "g.c")
        assert result.returncode == 0, result.stderr
        return re.search(r"cm_language_version = (0x[0-9a-f]{16});", (tmp_path / "l.c").read_text())[1]
    copy_of = tmp_path / "queries"
    shutil.copytree(ROOT / "queries", copy_of)
    before = version(ROOT / "queries")
    assert version(copy_of) == before
    (copy_of / "go" / "symbols.scm").open("a").write("(label_name) @reference.read\n")
    assert version(copy_of) != before


def test_api__gives_the_same_bytes_twice(tmp_path):
    outputs = []
    for directory in (tmp_path / "one", tmp_path / "two"):
        assert run("gen_api.py", "spec/openapi.yaml", directory).returncode == 0
        outputs.append({path.name: path.read_bytes() for path in sorted(directory.iterdir())})
    assert outputs[0] == outputs[1]
    assert set(outputs[0]) == {"api_gen.h", "schemas_gen.c", "routes_gen.c", "openapi_gen.c"}


def test_api__an_unchanged_output_is_not_touched(tmp_path):
    run("gen_api.py", "spec/openapi.yaml", tmp_path)
    before = (tmp_path / "api_gen.h").stat().st_mtime_ns
    run("gen_api.py", "spec/openapi.yaml", tmp_path)
    assert (tmp_path / "api_gen.h").stat().st_mtime_ns == before


def test_reference__pages_are_up_to_date():
    result = run("reference.py", "--check")
    assert result.returncode == 0, result.stderr


TOML_SLIPS = [
    ("gen_options.py", "spec/options.toml", 'type = "address"', 'type = "place"', "http.listen: unknown type 'place'"),
    ("gen_options.py", "spec/options.toml", 'default = "local"', 'default = "loca"',
     "auth.mode: the default is not one of its values"),
    ("gen_options.py", "spec/options.toml", 'name = "http.loops"', 'name = "http.listen"', "http.listen: declared twice"),
    ("gen_options.py", "spec/options.toml", 'name = "http.loops"', 'name = "htp.loops"', "htp.loops: the name must be"),
    ("gen_options.py", "spec/options.toml", 'since = "0.1.0"', 'sinse = "0.1.0"', "http.listen: unknown key 'sinse'"),
    ("gen_commands.py", "spec/commands.toml", 'name = "index"', 'name = "serve"', "serve: declared twice"),
    ("gen_commands.py", "spec/commands.toml", 'type = "flag"', 'type = "switch"', "unknown type 'switch'"),
    ("gen_metrics.py", "spec/metrics.toml", 'kind = "counter"', 'kind = "count"',
     "cm_http_requests_total: unknown kind 'count'"),
    ("gen_metrics.py", "spec/metrics.toml", 'name = "cm_http_requests_total"', 'name = "cm_http_requests"',
     "cm_http_requests: the name of a counter ends in _total"),
]


@pytest.mark.parametrize("program, spec, old, new, message", TOML_SLIPS)
def test_tables__a_slip_is_named_with_its_place(tmp_path, program, spec, old, new, message):
    text = (ROOT / spec).read_text()
    assert old in text
    broken = tmp_path / "broken.toml"
    broken.write_text(text.replace(old, new, 1))
    names = next(names for name, _, names in TABLES if name == program)
    result = run(program, broken, *[tmp_path / name for name in names])
    assert result.returncode != 0
    assert f"{broken}: " in result.stderr and message in result.stderr, result.stderr


def mutate(path, value):
    """The document with the member at `path` replaced, or removed when `value` is None."""
    document = copy.deepcopy(OPENAPI)
    node = document
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return document


SEARCH = ("paths", "/v1/repositories/{repo_id}/search", "post")
REQUEST = ("components", "schemas", "SearchRequest")
YAML_SLIPS = [
    ((*SEARCH, "x-cm-rate"), "often", "POST /v1/repositories/{repo_id}/search: x-cm-rate 'often' is none of"),
    ((*SEARCH, "x-cm-auth"), None, "POST /v1/repositories/{repo_id}/search: 'x-cm-auth' is missing"),
    ((*SEARCH, "x-cm-deadline"), 5, "unknown key 'x-cm-deadline'"),
    ((*SEARCH, "operationId"), "version", "operationId 'version' is there twice"),
    ((*SEARCH, "parameters"), [], "parameters in the path are ['repo_id'], declared are []"),
    ((*REQUEST, "required"), ["question"], "SearchRequest: required 'question' is no property"),
    ((*REQUEST, "properties", "query", "patterns"), "x", "SearchRequest/query: keyword 'patterns' is not supported"),
    ((*REQUEST, "properties", "query", "type"), "text", "SearchRequest/query: type 'text' is not supported"),
    ((*REQUEST, "properties", "query"), {"type": "string", "format": "email"}, "format 'email' is not supported"),
    ((*REQUEST, "properties", "filters"), {"$ref": "#/components/schemas/Nothing"}, "schema 'Nothing' is not declared"),
    ((*REQUEST, "properties", "filters"), {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "anyOf needs"),
]


@pytest.mark.parametrize("path, value, message", YAML_SLIPS)
def test_api__a_slip_is_named_with_its_place(tmp_path, path, value, message):
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(mutate(path, value), sort_keys=False))
    result = run("gen_api.py", broken, tmp_path / "out")
    assert result.returncode != 0
    assert f"{broken}: " in result.stderr and message in result.stderr, result.stderr


def test_api__a_key_that_is_there_twice_is_refused(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("openapi: 3.1.0\ninfo: {}\ninfo: {}\n")
    result = run("gen_api.py", broken, tmp_path / "out")
    assert f"{broken}:3: key 'info' is there twice" in result.stderr


def test_document__the_source_and_what_is_served_are_valid():
    validate(OPENAPI)
    validate(published(Spec(str(ROOT / "spec" / "openapi.yaml"))))


def test_document__replies_require_all_and_requests_allow_null():
    schemas = published(Spec(str(ROOT / "spec" / "openapi.yaml")))["components"]["schemas"]
    assert schemas["Probe"]["required"] == ["status", "checks"]
    assert schemas["SearchRequest"]["properties"]["limit"]["type"] == ["integer", "null"]
    assert schemas["SearchRequest"]["properties"]["query"]["type"] == "string"
    assert {"type": "null"} in schemas["SearchRequest"]["properties"]["search_type"]["anyOf"]
    assert "x-cm-" not in json.dumps(schemas)


def test_types__what_holds_others_by_value_is_declared_after_them():
    types = Types(Spec(str(ROOT / "spec" / "openapi.yaml")))
    order = {kind.name: index for index, kind in enumerate(types.objects)}
    for kind in types.objects:
        for field in kind.fields:
            if field.type.kind == "OBJECT" and not field.pointer:
                assert order[field.type.name] < order[kind.name], (kind.name, field.name)


def test_promises__what_no_code_reads_or_sets_is_named(tmp_path):
    text = (ROOT / "spec" / "openapi.yaml").read_text()
    mark = re.search(r', x-cm-ignored: "the server does not wait[^"]*"', text)[0]
    bare = tmp_path / "bare.yaml"
    bare.write_text(text.replace(mark, ""))
    marked = tmp_path / "marked.yaml"
    marked.write_text(text.replace("        max_tokens: {type: integer,",
                                   '        max_tokens: {x-cm-ignored: "no", type: integer,', 1))
    for file, expected in ((bare, "completion_options.debounce_ms is accepted and never read"),
                           (marked, "max_tokens is read: x-cm-ignored is no longer true")):
        spec = Spec(str(file))
        faults = promises.broken(spec, Types(spec), ROOT / "src" / "api")
        assert len(faults) == 1 and expected in faults[0], faults
    (tmp_path / "x.c").write_text('/* http.said */ f(config->http.read, CM_METRIC_SET, "CM_METRIC_TOLD");\n')
    assert promises.unread_options([{"name": "http.said"}, {"name": "http.read"}], tmp_path) == [
        "spec/options.toml: http.said is read by no code"]
    assert promises.unset_metrics([{"name": "cm_set"}, {"name": "cm_told"}], tmp_path) == [
        "spec/metrics.toml: cm_told is set by no code"]
