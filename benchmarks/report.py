"""docs/benchmarks.md from outputs/bench/*.json.

python benchmarks/report.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

ORDER = ("gradient_step", "overhead", "kernel_spectrum", "startup", "growth", "peers")
"""The tables of the page; one that has not been run is left out."""

HEADER = """# Benchmarks

Made by `make bench` and `make bench-peers`; each table by the script that it names. The ratios are
the results: what is compared ran in turn, in one process or one pinned run. Each is the median of
its rounds, with the middle half of them beside it. Times are of the processor and for orientation,
since another machine has others.
"""


def page(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """The page of these benchmarks, (name, result) each."""
    parts = [HEADER, *_machines(results)]
    for name, result in results:
        parts += [f"## {result['title']}\n", f"{result['text']} (`benchmarks/{name}.py`)\n"]
        parts += [table(result["rows"])]
    return "\n".join(parts)


def _machines(results: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """A line a machine, with the benchmarks that it ran; there should be one."""
    ran: dict[str, list[str]] = {}
    for name, result in results:
        facts = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
        ran.setdefault(facts, []).append(f"{name} ({result['date']})")
    return [f"Machine: {facts}. Ran here: {', '.join(names)}.\n" for facts, names in ran.items()]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a Markdown table, with the columns in the order of the fullest row."""
    fullest = max(rows, key=len, default={})
    columns = list(dict.fromkeys(name for row in [fullest, *rows] for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[shown(row.get(name, "")) for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """Three digits of a number; a word as it is."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Write the page."""
    paths = [ROOT / "outputs" / "bench" / f"{name}.json" for name in ORDER]
    results = [(path.stem, json.loads(path.read_text())) for path in paths if path.exists()]
    target = ROOT / "docs" / "benchmarks.md"
    target.write_text(page(results))
    print(f"{target.relative_to(ROOT)}: {', '.join(name for name, _ in results)}")


if __name__ == "__main__":
    main()
