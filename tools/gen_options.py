#!/usr/bin/env python3
"""Turns spec/options.toml into struct cm_config, the table of options, and struct cm_settings: those a reload applies.

    gen_options.py SPEC OUT_H OUT_C OUT_SETTINGS_H
"""
import sys
import tomllib

from gencommon import c_bool, c_name, c_text, c_text_or_null, check_keys, guard, stop, write

KEYS = {"name", "type", "default", "min", "max", "values", "unit", "flag", "global", "scope", "secret", "help",
        "more", "since"}
C_TYPES = {
    "str": "const char *", "path": "const char *", "address": "const char *", "url": "const char *",
    "int": "int64_t ", "real": "double ", "bool": "bool ", "list": "cm_str_list ", "paths": "cm_str_list ",
}
TEXTS = {"str", "path", "address", "url"}


def load(spec):
    """[(section, [option])] in file order, checked."""
    with open(spec, "rb") as file:
        text = tomllib.load(file)
    sections = [(section, []) for section in text["section"]]
    by_name = {section["name"]: options for section, options in sections}
    seen = set()
    for option in text["option"]:
        check_option(spec, option, by_name, seen)
        by_name[option["name"].split(".")[0]].append(option)
    return sections


def check_option(spec, option, by_name, seen):
    place = f"{spec}: {option.get('name', 'option without name')}"
    check_keys(place, option, KEYS)
    for key in ("name", "type", "default", "help", "since"):
        if key not in option:
            stop(place, f"'{key}' is missing")
    section, _, key = option["name"].partition(".")
    if section not in by_name or not key:
        stop(place, "the name must be SECTION.KEY with a declared [[section]]")
    if option["name"] in seen:
        stop(place, "declared twice")
    seen.add(option["name"])
    if option["type"] not in C_TYPES and option["type"] != "enum":
        stop(place, f"unknown type '{option['type']}'")
    if option["type"] == "enum" and option["default"] not in option.get("values", ()):
        stop(place, "the default is not one of its values")
    if not isinstance(option["default"], str):
        stop(place, "the default is written as text, as in the settings file")
    if option.get("scope", "boot") not in ("boot", "reload"):
        stop(place, f"unknown scope '{option['scope']}'")
    if len(option["help"]) > 80:
        stop(place, "help is longer than 80 characters; the rest belongs to 'more'")


def options_of(sections):
    return [option for _, options in sections for option in options]


def environment(option):
    return "CODEMENTOR_" + c_name(option["name"]).upper()


def identifier(option):
    return "CM_OPTION_" + c_name(option["name"]).upper()


def enum_name(option):
    return "cm_config_" + c_name(option["name"])


def enum_text(option):
    rows = "".join(f"    {enum_name(option).upper()}_{c_name(value).upper()},\n" for value in option["values"])
    return f"enum {enum_name(option)} {{\n{rows}}};\n\n"


def member_text(option):
    key = c_name(option["name"].split(".")[1])
    comment = option["help"]
    if option["type"] == "int" and option["default"] == "":
        comment += "; -1 = not set"
    if option["type"] in TEXTS:
        comment += '; "" = not set' if option["default"] == "" else ""
    c_type = f"enum {enum_name(option)} " if option["type"] == "enum" else C_TYPES[option["type"]]
    return f"        {c_type}{key}; /* {comment} */\n"


def is_reloaded(option):
    return option.get("scope") == "reload"


def settings_text(sections):
    options = [option for option in options_of(sections) if is_reloaded(option)]
    text = '#include "base/str.h"\n\n' + "".join(enum_text(row) for row in options if row["type"] == "enum")
    text += "/* The settings that a reload applies, as they are now. */\ntypedef struct cm_settings {\n"
    for section, rows in sections:
        members = "".join(member_text(row) for row in rows if is_reloaded(row))
        text += f"    struct {{\n{members}    }} {section['name']};\n" if members else ""
    return guard("rt/settings_gen.h", text + "} cm_settings;\n", "spec/options.toml")


def header_text(sections):
    options = options_of(sections)
    enums = "".join(enum_text(option) for option in options if option["type"] == "enum" and not is_reloaded(option))
    ids = "".join(f"    {identifier(option)},\n" for option in options)
    members = ""
    for section, rows in sections:
        members += "    struct {\n" + "".join(member_text(row) for row in rows) + f"    }} {section['name']};\n"
    body = (
        '#include "rt/settings_gen.h"\n\n'
        f"enum cm_option_id {{\n{ids}    CM_OPTION_COUNT\n}};\n\n{enums}"
        f"typedef struct cm_config {{\n{members}"
        "    uint8_t sources[CM_OPTION_COUNT]; /* enum cm_config_source */\n} cm_config;\n\n"
        "/* What of `config` a reload applies; strings are those of `config`. */\n"
        "cm_settings cm_config_settings(const cm_config *config);\n"
    )
    return guard("app/options_gen.h", body, "spec/options.toml")


def row_text(option):
    section, key = option["name"].split(".")
    kind = f"CM_OPTION_TYPE_{option['type'].upper()}"
    values = f"values_{c_name(option['name'])}" if option["type"] == "enum" else "NULL"
    bounded = "min" in option or "max" in option
    return (
        f"    {{{c_text(option['name'])}, {c_text(environment(option))}, {c_text_or_null(option.get('flag'))},\n"
        f"     {kind}, offsetof(cm_config, {section}.{c_name(key)}), {c_text(option['default'])}, {values},\n"
        f"     {c_bool(bounded)}, {option.get('min', 0)}, {option.get('max', 0)}, "
        f"{c_bool(option.get('global'))}, {c_bool(is_reloaded(option))}, "
        f"{c_bool(option.get('secret'))},\n"
        f"     {c_text(option['help'])}}},\n"
    )


def source_text(sections):
    options = options_of(sections)
    text = '/* Generated from spec/options.toml. */\n#include "app/option.h"\n\n'
    for option in options:
        if option["type"] == "enum":
            names = ", ".join(c_text(value) for value in option["values"])
            text += f"static const char *const values_{c_name(option['name'])}[] = {{{names}, NULL}};\n"
    rows = "".join(row_text(option) for option in options)
    text += f"\nconst cm_option cm_options[CM_OPTION_COUNT] = {{\n{rows}}};\n\n"
    fields = "".join(f"        .{row['name']} = config->{row['name']},\n" for row in options if is_reloaded(row))
    return text + f"cm_settings cm_config_settings(const cm_config *config) {{\n    return (cm_settings){{\n{fields}    }};\n}}\n"


def main(spec, out_h, out_c, out_settings_h):
    sections = load(spec)
    write(out_settings_h, settings_text(sections))
    write(out_h, header_text(sections))
    write(out_c, source_text(sections))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
