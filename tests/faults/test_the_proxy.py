"""The tool first: links do what their names say."""
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from support.proxy import Proxy
from support.wait import scaled, wait_for
from support.worker import BUILD

pytestmark = pytest.mark.fast


@pytest.fixture
def echo():
    """A server that says everything back -> its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(conn):
        try:
            while data := conn.recv(65536):
                conn.sendall(data)
        except OSError:
            pass
        conn.close()

    def accept():
        while True:
            try:
                conn, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(conn,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def link(echo):
    with Proxy() as proxy:
        yield proxy.link(echo)


def connect(link):
    return socket.create_connection(("127.0.0.1", link.port), timeout=scaled(10))


def says(conn, text, seconds=10):
    """What comes back; None after so long without an answer."""
    conn.sendall(text)
    return hears(conn, len(text), seconds)


def hears(conn, size, seconds=10):
    conn.settimeout(seconds)
    data = b""
    try:
        while len(data) < size:
            part = conn.recv(size - len(data))
            if not part:
                raise ConnectionResetError
            data += part
    except socket.timeout:
        return None
    return data


def test_passes_much_in_order(link):
    data = os.urandom(3_000_000)
    with connect(link) as conn:
        sender = threading.Thread(target=conn.sendall, args=(data,))
        sender.start()
        assert hears(conn, len(data), scaled(20)) == data
        sender.join()


def test_delay_delays_and_keeps_the_order(link):
    link.delay(150)
    with connect(link) as conn:
        begin = time.monotonic()
        conn.sendall(b"one"), time.sleep(0.01), conn.sendall(b"two")
        assert hears(conn, 6) == b"onetwo"
        assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize("ways", ["up", "down", "both"])
def test_what_was_stalled_comes_later(link, ways):
    with connect(link) as conn:
        assert says(conn, b"before") == b"before"
        link.stall(ways)
        assert says(conn, b"held", 0.3) is None
        link.heal()
        assert hears(conn, 4) == b"held"


def test_a_black_hole_takes_all_and_heals_with_a_reset(link):
    with connect(link) as old:
        assert says(old, b"before") == b"before"
        link.black_hole()
        assert says(old, b"gone", 0.3) is None
        with connect(link) as new:
            assert says(new, b"gone", 0.3) is None
            link.heal()
            for conn in (old, new):
                with pytest.raises(ConnectionResetError):
                    hears(conn, 1)
    with connect(link) as conn:
        assert says(conn, b"after") == b"after"


@pytest.mark.parametrize("how, end", [("fin", b""), ("rst", ConnectionResetError)])
def test_cut_ends_what_is_open(link, how, end):
    with connect(link) as conn:
        assert says(conn, b"before") == b"before"
        link.cut(how)
        if end == b"":
            assert conn.recv(1) == b""
        else:
            with pytest.raises(end):
                conn.recv(1)
    with connect(link) as conn:
        assert says(conn, b"after") == b"after"


def test_refuse_and_heal_keep_the_port(link):
    with connect(link) as conn:
        assert says(conn, b"before") == b"before"
        link.refuse()
        with pytest.raises(ConnectionResetError):
            conn.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(link)
    link.heal()
    with connect(link) as conn:
        assert says(conn, b"after") == b"after"


def test_random_resets_come_by_the_seed(link):
    def rounds(seed):
        link.random_reset(seed, 0.1)
        with connect(link) as conn:
            for n in range(1000):
                try:
                    says(conn, b"x")
                except OSError:
                    return n
        return None
    assert rounds(5) == rounds(5) != rounds(6)


def test_no_target_is_no_connection(link):
    link.target = 1
    with pytest.raises(ConnectionResetError):  # at once, or a moment after connecting
        with connect(link) as conn:
            hears(conn, 1)


def test_redirected_connections_and_a_shifted_clock(link, tmp_path):
    """What LD_PRELOAD gives a worker, seen by another program."""
    ports, shift = bytearray(2 * 65536), tmp_path / "shift"
    ports[2 * 9:2 * 9 + 2] = link.port.to_bytes(2, sys.byteorder)
    (tmp_path / "ports").write_bytes(ports)
    shift.write_bytes((3_600_000).to_bytes(8, sys.byteorder, signed=True))
    program = """if True:
        import socket, threading, time
        conn = socket.create_connection(("127.0.0.1", 9), timeout=10)
        conn.sendall(b"hello")
        print(conn.recv(5).decode(), flush=True)
        print(int(time.time()), flush=True)
        begin = time.monotonic()
        threading.Event().wait(0.2)
        print(time.monotonic() - begin < 5)"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={
        **os.environ, "WEIR_REDIRECT": str(tmp_path / "ports"), "WEIR_CLOCK_SHIFT": str(shift),
        "LD_PRELOAD": f"{BUILD}/tests/support/redirect.so {BUILD}/tests/support/clock_shift.so"})
    hello, now, waits = run.stdout.split()
    assert hello == "hello" and waits == "True", run
    assert abs(int(now) - time.time() - 3600) < scaled(10)
    wait_for(lambda: link.accepted == 1, 5, "the connection")


def test_who_says_the_word_is_trapped_alone(link):
    link.trap(lambda data: b"word" in data)
    with connect(link) as one, connect(link) as other:
        assert says(one, b"a word", 0.3) is None
        assert says(one, b" more", 0.3) is None and link.trapped == 1
        assert says(other, b"hello") == b"hello"
        link.heal()
        assert hears(one, 11) == b"a word more"
