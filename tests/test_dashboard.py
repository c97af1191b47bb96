"""The dashboard: what it asks W&B for, printed without an account and saved with one."""

import collections
import itertools
import json
import re
import socket
import sys

import pytest
import vl_convert
from scripts import run_process

from pinnspectra.commands import dashboard as command
from pinnspectra.show.dashboard import account, charts, workspace
from pinnspectra.show.dashboard.charts import CHARTS
from pinnspectra.show.figures import METHOD_COLOURS

KEY = "0" * 40


def panels(printed):
    sections = printed["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in sections}


def test_without_an_account_it_is_printed_as_json_and_nothing_is_asked(capsys, monkeypatch):
    def connect(*args):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert command.main(["--project", "mine", "--entity", "me"]) == 0
    out, err = capsys.readouterr()
    printed = json.loads(out)
    assert (printed["entity"], printed["project"]) == ("me", "mine")
    assert (printed["workspace"]["entity"], printed["workspace"]["project"]) == ("me", "mine")
    assert len(err.splitlines()) == 1
    shown = panels(printed)
    ours = [panel["config"]["panelDefId"] for panel in shown["Charts"]]
    assert ours == list(printed["charts"])
    assert [name.split("-")[1:-1] for name in ours] == [
        ["loss", "entropy"],
        ["spectrum"],
        ["entropy", "steps"],
    ]
    (over_entropy,) = [
        panel["config"]
        for panel in shown["Entropy and loss"]
        if panel["viewType"] == "Run History Line Plot"
    ]
    assert over_entropy["xAxis"] == "spectrum/truncated_entropy"
    assert over_entropy["metrics"] == ["spectrum/loss"]


def as_drawn(chart, rows):
    """A chart as W&B completes it with rows of its table."""
    text = json.dumps(chart.spec).replace("${string:title}", chart.title)
    for name, column in chart.fields.items():
        text = text.replace(f"${{field:{name}}}", column)
    assert "${" not in text
    columns = ("id", "name", *chart.table.columns)
    values = [dict(zip(columns, row, strict=True)) for row in rows]
    size = {"width": 300, "height": 200}
    spec = json.loads(text) | {"data": {"name": "wandb", "values": values}} | size
    return vl_convert.vegalite_to_svg(spec, vl_version="5.21")


def rows_of(chart, methods):
    """Two members of a run of each method, at two steps."""
    values = {"step": (0, 10), "index": (1, 2, 3)}
    given = {"eigenvalue": 1e-3, "singular_value": 1e-2, "floor": 1e-4, "loss": 0.1}
    given |= {"truncated_entropy": 0.5, "effective_cutoff": 3}
    columns = {c: values.get(c, (given.get(c),)) for c in chart.table.columns}
    for run, method in enumerate(methods):
        its = {**columns, "member": (0, 1), "method": (method,)}
        yield from ((run, f"run {run}", *row) for row in itertools.product(*its.values()))


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_a_chart_draws_a_line_for_every_member_in_the_colour_of_its_method(chart):
    assert chart.fields.keys() <= set(chart.table.columns)
    methods = ("ad", "fd_grid")
    drawn = as_drawn(chart, rows_of(chart, methods))
    paths = re.findall(r'<path[^>]*aria-roledescription="line mark"[^>]*stroke="(#\w+)"', drawn)
    counts = collections.Counter(paths)
    assert counts.keys() == {METHOD_COLOURS[method] for method in methods}
    with_floor = 2 if "floor" in chart.fields else 1
    assert set(counts.values()) == {2 * with_floor}


def test_another_specification_has_another_name():
    keys = [chart.key for chart in CHARTS]
    changed = charts.Chart("spectrum", "", CHARTS[1].table, {"mark": "line"})
    assert len({*keys, changed.key}) == 4


def test_with_an_account_charts_and_workspace_are_saved_and_the_address_is_printed(answering):
    asked = []
    viewer = {"id": "1", "entity": "me", "username": "me", "flags": "{}", "admin": False}
    answers = {
        "viewer": {**viewer, "teams": {"edges": []}},
        "createCustomChart": {"chart": {"id": "2"}},
        "upsertView": {"view": {"id": "3", "name": "nw"}, "inserted": True},
    }

    def answer(body):
        asked.append(json.loads(body) if b'"query"' in body else {"query": ""})
        given = {key: value for key, value in answers.items() if key in asked[-1]["query"]}
        return json.dumps({"data": given}).encode()

    address = answering(200, answer=answer)
    command = (sys.executable, "-m", "pinnspectra.dashboard", "--project", "mine")
    done = run_process(*command, WANDB_API_KEY=KEY, WANDB_BASE_URL=address)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"see {address}/me/mine\?nw=\w+\n", done.stdout)
    charts = [a["variables"] for a in asked if "createCustomChart" in a["query"]]
    assert [chart["chartName"] for chart in charts] == [chart.key for chart in CHARTS]
    assert [json.loads(chart["spec"]) for chart in charts] == [chart.spec for chart in CHARTS]
    (view,) = [a["variables"] for a in asked if "upsertView" in a["query"]]
    assert (view["entityName"], view["projectName"]) == ("me", "mine")
    saved = {"workspace": {"spec": json.loads(view["spec"])}}
    printed = workspace.as_json("me", "mine")
    shown = [[panel["config"] for panel in section] for section in panels(saved).values()]
    assert shown == [[panel["config"] for panel in section] for section in panels(printed).values()]


@pytest.mark.parametrize(("answer", "code"), [(False, 0), (ValueError("key refused"), 1)])
def test_without_a_key_that_is_taken_it_is_printed(capsys, monkeypatch, answer, code):
    def has_account():
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr(account, "has_account", has_account)
    assert command.main([]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["entity"] == "ENTITY"
    (line,) = err.splitlines()
    assert ("key refused" if code else "wandb login") in line


def test_a_chart_that_is_there_already_is_taken_and_another_error_is_not(monkeypatch):
    said = ["custom chart already exists"]

    class Api:
        def create_custom_chart(self, *args):
            raise ValueError(said[0])

    class Saved:
        url = "http://here"

        def save(self):
            return self

    monkeypatch.setattr(workspace.wandb, "Api", Api)
    monkeypatch.setattr(workspace, "workspace", lambda *args: Saved())
    assert workspace.save("me", "mine") == "http://here"
    said[0] = "permission denied"
    with pytest.raises(ValueError, match="permission denied"):
        workspace.save("me", "mine")


def test_without_the_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    for name in [name for name in sys.modules if name.startswith("wandb_workspaces.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "pinnspectra.show.dashboard.workspace")
    monkeypatch.delattr("pinnspectra.show.dashboard.workspace")
    assert command.main([]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert "pip install -e '.[dashboard]'" in line
