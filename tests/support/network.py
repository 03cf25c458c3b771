"""The network between the workers of one group and everything else, to be broken at will.

    network = Network(cluster)                  # then WorkerGroup(..., prepare=network.attach)
    network.to_kafka(worker).stall()            # the worker has lost Kafka
    network.between(a, b).black_hole()          # two workers have lost each other
    network.to_mqtt(worker).cut("fin")
    network.heal()

Each worker gets redirect.so preloaded and, for each port it may connect to, a link of the proxy of
its own. Brokers and workers go on advertising their own ports. Needs no root, no namespaces.
"""
import mmap
import struct

from .proxy import Proxy

PORTS = 65536


class Links(list):
    """Several links that are treated alike; methods are those of proxy.Link."""

    def __getattr__(self, name):
        def each(*args, **kwargs):
            for link in self:
                getattr(link, name)(*args, **kwargs)
        return each


class Network:
    def __init__(self, cluster):
        self.cluster, self.proxy = cluster, Proxy()
        self.workers, self.tables, self.links = [], {}, {}

    def attach(self, worker):
        """Before its first start: from now on all its connections, and those of others to it,
        go through the proxy."""
        path = worker.directory / f"{worker.name}.ports"
        worker.directory.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(2 * PORTS))
        with open(path, "r+b") as file:
            self.tables[worker.name] = mmap.mmap(file.fileno(), 2 * PORTS)
        worker.preload("redirect", WEIR_REDIRECT=path)
        for port in [b["port"] for b in self.cluster.state["kafka"]] + [self.cluster.mqtt_port]:
            self._redirect(worker, port)
        for other in self.workers:
            self._redirect(worker, other.port)
            self._redirect(other, worker.port)
        self.workers.append(worker)

    def _redirect(self, worker, port):
        link = self.proxy.link(port)
        self.links[worker.name, port] = link
        struct.pack_into("=H", self.tables[worker.name], 2 * port, link.port)

    def link(self, worker, port):
        return self.links[worker.name, port]

    # Who loses whom

    def to_kafka(self, worker):
        return Links(self.link(worker, b["port"]) for b in self.cluster.state["kafka"])

    def to_mqtt(self, worker):
        return Links([self.link(worker, self.cluster.mqtt_port)])

    def to_worker(self, worker, other):
        """Connections that `worker` opens to `other`."""
        return Links([self.link(worker, other.port)])

    def between(self, one, other):
        return Links([*self.to_worker(one, other), *self.to_worker(other, one)])

    def peers(self, worker):
        """Everything between this worker and the other workers."""
        return Links(link for other in self.workers if other is not worker
                     for link in self.between(worker, other))

    def around(self, worker):
        """Every connection from and to this worker but those of the test itself."""
        return Links([*self.to_kafka(worker), *self.to_mqtt(worker), *self.peers(worker)])

    def heal(self):
        Links(self.links.values()).heal()

    def close(self):
        self.proxy.close()
        for table in self.tables.values():
            table.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
