"""Writes the structs of the API, the tables behind their codecs, and the handlers' prototypes."""
from gencommon import c_name, c_text, guard

SOURCE = "/* Generated from spec/openapi.yaml. */\n"


def enum_text(kind):
    prefix = f"CM_API_{kind.name}_".upper()
    rows = f"    {prefix}ABSENT,\n"
    rows += "".join(f"    {prefix}{c_name(value).upper()},\n" for value in kind.values)
    return f"enum cm_api_{kind.name} {{\n{rows}}};\n\n"


def member_text(field):
    kind = field.type.c_type()
    star = " *" if field.pointer else ("" if kind.endswith("*") else " ")
    note = " /* NULL = absent */" if field.pointer else ""
    if field.type.kind == "TIME":
        note = " /* milliseconds since 1970 */"
    text = f"    {kind}{star}{field.c_name};{note}\n"
    if field.has:
        text += f"    bool has_{field.c_name};\n"
    return text


def struct_text(kind):
    members = "".join(member_text(field) for field in kind.fields)
    return f"struct cm_api_{kind.name} {{\n{members}}};\n\n"


def dialect_text(operation):
    names = []
    for row in operation.dispatch:
        if row["schema"] not in names:
            names.append(row["schema"])
    prefix = f"CM_API_{c_name(operation.id)}_".upper()
    rows = "".join(f"    {prefix}{c_name(name).upper()},\n" for name in names)
    return f"/* cm_call.dialect of {operation.id}. */\nenum cm_api_{c_name(operation.id)}_dialect {{\n{rows}}};\n\n"


def handler_names(spec):
    return sorted({handler_name(operation) for operation in spec.operations})


def handler_name(operation):
    return operation.node.get("x-cm-handler", f"cm_h_{c_name(operation.id)}")


def header_text(spec, types):
    body = '#include "api/gateway/call.h"\n#include "base/schema.h"\n\n'
    body += "#define CM_API_LIST(type) \\\n    struct {              \\\n        type *items;      \\\n"
    body += "        size_t count;     \\\n    }\n\n"
    body += "".join(enum_text(kind) for kind in types.enums)
    body += "".join(f"typedef struct cm_api_{kind.name} cm_api_{kind.name};\n" for kind in types.objects) + "\n"
    body += "".join(struct_text(kind) for kind in types.objects)
    body += "".join(f"extern const cm_schema cm_api_{kind.name}_schema;\n" for kind in exported(types)) + "\n"
    body += "".join(dialect_text(operation) for operation in spec.operations if operation.dispatch)
    body += "".join(f"cm_handler {name};\n" for name in handler_names(spec))
    return guard("api/api_gen.h", body, "spec/openapi.yaml")


def exported(types):
    return types.objects + [kind for kind in types.enums if kind.component]


