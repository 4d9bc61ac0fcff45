"""The API's reference page, as Markdown for docs/reference/api.md and as one HTML page for GET /docs."""
import html
import re

from gencommon import c_text

from genapi.structs import SOURCE

LINE = 96


def type_text(spec, node):
    """`string <= 64`, `integer 1..200`, `[Range]`, `CompletionItem or null`."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return name
    if "anyOf" in node:
        return " or ".join(type_text(spec, item) for item in node["anyOf"])
    names = node.get("type", "any")
    names = names if isinstance(names, list) else [names]
    return " or ".join(one_type_text(spec, name, node) if name != "null" else "null" for name in names)


def one_type_text(spec, name, node):
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if name == "array":
        return f"[{type_text(spec, node['items'])}]" + bound_text(node, "minItems", "maxItems")
    if name == "string":
        return node.get("format", "string") + bound_text(node, "minLength", "maxLength")
    return name + bound_text(node, "minimum", "maximum")


def bound_text(node, low, high):
    if low in node and high in node:
        return f" {node[low]}..{node[high]}"
    if low in node:
        return f" ≥ {node[low]}"
    return f" ≤ {node[high]}" if high in node else ""


def field_rows(spec, schema):
    complete = schema.get("x-cm-complete")
    for name, node in schema.get("properties", {}).items():
        notes = []
        if name in schema.get("required", []):
            notes.append("required")
        if "default" in node and node["default"] != {}:
            notes.append(f"default `{default_text(node['default'])}`")
        if not complete and not notes:
            notes.append("optional")
        text = node.get("description", "")
        if "x-cm-ignored" in node:
            text = f"{text} Accepted, not used yet: {node['x-cm-ignored']}.".strip()
        yield name, type_text(spec, node), "; ".join(notes), text


def default_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("'", '"') if isinstance(value, list) else str(value)


def schema_lines(spec, name, schema):
    yield f"### {name}"
    yield ""
    for shape in schema.get("anyOf", [schema]):
        if "description" in schema or "description" in shape:
            yield from (schema.get("description") or shape["description"], "")
        if "enum" in shape:
            yield from (f"One of {', '.join(f'`{value}`' for value in shape['enum'])}.", "")
        if "properties" not in shape:
            continue
        yield "| field | type | | |"
        yield "| --- | --- | --- | --- |"
        for row in field_rows(spec, shape):
            yield "| `{}` | {} | {} | {} |".format(*row)
        yield ""


def facts_text(operation):
    facts = []
    auth = operation.node["x-cm-auth"]
    facts.append("no credential" if auth == "-" else f"auth `{auth}`")
    if operation.rate != "none":
        facts.append(f"rate class `{operation.rate}`")
    facts.append(f"deadline {operation.node.get('x-cm-deadline-ms', 2000)} ms")
    if "x-cm-max-body" in operation.node:
        facts.append(f"body up to {operation.node['x-cm-max-body'] // 1048576} MiB")
    if operation.idempotent:
        facts.append("`Idempotency-Key`")
    if operation.shape != "problem":
        facts.append(f"errors as {operation.shape}")
    return ", ".join(facts)


def operation_lines(spec, operation):
    yield f"### {operation.method.upper()} {operation.path}"
    yield ""
    yield f"{operation.node['summary']}. Operation `{operation.id}`; {facts_text(operation)}."
    yield ""
    if "description" in operation.node:
        yield from (operation.node["description"], "")
    if operation.query_parameters:
        yield "| query | type | | |"
        yield "| --- | --- | --- | --- |"
        for row in operation.query_parameters:
            default = row["schema"].get("default")
            note = f"default `{default_text(default)}`" if default is not None else "optional"
            yield f"| `{row['name']}` | {type_text(spec, row['schema'])} | {note} | {row.get('description', '')} |"
        yield ""
    if operation.body:
        yield from (f"Body: {type_text(spec, operation.body)}.", "")
    if operation.accepts:
        yield from (f"Body: {', '.join(f'`{kind}`' for kind in operation.accepts)}.", "")
    for status, node in operation.node["responses"].items():
        if status != "default":
            yield f"- {status}: {reply_text(spec, spec.resolve(node))}"
    yield ""


def reply_text(spec, response):
    shapes = [
        type_text(spec, content["schema"]) if kind == "application/json" and content["schema"] != {"type": "object"}
        else f"`{kind}`"
        for kind, content in response.get("content", {}).items()
    ]
    return f"{response['description']} {' or '.join(shapes)}".strip()


def markdown(spec):
    lines = ["# API reference", "", "Generated from `spec/openapi.yaml` by `tools/reference.py`.", "",
             spec.document["info"]["description"], ""]
    for tag in spec.document["tags"]:
        lines += [f"## {tag['name']}", "", tag["description"], ""]
        for operation in spec.operations:
            if operation.node["tags"] == [tag["name"]]:
                lines += operation_lines(spec, operation)
    lines += ["## Schemas", "", "In replies every field is present, and null when it has no value. In requests, a field "
              "without `required` may be left out or null.", ""]
    for name, schema in spec.schemas.items():
        lines += schema_lines(spec, name, schema)
    return "\n".join(lines).rstrip() + "\n"


STYLE = ("body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;"
         "background:#fff}code{background:#f0f0f0;padding:0 .2em;border-radius:3px}table{border-collapse:collapse;"
         "margin:.5rem 0}td,th{border:1px solid #ddd;padding:.2rem .5rem;text-align:left;vertical-align:top}h1,h2,h3{"
         "line-height:1.2}h3{margin-top:2rem}a{color:#0645ad}@media(prefers-color-scheme:dark){body{background:#181818;"
         "color:#ddd}code{background:#2a2a2a}td,th{border-color:#444}a{color:#8ab4f8}}")


def inline(spec, text):
    text = html.escape(text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    for name in re.findall(r"\b[A-Z]\w+\b", text):
        if name in spec.schemas:
            text = re.sub(rf'(?<![#">\w]){name}\b', f'<a href="#{name}">{name}</a>', text, count=1)
    return text


def page(spec):
    """The Markdown as HTML. Only what `markdown` writes is understood: headings, tables, lists, paragraphs."""
    out = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
           f"<title>CodeMentor API</title><style>{STYLE}</style>"]
    in_table = False
    for line in markdown(spec).split("\n"):
        is_row = line.startswith("|")
        if in_table and not is_row:
            out.append("</table>")
        if is_row and not in_table:
            out.append("<table>")
        in_table = is_row
        out.append(line_html(spec, line))
    out.append("</table>" if in_table else "")
    return "\n".join(filter(None, out)) + "\n"


def line_html(spec, line):
    heading = re.match(r"(#+) (.*)", line)
    if heading:
        level = len(heading[1])
        return f'<h{level} id="{html.escape(heading[2])}">{html.escape(heading[2])}</h{level}>'
    if line.startswith("| ---"):
        return ""
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        return "<tr>" + "".join(f"<td>{inline(spec, cell)}</td>" for cell in cells) + "</tr>"
    if line.startswith("- "):
        return f"<p>{inline(spec, line[2:])}</p>"
    return f"<p>{inline(spec, line)}</p>" if line else ""


def c_array(name, text):
    """A C array; pieces of a string literal compile fast."""
    data = text.encode()
    lines = []
    start = 0
    while start < len(data):
        end = min(start + LINE, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
        lines.append("    " + c_text(data[start:end].decode()) + "\n")
        start = end
    return f"const char {name}[] =\n{''.join(lines)}    ;\nconst size_t {name}_len = {len(data)};\n"


def embedded_text(document_json, spec):
    return (SOURCE + '#include "api/document.h"\n\n' + c_array("cm_openapi_json", document_json) + "\n"
            + c_array("cm_docs_html", page(spec)))
