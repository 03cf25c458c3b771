"""A TCP proxy whose links misbehave as a test asks, while they are in use.

    with Proxy() as proxy:
        link = proxy.link(target_port)      # connect to link.port instead of target_port
        link.delay(200)                     # each byte 200 ms later, each way
        link.stall("up")                    # what the client says goes nowhere, and is not lost
        link.black_hole()                   # accepted, swallowed, never answered
        link.refuse()                       # as if no such host process were there
        link.cut("fin")                     # ends what is open; new connections are fine
        link.random_reset(seed=7, probability=0.01)
    link.trap(lambda data: b"EndTxn" in data)   # who says that has said its last word
        link.heal()                         # back to normal
    link.tape = []                              # from now on both ways are recorded, see tape.py
    link.shaper = lambda: Window(100)           # of each new connection, see window.py

Ways are "up" (client to target), "down", and "both". A call returns when it has taken effect. One
thread serves all links. Half-closed connections are not kept: an end at one side ends the other.
A target that is not there ends a connection that was accepted already: only refuse() refuses.
With `tls`, a server's ssl.SSLContext, a link speaks TLS to the client and plainly to the target.
"""
import asyncio
import random
import socket
import struct
import threading
import time

HOST = "127.0.0.1"
CHUNK = 65536
WAYS = {"up": ("up",), "down": ("down",), "both": ("up", "down")}


def _end(writer, how):
    """`how`: "rst" or "fin"."""
    sock = writer.get_extra_info("socket")
    if how == "rst" and sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # closed already
        writer.transport.abort()
    else:
        writer.close()


class _Way:
    """How one direction of a link behaves."""

    def __init__(self):
        self.flows = asyncio.Event()
        self.normal()

    def normal(self):
        self.delay, self.swallows = 0.0, False
        self.flows.set()


class _Connection:
    def __init__(self, link, client):
        self.link, self.client, self.target = link, client, None
        self.number = link.accepted
        self.shape = link.shaper() if link.shaper else None
        self.damaged = False  # bytes were swallowed: of no use to anyone any more
        self.ended = False
        self.trapped = False

    async def run(self):
        try:
            if self.link.ways["up"].swallows and self.link.ways["down"].swallows:
                await self.swallow()
            self.target = await asyncio.open_connection(HOST, self.link.target)
        except OSError:  # nobody there: the client gets what it would have got
            return self.end("rst")
        for _, writer in (self.client, self.target):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(self.carry("up", self.client[0], self.target[1]),
                             self.carry("down", self.target[0], self.client[1]))
        return None

    async def deliver(self, name, writer, data):
        for way, part in self.shape(name, data) if self.shape else [(name, data)]:
            if way == "down":
                self.note(way, part)
            to = writer if way == name else self.client[1] if way == "down" else self.target[1]
            to.write(part)
        await writer.drain()

    def note(self, way, data):
        """On the tape stands when the client has said something, and when it may have heard it:
        up as it comes in, down just before it goes out. None: the connection has ended."""
        if self.link.tape is not None:
            self.link.tape.append((time.monotonic(), self.link, self.number, way, data))

    async def swallow(self):
        """A connection that came while the link was a black hole never reaches the target."""
        while await self.client[0].read(CHUNK):
            self.damaged = True
        raise ConnectionResetError

    async def carry(self, name, reader, writer):
        """Two tasks for one direction: one reads and notes when each piece is due, one delivers."""
        way, pieces, loop = self.link.ways[name], asyncio.Queue(8), asyncio.get_running_loop()

        async def deliver():
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await way.flows.wait()
                if data and name == "up" and self.link.trapping and self.link.trapping(data):
                    self.trapped = True
                if self.trapped:
                    await self.link.free.wait()
                if data is None:
                    return
                if way.swallows:
                    self.damaged = True
                    continue
                if self.link.resets_now():
                    return self.end("rst")
                await self.deliver(name, writer, data)
        delivery = asyncio.ensure_future(deliver())
        try:
            while data := await reader.read(CHUNK):
                if name == "up":
                    self.note(name, data)
                await pieces.put((loop.time() + way.delay, data))
            await pieces.put((loop.time() + way.delay, None))
            await delivery
            self.end("fin")
        except (OSError, asyncio.IncompleteReadError):
            self.end("rst")
        finally:
            delivery.cancel()

    def end(self, how):
        if self.ended:
            return
        self.ended = True
        self.note("both", None)
        self.link.connections.discard(self)
        for pair in (self.client, self.target):
            if pair:
                _end(pair[1], how)


