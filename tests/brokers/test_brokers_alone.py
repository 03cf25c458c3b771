"""What each broker does by itself, asked by a client that acknowledges only when told to. These are
the statements of docs/brokers.md."""
from pathlib import Path

import pytest
from kinds import KINDS
from kinds.rabbitmq import RabbitMq
from probe import SESSION_EXPIRY, WEEK, Client, Refused
from support import mqtt_wire as m
from support.kafka import unique_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "brokers.md"
SHARED_AVAILABLE = 42  # a property of CONNACK: MQTT 5, 3.2.2.3.13


def numbers(packets):
    return [int(packet.payload) for packet in packets]


def publish(broker, topic, payload_numbers, qos=1, retain=False):
    with Client(broker.port, level=4, clean=True) as device:
        device.publish(topic, [b"%d" % n for n in payload_numbers], qos, retain)


def forget(broker, *clients):
    for client in clients:
        Client(broker.port, client.client_id, client.level, clean=True, expiry=0).leave()


def away(broker, level, topic, messages, qos=1):
    """A session whose client left, and then so many messages came -> the client's id."""
    with Client(broker.port, level=level) as client:
        client.subscribe(topic, qos)
        client.leave()
    publish(broker, topic, range(messages))
    return client.client_id


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.NAME.replace(" ", "-"))
def plain_broker(request, certificates, tmp_path_factory):
    """As it comes: none of the settings."""
    with request.param(tmp_path_factory.mktemp("plain"), certificates, settings="") as broker:
        yield broker


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME.replace(" ", "-"))
def test_the_page_names_each_broker_and_its_settings(kind):
    page = PAGE.read_text()
    assert kind.NAME in page
    for line in kind.SETTINGS.splitlines():
        assert line in page, f"docs/brokers.md does not have {line!r}, which {kind.NAME} runs with"


# ---- What it speaks -------------------------------------------------------------------------------


def test_versions(broker):
    Client(broker.port, level=4, clean=True).leave()
    if 5 in broker.LEVELS:
        Client(broker.port, level=5, clean=True).leave()
        return
    with pytest.raises(Refused):
        Client(broker.port, level=5, clean=True)


def test_granted_qos(broker):
    for level in broker.LEVELS:
        with Client(broker.port, level=level, clean=True) as client:
            granted = [client.subscribe(f"granted/{qos}", qos) for qos in (0, 1, 2)]
            assert granted == [min(qos, broker.MAX_QOS) for qos in (0, 1, 2)]


def granted_expiry(broker):
    """Of a week. A client can see it with MQTT 5 alone."""
    with Client(broker.port, level=5, clean=True, expiry=WEEK) as client:
        return client.limits.get(SESSION_EXPIRY, WEEK)


def test_session_expiry(broker):
    if 5 in broker.LEVELS:
        assert granted_expiry(broker) == WEEK


def test_session_expiry_as_the_broker_comes(plain_broker):
    if 5 in plain_broker.LEVELS:
        assert granted_expiry(plain_broker) == plain_broker.DEFAULT_EXPIRY


# ---- Window, ids, order ---------------------------------------------------------------------------


def first_window(broker, level, receive_maximum=None):
    """How many messages come before the first acknowledgement, and after five."""
    client_id = away(broker, level, f"window/{unique_name('w')}", 1500)
    with Client(broker.port, client_id, level, receive_maximum=receive_maximum) as client:
        assert client.session_present
        first = client.all_received()
        client.ack(*first[:5])
        more = client.all_received()
        ids = [packet.id for packet in first]
        assert ids == list(range(1, len(first) + 1)), "of the first connection"
    forget(broker, client)
    return len(first), len(more)


def test_window(broker):
    """Old mosquitto sends more than a hundred messages for five acknowledgements."""
    for level in broker.LEVELS:
        first, more = first_window(broker, level)
        assert first == broker.WINDOW
        assert more > 100 if not broker.KEEPS_WINDOW else more == (5 if broker.FILLS_WINDOW else 0)


