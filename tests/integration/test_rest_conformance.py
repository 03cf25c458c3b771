"""The black-box list of Kafka Connect's REST API against real workers, on the leader and
on a follower. The numbers in the comments are those of the list."""
import pytest
from support.connectors import follower_of, leader_of, mqtt_source
from support.wait import wait_for

FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture
def two(cluster, workers):
    group = workers(2)
    wait_for(lambda: leader_of(group, cluster.bootstrap), 30, "a leader")
    return group


def is_error(answer, status, text, whole=False):
    assert answer.status == status, answer
    assert set(answer.json) == {"error_code", "message"}, answer
    assert answer.json["error_code"] == status, answer
    assert answer.json["message"] == text if whole else text in answer.json["message"], answer


def refused_creates(config):
    """(body, status, part of the message): 21 to 37."""
    def create(**fields):
        return {"name": "x", "config": config, **fields}
    return [
        (create(name=""), 400, "String may not be empty"),
        (create(name="   "), 400, "String may not be empty"),
        ({"config": config}, 400, "String may not be empty"),
        (create(name="a\nb"), 400, "control sequences"),
        (create(config={**config, "name": "y"}), 400,
         "Connector name configuration (y) doesn't match connector name in the URL (x)"),
        (create(config={}), 400, "contains no connector type"),
        ({"name": "x"}, 500, ""),
        (b"", 500, ""),
        (b"{", 500, "Unexpected"),
        (b"[]", 500, "Cannot deserialize value"),
        (create(foo=1), 500, "Unrecognized field"),
        (create(config={**config, "a": {}}), 500, "Cannot deserialize value"),
        (create(config={**config, "errors.tolerance": None}), 400,
         "Null value can not be supplied as the configuration value."),
        (create(config={**config, "connector.class": "Nope"}), 400,
         "Failed to find any class that implements Connector and which name matches Nope"),
        (create(initial_state="bogus"), 500, "Cannot construct instance"),
        (create(config={**config, "tasks.max": "0"}), 400, "Value must be at least 1"),
        (create(config={**config, "tasks.max": "x"}), 400, "contains the following 2 error(s):\n"),
    ]


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_creating_reading_and_removing(cluster, two, role):
    rest = (leader_of if role == "leader" else follower_of)(two, cluster.bootstrap).rest
    config = mqtt_source(cluster, "conformance", "conformance/#")
    for body, status, text in refused_creates(config):
        is_error(rest.request("POST", "/connectors", body), status, text)

    made = rest.request("POST", "/connectors",  # 19, 22, 30, 38
                        {"name": "  é x ", "config": {**config, "n": 1.5}})
    assert made.status == 201, made
    assert made.headers["Location"] == f"http://{rest.host}:{rest.port}/connectors/%C3%A9%20x"
    assert made.json["name"] == "é x" and made.json["tasks"] == []
    assert made.json["config"]["n"] == "1.5" and made.json["type"] == "source"
    is_error(rest.request("POST", "/connectors", {"name": "é x", "config": config}), 409,
             "Connector é x already exists", whole=True)  # 20, 97
    path = rest.path("é x")
    assert wait_for(lambda: rest.get(path).status == 200, 10, "the connector is known")

    first = rest.request("PUT", "/connectors/n1/config", config)  # 51
    again = rest.request("PUT", "/connectors/n1/config", config)
    assert (first.status, again.status) == (201, 200)
    assert first.headers["Location"] and not again.headers["Location"]
    assert rest.request("PATCH", "/connectors/n1/config", {"x": "1"}).json["config"]["x"] == "1"  # 53
    assert "x" not in rest.request("PATCH", "/connectors/n1/config", {"x": None}).json["config"]
    is_error(rest.request("PATCH", "/connectors/n1/config", {"tasks.max": "0"}), 400, "at least 1")
    is_error(rest.request("PATCH", "/connectors/n1/config", {"connector.class": None}), 400,
             "contains no connector type")

    for name in ("n1", "é x"):
        removed = rest.request("DELETE", rest.path(name))  # 68
        assert removed.status == 204 and not removed.body, removed
    wait_for(lambda: rest.connectors() == [], 15, "both removed")


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_offsets(cluster, two, role):
    rest = (leader_of if role == "leader" else follower_of)(two, cluster.bootstrap).rest
    path = "/connectors/c1/offsets"
    one = {"partition": {"p": 1}, "offset": {"n": 2, "s": "é/", "b": True, "d": 1.5, "z": None}}
    needed = "Partitions / offsets need to be provided for an alter offsets request"
    rest.create("c1", mqtt_source(cluster, "conformance", "conformance/#"))
    rest.wait_running("c1")
    before = rest.request("GET", path)  # 69
    assert before.status == 200 and set(before.json) == {"offsets"}
    for method, body in (("PATCH", {"offsets": [one]}), ("DELETE", None)):  # 70
        is_error(rest.request(method, path, body), 400,
                 "Connectors must be in the STOPPED state before their offsets can be modified. "
                 "This can be done for the specified connector by issuing a 'PUT' request to the "
                 "'/connectors/c1/stop' endpoint", whole=True)
    for body in ({}, {"offsets": []}, {"offsets": None}):  # 71
        for name in ("c1", "nope"):
            is_error(rest.request("PATCH", f"/connectors/{name}/offsets", body), 400, needed, True)
    for body in (b"", b"{", {"offsets": [one], "x": 1}, {"offsets": [{**one, "x": 1}]},  # 72
                 {"offsets": {}}, {"offsets": [{"partition": "p"}]}):
        is_error(rest.request("PATCH", path, body), 500, "")
    is_error(rest.request("PATCH", "/connectors/nope/offsets", {"offsets": [one]}), 404,  # 76
             "Connector nope not found", whole=True)

    rest.stop("c1")
    is_error(rest.request("PATCH", path, {"offsets": [
        {"partition": {"p": 1}, "offset": {"f": {"a": 1}}}]}), 500,
        "Offsets may only contain primitive types as values, but field f contains MAP", whole=True)
    is_error(rest.request("PATCH", path, {"offsets": [{"partition": None}]}), 400, "null or missing")
    changed = rest.request("PATCH", path, {"offsets": [  # 73
        {"partition": {"p": 1}, "offset": {"n": 1}}, one]})
    assert changed.status == 200, changed
    assert "have been altered successfully" in changed.json["message"]
    assert one in rest.request("GET", path).json["offsets"]
    for _ in range(2):  # 75
        reset = rest.request("DELETE", path)
        assert reset.status == 200, reset
        assert "have been reset successfully" in reset.json["message"]
        assert rest.request("GET", path).json == {"offsets": []}


