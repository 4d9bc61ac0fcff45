#!/usr/bin/env python3
"""Turns spec/commands.toml into the argument structs and the table of commands.

    gen_commands.py SPEC OUT_H OUT_C OUT_RUN_C

The functions of the commands get a file of their own, so that the parser can be tested without them.
"""
import sys
import tomllib

from gencommon import c_bool, c_name, c_text, c_text_or_null, check_keys, guard, stop, write

COMMAND_KEYS = {"name", "help", "more", "examples", "arguments", "options", "server"}
ARGUMENT_KEYS = {"name", "type", "values", "optional", "many", "help"}
OPTION_KEYS = {"name", "type", "min", "max", "default", "value", "help"}
C_TYPES = {"str": "const char *", "path": "const char *", "flag": "bool ", "int": "int64_t ", "enum": "int "}


def load(spec):
    with open(spec, "rb") as file:
        commands = tomllib.load(file)["command"]
    seen = set()
    for command in commands:
        place = f"{spec}: {command.get('name', 'command without name')}"
        check_keys(place, command, COMMAND_KEYS)
        if command["name"] in seen:
            stop(place, "declared twice")
        seen.add(command["name"])
        for argument in command["arguments"]:
            check_keys(f"{place} {argument['name']}", argument, ARGUMENT_KEYS)
            check_type(f"{place} {argument['name']}", argument, {"str", "path", "enum"})
        for option in command["options"]:
            check_keys(f"{place} --{option['name']}", option, OPTION_KEYS)
            check_type(f"{place} --{option['name']}", option, {"flag", "str", "path", "int"})
    return commands


def check_type(place, row, known):
    if row["type"] not in known:
        stop(place, f"unknown type '{row['type']}'")
    if row["type"] == "int" and "default" not in row:
        stop(place, "an int needs a default")


def struct_name(command):
    return "cm_args_" + c_name(command["name"])


def enum_text(command, argument):
    prefix = f"CM_{c_name(command['name'])}_{c_name(argument['name'])}_".upper()
    return "".join(f"    {prefix}{c_name(value).upper()},\n" for value in argument["values"])


def struct_text(command):
    text = ""
    for argument in command["arguments"]:
        if argument["type"] == "enum":
            name = f"cm_{c_name(command['name'])}_{c_name(argument['name'])}"
            text += f"enum {name} {{\n{enum_text(command, argument)}}};\n\n"
    members = ""
    for row in command["arguments"] + command["options"]:
        absent = "; NULL = not given" if C_TYPES[row["type"]] == "const char *" else ""
        members += f"    {C_TYPES[row['type']]}{c_name(row['name'])}; /* {row['help']}{absent} */\n"
    if not members:
        members = "    bool unused; /* the command takes nothing */\n"
    return f"{text}typedef struct {struct_name(command)} {{\n{members}}} {struct_name(command)};\n\n"


def header_text(commands):
    ids = "".join(f"    CM_COMMAND_{c_name(command['name']).upper()},\n" for command in commands)
    structs = "".join(struct_text(command) for command in commands)
    members = "".join(f"    {struct_name(command)} {c_name(command['name'])};\n" for command in commands)
    body = (
        '#include "base/str.h"\n\n'
        f"enum cm_command_id {{\n{ids}    CM_COMMAND_COUNT\n}};\n\n{structs}"
        f"typedef union cm_args {{\n{members}}} cm_args;\n\n"
        "struct cm_cli;\n"
        "/* Each defined by the file of its command: the exit status of the process. */\n"
        + "".join(f"int cm_cmd_{c_name(command['name'])}(const struct cm_cli *cli);\n" for command in commands)
    )
    return guard("app/commands_gen.h", body, "spec/commands.toml")


def parameter_text(command, row, positional):
    kind = f"CM_PARAMETER_{row['type'].upper()}"
    values = f"values_{c_name(command['name'])}_{c_name(row['name'])}" if row["type"] == "enum" else "NULL"
    return (
        f"    {{{c_text(row['name'])}, {kind}, offsetof({struct_name(command)}, {c_name(row['name'])}),\n"
        f"     {c_bool(positional)}, {c_bool(row.get('optional'))}, {c_bool(row.get('many'))}, {values}, "
        f"{row.get('min', 0)}, {row.get('max', 0)}, {row.get('default', 0)}, {c_text_or_null(row.get('value'))},\n"
        f"     {c_text(row['help'])}}},\n"
    )


def parameters_text(command):
    name = c_name(command["name"])
    text = ""
    for row in command["arguments"]:
        if row["type"] == "enum":
            values = ", ".join(c_text(value) for value in row["values"])
            text += f"static const char *const values_{name}_{c_name(row['name'])}[] = {{{values}, NULL}};\n"
    rows = "".join(parameter_text(command, row, True) for row in command["arguments"])
    rows += "".join(parameter_text(command, row, False) for row in command["options"])
    if rows:
        text += f"static const cm_parameter parameters_{name}[] = {{\n{rows}}};\n\n"
    return text


def command_text(command):
    name = c_name(command["name"])
    count = len(command["arguments"]) + len(command["options"])
    parameters = f"parameters_{name}" if count else "NULL"
    examples = "\n".join(command.get("examples", []))
    return (
        f"    {{{c_text(command['name'])}, {parameters}, {count}, {c_bool(command.get('server'))},\n"
        f"     {c_text(command['help'])}, {c_text_or_null(command.get('more'))}, {c_text(examples)}}},\n"
    )


def source_text(commands):
    text = '/* Generated from spec/commands.toml. */\n#include "app/command.h"\n\n'
    text += "".join(parameters_text(command) for command in commands)
    rows = "".join(command_text(command) for command in commands)
    return text + f"const cm_command cm_commands[CM_COMMAND_COUNT] = {{\n{rows}}};\n"


def run_text(commands):
    rows = "".join(f"    cm_cmd_{c_name(command['name'])},\n" for command in commands)
    return (
        '/* Generated from spec/commands.toml. */\n#include "app/command.h"\n\n'
        f"cm_command_fn *const cm_command_functions[CM_COMMAND_COUNT] = {{\n{rows}}};\n"
    )


def main(spec, out_h, out_c, out_run_c):
    commands = load(spec)
    write(out_h, header_text(commands))
    write(out_c, source_text(commands))
    write(out_run_c, run_text(commands))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
