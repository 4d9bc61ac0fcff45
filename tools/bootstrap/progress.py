"""Says what is going on: a bar on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from contextlib import contextmanager

BAR_CELLS = 24
PLAIN_EVERY = 25  # per cent between two plain lines of one step
PLAIN_SECONDS = 5  # and at least this long


class Step:
    """One running step; `advance` may be called from any thread."""

    def __init__(self, report: "Report", name: str):
        self.report = report
        self.name = name
        self.next_plain = PLAIN_EVERY
        self.last_plain = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        percent = 100 * done // max(total, 1)
        if self.report.tty:
            cells = BAR_CELLS * done // max(total, 1)
            bar = "#" * cells + "." * (BAR_CELLS - cells)
            self.report.status(f"{self.name}: [{bar}] {done}/{total}")
        elif self.next_plain <= percent < 100 and time.monotonic() - self.last_plain >= PLAIN_SECONDS:
            self.next_plain = percent - percent % PLAIN_EVERY + PLAIN_EVERY
            self.last_plain = time.monotonic()
            self.report.line(f"{self.name}: {percent} %")


class Report:
    def __init__(self, stream=None, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.tty = self.stream.isatty() and not quiet
        self.quiet = quiet
        self.lock = threading.Lock()

    def _write(self, text: str) -> None:
        with self.lock:
            self.stream.write(text)
            self.stream.flush()

    def status(self, text: str) -> None:
        self._write("\r\x1b[K" + text)

    def line(self, text: str) -> None:
        if not self.quiet:
            self._write(("\r\x1b[K" if self.tty else "") + text + "\n")

    @contextmanager
    def step(self, name: str, note: str = ""):
        started = time.monotonic()
        self.line(f"{name}: {note}" if note else name)
        yield Step(self, name)
        self.line(f"{name}: done in {time.monotonic() - started:.1f} s")
