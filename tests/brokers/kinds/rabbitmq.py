"""RabbitMQ with its MQTT plugins, as two releases of Debian have it: a node and an epmd of our own."""
from support.ports import free_port
from support.wait import scaled

from .broker import HOST, Broker
from .debian import Room

CONF = """\
listeners.tcp = none
loopback_users = none
disk_free_limit.absolute = 50MB
mqtt.listeners.tcp.1 = {host}:{port}
mqtt.listeners.ssl.1 = {host}:{tls_port}
mqtt.allow_anonymous = true
ssl_options.cacertfile = {directory}/ca.pem
ssl_options.certfile = {directory}/certificate.pem
ssl_options.keyfile = {directory}/key.pem
ssl_options.verify = verify_none
web_mqtt.tcp.ip = {host}
web_mqtt.tcp.port = {ws_port}
web_mqtt.ssl.ip = {host}
web_mqtt.ssl.port = {wss_port}
web_mqtt.ssl.cacertfile = {directory}/ca.pem
web_mqtt.ssl.certfile = {directory}/certificate.pem
web_mqtt.ssl.keyfile = {directory}/key.pem
{settings}
"""


class RabbitMq(Broker):
    WS_PATH = "/ws"
    MAX_QOS, DEFAULT_WINDOW, DEFAULT_QUEUE = 1, 10, None
    DEFAULT_EXPIRY, SHARED = 86400, None
    SAME_IDS = RETAINED_BY_WILDCARD = False

    def prepare(self):
        self.room = Room(self.RELEASE, self.directory)
        self.epmd_port, self.epmd = free_port(), None
        self.node = f"weir-{self.epmd_port}@localhost"
        self.file("rabbitmq.conf").write_text(CONF.format(host=HOST, **vars(self)))
        self.file("plugins").write_text("[rabbitmq_mqtt,rabbitmq_web_mqtt].\n")
        self.env = {
            "PATH": "/usr/lib/erlang/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8",
            "HOME": str(self.directory), "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": HOST, "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.file("mnesia")), "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.file("rabbitmq.conf")),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.file("plugins")),
            "RABBITMQ_PID_FILE": str(self.file("pid")),
            # So that the script becomes the node instead of waiting for it.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-noinput -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"}

    def launch(self):
        if self.epmd is None or self.epmd.poll() is not None:
            self.epmd = self.spawn(self.room.command(
                "/usr/lib/erlang/bin/epmd", "-port", self.epmd_port, "-address", HOST), self.env)
        version = self.NAME.split()[-1]
        return self.spawn(self.room.command(
            f"/usr/lib/rabbitmq/lib/rabbitmq_server-{version}/sbin/rabbitmq-server"), self.env)

    def __exit__(self, *_):
        super().__exit__()
        if self.epmd is not None and self.epmd.poll() is None:
            self.epmd.kill()
            self.epmd.wait(scaled(10))


class OldRabbitMq(RabbitMq):
    NAME, RELEASE = "RabbitMQ 3.10.8", "bookworm"
    LEVELS = (4,)
    SETTINGS = """\
mqtt.prefetch = 1000
mqtt.subscription_ttl = 604800000
"""


class NewRabbitMq(RabbitMq):
    NAME, RELEASE = "RabbitMQ 4.0.5", "trixie"
    SETTINGS = """\
mqtt.prefetch = 1000
mqtt.max_session_expiry_interval_seconds = 604800
"""
