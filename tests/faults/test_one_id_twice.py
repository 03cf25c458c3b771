"""Two processes with one worker id: the first goes on, the second ends and says why."""
import pytest
from support.lanes import errors_in
from support.wait import wait_for
from support.worker import Worker


@pytest.mark.parametrize("role", ["follower", "leader"])
def test_the_second_ends_and_the_first_goes_on(case, role):
    group, _ = case.flow()
    first = case.worker(role)
    case.begin()
    second = Worker({**group.properties, "rest.advertised.port": first.port}, group.directory,
                    "second").start()
    try:
        assert second.wait_end(30) not in (0, -9, -6, -11)
        wait_for(lambda: [e for e in errors_in(second) if first.worker_id in e], 5,
                 "an error that names the worker id")
    finally:
        second.kill()
    case.end(duplicates=0, errors=["another worker has been started with our id"])
    case.same_connections()