class Link:
    """A port of the proxy that leads to `target`, a port of this machine."""

    def __init__(self, proxy, target, tls=None):
        self.proxy, self.target, self.tls = proxy, target, tls
        self.ways = {"up": _Way(), "down": _Way()}
        self.connections = set()
        self.accepted = 0  # connections so far
        self.dice, self.probability, self.resets = None, 0.0, 0
        self.trapping, self.free = None, asyncio.Event()
        self.server, self.port = None, 0
        self.tape = self.shaper = None

    async def _listen(self):
        self.server = await asyncio.start_server(self._accept, HOST, self.port, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        self.accepted += 1
        connection = _Connection(self, (reader, writer))
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            connection.end("rst")

    def resets_now(self):
        hit = self.dice is not None and self.dice.random() < self.probability
        self.resets += hit
        return hit

    async def _unlisten(self):
        if self.server:
            self.server.close()
            await self.server.wait_closed()
            self.server = None

    async def _cut(self, how):
        for connection in list(self.connections):
            connection.end(how)

    # What a test calls, on any thread

    def _do(self, action):
        """`action` on the proxy's thread; a coroutine is waited for."""
        async def run():
            result = action()
            if asyncio.iscoroutine(result):
                await result
        self.proxy.run(run())

    def _each(self, ways, change):
        self._do(lambda: [change(self.ways[name]) for name in WAYS[ways]])

    def delay(self, ms, ways="both"):
        self._each(ways, lambda way: setattr(way, "delay", ms / 1000))

    def stall(self, ways="both"):
        """Nothing gets through; nothing is lost either: heal() lets it go on, as after a partition
        that was shorter than TCP's patience."""
        self._each(ways, lambda way: way.flows.clear())

    def black_hole(self, ways="both"):
        self._each(ways, lambda way: setattr(way, "swallows", True))

    def cut(self, how="rst"):
        self._do(lambda: self._cut(how))

    def refuse(self):
        async def both():
            await self._unlisten()
            await self._cut("rst")
        self._do(both)

    def random_reset(self, seed, probability):
        """Each piece that is to be delivered ends its connection instead, by this chance."""
        def change():
            self.dice, self.probability = random.Random(seed), probability
        self._do(change)

    def trap(self, says):
        """Stalls, both ways and each for itself, connections whose client sends a piece of which
        `says(piece)` is true, from that piece on."""
        def change():
            self.trapping = says
            self.free.clear()
        self._do(change)

    @property
    def trapped(self):
        """How many connections are in the trap."""
        return sum(connection.trapped for connection in list(self.connections))

    def heal(self):
        """Everything as at the beginning. Connections that lost bytes are reset."""
        async def change():
            self.dice = self.trapping = None
            self.free.set()
            for connection in self.connections:
                connection.trapped = False
            for way in self.ways.values():
                way.normal()
            for connection in [c for c in self.connections if c.damaged]:
                connection.end("rst")
            if not self.server:
                await self._listen()
        self._do(change)


class Proxy:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.links = []
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def link(self, target, tls=None):
        async def make():
            link = Link(self, target, tls)
            await link._listen()
            return link
        self.links.append(self.run(make()))
        return self.links[-1]

    def close(self):
        async def end():
            for link in self.links:
                await link._unlisten()
                await link._cut("rst")
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
