"""Reads spec/openapi.yaml and checks what the generator relies on; every fault names its place."""
import re

from gencommon import stop

try:
    import yaml
except ImportError:
    stop("tools/gen_api.py", "needs PyYAML; run script/bootstrap, or install python3-yaml")

METHODS = ("get", "post", "put", "patch", "delete")
OPERATION_KEYS = {
    "x-cm-auth", "x-cm-rate", "x-cm-deadline-ms", "x-cm-max-body", "x-cm-run", "x-cm-stream", "x-cm-error-shape",
    "x-cm-dispatch", "x-cm-handler", "operationId", "tags", "summary", "description", "parameters", "requestBody",
    "responses", "deprecated",
}
RATES = {"completion", "chat", "code", "learn", "search", "index", "crud", "event", "auth", "admin", "none"}
SHAPES = {"problem", "openai", "llamacpp"}


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, which YAML would let the last one win."""


def construct_mapping(loader, node):
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            stop(f"{key_node.start_mark.name}:{key_node.start_mark.line + 1}", f"key '{key}' is there twice")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct_mapping)


class Operation:
    """One method of one path."""

    def __init__(self, spec, path, method, node, shared):
        self.place = f"{spec.file}: {method.upper()} {path}"
        self.path, self.method, self.node = path, method, node
        for key in node:
            if key not in OPERATION_KEYS:
                stop(self.place, f"unknown key '{key}'")
        for key in ("operationId", "summary", "tags", "x-cm-auth", "x-cm-rate", "responses"):
            if key not in node:
                stop(self.place, f"'{key}' is missing")
        self.id = node["operationId"]
        self.rate = self.one_of("x-cm-rate", RATES, None)
        self.shape = self.one_of("x-cm-error-shape", SHAPES, "problem")
        self.run = self.one_of("x-cm-run", {"worker", "loop", "database"}, "worker")
        self.stream = self.one_of("x-cm-stream", {"sse", "none"}, "none")
        parameters = [spec.resolve(item) for item in shared + node.get("parameters", [])]
        self.path_parameters = self.in_path_order([row for row in parameters if row["in"] == "path"])
        self.query_parameters = [row for row in parameters if row["in"] == "query"]
        self.idempotent = any(row["in"] == "header" and row["name"] == "Idempotency-Key" for row in parameters)
        self.accepts = []  # what the body may be when it is no JSON: the handler reads the bytes
        self.body = self.body_schema()
        self.dispatch = node.get("x-cm-dispatch")

    def one_of(self, key, known, default):
        value = self.node.get(key, default)
        if value not in known:
            stop(self.place, f"{key} '{value}' is none of {', '.join(sorted(known))}")
        return value

    def in_path_order(self, parameters):
        by_name = {row["name"]: row for row in parameters}
        names = re.findall(r"\{(\w+)\}", self.path)
        if set(names) != set(by_name):
            stop(self.place, f"parameters in the path are {names}, declared are {sorted(by_name)}")
        return [by_name[name] for name in names]

    def body_schema(self):
        if "requestBody" not in self.node:
            return None
        content = self.node["requestBody"]["content"]
        if "application/json" not in content:
            self.accepts = list(content)
            return None
        if list(content) != ["application/json"]:
            stop(self.place, "a request body is application/json, or other types alone")
        return content["application/json"]["schema"]

    def replies(self, spec):
        """[(status, JSON schema or None)] of the declared statuses."""
        out = []
        for status, node in self.node["responses"].items():
            if status == "default":
                continue
            if not re.fullmatch(r"[1-5]\d\d", str(status)):
                stop(self.place, f"response '{status}' is not a status")
            content = spec.resolve(node).get("content", {})
            out.append((int(status), content.get("application/json", {}).get("schema")))
        return out

    def content_types(self, spec):
        """What success may look like, in order of preference."""
        found = {}
        for status, node in self.node["responses"].items():
            if str(status).startswith("2"):
                found.update(dict.fromkeys(spec.resolve(node).get("content", {})))
        return list(found)


class Spec:
    """The whole document."""

    def __init__(self, file):
        self.file = file
        with open(file, encoding="utf-8") as stream:
            self.document = yaml.load(stream, StrictLoader)
        self.schemas = self.document["components"]["schemas"]
        self.operations = [
            Operation(self, path, method, node[method], node.get("parameters", []))
            for path, node in self.document["paths"].items()
            for method in METHODS
            if method in node
        ]
        seen = set()
        for operation in self.operations:
            if operation.id in seen:
                stop(operation.place, f"operationId '{operation.id}' is there twice")
            seen.add(operation.id)

    def resolve(self, node):
        """Follows `$ref` within the document."""
        while "$ref" in node:
            ref = node["$ref"]
            node = self.document
            for part in ref.removeprefix("#/").split("/"):
                if part not in node:
                    stop(self.file, f"'{ref}' points nowhere")
                node = node[part]
        return node
