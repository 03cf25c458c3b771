"""Kafka's Produce on the wire: which records a broker has confirmed, and when that was passed on.

    wire = ProduceConversation()
    wire.feed("up", data)       # requests: remembered
    wire.feed("down", data)     # -> (topic, value) of each record that is now confirmed

Understands Produce 3 to 11 with record batches of magic 2, uncompressed (compression.type=none).
All other requests pass unread.
"""
import struct

PRODUCE = 0
FLEXIBLE = 9  # from this version on lengths are varints and structs end with tagged fields


class Reader:
    def __init__(self, data, flexible=False):
        self.data, self.at, self.flexible = data, 0, flexible

    def take(self, size):
        assert self.at + size <= len(self.data), "Kafka's message is shorter than it says"
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def unsigned(self):
        value = shift = 0
        while True:
            digit = self.number("B")
            value |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return value

    def zigzag(self):
        value = self.unsigned()
        return value >> 1 ^ -(value & 1)

    def size(self, form):
        """Of an array or a string; -1 is null."""
        return self.unsigned() - 1 if self.flexible else self.number(form)

    def string(self):
        size = self.size("h")
        return None if size < 0 else bytes(self.take(size)).decode()

    def bytes(self):
        size = self.size("i")
        return None if size < 0 else bytes(self.take(size))

    def array(self, item):
        found = []
        for _ in range(max(0, self.size("i"))):
            found.append(item(self))
            self.tags()
        return found

    def tags(self):
        if self.flexible:
            for _ in range(self.unsigned()):
                self.unsigned()
                self.take(self.unsigned())

    @property
    def left(self):
        return len(self.data) - self.at


def batch_values(data):
    """The values of all records in the batches that follow one another in `data`."""
    reader, found = Reader(data), []
    while reader.left:
        reader.take(8)  # base offset
        batch = Reader(reader.take(reader.number("i")))
        batch.take(4)
        assert batch.number("b") == 2, "an old message format"
        batch.take(4)
        assert batch.number("h") & 7 == 0, "compressed: this wire has to be readable"
        batch.take(4 + 8 + 8 + 8 + 2 + 4)
        for _ in range(batch.number("i")):
            record = Reader(batch.take(batch.zigzag()))
            record.take(1)
            record.zigzag(), record.zigzag()  # timestamp, offset
            record.take(max(0, record.zigzag()))  # key
            size = record.zigzag()
            found.append(None if size < 0 else bytes(record.take(size)))
    return found


class ProduceConversation:
    """One connection between a client and a broker."""

    def __init__(self):
        self.buffers = {"up": bytearray(), "down": bytearray()}
        self.asked = {}  # correlation id -> (version, {(topic, partition): values})

    def feed(self, way, data):
        buffer, confirmed = self.buffers[way], []
        buffer += data
        while len(buffer) >= 4:
            size = struct.unpack(">i", buffer[:4])[0]
            if len(buffer) < 4 + size:
                break
            message = bytes(buffer[4:4 + size])
            del buffer[:4 + size]
            if way == "up":
                self._request(message)
            else:
                confirmed.extend(self._response(message))
        return confirmed

    def _request(self, message):
        head = Reader(message)
        api, version, correlation = head.number("h"), head.number("h"), head.number("i")
        if api != PRODUCE:
            return
        assert 3 <= version <= 11, f"Produce {version} is not known here"
        head.string()  # client id: never compact
        body = Reader(message[head.at:], version >= FLEXIBLE)
        body.tags()
        body.string()  # transactional id
        acks = body.number("h")
        body.number("i")
        wanted = {}

        def partition(reader, topic):
            index = reader.number("i")
            wanted[topic, index] = batch_values(reader.bytes() or b"")

        def topic(reader):
            name = reader.string()
            reader.array(lambda r: partition(r, name))
        body.array(topic)
        if acks:  # with acks=0 there is no answer
            self.asked[correlation] = version, wanted

    def _response(self, message):
        head = Reader(message)
        correlation = head.number("i")
        if correlation not in self.asked:
            return []
        version, wanted = self.asked.pop(correlation)
        body = Reader(message[head.at:], version >= FLEXIBLE)
        body.tags()
        confirmed = []

        def partition(reader, name):
            index, error = reader.number("i"), reader.number("h")
            reader.take(8 + 8 + (8 if version >= 5 else 0))
            if version >= 8:
                reader.array(lambda r: (r.number("i"), r.string()))
                reader.string()
            if error == 0:
                confirmed.extend((name, value) for value in wanted[name, index])

        def topic(reader):
            name = reader.string()
            reader.array(lambda r: partition(r, name))
        body.array(topic)
        return confirmed
