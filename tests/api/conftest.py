"""One server a module, with the fake model and a small repository indexed."""

import pytest

from server import Server, small_repository


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return small_repository(tmp_path_factory.mktemp("tree") / "small")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(server, tree):
    return server.index(tree)
