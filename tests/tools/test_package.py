"""What is installed beside the binary: completions, man pages, units and notices, all made from the tables."""

import gzip
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = tomllib.loads((ROOT / "spec/commands.toml").read_text())["command"]
OPTIONS = tomllib.loads((ROOT / "spec/options.toml").read_text())["option"]
TABLES = [str(ROOT / "spec/commands.toml"), str(ROOT / "spec/options.toml")]


def generate(program, *arguments):
    done = subprocess.run([sys.executable, "-B", ROOT / "tools" / program, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share")
    generate("gen_shell.py", *TABLES, folder / "codementor.bash", folder / "_codementor", folder / "codementor.fish")
    generate("gen_man.py", *TABLES, "1.2.3", "2026-01-02", folder / "codementor.1", folder / "codementor.conf.5")
    return folder


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


# --- completions: each shell's own machinery is asked


def bash(made, folder, *words):
    script = ('compopt() { :; }\n. "$1"; shift\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n_codementor\n'
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-uc", script, "bash", made / "codementor.bash", "codementor", *words],
                          cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


@pytest.fixture()
def folder(tmp_path):
    (tmp_path / "mine.c").touch()
    (tmp_path / "mytree").mkdir()
    return tmp_path


BASH = [
    (["se"], {"serve", "search", "secrets"}),
    (["--js"], {"--json"}),
    (["model", ""], {"list", "status", "fetch", "prepare"}),
    (["--json", "config", "p"], {"print"}),
    (["--data-dir", "x", "config", "ch"], {"check"}),
    (["serve", "--por"], {"--port"}),
    (["search", "--por"], set()),
    (["serve", "--log-level", ""], {"debug", "info", "warn", "error", "off"}),
    (["serve", "--log-level", "=", "w"], {"warn"}),
    (["serve", "--log-level", "="], {"debug", "info", "warn", "error", "off"}),
    (["--set", "log.f"], {"log.format="}),
    (["--set", "log.format", "=", ""], set()),
    (["--set", "log.format", "=", "json", "se"], {"serve", "search", "secrets"}),
    (["complete", "m"], {"mine.c", "mytree"}),
    (["search", "--repo", "my"], {"mytree"}),
    (["search", "m"], set()),
    (["backup", "create", "mi"], {"mine.c"}),
    (["stats", "--days", ""], set()),
    (["nothing", ""], set()),
]


@pytest.mark.parametrize("words, expected", BASH)
def test_bash__completes(made, folder, words, expected):
    assert set(bash(made, folder, *words)) == expected


def test_bash__knows_every_command_and_option(made, folder):
    assert set(bash(made, folder, "")) == {command["name"] for command in COMMANDS} | {"help"}
    for command in COMMANDS:
        offered = bash(made, folder, command["name"], "-")
        assert {"--" + option["name"] for option in command["options"]} <= set(offered)
    served = set(bash(made, folder, "serve", "-"))
    assert {option["flag"] for option in OPTIONS if "flag" in option} <= served


def fish(made, folder, line):
    done = subprocess.run(["fish", "--no-config", "-c", f"source {made}/codementor.fish; complete -C '{line}'"],
                          cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".c"),
                               "XDG_DATA_HOME": str(folder / ".d")})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return {row.split("\t")[0] for row in done.stdout.splitlines()}


@needs("fish")
def test_fish__completes(made, folder):
    assert fish(made, folder, "codementor se") == {"serve", "search", "secrets"}
    assert fish(made, folder, "codementor model ") == {"list", "status", "fetch", "prepare"}
    assert fish(made, folder, "codementor serve --por") == {"--port"}
    assert fish(made, folder, "codementor search --por") == set()
    assert fish(made, folder, "codementor serve --log-level w") == {"warn"}
    assert {"mine.c", "mytree/"} <= fish(made, folder, "codementor complete m")
    assert fish(made, folder, "codementor search m") == set()
    assert "log.format=" in fish(made, folder, "codementor --set log.f")


class Zsh:
    """An interactive shell on a terminal of its own; what it writes for two tabs is read back."""

    def __init__(self, made, folder):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "HOME": str(folder)})
        self.ask(f"fpath=({made} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000\n")

    def ask(self, keys):
        """What is shown for the keys: after them the line is emptied and its end is marked."""
        os.write(self.terminal, keys.encode() + b"\x15print EN''D\n")
        shown, give_up = b"", time.monotonic() + 60
        while b"END\r" not in shown:
            assert time.monotonic() < give_up, shown
            if select.select([self.terminal], [], [], 1)[0]:
                shown += os.read(self.terminal, 65536)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode(errors="replace"))

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@needs("zsh")
def test_zsh__completes(made, folder):
    shell = Zsh(made, folder)
    try:
        for line, offered, absent in [
                ("codementor se", ["serve ", "search ", "secrets "], ["doctor"]),
                ("codementor model ", ["list ", "status", "fetch ", "prepare "], ["serve"]),
                ("codementor serve --p", ["--port="], []),
                ("codementor search --po", [], ["--port="]),
                ("codementor complete m", ["mine.c ", "mytree/"], []),
                ("codementor --set log.", ["log.format=", "log.level="], ["http.listen="])]:
            shown = shell.ask(line + "\t\t")
            assert [word for word in offered if word not in shown] == [], shown
            assert [word for word in absent if word in shown] == [], shown
    finally:
        shell.close()


