"""Maps on a real cluster of two nodes: the same results in order, whatever dies; and what cannot be used is named."""

import importlib.util
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from empaste.errors import InputError
from empaste.on_demand import OnDemand
from empaste.per_process import PerProcess
from empaste.scaleout import Network, cluster, describe_engine, map_items, ray_engine, stream_items
from empaste.scaleout.workers import WINDOW
from tests.scaleout import ray_work
from tests.scaleout.ray_cluster import node_options, ray_cluster

ITEMS = range(40)
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster of two nodes with a core each."""
    with ray_cluster(nodes=2) as cluster_of_two:
        yield cluster_of_two


@pytest.fixture
def on_ray(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Maps run on the cluster, whose workers find the tests' functions."""
    monkeypatch.setenv("EMPASTE_ENGINE", "ray")
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
    monkeypatch.delenv("EMPASTE_WORKERS", raising=False)
    return nodes


@pytest.mark.usefixtures("on_ray")
def test_the_nodes_share_the_work_and_results_come_in_order() -> None:
    found = list(map_items(ray_work.node_and_draw, ITEMS, "draw"))
    assert [value for _, value in found] == [ray_work.draw(item, 3) for item in ITEMS]
    assert len({node for node, _ in found}) == 2


@pytest.mark.usefixtures("on_ray")
def test_a_network_is_loaded_once_by_every_worker(capfd: pytest.CaptureFixture[str]) -> None:
    run = partial(ray_work.run_network, PerProcess(ray_work.name_process))
    found = list(map_items(run, range(7), "run", network=Network("cpu", 1)))
    assert [item for _, item in found] == list(range(7))
    processes = {process for process, _ in found}
    assert f"process {os.getpid()}" not in processes
    assert 1 <= len(processes) <= 2
    assert capfd.readouterr().err.count("a network is loaded") == len(processes)


@pytest.mark.usefixtures("on_ray")
def test_networks_run_on_every_node_although_one_machine_runs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def stream_on_ray(*given: Any) -> list[int]:
        asked.append(given[4])
        return []

    monkeypatch.setattr(ray_engine, "stream_on_ray", stream_on_ray)
    assert list(map_items(ray_work.refuse_eleven, ITEMS, "run", workers=1, network=Network("cpu", 1))) == []
    assert asked == [2]


@pytest.mark.usefixtures("on_ray")
def test_workers_work_in_the_stages_folder_and_start_no_workers_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(map_items(ray_work.cwd_and_engine, range(9), "look")) == {(str(tmp_path), "local", "1")}


@pytest.mark.usefixtures("on_ray")
def test_an_error_ends_the_map_as_it_was_raised() -> None:
    with pytest.raises(InputError, match=r"^item 11 is bad$"):
        list(map_items(ray_work.refuse_eleven, ITEMS, "check"))


@pytest.mark.usefixtures("on_ray")
def test_workers_that_die_change_nothing(tmp_path: Path) -> None:
    found = list(map_items(partial(ray_work.end_once, folder=tmp_path), ITEMS, "square"))
    assert found == [item * item for item in ITEMS]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.usefixtures("on_ray")
def test_an_item_that_ends_every_worker_is_named() -> None:
    names = [f"image {number}" for number in ITEMS]
    expected = (
        r"^prepare: 3 Ray workers ended, one after the other, at work on item 12 of 40 \('image 11'\) \(.*worker "
        r"process has died.*\)\. A worker that lacks memory ends so: run with fewer \(EMPASTE_WORKERS\); where it ends"
    )
    with pytest.raises(InputError, match=expected):
        list(map_items(ray_work.end_at_eleven, names, "prepare"))


def test_a_node_that_dies_in_the_middle_changes_nothing(on_ray: Any) -> None:
    third = on_ray.add_node(**node_options(cores=1))
    results = map_items(ray_work.node_and_draw, range(120), "draw")
    found = [next(results) for _ in range(20)]
    on_ray.remove_node(third, allow_graceful=False)
    found += results
    assert [value for _, value in found] == [ray_work.draw(item, 3) for item in range(120)]


@pytest.mark.usefixtures("on_ray")
def test_only_so_many_items_are_begun_ahead() -> None:
    made: list[int] = []

    def make(item: int) -> int:
        made.append(item)
        return item

    results = map_items(partial(ray_work.draw, seed=3), OnDemand(make, range(4000)), "draw")
    for _ in range(17):
        next(results)
    chunk, workers = 16, 2
    assert max(made) < chunk + 16 + WINDOW * chunk * workers
    results.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("on_ray")
def test_a_stream_keeps_its_batches_also_where_a_worker_dies(tmp_path: Path) -> None:
    stream = partial(ray_work.show_batches, ends=tmp_path / "ended")
    found = list(stream_items(stream, range(40), "look", Network("cpu", 1), batch_size=3))
    assert found == list(ray_work.show_batches(range(40)))
    assert (tmp_path / "ended").exists()


@pytest.mark.usefixtures("on_ray")
def test_a_batch_that_ends_every_worker_is_named() -> None:
    with pytest.raises(InputError, match=r"at work on a batch of 3 items, from 13 of 40 \(12\) \("):
        list(stream_items(ray_work.end_at_thirteen, range(40), "look", Network("cpu", 1), batch_size=3))


