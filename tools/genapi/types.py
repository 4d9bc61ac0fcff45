"""JSON schemas as C sees them: kinds, names of structs and enumerations, order of declaration.

The rules are those of src/base/schema.h."""
from gencommon import c_name, stop

SCALARS = {"string": "STR", "integer": "INT", "number": "REAL", "boolean": "BOOL"}
KNOWN = {
    "$ref", "type", "format", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "items",
    "properties", "required", "default", "description", "anyOf", "additionalProperties", "title", "example", "examples",
    "x-cm-complete", "x-cm-compact", "x-cm-lenient", "x-cm-clamp", "x-cm-list", "x-cm-text-as", "x-cm-ignored",
}
C_TYPES = {"BOOL": "bool", "INT": "int64_t", "REAL": "double", "STR": "cm_str", "UUID": "cm_str", "TIME": "int64_t",
           "ANY": "const json_t *", "MAP": "const json_t *"}


class Type:
    """One schema node, normalised."""

    def __init__(self, kind, node):
        self.kind = kind
        self.node = node
        self.nullable = False
        self.name = None      # of a struct or an enumeration, in snake case
        self.component = False
        self.fields = []      # OBJECT
        self.items = None     # ARRAY
        self.values = []      # ENUM
        self.list_of_one = False
        self.text_as = None

    def bounds(self):
        """(min, max) of whatever this kind is bounded by; None = not."""
        low, high = {"STR": ("minLength", "maxLength"), "ARRAY": ("minItems", "maxItems")}.get(
            self.kind, ("minimum", "maximum"))
        return self.node.get(low), self.node.get(high)

    def is_text_list(self):
        return self.kind == "ARRAY" and self.items.kind in ("STR", "UUID")

    def c_type(self):
        if self.kind == "OBJECT":
            return f"cm_api_{self.name}"
        if self.kind == "ENUM":
            return f"enum cm_api_{self.name}"
        if self.kind == "ARRAY":
            return "cm_str_list" if self.is_text_list() else f"CM_API_LIST({self.items.c_type()})"
        return C_TYPES[self.kind]


class Field:
    """One property of an object."""

    def __init__(self, name, field_type, required, complete):
        self.name = name
        self.c_name = c_name(name)
        self.type = field_type
        self.default = self.find_default()
        self.has_default = "default" in field_type.node
        self.required = required or complete
        absent = not self.has_default and (field_type.nullable or not self.required)
        self.pointer = field_type.kind == "OBJECT" and absent
        self.has = field_type.kind in ("INT", "REAL", "BOOL", "TIME") and absent

    def find_default(self):
        return self.type.node.get("default")


