"""AD against other methods: pairs of members that share all but their method, and their medians.

for comparison in compared(method_pairs(find_runs(Path("outputs")))):
    print(comparison.other, comparison.values["loss_interior_ad64"].ratio)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pinnspectra.runs.folder import FREE_SECTIONS, flat
from pinnspectra.runs.record import Row, Run

AUTOMATIC = ("ad", "nested_autograd")
"""Methods that others are compared with: the first of them that is there."""

COMPARED = (
    "loss_interior_ad64",
    "relative_l2_error",
    "truncated_entropy",
    "effective_cutoff",
)
"""Quantities that are compared."""

NO_SETTING = ("pde", "method", "seed", "threads", "hydra", *FREE_SECTIONS)
"""Sections whose overrides name no setting: they have their own names, or decide no number."""

MOST_SETTINGS = 3
"""Settings that are compared one by one; of more, all pairs of a problem are taken together."""


@dataclass(frozen=True)
class Pair:
    """A member by AD and one by another method that share all but their method.

    Attributes:
        problem: the PDE, and whether random features solve it.
        setting: the overrides that tell the pair from others of its problem, a blank before each.
        reference: the method of `ad`.
        other: the other method, with the keys that tell it from others of its name.
        ad, fd: the values of the two members.
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
    """Medians of a quantity by AD and by the other method, and of the quotients other / AD."""

    ad: float
    fd: float
    ratio: float | None


@dataclass(frozen=True)
class Comparison:
    """The finished pairs of one setting and one other method, compared.

    Attributes:
        setting: the problem, and the setting where there are few.
        reference, other: as a pair has them.
        pairs, left_out: numbers of pairs that finished, and that did not.
        values: by key of COMPARED; without those that no pair has.
    """

    setting: str
    reference: str
    other: str
    pairs: int
    left_out: int
    values: dict[str, Compared]


def method_pairs(runs: Sequence[Run]) -> list[Pair]:
    """Return the pairs of a member by AD and one by another method that share all other settings.

    Runs share them where their configurations differ in `method` alone, and in what no number
    depends on; those without a configuration are left out. Of runs with one configuration the last
    counts. Members of ensembles are paired by their number.
    """
    alike: dict[str, dict[str, Run]] = {}
    for run in runs:
        if run.config:
            alike.setdefault(_shared(run), {})[repr(run.config.get("method"))] = run
    groups = [list(group.values()) for group in alike.values()]
    paired = [(ad, run) for group in groups for ad in _automatic(group) for run in group]
    paired = [(ad, run) for ad, run in paired if run is not ad]
    settings, names = _settings([ad for ad, _ in paired]), _names([run for _, run in paired])
    return [
        Pair(_problem(ad), setting + rate, ad.method, name, by_ad, by_other)
        for (ad, run), setting, name in zip(paired, settings, names, strict=True)
        for rate, by_ad, by_other in _members(ad, run)
    ]


def _shared(run: Run) -> str:
    """Return all that decides a run's numbers but its method."""
    left_out = ("method", "threads", *FREE_SECTIONS)
    return repr(sorted(flat({k: v for k, v in run.config.items() if k not in left_out}).items()))


def _automatic(runs: Sequence[Run]) -> list[Run]:
    """Return the run that the others are compared with, if there is one."""
    found = {run.method: run for run in runs}
    return [found[name] for name in AUTOMATIC if name in found][:1]


def _problem(run: Run) -> str:
    return run.pde if "max_steps" in run.config else f"{run.pde} random features"


def _settings(runs: Sequence[Run]) -> list[str]:
    """Return the overrides that tell runs apart, without problem, method and seed."""
    own = [[o for o in run.overrides if _section(o) not in NO_SETTING] for run in runs]
    shared = set(own[0]).intersection(*own[1:]) if own else set()
    return ["".join(f" {o}" for o in overrides if o not in shared) for overrides in own]


def _section(override: str) -> str:
    return override.lstrip("+").partition("=")[0].partition(".")[0]


def _names(runs: Sequence[Run]) -> list[str]:
    """Return the runs' methods, with the keys by which runs of one method differ."""
    sections = [(run.method, flat(run.config.get("method"))) for run in runs]
    names = []
    for method, section in sections:
        alike = [other for name, other in sections if name == method]
        keys = [key for key in section if any(other.get(key) != section[key] for other in alike)]
        names.append(" ".join([method, *(f"{key}={section[key]}" for key in keys)]))
    return names


def _members(ad: Run, other: Run) -> Iterator[tuple[str, Row, Row]]:
    """Yield the rows of each member of both runs, and its rate where the members have several."""
    by_ad = {row["member"]: row for row in ad.meaningful_rows}
    several = len({row["learning_rate"] for row in by_ad.values()}) > 1
    for row in other.meaningful_rows:
        if row["member"] in by_ad:
            own = by_ad[row["member"]]
            yield f" lr={own['learning_rate']}" if several else "", own, row


def compared(pairs: Sequence[Pair]) -> list[Comparison]:
    """Compare pairs by setting and other method; of many settings, by problem."""
    settings: dict[str, set[str]] = {}
    for pair in pairs:
        settings.setdefault(pair.problem, set()).add(pair.setting)
    are_many = sum(map(len, settings.values())) > MOST_SETTINGS
    groups: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in pairs:
        of_problem = len(settings[pair.problem])
        together = f"{pair.problem}, {of_problem} settings"
        setting = together if are_many and of_problem > 1 else pair.problem + pair.setting
        groups.setdefault((setting, pair.reference, pair.other), []).append(pair)
    return [_comparison(*names, group) for names, group in groups.items()]


def _comparison(setting: str, reference: str, other: str, pairs: Sequence[Pair]) -> Comparison:
    finished = [pair for pair in pairs if pair.finished]
    values = {key: _compared(finished, key) for key in COMPARED}
    known = {key: value for key, value in values.items() if value}
    return Comparison(setting, reference, other, len(finished), len(pairs) - len(finished), known)


def _compared(pairs: Sequence[Pair], key: str) -> Compared | None:
    both = [(pair.ad[key], pair.fd[key]) for pair in pairs]
    both = [(ad, fd) for ad, fd in both if ad is not None and fd is not None]
    if not both:
        return None
    ratios = [fd / ad for ad, fd in both if ad]
    ad, fd = (median(values) for values in zip(*both, strict=True))
    return Compared(ad, fd, median(ratios) if ratios else None)
