"""HiveMQ's Community Edition, embedded in a Java program of a few lines, from Maven."""
import hashlib
import shutil
from pathlib import Path

from support.certificates import openssl

from .broker import HOST, Broker
from .debian import cache_folder, made_once, run

HERE = Path(__file__).resolve().parent
POM, MAIN = HERE / "hivemq-pom.xml", HERE / "HiveMq.java"
PASSWORD = "changeit"
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]

CONF = """\
<?xml version="1.0"?>
<hivemq>
  <listeners>
    <tcp-listener>{tcp}</tcp-listener>
    <tls-tcp-listener>{tls_tcp}{tls}</tls-tcp-listener>
    <websocket-listener>{ws}{web}</websocket-listener>
    <tls-websocket-listener>{wss}{tls}{web}</tls-websocket-listener>
  </listeners>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
  {settings}
</hivemq>
"""
TLS = """<tls><keystore><path>{directory}/keystore.p12</path><password>{password}</password>
  <private-key-password>{password}</private-key-password></keystore></tls>"""
WEB = "<path>/mqtt</path><subprotocols><subprotocol>mqtt</subprotocol></subprotocols>"
LOGBACK = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %msg%n%ex</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


def program(name):
    found = shutil.which(name)
    assert found, f"HiveMQ cannot be had: {name} is not installed; run: make test-brokers"
    return found


def classes():
    """The folder with HiveMQ's jars and our main class."""
    made_of = hashlib.sha256(POM.read_bytes() + MAIN.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"hivemq-{made_of}"
    with made_once(folder) as new:
        if new:
            print("downloading HiveMQ with Maven (once)", flush=True)
            run(program("mvn"), "-B", "-q", "-f", POM, "dependency:copy-dependencies",
                f"-DoutputDirectory={new / 'libs'}", what="downloading HiveMQ")
            run(program("javac"), "-cp", f"{new / 'libs'}/*", "-d", new, MAIN,
                what="compiling HiveMq.java")
    return folder


class HiveMq(Broker):
    NAME = "HiveMQ CE 2025.5"
    WINDOW = DEFAULT_WINDOW = 50
    FILLS_WINDOW = NEXT_ID = False
    SHARED = "queue"
    SETTINGS = """\
<mqtt><queued-messages><max-queue-size>10000000</max-queue-size></queued-messages></mqtt>
"""

    def prepare(self):
        for name in ("conf", "data", "extensions"):
            self.file(name).mkdir()
        openssl("pkcs12", "-export", "-in", self.file("certificate.pem"), "-inkey",
                self.file("key.pem"), "-out", self.file("keystore.p12"),
                "-passout", f"pass:{PASSWORD}")

        def at(port):
            return f"<port>{port}</port><bind-address>{HOST}</bind-address>"
        tls = TLS.format(directory=self.directory, password=PASSWORD)
        self.file("conf/config.xml").write_text(CONF.format(
            tcp=at(self.port), tls_tcp=at(self.tls_port), ws=at(self.ws_port),
            wss=at(self.wss_port), tls=tls, web=WEB, settings=self.settings))
        self.file("logback.xml").write_text(LOGBACK)

    def launch(self):
        folder = classes()
        return self.spawn(["setpriv", "--pdeathsig", "KILL", program("java"), *JVM,
                           f"-Dlogback.configurationFile={self.file('logback.xml')}",
                           "-cp", f"{folder}:{folder}/libs/*", "HiveMq", self.directory])
