"""Certificates of the test's own, made by the openssl program."""
import ssl
import subprocess
import time
from pathlib import Path

DAY = 86400
HERE = "DNS:localhost,IP:127.0.0.1"

CONFIG = """\
[ca]
default_ca = this
[this]
dir = {directory}
new_certs_dir = {directory}
database = {directory}/index.txt
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
"""


def openssl(*words):
    run = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    assert run.returncode == 0, f"openssl {' '.join(map(str, words))}:\n{run.stdout}"


def moment(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * DAY))


class Authority:
    """A CA in a folder of its own; `certificate` is the file to trust."""

    def __init__(self, directory, name="Weir test CA"):
        self.directory = Path(directory)
        self.directory.mkdir()
        (self.directory / "index.txt").touch()
        self.certificate, self.key = self.directory / "ca.pem", self.directory / "ca.key"
        config = self._config(name)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "30",
                "-config", config, "-addext", "basicConstraints=critical,CA:TRUE")

    def _config(self, name):
        file = self.directory / "openssl.cnf"
        file.write_text(CONFIG.format(directory=self.directory, name=name))
        return file

    def issue(self, certificate, key, name="broker", names=HERE, days=(-2, 30), password=None):
        """Writes both files, whatever was in them; valid from and until so many days from now."""
        config, request = self._config(name), self.directory / "request.pem"
        extensions = self.directory / "extensions"
        extensions.write_text(f"subjectAltName={names}\n")
        lock = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *lock,
                "-keyout", key, "-out", request, "-config", config)
        openssl("ca", "-batch", "-notext", "-config", config, "-cert", self.certificate, "-keyfile",
                self.key, "-in", request, "-out", certificate, "-extfile", extensions,
                "-startdate", moment(days[0]), "-enddate", moment(days[1]))
        return certificate, key


class Certificates:
    """An authority and a broker of 127.0.0.1 that it vouches for."""

    def __init__(self, directory):
        authority = Authority(Path(directory) / "authority")
        self.ca = authority.certificate
        self.certificate, self.key = authority.issue(
            Path(directory) / "broker.pem", Path(directory) / "broker.key")

    def server(self):
        """For the side that is dialled."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