def test_what_is_new_while_something_is_unacknowledged(broker):
    """HiveMQ waits with it until there is nothing any more."""
    for level in broker.LEVELS:
        topic = unique_name("new")
        with Client(broker.port, level=level, clean=True) as client:
            client.subscribe(topic, 1)
            publish(broker, topic, [0])
            first = client.received(1)
            publish(broker, topic, range(1, 10))
            assert numbers(client.all_received()) == list(range(1, 10)) * broker.FILLS_WINDOW
            client.ack(*first)
            assert numbers(client.all_acked()) == list(range(1, 10)) * (not broker.FILLS_WINDOW)


def test_window_as_the_broker_comes(plain_broker):
    """And what a client's Receive Maximum, 100, makes of it."""
    first, _ = first_window(plain_broker, 4)
    assert first == plain_broker.DEFAULT_WINDOW
    if 5 in plain_broker.LEVELS:
        first, _ = first_window(plain_broker, 5, receive_maximum=100)
        assert first == (100 if plain_broker.RAISED_BY_CLIENT else plain_broker.DEFAULT_WINDOW)


def test_a_smaller_receive_maximum_counts(broker):
    if 5 in broker.LEVELS:
        first, more = first_window(broker, 5, receive_maximum=20)
        assert first == 20
        assert more > 5 if not broker.KEEPS_WINDOW else more <= 5  # HiveMQ had 50 in hand


def test_what_was_not_acknowledged_comes_again_in_order(broker):
    """With DUP; under its old id, or under ids that begin with 1 again."""
    for level in broker.LEVELS:
        topic = unique_name("again")
        client_id = away(broker, level, topic, 30)
        with Client(broker.port, client_id, level) as client:
            first = client.received(30)
            client.ack(*first[:10])
            assert client.all_received() == []  # the broker has read them
            client.drop()
        publish(broker, topic, range(30, 40))
        with Client(broker.port, client_id, level) as client:
            again = client.received(20)
            assert [m.is_dup(packet) for packet in again] == [True] * 20
            ids = [packet.id for packet in again]
            client.ack(*again)  # HiveMQ waits with the new ones
            assert numbers(again + client.received(10)) == list(range(10, 40))
            assert ids == ([packet.id for packet in first[10:]] if broker.SAME_IDS else
                           list(range(1, 21)))
        forget(broker, client)


def test_ids_of_new_messages(broker):
    """One more than the last, or the lowest that is free."""
    topic = unique_name("ids")
    with Client(broker.port, level=4, clean=True) as client:
        client.subscribe(topic, 1)
        for n in range(20):
            publish(broker, topic, [n])
            message, = client.received(1)
            assert message.id == (n + 1 if broker.NEXT_ID else 1)
            client.ack(message)
            assert client.all_received(0.1) == []


def test_qos_2_is_taken_up_where_it_was(broker):
    if broker.MAX_QOS < 2:
        return
    topic = unique_name("two")
    for level in broker.LEVELS:
        with Client(broker.port, level=level) as client:
            client.subscribe(topic, 2)
            publish(broker, topic, range(5), qos=2)
            first = client.received(5)
            client.send(m.ack(m.PUBREC, first[0].id))
            client.next(m.PUBREL)
            client.drop()
        with Client(broker.port, client.client_id, level) as client:
            assert client.next(m.PUBREL).id == first[0].id
            again = client.received(4)
            assert [(p.id, p.payload) for p in again] == [(p.id, p.payload) for p in first[1:]]
        forget(broker, client)


# ---- The queue of who is away ---------------------------------------------------------------------


def test_queue_as_the_broker_comes(plain_broker):
    """What the publisher was told is there, 3000 messages, and what the subscriber gets: the newest
    are gone, without a word to anybody."""
    client_id = away(plain_broker, 4, unique_name("queue"), 3000)
    with Client(plain_broker.port, client_id, 4) as client:
        assert numbers(client.all_acked()) == list(range(plain_broker.DEFAULT_QUEUE or 3000))


def test_queue_with_the_settings(broker):
    client_id = away(broker, 4, unique_name("queue"), 3000)
    with Client(broker.port, client_id, 4) as client:
        assert numbers(client.all_acked()) == list(range(3000))


