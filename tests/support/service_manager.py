"""A service manager's ear: the datagram socket that a Type=notify service speaks to."""
import socket
from pathlib import Path

from .wait import wait_for


class ServiceManager:
    """Start the service with `env`. What it said, in order, is in heard(); a datagram's lines are
    one after the other there."""

    def __init__(self, directory):
        self.path = Path(directory) / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.env = {"NOTIFY_SOCKET": str(self.path)}
        self._heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def heard(self):
        while True:
            try:
                self._heard += self.socket.recv(65536).decode().split("\n")
            except BlockingIOError:
                return self._heard

    def last_status(self):
        statuses = [line for line in self.heard() if line.startswith("STATUS=")]
        return statuses[-1].removeprefix("STATUS=") if statuses else None

    def wait_heard(self, line, timeout=10, times=1):
        wait_for(lambda: self.heard().count(line) >= times, timeout,
                 f"{times} times {line!r} from the service")

    def wait_status(self, *words, timeout=20):
        def says():
            status = self.last_status() or ""
            return all(word in status for word in words) and status
        return wait_for(says, timeout, f"a status with {words}, last {self.last_status()!r}")
