"""Pages of GET /metrics, read as strictly as their format is written (text format 0.0.4): what
Prometheus would let pass, a test need not.

    page = scrape(worker)
    page.value("weir_task_records_delivered_total", connector="c", task="0")
"""
import re
from collections import namedtuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TYPES = {"counter", "gauge", "summary", "histogram", "untyped"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf")
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Family = namedtuple("Family", "name type help samples")  # samples: {(suffix, labels): value}


def read_labels(text):
    """frozenset of pairs."""
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found, f"no label at {text[at:]!r}"
        name, value = found.groups()
        assert name not in labels, f"label {name} twice in {text!r}"
        labels[name] = re.sub(r'\\[\\"n]', lambda escape: ESCAPES[escape[0]], value)
        at = found.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), f"no comma at {text[at:]!r}"
            at += 1
    return frozenset(labels.items())


def suffix_of(family, name):
    suffix = name[len(family.name):]
    allowed = {"summary": ("", "_sum", "_count"),
               "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
    assert name.startswith(family.name) and suffix in allowed, \
        f"{name} stands among the samples of {family.name} ({family.type})"
    return suffix


def read_sample(family, line):
    found = SAMPLE.fullmatch(line)
    assert found, f"no sample: {line!r}"
    name, labels, number = found.groups()
    assert NUMBER.fullmatch(number), f"no number: {line!r}"
    key = suffix_of(family, name), read_labels(labels or "")
    assert key not in family.samples, f"twice: {line!r}"
    value = float(number.replace("Inf", "inf"))
    if family.type == "counter":
        assert value >= 0, line
    family.samples[key] = value


def parse(text):
    """{name: Family} of a page. Each family has HELP, then TYPE, then samples, all in one place."""
    assert text.endswith("\n"), "the last line does not end"
    families, helps, family = {}, {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, help_text = re.fullmatch(rf"# HELP ({NAME}) (.+)", line).groups()
            assert name not in helps, f"HELP of {name} twice"
            assert family is None or family.samples, f"{family.name} has no samples"
            helps[name], family = help_text, None
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(rf"# TYPE ({NAME}) ([a-z]+)", line).groups()
            assert family is None and helps and name == list(helps)[-1], \
                f"TYPE of {name} without its HELP"
            assert kind in TYPES, line
            family = families[name] = Family(name, kind, helps[name], {})
        else:
            assert family, f"a sample without a family: {line!r}"
            read_sample(family, line)
    assert set(helps) == set(families)
    return families


class Page:
    def __init__(self, text):
        self.text, self.families = text, parse(text)

    def __contains__(self, name):
        return name in self.families

    def samples(self, name, suffix="", **labels):
        """[(labels, value)] of those that have these labels; [] also without the family."""
        family = self.families.get(name)
        return [(dict(found), value) for (end, found), value
                in (family.samples.items() if family else ())
                if end == suffix and labels.items() <= dict(found).items()]

    def value(self, name, suffix="", **labels):
        """The one that has these labels."""
        found = self.samples(name, suffix, **labels)
        assert len(found) == 1, f"{name}{suffix} {labels}: {found}"
        return found[0][1]

    def label(self, name, label, **labels):
        """What this label says in the only sample that has those, which is 1."""
        found = self.samples(name, **labels)
        assert len(found) == 1 and found[0][1] == 1, f"{name} {labels}: {found}"
        return found[0][0][label]


def scrape(worker):
    """The page as Prometheus asks for it."""
    response = worker.rest.request("GET", "/metrics", headers={"Accept": (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")})
    assert response.status == 200, response
    assert response.headers.get_all("Content-Type") == [CONTENT_TYPE]
    return Page(response.body.decode())
