"""The model room as a process: bench/model_probe.c with JSON lines in and out."""
import json
import os
import subprocess
from pathlib import Path

DEFAULT_MODEL = ".deps/models/smollm2-135m-instruct-q4_1.gguf"


def program():
    binary = os.environ.get("CODEMENTOR_BINARY", "build/release/codementor")
    return Path(binary).parent / "bench" / "model_probe"


class Probe:
    """One loaded model; `ask` answers one request."""

    def __init__(self, model, cache, *options):
        command = [str(program()), "--model", str(model), "--cache", str(cache), *options]
        environment = {"GOMP_SPINCOUNT": "2000", **os.environ}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        self.description = self._read()["model"]

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{program()} ended: see its message above")
        return json.loads(line)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
