#!/usr/bin/env python3
"""Turns spec/commands.toml and spec/options.toml into completions for bash, zsh and fish.

    gen_shell.py COMMANDS OPTIONS OUT_BASH OUT_ZSH OUT_FISH

What the value of an option or the place of an argument completes to is a list of words, files, or nothing.
"""
import sys

import gen_commands
import gen_options
from gencommon import write

FILES = object()  # anything with a path in it; the shells offer folders by themselves
PATH_TYPES = {"path", "paths"}


class Flag:
    """One --name: of a command, of a setting, or of all commands."""

    def __init__(self, name, text, takes_value, values=()):
        self.name = name
        self.help = text
        self.takes_value = takes_value
        self.values = values  # words, or FILES


def of_option(option):
    values = FILES if option["type"] in PATH_TYPES else ()
    return Flag("--" + option["name"], option["help"], option["type"] != "flag", values)


def of_setting(option):
    values = FILES if option["type"] in PATH_TYPES else tuple(option.get("values", ()))
    return Flag(option["flag"], option["help"], True, ("true", "false") if option["type"] == "bool" else values)


def global_flags(settings):
    return [Flag("--config", "settings file", True, FILES),
            Flag("--set", "any setting, as NAME=VALUE", True, tuple(row["name"] + "=" for row in settings)),
            Flag("--json", "machine-readable output", False), Flag("--help", "show the help", False),
            *(of_setting(row) for row in settings if "flag" in row and row.get("global"))]


def own_flags(command, settings):
    flags = [of_option(option) for option in command["options"]]
    if command.get("server"):
        flags += [of_setting(row) for row in settings if "flag" in row and not row.get("global")]
    return flags


def words_of(argument):
    return FILES if argument["type"] == "path" else tuple(argument.get("values", ()))


# --- bash


def bash_words(values):
    return "@files" if values is FILES else " ".join(values)


def bash_case(pattern, text):
    return f"    {pattern}) echo '{text}' ;;\n"


BASH = r"""# bash completion of codementor. Generated from spec/commands.toml and spec/options.toml.

# What the value of an option is: @files, or words. Status 1: the option takes none.
_codementor_value() { # COMMAND OPTION
    case "$1 $2" in
%(values)s    *) return 1 ;;
    esac
}

_codementor_flags() { # COMMAND
    case "$1" in
%(flags)s    esac
    echo '%(global)s'
}

_codementor_argument() { # COMMAND PLACE
    case "$1 $2" in
%(arguments)s    esac
}

_codementor() {
    local current=${COMP_WORDS[COMP_CWORD]} command='' place=0 option='' word words i
    COMPREPLY=()
    # Readline splits --name=value at the sign; put together again, every value follows its option.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $option ]]; then
            [[ $word == '=' && $option != '=' ]] || option=''
        elif [[ $word == '=' ]]; then
            option='=' # a value follows the name that --set was given
        elif [[ $word == -* ]]; then
            _codementor_value "$command" "$word" >/dev/null && option=$word
        elif [[ -z $command ]]; then
            command=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ $current == '=' ]]; then
        [[ $option == -* ]] || return
        current=''
    fi
    if [[ $option == '=' ]]; then
        return
    elif [[ -n $option ]]; then
        words=$(_codementor_value "$command" "$option")
        [[ $option == --set ]] && compopt -o nospace
    elif [[ $current == -* ]]; then
        words=$(_codementor_flags "$command")
    elif [[ -z $command ]]; then
        words='%(commands)s help'
    else
        words=$(_codementor_argument "$command" "$place")
    fi
    if [[ $words == @files ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}

complete -F _codementor codementor
"""


def bash(commands, settings):
    every = global_flags(settings)
    values = "".join(bash_case(f"*' {flag.name}'", bash_words(flag.values)) for flag in every if flag.takes_value)
    flags = arguments = ""
    for command in commands:
        name, own = command["name"], own_flags(command, settings)
        values += "".join(bash_case(f"'{name} {flag.name}'", bash_words(flag.values))
                          for flag in own if flag.takes_value)
        if own:
            flags += bash_case(name, " ".join(flag.name for flag in own))
        for place, argument in enumerate(command["arguments"]):
            if words_of(argument):
                pattern = f"'{name} '*" if argument.get("many") else f"'{name} {place}'"
                arguments += bash_case(pattern, bash_words(words_of(argument)))
    return BASH % {"values": values, "flags": flags, "arguments": arguments,
                   "global": " ".join(flag.name for flag in every),
                   "commands": " ".join(command["name"] for command in commands)}


