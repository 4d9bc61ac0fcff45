"""Fixtures of the tests that need PostgreSQL."""

import shutil
import tempfile

import pytest

from own import Database


@pytest.fixture()
def database():
    """One that belongs to the test, which may stop and kill it."""
    folder = tempfile.mkdtemp(prefix="cm-own-")
    made = Database(folder)
    yield made
    if made.server.process.poll() is None:
        made.thaw()
        made.stop()
    shutil.rmtree(folder, ignore_errors=True)
