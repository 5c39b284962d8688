"""One of each kind of deployment over an unreliable network; `make soak` runs 500."""

import pytest

from bench.deployments import KINDS, one
from bench.proxy import Faults
from workerstack import localaws


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_a_deployment_over_an_unreliable_network_ends_well(
    seed: int, endpoint: localaws.Endpoint
) -> None:
    found = one(seed, endpoint.url)
    assert not found.wrong


def test_faults_are_of_every_kind_and_follow_the_seed() -> None:
    first, second = (Faults(7, 0.5) for _ in range(2))
    met = [first.next("DescribeStacks") for _ in range(4000)]
    assert met == [second.next("DescribeStacks") for _ in range(4000)]
    assert set(met) == {*Faults.KINDS, ""}
