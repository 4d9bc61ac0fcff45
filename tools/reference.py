#!/usr/bin/env python3
"""Writes the reference pages of docs/reference/ from the tables of spec/.

    reference.py            writes them
    reference.py --check    says which differ from the tables, and fails then
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import gen_commands
import gen_metrics
import gen_options
from gencommon import write
from genapi import promises, reference
from genapi.spec import Spec
from genapi.types import Types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def option_range(option):
    if option["type"] == "enum":
        return ", ".join(f"`{value}`" for value in option["values"])
    text = {"int": "integer", "real": "number", "bool": "`true`, `false`", "list": "list", "paths": "list of paths"}
    bounds = f" {option['min']}..{option['max']}" if "min" in option else ""
    unit = f" {option['unit']}" if "unit" in option else ""
    return text.get(option["type"], option["type"]) + bounds + unit


def configuration(sections):
    lines = ["# Configuration", "", "Generated from `spec/options.toml` by `tools/reference.py`.", "",
             "A setting comes from its default, the settings file, the environment and the command line, each over the one "
             "before. The file is `$XDG_CONFIG_HOME/codementor/codementor.conf` (else `~/.config/...`), or what `--config` "
             "names. `codementor config print` shows every setting and where it comes from; `codementor config check` "
             "reports faults with their place. Lists are separated by commas.", ""]
    for section, options in sections:
        lines += [f"## {section['title']}", "", "| setting | values | default | |", "| --- | --- | --- | --- |"]
        for option in options:
            flag = f" Flag `{option['flag']}`." if "flag" in option else ""
            reload = " Applied by a reload." if option.get("scope") == "reload" else ""
            secret = " Never printed." if option.get("secret") else ""
            more = f" {option['more']}" if "more" in option else ""
            default = f"`{option['default']}`" if option["default"] else "not set"
            lines.append(f"| `{option['name']}` | {option_range(option)} | {default} | "
                         f"{option['help'][0].upper() + option['help'][1:]}.{more}{flag}{reload}{secret} |")
        lines += [""]
    lines += ["In the environment `http.listen` is `CODEMENTOR_HTTP_LISTEN`, and so on. Any setting can be given on the "
              "command line as `--set NAME=VALUE`.", ""]
    return "\n".join(lines)


def example_file(sections):
    lines = ["# codementor.conf - all settings with their defaults. Generated from spec/options.toml.", ""]
    for section, options in sections:
        lines += [f"# {section['title']}", f"[{section['name']}]"]
        for option in options:
            lines += [f"# {option['help']}", f"# {option['name'].split('.', 1)[1]} = {option['default']}".rstrip()]
        lines += [""]
    return "\n".join(lines)


def usage(command):
    words = ["codementor", command["name"]]
    for argument in command["arguments"]:
        name = "|".join(argument["values"]) if argument["type"] == "enum" else argument["name"].upper()
        name += "..." if argument.get("many") else ""
        words.append(f"[{name}]" if argument.get("optional") else name)
    return " ".join(words + (["[OPTIONS]"] if command["options"] else []))


def command_lines(command):
    lines = [f"## {command['name']}", "", f"{command['help'][0].upper() + command['help'][1:]}. "
             + command.get("more", ""), "", f"    {usage(command)}", ""]
    rows = [(argument["name"].upper(), argument["help"]) for argument in command["arguments"]]
    for option in command["options"]:
        value = f" {option['value']}" if "value" in option else ""
        default = f" (default {option['default']})" if option.get("default") else ""
        rows.append((f"--{option['name']}{value}", option["help"] + default))
    if rows:
        lines += ["| | |", "| --- | --- |"] + [f"| `{name}` | {text} |" for name, text in rows] + [""]
    lines += [f"    {example}" for example in command.get("examples", [])] + [""]
    return [line.rstrip() for line in lines]


def cli(commands, sections):
    lines = ["# Command line", "", "Generated from `spec/commands.toml` by `tools/reference.py`.", "",
             "With every command:", "", "| | |", "| --- | --- |", "| `--config FILE` | settings file |",
             "| `--set NAME=VALUE` | any setting of configuration.md |", "| `--json` | machine-readable output |",
             "| `--help` | help of the command |"]
    for option in gen_options.options_of(sections):
        if option.get("global"):
            lines.append(f"| `{option['flag']} VALUE` | {option['help']} |")
    lines += [""]
    for command in commands:
        lines += command_lines(command)
    return "\n".join(lines).rstrip() + "\n"


def pages():
    os.chdir(ROOT)
    sections = gen_options.load("spec/options.toml")
    commands = gen_commands.load("spec/commands.toml")
    spec = Spec("spec/openapi.yaml")
    return {
        "docs/reference/api.md": reference.markdown(spec),
        "docs/reference/configuration.md": configuration(sections),
        "docs/reference/codementor.conf.example": example_file(sections),
        "docs/reference/cli.md": cli(commands, sections),
    }


def kept_promises():
    """Lines for what clients, users and operators are offered and no code reads or sets."""
    spec = Spec("spec/openapi.yaml")
    return (promises.broken(spec, Types(spec), "src/api")
            + promises.unread_options(gen_options.options_of(gen_options.load("spec/options.toml")), "src")
            + promises.unset_metrics(gen_metrics.load("spec/metrics.toml"), "src"))


def main(arguments):
    broken = kept_promises()
    if broken:
        sys.exit("\n".join(broken))
    stale = []
    for path, text in pages().items():
        old = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        if old != text:
            stale.append(path)
            if arguments != ["--check"]:
                write(path, text)
    if arguments == ["--check"] and stale:
        sys.exit("out of date, run tools/reference.py: " + ", ".join(stale))


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    main(sys.argv[1:])
