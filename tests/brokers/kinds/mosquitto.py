"""mosquitto, as two releases of Debian have it."""
import time

from support.wait import wait_for

from .broker import HOST, Broker
from .debian import Room

CONF = """\
user root
persistence true
persistence_location {directory}/
log_dest stderr
allow_anonymous true
{settings}
listener {port} {host}
listener {tls_port} {host}
certfile {directory}/certificate.pem
keyfile {directory}/key.pem
listener {ws_port} {host}
protocol websockets
listener {wss_port} {host}
protocol websockets
certfile {directory}/certificate.pem
keyfile {directory}/key.pem
"""


class Mosquitto(Broker):
    RAISED_BY_CLIENT, SAVES_AT_ONCE = True, False
    SETTINGS = """\
max_queued_messages 0
max_inflight_messages 1000
autosave_interval 1
set_tcp_nodelay true
"""

    def prepare(self):
        self.room = Room(self.RELEASE, self.directory)
        self.file("mosquitto.conf").write_text(CONF.format(host=HOST, **vars(self)))

    def wait_saved(self):
        now = time.time()
        wait_for(lambda: self.file("mosquitto.db").stat().st_mtime > now, 20, "mosquitto saving")

    def launch(self):
        return self.spawn(self.room.command("/usr/sbin/mosquitto", "-c",
                                            self.file("mosquitto.conf")))


class OldMosquitto(Mosquitto):
    NAME, RELEASE = "mosquitto 2.0.11", "bookworm"
    KEEPS_WINDOW = False


class NewMosquitto(Mosquitto):
    NAME, RELEASE = "mosquitto 2.0.21", "trixie"
