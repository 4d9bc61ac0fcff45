"""Writes the table of routes."""
from gencommon import c_bool, c_name, c_text, stop

from genapi.structs import SOURCE, handler_name

SHAPES = {"problem": "CM_ERROR_PROBLEM", "openai": "CM_ERROR_OPENAI", "llamacpp": "CM_ERROR_LLAMACPP"}
JSON_BODY_MAX = 1048576  # a JSON body when the operation says nothing
DEADLINE_MS = 2000


class Routes:
    def __init__(self, spec, types, tables):
        self.spec, self.types, self.tables = spec, types, tables
        self.out = []

    def text(self):
        rows = "".join(self.route(operation) for operation in self.spec.operations)
        count = len(self.spec.operations)
        return (SOURCE + '#include "api/api_gen.h"\n\n' + "".join(self.tables.out) + "".join(self.out)
                + f"const cm_route cm_routes[{count}] = {{\n{rows}}};\nconst uint32_t cm_route_count = {count};\n")

    def schema(self, node, name, place):
        if node is None:
            return "NULL"
        kind = self.types.build(node, name, place)
        return self.tables.reference(kind, name)

    def route(self, operation):
        name = c_name(operation.id)
        bodies = self.bodies(operation, name)
        replies = self.replies(operation, name)
        parameters = self.parameters(operation, name)
        max_body = operation.node.get("x-cm-max-body", JSON_BODY_MAX) if "requestBody" in operation.node else 0
        required = max_body > 0 and operation.node["requestBody"].get("required", False)
        query = f"&cm_api_{name}_query_schema" if operation.query_parameters else "NULL"
        return (
            f"    {{.method = CM_METHOD_{operation.method.upper()},\n     .path = {c_text(operation.path)},\n"
            f"     .op = {c_text(operation.id)},\n     .handler = {handler_name(operation)},\n"
            f"     .auth = {c_text(operation.node['x-cm-auth'])},\n     .rate = {c_text(operation.rate)},\n"
            f"     .deadline_ms = {operation.node.get('x-cm-deadline-ms', DEADLINE_MS)},\n"
            f"     .max_body = {max_body},\n     .stream = CM_STREAM_{operation.stream.upper()},\n"
            f"     .error_shape = {SHAPES[operation.shape]},\n     .run = CM_RUN_{operation.run.upper()},\n"
            f"     .idempotent = {c_bool(operation.idempotent)},\n"
            f"     .body_required = {c_bool(required)},\n     .params = {parameters},\n"
            f"     .param_count = {len(operation.path_parameters)},\n     .query = {query},\n"
            f"     .accepts = {self.words(f'accepts_{name}', operation.accepts)},\n"
            f"     .bodies = {bodies[0]},\n     .body_count = {bodies[1]},\n"
            f"     .replies = {replies[0]},\n     .reply_count = {replies[1]},\n"
            f"     .produces = {self.words(f'produces_{name}', operation.content_types(self.spec))}}},\n")

    def parameters(self, operation, name):
        rows = ""
        for row in operation.path_parameters:
            schema = self.schema(row["schema"], f"{name}_{row['name']}", operation.place)
            rows += f"    {{{c_text(row['name'])}, {schema}}},\n"
        if not rows:
            return "NULL"
        self.out.append(f"static const cm_route_param params_{name}[] = {{\n{rows}}};\n")
        return f"params_{name}"

    def bodies(self, operation, name):
        if operation.body is None:
            return "NULL", 0
        rows = operation.dispatch or [{"schema": operation.body["$ref"].rsplit("/", 1)[1]}]
        schemas = list(dict.fromkeys(row["schema"] for row in rows))
        text = "".join(self.body(operation, name, index, row, schemas) for index, row in enumerate(rows))
        self.out.append(f"static const cm_route_body bodies_{name}[] = {{\n{text}}};\n")
        return f"bodies_{name}", len(rows)

    def body(self, operation, name, index, row, schemas):
        for key in row:
            if key not in ("schema", "required", "conflicts", "reply", "error-shape"):
                stop(operation.place, f"x-cm-dispatch has no key '{key}'")
        required = self.words(f"required_{name}_{index}", row.get("required"))
        conflicts = self.words(f"conflicts_{name}_{index}", row.get("conflicts"))
        reply = f"&cm_api_{c_name(row['reply'])}_schema" if "reply" in row else "NULL"
        shape = SHAPES[row.get("error-shape", operation.shape)]
        return (f"    {{{required}, {conflicts}, &cm_api_{c_name(row['schema'])}_schema, {reply}, "
                f"{schemas.index(row['schema'])}, {shape}}},\n")

    def words(self, name, words):
        if not words:
            return "NULL"
        self.out.append(f"static const char *const {name}[] = {{{', '.join(map(c_text, words))}, NULL}};\n")
        return name

    def replies(self, operation, name):
        rows = ""
        count = 0
        for status, node in operation.replies(self.spec):
            schema = "NULL" if node is None or "anyOf" in node else self.schema(node, f"{name}_{status}", operation.place)
            rows += f"    {{{status}, {schema}}},\n"
            count += 1
        self.out.append(f"static const cm_route_reply replies_{name}[] = {{\n{rows}}};\n")
        return f"replies_{name}", count