class Tables:
    """Constant data behind the codecs. A scalar schema that occurs often is written once."""

    def __init__(self, types):
        self.types = types
        self.out = []
        self.shared = {}

    def text(self):
        for kind in self.types.enums:
            self.enum(kind)
        for kind in self.types.objects:
            self.out.append(f"static const cm_schema_field fields_{kind.name}[{len(kind.fields)}];\n")
        for kind in self.types.objects:
            self.object(kind)
        return SOURCE + '#include "api/api_gen.h"\n\n#include <stddef.h>\n\n' + "".join(self.out)

    def enum(self, kind):
        names = ", ".join(["NULL"] + [c_text(value) for value in kind.values])
        self.out.append(f"static const char *const names_{kind.name}[] = {{{names}}};\n")
        linkage = "" if kind.component else "static "
        self.out.append(
            f"{linkage}const cm_schema cm_api_{kind.name}_schema = {{.kind = CM_SCHEMA_ENUM, "
            f".size = sizeof(int), .names = names_{kind.name}, .name_count = {len(kind.values) + 1}}};\n")

    def object(self, kind):
        rows = "".join(self.field(kind, field) for field in kind.fields)
        flags = [flag for key, flag in (("x-cm-compact", "COMPACT"), ("x-cm-lenient", "LENIENT"),
                                        ("additionalProperties", "OPEN")) if kind.node.get(key)]
        self.out.append(f"static const cm_schema_field fields_{kind.name}[{len(kind.fields)}] = {{\n{rows}}};\n")
        text_as = f", .text_as = {c_text(kind.text_as)}" if kind.text_as else ""
        self.out.append(
            f"const cm_schema cm_api_{kind.name}_schema = {{.kind = CM_SCHEMA_OBJECT, {flag_text(flags)}"
            f".size = sizeof(cm_api_{kind.name}), .fields = fields_{kind.name}, "
            f".field_count = {len(kind.fields)}{text_as}}};\n\n")

    def field(self, kind, field):
        flags = [flag for on, flag in (
            (field.required, "REQUIRED"), (field.type.nullable, "NULLABLE"), (field.pointer, "POINTER"),
            (field.has, "HAS"), (field.has_default, "PRESET")) if on]
        struct = f"cm_api_{kind.name}"
        has = f".has_offset = offsetof({struct}, has_{field.c_name}), " if field.has else ""
        flags_text = " | ".join(f"CM_FIELD_{flag}" for flag in flags) or "0"
        return (
            f"    {{.name = {c_text(field.name)}, .schema = {self.reference(field.type, f'{kind.name}_{field.c_name}')},"
            f"\n     .offset = offsetof({struct}, {field.c_name}), {has}.flags = {flags_text}"
            f"{self.preset(field, f'{kind.name}_{field.c_name}')}}},\n")

    def preset(self, field, name):
        if not field.has_default or field.type.kind == "OBJECT":
            return ""
        value = field.default
        if field.type.kind == "ENUM":
            return f", .preset_number = {field.type.values.index(value) + 1}"
        if field.type.kind == "ARRAY":
            items = ", ".join(f"{{{c_text(item)}, {len(item.encode())}}}" for item in value)
            self.out.append(f"static const cm_str preset_items_{name}[] = {{{items}}};\n"
                            f"static const cm_str_list preset_{name} = {{preset_items_{name}, {len(value)}}};\n")
            return f", .preset = &preset_{name}"
        if field.type.kind == "STR":
            return f", .preset = {c_text(value)}"
        return f", .preset_number = {int(value) if isinstance(value, bool) else value}"

    def reference(self, kind, name):
        """A C expression that points at the schema of `kind`."""
        if kind.kind in ("OBJECT", "ENUM"):
            return f"&cm_api_{kind.name}_schema"
        parts = [f".kind = CM_SCHEMA_{kind.kind}"]
        low, high = kind.bounds()
        clamp = kind.node.get("x-cm-clamp")
        flags = [flag for on, flag in ((low is not None, "MIN"), (high is not None, "MAX"),
                                       (clamp == "both", "CLAMP_LOW"), (clamp is not None, "CLAMP_HIGH"),
                                       (kind.list_of_one, "LIST_OF_ONE")) if on]
        if flags:
            parts.append(flag_text(flags).rstrip(", "))
        if low is not None:
            parts.append(f".min = {low}")
        if high is not None:
            parts.append(f".max = {high}")
        if kind.kind == "ARRAY":
            parts.append(f".items = {self.reference(kind.items, name + '_item')}")
        parts.append(f".size = {size_text(kind)}")
        return "&" + self.share(", ".join(parts))

    def share(self, text):
        if text not in self.shared:
            self.shared[text] = f"schema_{len(self.shared)}"
            self.out.append(f"static const cm_schema {self.shared[text]} = {{{text}}};\n")
        return self.shared[text]


def flag_text(flags):
    return f".flags = {' | '.join('CM_SCHEMA_' + flag for flag in flags)}, " if flags else ""


def size_text(kind):
    return "sizeof(cm_str_list)" if kind.kind == "ARRAY" else f"sizeof({kind.c_type()})"