@pytest.mark.usefixtures("on_ray")
def test_what_a_worker_says_is_said_here(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(map_items(ray_work.speak_at_eleven, ITEMS, "speak")) == list(ITEMS)
    assert capfd.readouterr().err.count("said of item 11") == 1


@pytest.mark.usefixtures("on_ray")
def test_a_node_with_another_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "versions", lambda: {"Python": cluster.versions()["Python"], "numpy": "0.1"})
    expected = rf"^the Ray node {socket.gethostname()} has numpy \S+, this machine 0\.1, so it could give other results"
    with pytest.raises(InputError, match=expected):
        list(map_items(ray_work.refuse_eleven, ITEMS, "check"))


@pytest.mark.parametrize(
    ("nodes", "network", "each", "number"),
    [
        ([{"CPU": 8}, {"CPU": 3}], None, {"num_cpus": 1}, 11),
        ([{"CPU": 8}, {"CPU": 3}], Network("auto", 2), {"num_cpus": 2}, 5),
        ([{"CPU": 8}, {"CPU": 3}], Network("cpu", 0), {"num_cpus": 8}, 1),
        ([{"CPU": 1}, {"CPU": 1}], Network("cpu", 2), {"num_cpus": 1}, 2),
        ([{"CPU": 8, "GPU": 4}, {"CPU": 3}], Network("auto", 2), {"num_cpus": 1, "num_gpus": 1}, 4),
        ([{"CPU": 8, "GPU": 4}, {"CPU": 3}], Network("cpu", 2), {"num_cpus": 2}, 5),
    ],
)
def test_workers_fill_the_nodes(
    nodes: list[dict[str, float]], network: Network | None, each: dict[str, int], number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("EMPASTE_WORKERS", raising=False)
    monkeypatch.setattr(cluster, "_nodes", lambda _: nodes)
    assert cluster.resources(None, network) == each
    assert cluster.places(None, each, "cams") == number
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    assert cluster.places(None, each, "cams") == 3


def test_a_worker_that_no_node_has_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_nodes", lambda _: [{"GPU": 1}, {"CPU": 2}])
    expected = (
        r"^cams: a worker takes 1 CPU and 1 GPU, which no node of the Ray cluster has \(0 CPU, 1 GPU; 2 CPU, 0 GPU\)"
    )
    with pytest.raises(InputError, match=expected):
        cluster.places(None, {"num_cpus": 1, "num_gpus": 1}, "cams")


@pytest.mark.usefixtures("on_ray")
def test_few_items_stay_in_this_process() -> None:
    found = list(map_items(partial(ray_work.run_network, ray_work.name_process), range(3), "few"))
    assert {process for process, _ in found} == {f"process {os.getpid()}"}


@pytest.mark.parametrize("full", ["ObjectStoreFullError", "OutOfDiskError"])
def test_a_full_object_store_is_said(full: str) -> None:
    errors = pytest.importorskip("ray.exceptions")

    def get(_: object) -> None:
        raise errors.RayTaskError("work", "a traceback", getattr(errors, full)("no room"))

    running = object.__new__(ray_engine._Map)  # what it asks Ray for is all that matters here
    running.what, running.ray = "cams", SimpleNamespace(get=get, exceptions=errors)
    with pytest.raises(InputError, match=r"^cams: the object store of a Ray node is full; .*--object-store-memory"):
        running._get("reference")


def test_the_engine_is_described(on_ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe_engine() == f"the Ray cluster {on_ray.address} (EMPASTE_ENGINE, RAY_ADDRESS)"
    monkeypatch.delenv("RAY_ADDRESS")
    assert describe_engine() == "a Ray cluster on this machine, for each stage (EMPASTE_ENGINE, RAY_ADDRESS)"


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_ENGINE", "dask")
    with pytest.raises(InputError, match=r"^EMPASTE_ENGINE is 'dask'; choose from local, ray, or unset it$"):
        list(map_items(ray_work.refuse_eleven, ITEMS, "check"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ray://10.0.0.1:10001", "write host:port or auto, and run the stage on a machine of the cluster"),
        ("10.0.0.1", "write host:port or auto"),
        ("127.0.0.1:{free}", r"where no Ray cluster answers \(.*refused.*\); start a cluster with: ray start --head"),
        ("127.0.0.1:99999", r"where no Ray cluster answers"),
        ("127.0.0.1:²", "write host:port or auto"),
    ],
)
def test_an_address_without_a_cluster_is_refused(address: str, said: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = address.format(free=free.getsockname()[1])
        with pytest.raises(InputError, match=rf"^RAY_ADDRESS is '{address}'.* ?{said}"):
            cluster._check_answers(address)


def test_a_missing_ray_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"^ray is not installed; install it with: uv pip install -e '\.\[ray\]'$"):
        cluster.connect()


def test_a_node_without_the_folder_is_refused(tmp_path: Path) -> None:
    expected = rf"has no folder {tmp_path}/away \(No such file or directory\); keep the project in a folder that all"
    with pytest.raises(InputError, match=expected):
        cluster.enter(str(tmp_path / "away"), {})


@pytest.mark.parametrize(
    ("name", "found"),
    [("Python", r"3\.\d+\.\d+\S*"), ("EM-Paste's code", "[0-9a-f]{12}"), ("no-such-package", r"\(not installed\)")],
)
def test_what_differs_is_named(name: str, found: str) -> None:
    with pytest.raises(InputError, match=rf"has {name} {found}, this machine other, so it could give other results"):
        cluster.enter(".", {name: "other"})
    cluster.enter(".", cluster.versions())
