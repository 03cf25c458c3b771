"""What the demo shows: headings, commands as one would type them, a view that redraws itself."""
import os
import shutil
import subprocess
import sys
import time

TTY = sys.stdout.isatty()
COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}
BEGIN = time.monotonic()
MAX_LINES = 80  # of one command's answer


def paint(colour, text):
    if not TTY or "NO_COLOR" in os.environ:
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(f"\n{paint('dim', f'[{time.monotonic() - BEGIN:5.1f} s]')} {paint('bold', text)}")


def note(text):
    for line in text.splitlines():
        say(f"    {line}")


def show_command(command):
    say(f"  {paint('cyan', '$ ' + command)}")


def shell(command, cwd):
    """Runs the very command that it shows, and shows its answer."""
    show_command(command)
    run = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=cwd, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60)
    answer = run.stdout.replace("\r", "").rstrip()
    if answer.startswith("HTTP/"):  # curl -i: the first line and the body say enough
        head, _, body = answer.partition("\n\n")
        answer = head.splitlines()[0] + (f"\n{body}" if body else "")
    lines = answer.splitlines()
    note("\n".join(lines[:MAX_LINES] + (["…"] if len(lines) > MAX_LINES else [])))
    if run.returncode:
        raise RuntimeError(f"this ended with {run.returncode}: {command}")


def shell_live(command, cwd):
    """The same for a command that takes its time: each line as it comes."""
    show_command(command)
    with subprocess.Popen(["bash", "-c", command], cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        for line in run.stdout:
            note(line.rstrip())
    if run.returncode:
        raise RuntimeError(f"this ended with {run.returncode}: {command}")


class View:
    """A few lines that are drawn again in their place. Where there is no terminal only the first
    of them is printed, once a second."""

    def __init__(self):
        self.drawn, self.printed = 0, 0.0

    def show(self, lines):
        if TTY:
            width = shutil.get_terminal_size().columns
            if self.drawn:
                sys.stdout.write(f"\033[{self.drawn}A")
            for line in lines:
                sys.stdout.write(f"\033[K    {line[:width - 5]}\n")
            self.drawn = len(lines)
            sys.stdout.flush()
        elif time.monotonic() - self.printed >= 1:
            self.printed = time.monotonic()
            note(lines[0])

    def close(self, lines):
        """The last picture stays, with all its lines."""
        if TTY:
            self.show(lines)
        else:
            note("\n".join(lines))