def killed(broker, saved):
    """The session of a client that had not acknowledged 10 messages, then 40 more came, then the
    broker was killed -> (is it there, numbers)."""
    topic, level = unique_name("killed"), max(broker.LEVELS)
    with Client(broker.port, level=level) as client:
        client.subscribe(topic, 1)
        publish(broker, topic, range(10))
        client.received(10)
        client.drop()
    publish(broker, topic, range(10, 50))
    if saved:
        broker.wait_saved()
    broker.kill()
    broker.start()
    with Client(broker.port, client.client_id, level) as client:
        return client.session_present, numbers(client.all_acked())


def test_a_killed_broker_keeps_session_and_queue(broker):
    """mosquitto has to be given the time to save them: a second."""
    assert killed(broker, saved=True) == (True, list(range(50)))


def test_a_killed_broker_as_it_comes(plain_broker):
    """mosquitto saves every half hour."""
    expected = (True, list(range(50))) if plain_broker.SAVES_AT_ONCE else (False, [])
    assert killed(plain_broker, saved=False) == expected


# ---- Topics, retained messages, shared subscriptions ------------------------------------------------


def test_retained(broker):
    topic = unique_name("retained")
    publish(broker, f"{topic}/a", [1], retain=True)
    for level in broker.LEVELS:
        for name, there in ((f"{topic}/a", True), (f"{topic}/#", broker.RETAINED_BY_WILDCARD)):
            with Client(broker.port, level=level, clean=True) as client:
                client.subscribe(name, 1)
                assert [packet.flags & 1 for packet in client.all_received(0.7)] == [1] * there


def test_a_dot_in_a_topic(broker):
    """RabbitMQ cannot tell it from a level."""
    name = unique_name("dots")
    with Client(broker.port, level=4, clean=True) as client:
        client.subscribe(f"{name}/#", 1)
        publish(broker, f"{name}/a.b", [1])
        message, = client.received(1)
        assert message.topic == f"{name}/{'a/b' if isinstance(broker, RabbitMq) else 'a.b'}".encode()


def members(broker, level, topic, n=2):
    group = unique_name("group")
    found = [Client(broker.port, level=level) for _ in range(n)]
    granted = [client.subscribe(f"$share/{group}/{topic}", 1) for client in found]
    assert granted == [1] * n
    return found


@pytest.mark.parametrize("level", [4, 5])
def test_shared_subscription(broker, level):
    """RabbitMQ grants it and never sends anything; with MQTT 5 its CONNACK says that it has none.
    mosquitto gives each member its turn, also one that is away; HiveMQ has one queue for all."""
    if level not in broker.LEVELS:
        return
    topic = unique_name("shared")
    one, two = members(broker, level, topic)
    publish(broker, topic, range(10))
    got = [numbers(client.all_acked()) for client in (one, two)]
    if broker.SHARED is None:
        assert got == [[], []]
        assert level == 4 or one.limits[SHARED_AVAILABLE] == 0
    else:
        assert sorted(got[0] + got[1]) == list(range(10))
        assert broker.SHARED == "queue" or list(map(len, got)) == [5, 5]
    for client in (one, two):
        client.leave()
    forget(broker, one, two)


def test_shared_subscription_and_a_member_that_goes(broker):
    """Its share waits for it at mosquitto; at HiveMQ others get it, as new messages."""
    if broker.SHARED is None:
        return
    topic, level = unique_name("shared"), max(broker.LEVELS)
    one, two = members(broker, level, topic)
    publish(broker, topic, range(10))
    got = {client: client.all_received() for client in (one, two)}
    gone, stays = (one, two) if got[one] else (two, one)
    gone.drop()
    publish(broker, topic, range(10, 20))
    stays.ack(*got[stays])
    later = stays.all_acked()
    left = sorted(set(range(20)) - set(numbers(got[stays] + later)))
    with Client(broker.port, gone.client_id, level) as back:
        waiting = back.all_acked()
    if broker.SHARED == "turns":
        assert len(later) == 5 and sorted(numbers(waiting)) == left and len(left) == 10
    else:
        assert left == [] and numbers(waiting) == []
        assert not any(m.is_dup(packet) for packet in later)
    stays.leave()
    forget(broker, one, two)