def test_what_is_not_there(cluster, two):
    missing = [
        ("GET", "/connectors/nope", "Connector nope not found"),  # 44
        ("GET", "/connectors/nope/config", "Connector nope not found"),
        ("GET", "/connectors/nope/tasks", "Connector nope not found"),
        ("GET", "/connectors/nope/offsets", "Connector nope not found"),
        ("DELETE", "/connectors/nope/offsets", "Connector nope not found"),  # 76
        ("GET", "/connectors/nope/status", "No status found for connector nope"),  # 45
        ("GET", "/connectors/nope/tasks/7/status", "No status found for task nope-7"),
        ("PUT", "/connectors/nope/pause", "Unknown connector nope"),  # 59
        ("PUT", "/connectors/nope/resume", "Unknown connector nope"),
        ("PUT", "/connectors/nope/stop", "Unknown connector nope"),
        ("POST", "/connectors/nope/restart", "Unknown connector: nope"),  # 64
        ("POST", "/connectors/nope/restart?includeTasks=true", "Unknown connector: nope"),
        ("POST", "/connectors/nope/tasks/0/restart", "Unknown connector: nope"),  # 65
        ("DELETE", "/connectors/nope", "Connector nope not found"),
        ("GET", "/connector-plugins/Nope/config", "Unknown plugin Nope."),  # 80
    ]
    for worker in two:
        for method, path, text in missing:
            is_error(worker.rest.request(method, path), 404, text, whole=True)
    is_error(follower_of(two, cluster.bootstrap).rest.request(  # 96
        "DELETE", "/connectors/nope?forward=false"), 409,
        "Cannot complete request because of a conflicting operation (e.g. worker rebalance)", True)
    form = two.rest.request("POST", "/connectors", b"", headers=[FORM])  # 12
    is_error(form, 415, "HTTP 415 Unsupported Media Type", whole=True)
    validate = "/connector-plugins/mqtt-source/config/validate"
    is_error(two.rest.request("PUT", validate, {"a": "b"}), 500, "contains no connector type")  # 83
