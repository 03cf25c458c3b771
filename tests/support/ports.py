"""Free TCP ports on 127.0.0.1, each handed out once in a test run."""
import os
import random
import socket

# Below the range that the kernel lends to clients: a worker that was killed can have its port
# back, because no outgoing connection sits on it meanwhile. weir-dev takes those from 26000 on.
_FIRST, _END = 20000, 26000


def _own():
    """Processes that share a run (pytest-xdist) have ranges of their own: what one of them has
    lent to a worker that is down for the moment must not be found free by another."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    share = (_END - _FIRST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(_FIRST + number * share, _FIRST + (number + 1) * share)


_given = set()


def free_port():
    own = _own()
    for port in random.sample(own, len(own)):
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port between {own.start} and {own.stop}")
