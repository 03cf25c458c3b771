"""The ways in which this build can speak to an MQTT broker: versions, TCP or TLS, WebSocket on either.

A test with the fixture `variant` runs once for each of them without WebSocket, one with the fixture
`any_variant` for each with it, too. What there is is asked of the build
itself, `weir config`, so that a way that is added is proved without another line here.
"""
import functools
import re
import subprocess
from collections import namedtuple

from .worker import BUILD

VERSIONS = {"3.1.1": 4, "5": 5}  # mqtt.version -> protocol level on the wire


@functools.lru_cache(maxsize=None)
def keys():
    """key -> its row in the table of keys of mqtt-source, as text."""
    said = subprocess.run([BUILD / "weir", "config", "--markdown", BUILD / "plugins"], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", said, re.MULTILINE)
    assert any(key == "mqtt.server.uri" for key, _ in rows), said[:500]
    return dict(rows)


def allows(key, value):
    """Is `value` one of the words that this key may have?"""
    columns = [column.strip() for column in keys().get(key, "").split("|")]
    return any(value in column.split(", ") for column in columns)


class Variant(namedtuple("Variant", "version tls ws")):
    def __str__(self):
        way = ("wss" if self.tls else "ws") if self.ws else "tls" if self.tls else "tcp"
        return f"mqtt{self.version}-{way}"

    def port(self, broker):
        """Where a Mosquitto that has all listeners is spoken to this way."""
        if self.ws:
            return broker.wss_port if self.tls else broker.ws_port
        return broker.tls_port if self.tls else broker.port

    def config(self, port, certificates=None):
        """What a connector's config has to say, beside the rest."""
        scheme = ("wss" if self.tls else "ws") if self.ws else "ssl" if self.tls else "tcp"
        more = {"mqtt__server__uri": f"{scheme}://127.0.0.1:{port}", "mqtt__version": self.version}
        if self.tls:
            more["mqtt__ssl__ca__location"] = certificates.ca
        return more

    @property
    def level(self):
        return VERSIONS[self.version]


def variants(ws=False):
    """`ws`: those with WebSocket behind the others."""
    transports = [False, True] if "mqtt.ssl.ca.location" in keys() else [False]
    return [Variant(version, tls, over) for over in ([False, True] if ws else [False])
            for tls in transports for version in VERSIONS if allows("mqtt.version", version)]
