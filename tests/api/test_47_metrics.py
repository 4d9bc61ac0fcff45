"""GET /metrics: queues, parse workers, repositories and how far their indexes are behind."""

import time
import tomllib
from pathlib import Path

import pytest

from server import Server, small_repository

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


class Metrics:
    """One scrape."""

    def __init__(self, server):
        reply = server.http.get("/metrics")
        assert reply.status_code == 200
        self.text = reply.text
        lines = (line.rsplit(" ", 1) for line in self.text.splitlines() if not line.startswith("#"))
        self.values = {series: float(value) for series, value in lines}

    def __getitem__(self, series):
        return self.values[series]

    def total(self, family):
        return sum(value for series, value in self.values.items() if series.split("{")[0] == family)


def wait_until(server, holds):
    give_up = time.monotonic() + PATIENCE_S
    while not holds(metrics := Metrics(server)):
        assert time.monotonic() < give_up, metrics.text
    return metrics


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("own")) as server:
        yield server


def test_metrics__each_part_that_counts_by_itself_is_shown(server, repository):
    declared = [row["name"] for row in tomllib.loads((ROOT / "spec" / "metrics.toml").read_text())["metric"]]
    shown = {series.split("{")[0] for series in Metrics(server).values}
    parts = ("cm_http_conn", "cm_http_reader", "cm_pool", "cm_store", "cm_background", "cm_parse", "cm_repositories",
             "cm_index", "cm_tables")
    wanted = [name for name in declared if name.startswith(parts)]
    assert len(wanted) == 22 and not [name for name in wanted if name not in shown]


def test_metrics__no_series_has_a_label_of_a_repository(server, repository, tree):
    text = Metrics(server).text
    assert repository not in text and str(tree) not in text


def test_metrics__an_indexed_repository_moves_those_of_its_way(own, tmp_path):
    before = Metrics(own)
    repository = own.index(small_repository(tmp_path / "tree"))
    after = wait_until(own, lambda now: now['cm_tables_passes_total{result="done"}'] > before[
        'cm_tables_passes_total{result="done"}'] and now["cm_tables_repositories_waiting"] == 0
        and now.total("cm_index_jobs") == 0)
    parsed = 'cm_parse_files_total{pool="index",result="parsed"}'
    assert after[parsed] > before[parsed]
    assert after.total("cm_background_pieces_total") > before.total("cm_background_pieces_total")
    for series in ('cm_store_writes_total{outcome="done"}', "cm_store_commits_total",
                   'cm_tables_documents_total{change="written"}', 'cm_http_connections_total{result="accepted"}'):
        assert after[series] > 0
    assert after["cm_http_connections"] >= 1
    assert after['cm_repositories{state="open"}'] == before.total("cm_repositories") + 1
    assert after.total("cm_repositories_followed") == before.total("cm_repositories_followed") + 1
    assert own.http.delete(f"/v1/repositories/{repository}").status_code in (200, 204)
    assert Metrics(own).total("cm_repositories") == before.total("cm_repositories")