# --- zsh


def zsh_text(text):
    """Inside '...[TEXT]...': brackets and colons mean something to _arguments."""
    return text.replace("'", "'\\''").replace("[", "(").replace("]", ")").replace(":", "\\:")


def zsh_action(values):
    if values is FILES:
        return "_files"
    return "(" + " ".join(values) + ")" if values else " "


def zsh_flag(flag):
    if not flag.takes_value:
        return f"'{flag.name}[{zsh_text(flag.help)}]'"
    action = "_codementor_settings" if flag.name == "--set" else zsh_action(flag.values)
    repeat = "*" if flag.name == "--set" else ""
    return f"'{repeat}{flag.name}=[{zsh_text(flag.help)}]:value:{action}'"


def zsh_argument(place, argument):
    where = "*" if argument.get("many") else f"{place + 1}{':' if argument.get('optional') else ''}"
    return f"'{where}:{zsh_text(argument['name'])}:{zsh_action(words_of(argument))}'"


ZSH = r"""#compdef codementor
# zsh completion of codementor. Generated from spec/commands.toml and spec/options.toml.

_codementor_commands() {
    local -a commands=(
%(commands)s    )
    _describe -t commands command commands
}

_codementor_settings() {
    local -a settings=(%(settings)s)
    compadd -S '' -- $settings
}

_codementor() {
    local curcontext=$curcontext state line
    local -a every=(
%(every)s    )
    _arguments -C $every '1:command:_codementor_commands' '*::argument:->argument' && return
    [[ $state == argument ]] || return 1
    case $words[1] in
%(cases)s    esac
}

_codementor "$@"
"""


def zsh(commands, settings):
    rows = "".join(f"        '{c['name']}:{zsh_text(c['help'])}'\n" for c in commands)
    every = "".join(f"        {zsh_flag(flag)}\n" for flag in global_flags(settings))
    cases = ""
    for command in commands:
        parts = [zsh_flag(flag) for flag in own_flags(command, settings)]
        parts += [zsh_argument(place, row) for place, row in enumerate(command["arguments"])]
        cases += f"    {command['name']})\n        _arguments $every" + "".join(f" \\\n            {p}" for p in parts)
        cases += "\n        ;;\n"
    names = " ".join(row["name"] + "=" for row in settings)
    return ZSH % {"commands": rows, "settings": names, "every": every, "cases": cases}


# --- fish


def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_values(values):
    if values is FILES:
        return " -r -F"
    return f" -x -a {fish_text(' '.join(values))}" if values else " -x"


def fish_flag(condition, flag):
    value = fish_values(flag.values) if flag.takes_value else ""
    return f"complete -c codementor{condition} -l {flag.name[2:]}{value} -d {fish_text(flag.help)}\n"


def fish_arguments(command):
    text = ""
    for place, argument in enumerate(command["arguments"]):
        values = words_of(argument)
        seen = f"__codementor_at {command['name']} {place}"
        if values is FILES:
            text += f"complete -c codementor -n '{seen}' -F\n"
        elif values:
            text += f"complete -c codementor -n '{seen}' -a {fish_text(' '.join(values))}\n"
    return text


FISH = """# fish completion of codementor. Generated from spec/commands.toml and spec/options.toml.

# True when NAME is the command and PLACE of its arguments are given. Values of options are taken for arguments,
# so those come after them.
function __codementor_at -a name place
    set -l words (commandline -opc)
    set -l plain
    for word in $words[2..-1]
        string match -q -- '-*' $word; or set -a plain $word
    end
    test "$plain[1]" = $name; and test (count $plain) -eq (math $place + 1)
end

complete -c codementor -f
"""


def fish(commands, settings):
    text = FISH + "".join(fish_flag("", flag) for flag in global_flags(settings))
    for command in commands:
        name = command["name"]
        text += f"\ncomplete -c codementor -n __fish_use_subcommand -a {name} -d {fish_text(command['help'])}\n"
        seen = f" -n '__fish_seen_subcommand_from {name}'"
        text += "".join(fish_flag(seen, flag) for flag in own_flags(command, settings))
        text += fish_arguments(command)
    return text


def main(commands_spec, options_spec, out_bash, out_zsh, out_fish):
    commands = gen_commands.load(commands_spec)
    settings = gen_options.options_of(gen_options.load(options_spec))
    write(out_bash, bash(commands, settings))
    write(out_zsh, zsh(commands, settings))
    write(out_fish, fish(commands, settings))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
