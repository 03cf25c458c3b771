"""The ways in which this build can speak to an MQTT broker: versions, TCP or TLS.

A test with the fixture `variant` runs once for each of them. What there is is asked of the build
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


class Variant(namedtuple("Variant", "version tls")):
    def __str__(self):
        return f"mqtt{self.version}-{'tls' if self.tls else 'tcp'}"

    def config(self, port, certificates=None):
        """What a connector's config has to say, beside the rest."""
        more = {"mqtt__server__uri": f"{'ssl' if self.tls else 'tcp'}://127.0.0.1:{port}",
                "mqtt__version": self.version}
        if self.tls:
            more["mqtt__ssl__ca__location"] = certificates.ca
        return more

    @property
    def level(self):
        return VERSIONS[self.version]


def variants():
    transports = [False, True] if "mqtt.ssl.ca.location" in keys() else [False]
    return [Variant(version, tls) for tls in transports
            for version in VERSIONS if allows("mqtt.version", version)]
