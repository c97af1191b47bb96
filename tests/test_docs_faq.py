"""The sessions of docs/faq.md print what it says; messages that it quotes are the program's."""

import ast
import re
from functools import cache

import pytest
from pages import blocks, words
from scripts import ROOT, run_here, run_process

PAGE = ROOT / "docs" / "faq.md"
SESSIONS = [session for block in blocks(PAGE, "console") for session in block.sessions]
QUOTED = [line for block in blocks(PAGE, "text") for line in block.text.splitlines()]


def pattern(line):
    """A line in which `...` stands for anything, as a regular expression."""
    return ".*".join(map(re.escape, line.split("...")))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the sessions are typed, one after another."""
    return tmp_path_factory.mktemp("faq")


@pytest.mark.slow  # test_mistakes.py has the like of most of them
@pytest.mark.parametrize(("command", "printed"), SESSIONS, ids=[c for c, _ in SESSIONS])
def test_a_session_prints_what_the_page_shows(command, printed, place, undrawn):
    parsed = run_process("bash", "-n", "-c", command)
    said, code = parsed.stderr, parsed.returncode
    if code == 0:
        script, *overrides = words(command)[1:]
        if script == "-m":
            name = overrides.pop(0).removeprefix("pinnspectra.")
            script = f"src/pinnspectra/commands/{name}.py"
        done = run_here(script, *overrides, cwd=place)
        said, code = done.stderr + done.stdout, done.returncode
    for line in printed.splitlines():
        assert re.search(f"^{pattern(line)}$", said, re.MULTILINE), said
    assert (code != 0) == ("error" in printed)


@cache
def templates():
    """Every text of the program as a regular expression, with anything for what it fills in."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", None) for part in node.values]
                texts = [re.escape(p) if isinstance(p, str) else "(.+)" for p in parts]
                found.add("".join(texts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(re.sub(r"%(?:\.\d)?[sdge]", "(.+)", re.escape(node.value)))
    return [text for text in found if len(text.replace("(.+)", "")) > 12]


def quoted(line):
    """Whether a line is a text of the program, filled in, or has a long one in it."""
    return any(
        re.fullmatch(text, line) or (len(text) > 40 and re.search(text, line))
        for text in templates()
    )


@pytest.mark.parametrize("line", QUOTED)
def test_a_message_that_is_quoted_is_in_the_program(line):
    assert quoted(line.removeprefix("error: "))
