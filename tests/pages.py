"""The pages of the project, README.md and docs/, as the blocks, commands and links in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)

FILE = re.compile(r"^`([^`\n]+)`:\n\n\Z", re.MULTILINE)
"""A line before a block that says in which file it belongs."""

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the file that the line before it names."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, or of a console block, where they follow `$ `."""
        text = self.text.replace("\\\n", " ")
        if self.language == "console":
            return [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        lines = text.splitlines() if self.language == "bash" else []
        return [line for line in lines if line and not line.startswith("#")]

    @property
    def sessions(self) -> list[tuple[str, str]]:
        """The commands of a console block, each with what it prints."""
        parts = re.split(r"^\$ (.+)\n", self.text, flags=re.MULTILINE)[1:]
        return list(zip(parts[::2], parts[1::2], strict=True))


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, in the languages that are given or in any."""
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        file = FILE.search(before)
        line = before.count("\n") + 1
        found.append(Block(page, line, match["language"], match["text"], file and file[1]))
    return [block for block in found if not languages or block.language in languages]


def without_blocks(page: Path) -> str:
    """The text of a page between its blocks."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(without_blocks(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def words(command: str) -> list[str]:
    """The words of a command without its comment."""
    return shlex.split(command, comments=True)
