"""The served document: what /openapi.json gives."""
import copy
import json

KEPT = ("x-cm-auth", "x-cm-rate", "x-cm-deadline-ms", "x-cm-max-body")


def published(spec):
    """The document without what only the generator reads; `required`, null and clamps as the head of the file says."""
    document = copy.deepcopy(spec.document)
    free_clamped(document)
    for name, schema in document["components"]["schemas"].items():
        if schema.get("x-cm-complete"):
            schema["required"] = list(schema["properties"])
        else:
            allow_null(schema)
    return strip(document)


def free_clamped(node):
    """A number that is moved to its bound is not bounded for the client."""
    if isinstance(node, dict):
        clamp = node.get("x-cm-clamp")
        for bound in ("minimum", "maximum") if clamp == "both" else ("maximum",) if clamp == "above" else ():
            if bound in node:
                node["description"] = f"{node.get('description', '')} At {bound} {node.pop(bound)}, beyond it the same.".strip()
        for child in node.values():
            free_clamped(child)
    elif isinstance(node, list):
        for child in node:
            free_clamped(child)


def allow_null(schema):
    """Optional members may be null."""
    for shape in schema.get("anyOf", [schema]):
        for key, child in shape.get("properties", {}).items():
            if key not in shape.get("required", []) and not shape.get("x-cm-compact"):
                shape["properties"][key] = or_null(child)


def or_null(schema):
    if "anyOf" in schema:
        return {**schema, "anyOf": schema["anyOf"] + [{"type": "null"}]}
    if "$ref" in schema or "enum" in schema or "format" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return schema


def strip(node):
    if isinstance(node, dict):
        return {key: strip(value) for key, value in node.items() if not key.startswith("x-cm-") or key in KEPT}
    if isinstance(node, list):
        return [strip(item) for item in node]
    return node


def json_text(spec):
    return json.dumps(published(spec), ensure_ascii=False, separators=(",", ":"), sort_keys=False)

