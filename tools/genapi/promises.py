"""Promises: every field and query parameter that a request may have is read by a handler, or says why it is not.

`x-cm-ignored: reason` in the schema marks one that is accepted and not used; the reference repeats the reason. Read means
that its member, or its key, stands in the C code of src/api."""
import re
from pathlib import Path

from gencommon import c_name


def request_fields(spec, types):
    """[(where it is declared, name, node)] of all that a client may send."""
    rows, seen = [], set()

    def walk(kind, owner):
        kind = getattr(kind, "origin", kind)
        if kind.kind == "ARRAY":
            walk(kind.items, owner)
        if kind.kind != "OBJECT" or id(kind) in seen:
            return
        seen.add(id(kind))
        for field in kind.fields:
            rows.append((owner if not kind.component else kind.name, field.name, node_of(kind, field)))
            if "x-cm-ignored" not in rows[-1][2]:  # what holds it is not read either
                walk(field.type, f"{kind.name}.{field.name}")

    def node_of(kind, field):
        for shape in kind.node.get("anyOf", [kind.node]):
            if field.name in shape.get("properties", {}):
                return shape["properties"][field.name]
        return {}

    def walk_body(node):
        for item in node.get("anyOf", [node]) if node else []:
            if "$ref" in item:
                walk(types.components[item["$ref"].rsplit("/", 1)[1]], "")

    for operation in spec.operations:
        walk_body(operation.body)
        rows += [(operation.id, row["name"], {**row["schema"], **row}) for row in operation.query_parameters]
    return rows


def broken(spec, types, folder):
    """One line for each promise that nothing keeps, and for each mark that is no longer true."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.c")))
    read = set(re.findall(r"(?:->|\.)\s*(?:has_)?([a-z]\w*)\b(?!\s*=[^=])", text))
    read |= set(re.findall(r'"([A-Za-z_]\w*)"', text))
    faults = []
    for owner, name, node in request_fields(spec, types):
        is_read = name in read or c_name(name) in read
        if not is_read and "x-cm-ignored" not in node:
            faults.append(f"{spec.file}: {owner}.{name} is accepted and never read: read it, or say why with x-cm-ignored")
        elif is_read and "x-cm-ignored" in node:
            faults.append(f"{spec.file}: {owner}.{name} is read: x-cm-ignored is no longer true")
    return faults


COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def code_of(folder):
    return COMMENT_OR_TEXT.sub(" ", "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.c"))))


def unread_options(options, folder):
    code = code_of(folder)
    return [f"spec/options.toml: {option['name']} is read by no code" for option in options
            if not re.search(rf"\b{re.escape(option['name'])}\b", code)]


def unset_metrics(metrics, folder):
    code = code_of(folder)
    return [f"spec/metrics.toml: {metric['name']} is set by no code" for metric in metrics
            if metric["name"].upper().replace("CM_", "CM_METRIC_", 1) not in code]