class Types:
    """All types of one document, in an order in which C can declare them."""

    def __init__(self, spec):
        self.spec = spec
        self.components = {}
        self.enums = []      # in order of declaration
        self.objects = []    # values before those that hold them
        self.declared = set()
        for name in spec.schemas:
            self.component(name)
        self.queries = {op.id: self.query(op) for op in spec.operations if op.query_parameters}
        for kind in list(self.components.values()) + list(self.queries.values()):
            self.declare(kind, [])

    def component(self, name):
        if name not in self.components:
            if name not in self.spec.schemas:
                stop(self.spec.file, f"schema '{name}' is not declared")
            found = self.build(self.spec.schemas[name], c_name(name), f"{self.spec.file}: {name}", self.components, name)
            found.component = True
        return self.components[name]

    def build(self, node, name, place, register=None, key=None):
        """The Type of `node`; `name` is what its struct or enumeration would be called."""
        for word in node:
            if word not in KNOWN:
                stop(place, f"keyword '{word}' is not supported by the generator")
        if node.get("x-cm-clamp", "both") not in ("both", "above"):
            stop(place, "x-cm-clamp is neither 'both' nor 'above'")
        if "$ref" in node:
            return self.component(node["$ref"].rsplit("/", 1)[1])
        if "anyOf" in node:
            return self.build_union(node, name, place, register, key)
        names = node.get("type", "any")
        nullable = isinstance(names, list) and "null" in names
        if isinstance(names, list):
            rest = [word for word in names if word != "null"]
            if len(rest) != 1:
                stop(place, f"type {names} has no C form")
            names = rest[0]
        found = Type(self.kind_of(node, names, place), node)
        found.nullable = nullable
        found.name = name
        if register is not None:
            register[key] = found  # before its members, which may refer to it
        self.fill(found, place)
        return found

    @staticmethod
    def kind_of(node, word, place):
        if "enum" in node:
            return "ENUM"
        if word == "any":
            return "ANY"
        if word == "object":
            return "OBJECT" if "properties" in node else "MAP"
        if word == "array":
            return "ARRAY"
        if word == "string" and "format" in node:
            kinds = {"uuid": "UUID", "date-time": "TIME"}
            if node["format"] not in kinds:
                stop(place, f"format '{node['format']}' is not supported by the generator")
            return kinds[node["format"]]
        if word not in SCALARS:
            stop(place, f"type '{word}' is not supported by the generator")
        return SCALARS[word]

    def fill(self, found, place):
        node = found.node
        if found.kind == "ENUM":
            found.values = node["enum"]
        elif found.kind == "ARRAY":
            found.items = self.build(node["items"], f"{found.name}_item", f"{place}/items")
        elif found.kind == "OBJECT":
            required = set(node.get("required", []))
            for missing in required - set(node["properties"]):
                stop(place, f"required '{missing}' is no property")
            for key, child in node["properties"].items():
                child_type = self.field_type(child, f"{found.name}_{c_name(key)}", f"{place}/{key}")
                found.fields.append(Field(key, child_type, key in required, node.get("x-cm-complete", False)))

    def field_type(self, node, name, place):
        """A property: a reference to a nullable component keeps the component's own Type untouched."""
        if "anyOf" in node and {"type": "null"} in node["anyOf"]:
            inner = self.build(node["anyOf"][0], name, place)
            copy = Type(inner.kind, inner.node)
            copy.__dict__.update(inner.__dict__)
            copy.nullable = True
            copy.origin = inner
            return copy
        return self.build(node, name, place)

    def build_union(self, node, name, place, register, key):
        shapes = node["anyOf"]
        if node.get("x-cm-list"):
            found = self.build(shapes[1], name, place)
            found.list_of_one = True
        elif node.get("x-cm-text-as"):
            found = self.build(shapes[0], name, place, register, key)
            found.text_as = node["x-cm-text-as"]
        else:
            stop(place, "anyOf needs x-cm-list or x-cm-text-as, or must be [schema, null]")
        return found

    def query(self, operation):
        """An object type for the query parameters of one operation."""
        place = operation.place
        found = Type("OBJECT", {"type": "object"})
        found.name = f"{c_name(operation.id)}_query"
        for row in operation.query_parameters:
            kind = self.build(row["schema"], f"{found.name}_{c_name(row['name'])}", f"{place} ?{row['name']}")
            if kind.kind in ("OBJECT", "MAP", "ANY", "ARRAY"):
                stop(place, f"query parameter '{row['name']}' must be a scalar")
            found.fields.append(Field(row["name"], kind, row.get("required", False), False))
        return found

    def declare(self, found, path):
        """Puts enumerations, and objects after those they hold by value."""
        found = getattr(found, "origin", found)
        if found.kind == "ENUM" and found.name not in self.declared:
            self.declared.add(found.name)
            self.enums.append(found)
        elif found.kind == "ARRAY":
            self.declare(found.items, [])
        elif found.kind == "OBJECT" and found.name not in self.declared:
            self.declare_object(found, path)

    def declare_object(self, found, path):
        if found.name in path:
            stop(self.spec.file, f"'{found.name}' holds itself by value")
        by_value = [field for field in found.fields if field.type.kind == "OBJECT" and not field.pointer]
        for field in by_value:
            self.declare(field.type, path + [found.name])
        self.declared.add(found.name)
        self.objects.append(found)
        for field in found.fields:
            self.declare(field.type, [])
