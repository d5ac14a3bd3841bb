"""A Ray cluster of several nodes on this machine: each node is a raylet of its own, with workers of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def ray_cluster(nodes: int = 2, cores: int = 1) -> Iterator[Any]:
    """The cluster; ``cluster.address`` is what ``RAY_ADDRESS`` takes. The test is skipped where Ray is missing."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args=node_options(cores) | {"include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(**node_options(cores))
        yield cluster
    finally:
        ray.shutdown()  # of this process, where it is connected
        cluster.shutdown()


def node_options(cores: int) -> dict[str, int]:
    """What a node of the cluster offers."""
    return {"num_cpus": cores, "object_store_memory": 80 * 2**20}