# --- man pages


@needs("mandoc")
@pytest.mark.parametrize("page", ["codementor.1", "codementor.conf.5"])
def test_man__pages_are_clean(made, page):
    done = subprocess.run(["mandoc", "-Tlint", made / page], capture_output=True, text=True, check=False)
    assert done.stdout == "" and done.returncode == 0


@needs("mandoc")
def test_man__pages_tell_everything(made):
    def text(page):
        done = subprocess.run(["mandoc", "-Tutf8", "-O", "width=1000", made / page], capture_output=True, text=True, check=True)
        return re.sub(".\b", "", done.stdout)
    commands, settings = text("codementor.1"), text("codementor.conf.5")
    for command in COMMANDS:
        assert f"codementor {command['name']}" in commands
        for option in command["options"]:
            assert "--" + option["name"] in commands
    for option in OPTIONS:
        assert option["name"] in settings


def test_man__packed_pages_are_the_same_bytes_twice(made, tmp_path):
    for name in ("a", "b"):
        generate("gen_man.py", *TABLES, "1.2.3", "2026-01-02", tmp_path / name / "1.gz", tmp_path / name / "5.gz")
    assert (tmp_path / "a/1.gz").read_bytes() == (tmp_path / "b/1.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a/5.gz").read_bytes()) == (made / "codementor.conf.5").read_bytes()


# --- units


def unit(kind, folder):
    """As an installation makes it, naming a program that is there."""
    program = folder / "codementor"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (ROOT / f"packaging/codementor.{kind}.service.in").read_text().replace("@CM_PROGRAM@", str(program))
    path = folder / "codementor.service"
    path.write_text(text)
    return path


@needs("systemd-analyze")
@pytest.mark.parametrize("kind", ["system", "user"])
def test_units__are_valid(kind, tmp_path):
    done = subprocess.run(["systemd-analyze", f"--{kind}", "--man=no", "verify", unit(kind, tmp_path)],
                          capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    assert done.returncode == 0 and "codementor" not in done.stderr, done.stderr


@needs("systemd-analyze")
def test_units__the_system_one_is_locked_in(tmp_path):
    """What systemd itself thinks of its exposure, 0 to 10; 2.0 and less it calls OK."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit("system", tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


# --- notices


def test_notices__name_whatever_is_linked(tmp_path):
    generate("gen_notices.py", ROOT, ROOT / ".deps", "1.2.3", "2026-01-02", tmp_path)
    text = (tmp_path / "copyright").read_text()
    lock = tomllib.loads((ROOT / "deps/lock.toml").read_text())
    for name in ["llama-cpp-python", "httptools", "tree-sitter", *(grammar["package"] for grammar in lock["grammar"])]:
        assert f"\n{name} " in text
    assert text.count("Permission is hereby granted") > 30
    changes = gzip.decompress((tmp_path / "changelog.Debian.gz").read_bytes()).decode()
    assert changes.startswith("codementor (1.2.3-1) ") and "Fri, 02 Jan 2026" in changes
