"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def counted(n: int, name: str) -> str:
    """Return 1 run, 2 runs."""
    return f"{n} {name}" if n == 1 else f"{n} {name}s"


def listed(names: Sequence[str]) -> str:
    """Return a, b and c."""
    if len(names) < 2:
        return names[0] if names else "no known kind"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def number(value: float) -> str:
    """Return a number with three digits: 0.0200, 345 000, 3.40e-7; whole ones as they are."""
    whole = float(value).is_integer() and abs(value) < 1e15
    if whole or 1e3 <= abs(value) < 1e6:
        rounded = value if whole else float(f"{value:.3g}")
        return f"{round(rounded):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    mantissa, e, exponent = f"{value:#.3g}".partition("e")
    mantissa = mantissa.rstrip(".")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
