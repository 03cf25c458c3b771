"""A certificate authority and a server certificate for 127.0.0.1, made for one run."""
import ssl
import subprocess
from pathlib import Path


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Certificates:
    def __init__(self, directory):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.ca, self.certificate = directory / "ca.pem", directory / "server.pem"
        self.key, ca_key = directory / "server.key", directory / "ca.key"
        request, extra = directory / "server.csr", directory / "server.ext"
        extra.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-keyout", ca_key,
                 "-out", self.ca, "-subj", "/CN=weir test authority")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", request,
                 "-subj", "/CN=localhost")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key,
                 "-CAcreateserial", "-days", 2, "-extfile", extra, "-out", self.certificate)

    def server(self):
        """For the side that is dialled."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
