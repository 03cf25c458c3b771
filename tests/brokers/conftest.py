"""`broker`: each kind of broker in turn, started once, with the settings that the guarantee needs.

A broker that cannot be had on this machine is a failure that says what is missing.
"""
import pytest
from kinds import KINDS


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.NAME.replace(" ", "-"))
def shared_broker(request, certificates, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("broker"), certificates) as broker:
        yield broker


@pytest.fixture
def broker(shared_broker):
    """A test may end it: it is started again before the next one."""
    if shared_broker.process.poll() is not None:
        shared_broker.start()
    return shared_broker
