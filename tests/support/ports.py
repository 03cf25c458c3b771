"""Free TCP ports on 127.0.0.1, each handed out once in a test run."""
import random
import socket

_given = set()


def free_port():
    """A port below the range that the kernel lends to clients: a worker that was killed can have
    it back, because no outgoing connection sits on it meanwhile."""
    for port in random.sample(range(20000, 32000), 1000):
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
    raise RuntimeError("no free port between 20000 and 32000")
