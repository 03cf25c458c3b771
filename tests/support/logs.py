"""The log files that a failing test shows the end of: whoever starts a process watches its log."""
import re
from pathlib import Path

LINE = 400  # Kafka can write a page into one line.

_watched = {}  # path -> (title, lines, only)


def watch(path, title, lines=40, only=""):
    """`only`: a regular expression; lines that it does not find are left out."""
    _watched[Path(path)] = (title, lines, only)


def forget(directory):
    """Forgets the logs under `directory`, whose processes are of no interest any more."""
    for path in [p for p in _watched if Path(directory) in p.parents]:
        del _watched[path]


def tail(path, lines=40, only=""):
    try:
        text = Path(path).read_text(errors="replace").splitlines()
        return "\n".join([line[:LINE] for line in text if re.search(only, line)][-lines:])
    except OSError as error:
        return f"({error})"


def tails():
    """(title, end of the log) of every watched log that has something to say."""
    found = [(f"{title} ({path})", tail(path, lines, only))
             for path, (title, lines, only) in _watched.items()]
    return [(title, text) for title, text in found if text]
