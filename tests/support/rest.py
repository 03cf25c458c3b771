"""A small REST client: exact where a test looks at HTTP, short where it only wants things done."""
import http.client
import json
import socket
import time
from urllib.parse import quote, urlencode, urlsplit

from .wait import NotYet, scaled, wait_for


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: names in any case, repeats with get_all
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class RestError(Exception):
    def __init__(self, method, path, response):
        super().__init__(f"{method} {path}: {response!r}")
        self.status, self.response = response.status, response


class Rest:
    def __init__(self, url, timeout=30):
        """`url` is a worker's or a load balancer's, for instance http://127.0.0.1:8083."""
        parts = urlsplit(url)
        self.host, self.port, self.timeout = parts.hostname, parts.port, timeout

    # As it goes over the wire

    def request(self, method, path, body=None, headers=(), **query):
        """One request on a connection of its own; returns the Response whatever its status.

        `body`: bytes go as they are, anything else as JSON. `headers`: pairs, sent as they are,
        repeats included; they replace the Content-Type and Content-Length that a body brings."""
        if query:
            path += "?" + urlencode(query, doseq=True)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = list(headers.items() if hasattr(headers, "items") else headers)
        given = {name.lower() for name, _ in headers}
        if data is not None:
            defaults = (("Content-Type", "application/json"), ("Content-Length", str(len(data))))
            headers += [pair for pair in defaults if pair[0].lower() not in given]
        conn = http.client.HTTPConnection(self.host, self.port, timeout=scaled(self.timeout))
        try:
            conn.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
            for name, value in headers:
                conn.putheader(name, value)
            conn.endheaders(data)
            answer = conn.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            conn.close()

    def raw(self, data):
        """Sends `data`, which need not be HTTP, and returns all bytes until the worker closes or
        has been silent for two seconds."""
        answer = b""
        with socket.create_connection((self.host, self.port), timeout=scaled(10)) as conn:
            conn.sendall(data)
            conn.settimeout(scaled(2))
            try:
                while part := conn.recv(65536):
                    answer += part
            except (socket.timeout, ConnectionResetError):
                pass
        return answer

    def get(self, path, **query):
        return self.request("GET", path, **query)

    # What a client wants done

    def do(self, method, path, body=None, timeout=30, **query):
        """The JSON of a 2xx answer (None without a body), else RestError. While the group
        rebalances Connect answers 409 and clients try again; so does this, until the deadline."""
        limit = time.monotonic() + scaled(timeout)
        while True:
            response = self.request(method, path, body, **query)
            if 200 <= response.status < 300:
                return response.json if response.body else None
            momentary = response.status == 409 and (
                b"rebalance" in response.body or b"stale configuration" in response.body)
            if not momentary or time.monotonic() > limit:
                raise RestError(method, path, response)
            time.sleep(0.1)

    @staticmethod
    def path(name, *rest):
        return "/".join(["/connectors", quote(name, safe=""), *map(str, rest)])

    def connectors(self):
        return self.do("GET", "/connectors")

    def create(self, name, config):
        return self.do("POST", "/connectors", {"name": name, "config": config})

    def put_config(self, name, config):
        return self.do("PUT", self.path(name, "config"), config)

    def config(self, name):
        return self.do("GET", self.path(name, "config"))

    def status(self, name):
        return self.do("GET", self.path(name, "status"))

    def offsets(self, name):
        return self.do("GET", self.path(name, "offsets"))

    def delete(self, name):
        return self.do("DELETE", self.path(name))

    def pause(self, name):
        return self.do("PUT", self.path(name, "pause"))

    def resume(self, name):
        return self.do("PUT", self.path(name, "resume"))

    def stop(self, name):
        return self.do("PUT", self.path(name, "stop"))

    def restart(self, name, task=None, **query):
        """The connector, restart("c", includeTasks="true"), or one task, restart("c", task=0)."""
        rest = ("restart",) if task is None else ("tasks", task, "restart")
        return self.do("POST", self.path(name, *rest), **query)

    def states(self, name):
        """("RUNNING", ["RUNNING", "FAILED"]): the connector's and its tasks' in their order."""
        status = self.status(name)
        tasks = sorted(status["tasks"], key=lambda task: task["id"])
        return status["connector"]["state"], [task["state"] for task in tasks]

    def wait_state(self, name, state, tasks=None, timeout=30):
        """Waits until the connector and all its tasks, `tasks` of them if given, are in `state`. A
        failure that was not asked for ends the wait at once, with its trace."""
        def reached():
            status = self.status(name)
            parts = [status["connector"], *status["tasks"]]
            if state != "FAILED":
                broken = [part for part in parts if part["state"] == "FAILED"]
                assert not broken, f"{name} failed: {broken[0].get('trace')}"
            if tasks not in (None, len(status["tasks"])) or any(
                    part["state"] != state for part in parts):
                raise NotYet(status)
            return status
        return wait_for(reached, timeout, f"{name} {state} with {tasks} tasks")

    def wait_running(self, name, tasks=1, timeout=30):
        return self.wait_state(name, "RUNNING", tasks, timeout)

    def wait_gone(self, name, timeout=30):
        wait_for(lambda: name not in self.connectors(), timeout, f"{name} deleted")
