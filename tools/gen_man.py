#!/usr/bin/env python3
"""Turns spec/commands.toml and spec/options.toml into the manual pages codementor(1) and codementor.conf(5).

    gen_man.py COMMANDS OPTIONS VERSION DATE OUT_1 OUT_5

DATE is YYYY-MM-DD. A name that ends in .gz is written compressed, the same bytes every time.
"""
import gzip
import os
import re
import sys
import textwrap

import gen_commands
import gen_options
import reference
from gencommon import write


def roff(text):
    """Plain text: nothing in it is taken for a request, and `code` becomes bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text).replace("`", "\\(ga")
    return "\\&" + text if text.startswith(".") else text


def paragraph(text):
    """Sentences begin on lines of their own, and lines are short, as pages are written."""
    sentences = re.split(r"(?<=[a-z0-9)`\"\]][.;]) (?=[A-Z`])", text)
    lines = [line for sentence in sentences
             for line in textwrap.wrap(roff(sentence), 78, break_long_words=False, break_on_hyphens=False)]
    return "".join(("\\&" if line.startswith(".") else "") + line + "\n" for line in lines)


def sentence(text):
    return paragraph(text[0].upper() + text[1:].rstrip(".") + ".")


def tagged(tag, text):
    return f".TP\n{tag}\n{paragraph(text)}"


def title(name, section, version, date, what):
    return f".TH {name} {section} {date} \"codementor {version}\" \"{what}\"\n"


def source():
    return '.\\" Generated from spec/commands.toml and spec/options.toml.\n'


# --- codementor(1)


def flag_tag(name, value):
    return f".B {roff(name)}" if not value else f".BI {roff(name)} \" {roff(value)}\""


def upper(text):
    return text[0].upper() + text[1:]


def option_rows(options):
    text = ""
    for option in options:
        default = f" (default {option['default']})" if option.get("default") else ""
        text += tagged(flag_tag("--" + option["name"], option.get("value")), upper(option["help"]) + default + ".")
    return text


def command_text(command):
    text = f".SS {roff(command['name'])}\n.B {roff(reference.usage(command))}\n.PP\n{sentence(command['help'])}"
    text += paragraph(command["more"]) if "more" in command else ""
    for argument in command["arguments"]:
        name = "|".join(argument["values"]) if argument["type"] == "enum" else argument["name"].upper()
        text += tagged(f".I {roff(name)}", upper(argument["help"]).rstrip(".") + ".")
    text += option_rows(command["options"])
    if command.get("examples"):
        lines = "\n".join("\\&" + roff(line) for line in command["examples"])
        text += f".PP\n.EX\n{lines}\n.EE\n"
    return text


def setting_flags(settings):
    rows = [("--config", "FILE", "Settings file."), ("--set", "NAME=VALUE", "Any setting of codementor.conf(5)."),
            ("--json", "", "Machine-readable output."), ("--help", "", "Show the help of the command.")]
    for option in settings:
        if "flag" in option:
            only = "" if option.get("global") else " Of `serve` only."
            rows.append((option["flag"], "VALUE", upper(option["help"]) + "." + only))
    return "".join(tagged(flag_tag(name, value), text) for name, value, text in rows)


FILES = [
    ("~/.config/codementor/codementor.conf", "Settings; see codementor.conf(5). `$XDG_CONFIG_HOME` comes first."),
    ("~/.local/share/codementor/", "The data directory: index, database, models. `$XDG_DATA_HOME` comes first."),
    ("/usr/share/codementor/models/", "Models for all users of the machine. `$XDG_DATA_DIRS` names further places."),
]
ENVIRONMENT = [
    ("CODEMENTOR_SECTION_KEY", "Any setting: http.listen is `CODEMENTOR_HTTP_LISTEN`."),
    ("PIP_INDEX_URL", "Where the default model is fetched from, unless model.fetch_url says it."),
]
STATUS = [("0", "It worked."), ("1", "It failed; the reason is on standard error, with --json as an object."),
          ("2", "The call was wrong: an unknown option, a missing file.")]


def page_1(commands, settings, version, date):
    text = source() + title("CODEMENTOR", 1, version, date, "User Commands")
    text += ".SH NAME\ncodementor \\- completes and searches your code, from a server of your own\n"
    text += ".SH SYNOPSIS\n.B codementor\n.I COMMAND\n.RI [ ARGUMENTS ]\n"
    text += ".SH DESCRIPTION\n" + paragraph(
        "One program holds the server and its command line. `codementor serve` answers editors over HTTP; the other "
        "commands ask the server that runs on the data directory, or do without one.")
    text += ".SH COMMANDS\n" + "".join(command_text(command) for command in commands)
    text += ".SH OPTIONS\nWith every command:\n" + setting_flags(settings)
    text += ".SH EXIT STATUS\n" + "".join(tagged(f".B {code}", what) for code, what in STATUS)
    text += ".SH ENVIRONMENT\n" + "".join(tagged(f".B {name}", what) for name, what in ENVIRONMENT)
    text += ".SH FILES\n" + "".join(tagged(f".I {roff(name)}", what) for name, what in FILES)
    return text + ".SH SEE ALSO\n.BR codementor.conf (5)\n"


# --- codementor.conf(5)


def option_text(option):
    facts = [re.sub("`", "", reference.option_range(option))]
    facts.append(f"default {option['default']}" if option["default"] else "not set by default")
    facts += [f"flag {option['flag']}"] if "flag" in option else []
    facts += ["applied by a reload"] if option.get("scope") == "reload" else []
    facts += ["never printed"] if option.get("secret") else []
    text = upper(option["help"]) + "." + (" " + option["more"] if "more" in option else "")
    return tagged(f".B {roff(option['name'])}", text) + f".br\n{paragraph(upper('; '.join(facts)) + '.')}"


def page_5(sections, version, date):
    text = source() + title("CODEMENTOR.CONF", 5, version, date, "File Formats")
    text += ".SH NAME\ncodementor.conf \\- settings of codementor\n"
    text += ".SH SYNOPSIS\n.I \\(ti/.config/codementor/codementor.conf\n"
    text += ".SH DESCRIPTION\n" + paragraph(
        "The file has sections in brackets and NAME = VALUE lines. Comments begin with # or ;. Lists are separated by "
        "commas. A setting comes from its default, this file, the environment and the command line, each over the one "
        "before. In the environment http.listen is `CODEMENTOR_HTTP_LISTEN`; on the command line it is `--set "
        "http.listen=VALUE`. `codementor config print` shows every setting and where it comes from; `codementor config "
        "check` reports faults with their place.")
    for section, options in sections:
        text += f".SH {roff(section['title'].upper())}\n[{section['name']}]\n"
        text += "".join(option_text(option) for option in options)
    text += ".SH EXAMPLE\n.EX\n[http]\nlisten = 127.0.0.1:8013\n\n[index]\nthreads = 2\n.EE\n"
    return text + ".SH SEE ALSO\n.BR codementor (1)\n"


def write_page(path, text):
    if not path.endswith(".gz"):
        write(path, text)
        return
    data = gzip.compress(text.encode(), 9, mtime=0)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main(commands_spec, options_spec, version, date, out_1, out_5):
    commands = gen_commands.load(commands_spec)
    sections = gen_options.load(options_spec)
    write_page(out_1, page_1(commands, gen_options.options_of(sections), version, date))
    write_page(out_5, page_5(sections, version, date))


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(*sys.argv[1:])
