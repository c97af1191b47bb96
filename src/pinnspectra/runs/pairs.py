"""AD against other methods: pairs of members that share all but their method, and what they show.

for comparison in compared(method_pairs(find_runs(Path("outputs")))):
    print(comparison.other, comparison.values["loss_interior_ad64"].ratio)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pinnspectra.runs.folder import FREE, flat
from pinnspectra.runs.found import Row, Run
from pinnspectra.runs.numbers import is_number

AUTOMATIC = ("ad", "nested_autograd")
"""Methods that another is compared with: the first of them that is there."""

COMPARED = (
    "loss_interior_ad64",
    "relative_l2_error",
    "truncated_entropy",
    "effective_cutoff",
)
"""What is compared, by column: the true interior loss, the error of u, H and e."""

NO_SETTING = ("pde", "method", "seed", "threads", "hydra", *FREE)
"""Sections whose overrides name no setting: they have their own names, or decide no number."""

MOST_SETTINGS = 3
"""Settings that are compared one by one; of more, all pairs of a problem are taken together."""


@dataclass(frozen=True)
class Pair:
    """A member by AD and one by another method that share all but their method.

    Attributes:
        problem: the PDE, and that random features were solved for, where they were.
        setting: of the overrides those that tell the pair from others of its problem, a blank
            before each; not the seed.
        reference: the method of `ad`.
        other: the other method, with the keys that tell it from others of its name.
        ad: the values of the member by AD, by column; None where there is no value.
        fd: those of the other.
    """

    problem: str
    setting: str
    reference: str
    other: str
    ad: Row
    fd: Row

    @property
    def finished(self) -> bool:
        """Whether both came to their last step."""
        return self.ad["status"] == self.fd["status"] == "finished"


@dataclass(frozen=True)
class Compared:
    """A quantity of the pairs that have it: medians by AD and by the other, and of other / AD."""

    ad: float
    fd: float
    ratio: float | None


@dataclass(frozen=True)
class Comparison:
    """What the pairs of one setting and one other method show.

    Attributes:
        setting: the problem, and where there are few settings, the setting.
        reference, other: as a pair has them.
        pairs: how many finished.
        left_out: how many did not, which count for nothing here.
        values: by column of COMPARED; without those that no pair has.
    """

    setting: str
    reference: str
    other: str
    pairs: int
    left_out: int
    values: dict[str, Compared]


def method_pairs(runs: Sequence[Run]) -> list[Pair]:
    """All pairs of a member by AD and one by another method that share all other settings.

    Runs share them where their configurations differ in `method` alone, and in what no number
    depends on; those without a configuration are left out. Of runs with one configuration the last
    counts. Members of ensembles are paired by their number.
    """
    kept = [run for run in runs if run.config]
    found = {(_shared(run), repr(run.config.get("method"))): run for run in kept}
    alike: dict[str, list[Run]] = {}
    for (shared, _), run in found.items():
        alike.setdefault(shared, []).append(run)
    groups = [(_automatic(group), group) for group in alike.values()]
    paired = [(ad, run) for ad, group in groups if ad for run in group if run is not ad]
    settings = _settings([ad for ad, _ in paired])
    names = _names([run for _, run in paired])
    return [
        Pair(_problem(ad), setting + rate, _method(ad), name, by_ad, by_other)
        for (ad, run), setting, name in zip(paired, settings, names, strict=True)
        for rate, by_ad, by_other in _members(ad, run)
    ]


def _shared(run: Run) -> str:
    """All that decides a run's numbers but its method, as text."""
    left = ("method", "threads", *FREE)
    kept = flat({k: v for k, v in run.config.items() if k not in left})
    return repr(sorted(kept.items(), key=lambda item: item[0]))


def _method(run: Run) -> str:
    return str(run.result.get("method"))


def _automatic(runs: Sequence[Run]) -> Run | None:
    """The run that the others are compared with."""
    found = {_method(run): run for run in runs}
    return next((found[name] for name in AUTOMATIC if name in found), None)


def _problem(run: Run) -> str:
    """What was solved, and how."""
    return f"{run.result.get('pde')}{'' if 'max_steps' in run.config else ' random features'}"


def _settings(runs: Sequence[Run]) -> list[str]:
    """What tells runs apart beside the problem: overrides but those of seed and method."""
    own = [[o for o in run.overrides if _section(o) not in NO_SETTING] for run in runs]
    shared = set(own[0]).intersection(*own[1:]) if own else set()
    return ["".join(f" {o}" for o in overrides if o not in shared) for overrides in own]


def _section(override: str) -> str:
    return override.lstrip("+").partition("=")[0].partition(".")[0]


def _names(runs: Sequence[Run]) -> list[str]:
    """The runs' methods, with the keys by which runs of one method differ."""
    sections = [flat(run.config.get("method")) for run in runs]
    names = []
    for run, section in zip(runs, sections, strict=True):
        alike = [s for r, s in zip(runs, sections, strict=True) if _method(r) == _method(run)]
        keys = [key for key in section if any(s.get(key) != section[key] for s in alike)]
        names.append(" ".join([_method(run), *(f"{key}={section[key]}" for key in keys)]))
    return names


def _members(ad: Run, other: Run) -> Iterator[tuple[str, Row, Row]]:
    """Rows of the two runs by member, and the learning rate where members have several."""
    by_ad = {str(row["member"]): comparable(ad, row) for row in ad.rows}
    several = len({str(row["learning_rate"]) for row in by_ad.values()}) > 1
    for row in other.rows:
        its = by_ad.get(str(row["member"]))
        if its is not None:
            rate = f" lr={its['learning_rate']}" if several else ""
            yield rate, its, comparable(other, row)


def comparable(run: Run, row: Row) -> Row:
    """A row without what means nothing: of random features without boundary rows, u is free."""
    free = run.config.get("boundary_rows") is False
    return row | (dict.fromkeys(("relative_l2_error", "loss_boundary")) if free else {})


def compared(pairs: Sequence[Pair]) -> list[Comparison]:
    """What pairs show, by setting and other method; of many settings, by problem."""
    settings: dict[str, set[str]] = {}
    for pair in pairs:
        settings.setdefault(pair.problem, set()).add(pair.setting)
    whole = sum(map(len, settings.values())) > MOST_SETTINGS
    groups: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in pairs:
        several = len(settings[pair.problem]) > 1
        of_all = f"{pair.problem}, {len(settings[pair.problem])} settings"
        setting = of_all if whole and several else pair.problem + pair.setting
        groups.setdefault((setting, pair.reference, pair.other), []).append(pair)
    return [_comparison(*names, group) for names, group in groups.items()]


def _comparison(setting: str, reference: str, other: str, pairs: Sequence[Pair]) -> Comparison:
    finished = [pair for pair in pairs if pair.finished]
    values = {name: _compared(finished, name) for name in COMPARED}
    known = {name: value for name, value in values.items() if value}
    return Comparison(setting, reference, other, len(finished), len(pairs) - len(finished), known)


def _compared(pairs: Sequence[Pair], name: str) -> Compared | None:
    both = [(pair.ad[name], pair.fd[name]) for pair in pairs]
    both = [(ad, fd) for ad, fd in both if is_number(ad) and is_number(fd)]
    if not both:
        return None
    ratios = [fd / ad for ad, fd in both if ad]
    ad, fd = (median(values) for values in zip(*both, strict=True))
    return Compared(ad, fd, median(ratios) if ratios else None)
