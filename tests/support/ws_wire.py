"""WebSocket as bytes, for a link that has to see the MQTT inside.

    link.shaper = lambda: Unwrapped(Window(1000))

The handshake and control frames pass as they are, whatever is data passes in frames of the link's
own making, so that the inner shaper can keep it back, add to it and cut it.
"""

DATA = (0, 1, 2)  # opcodes
BINARY = 0x82
MASKED = 0x80


def _xor(data, key):
    """Masked or unmasked: the same."""
    size = len(data)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


def frame(first, payload, masked):
    """A frame with that first byte; `masked` as a client's, with a mask that changes nothing."""
    size = len(payload)
    length = (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
              if size < 65536 else b"\x7f" + size.to_bytes(8, "big"))
    if not masked:
        return bytes([first]) + length + payload
    return bytes([first, length[0] | MASKED]) + length[1:] + bytes(4) + payload


def frames(buffer):
    """Takes whole frames off -> (first byte, payload)."""
    while len(buffer) >= 2:
        size, head = buffer[1] & 0x7f, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:head], "big")
        key = head
        head += 4 if buffer[1] & MASKED else 0
        if len(buffer) < head + size:
            return
        payload = bytes(buffer[head:head + size])
        if buffer[1] & MASKED:
            payload = _xor(payload, bytes(buffer[key:head]))
        first = buffer[0]
        del buffer[:head + size]
        yield first, payload


class Unwrapped:
    """A shaper of a link (proxy.py) for which `inner` is one of MQTT's bytes."""

    def __init__(self, inner):
        self.inner = inner
        self.buffers = {"up": bytearray(), "down": bytearray()}
        self.shaken = {"up": False, "down": False}

    def __call__(self, way, data):
        """-> pairs (way, bytes) that go out now."""
        buffer, out, mqtt = self.buffers[way], [], b""
        buffer += data
        if not self.shaken[way]:
            end = buffer.find(b"\r\n\r\n") + 4
            if end < 4:
                return out
            out.append((way, bytes(buffer[:end])))
            del buffer[:end]
            self.shaken[way] = True
        for first, payload in list(frames(buffer)):
            if first & 15 in DATA:
                mqtt += payload
                continue
            if mqtt:
                out += self._inside(way, mqtt)
                mqtt = b""
            out.append((way, frame(first, payload, way == "up")))
        return out + (self._inside(way, mqtt) if mqtt else [])

    def _inside(self, way, mqtt):
        return [(to, frame(BINARY, part, to == "up")) for to, part in self.inner(way, mqtt)]
