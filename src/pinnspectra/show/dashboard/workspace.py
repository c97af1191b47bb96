"""The dashboard as W&B takes it: a workspace of wandb-workspaces, and our charts."""

from __future__ import annotations

from typing import Any

import wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from pinnspectra.show.dashboard.charts import CHARTS, Chart
from pinnspectra.show.dashboard.panels import (
    ENTROPY,
    FIGURE_NAMES,
    FIGURES,
    SECTIONS,
    SPECTRA,
    Curves,
    Scatter,
)

NAME = "pinnspectra: entropy, spectra, loss"

COLUMNS = ("config:pde", "config:method", "summary:loss", f"summary:{ENTROPY}")
"""Columns that are shown beside the name of a run."""


def workspace(entity: str, project: str) -> ws.Workspace:
    """The workspace, made without the network; our charts are named as those of the entity."""
    charts = [_chart(chart, entity) for chart in CHARTS]
    plain = {
        name: [_curves(p) if isinstance(p, Curves) else _scatter(p) for p in panels]
        for name, panels in SECTIONS.items()
    }
    figures = [
        wr.MediaBrowser(title=name, media_keys=[f"{FIGURES}{name}"]) for name in FIGURE_NAMES
    ]
    table = wr.WeavePanelSummaryTable(table_name=SPECTRA.key)
    sections = {"Charts": charts, **plain, "Figures": figures, "Tables": [table]}
    return ws.Workspace(
        entity=entity,
        project=project,
        name=NAME,
        sections=[
            ws.Section(name=name, panels=panels, is_open=name != "Tables")
            for name, panels in sections.items()
        ],
        settings=ws.WorkspaceSettings(max_runs=50),
        runset_settings=ws.RunsetSettings(pinned_columns=list(COLUMNS)),
    )


def as_json(entity: str, project: str) -> dict[str, Any]:
    """What save() sends: the charts by their ids, and the workspace as W&B keeps it."""
    view = workspace(entity, project)._to_model()
    return {
        "entity": entity,
        "project": project,
        "charts": {f"{entity}/{chart.key}": chart.spec for chart in CHARTS},
        "workspace": view.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def save(entity: str, project: str) -> str:
    """Save the charts and a new workspace in an account; its address.

    Raises:
        Exception: W&B's, where the server does not take them.
    """
    api = wandb.Api()
    for chart in CHARTS:
        try:
            api.create_custom_chart(entity, chart.key, chart.title, "vega2", "private", chart.spec)
        except Exception as error:
            if "already exist" not in str(error):  # a name has one specification
                raise
    return workspace(entity, project).save().url


def _chart(chart: Chart, entity: str) -> wr.CustomChart:
    return wr.CustomChart(
        query={"summaryTable": {"tableKey": chart.table.key}},
        chart_name=f"{entity}/{chart.key}",
        chart_fields=chart.fields,
        chart_strings={"title": chart.title},
    )


def _curves(panel: Curves) -> wr.LinePlot:
    return wr.LinePlot(
        title=panel.title,
        x=panel.x or "Step",
        y=list(panel.y),
        title_x=panel.x_title,
        title_y=panel.y_title,
        log_y=panel.log_y,
    )


def _scatter(panel: Scatter) -> wr.ScatterPlot:
    return wr.ScatterPlot(
        title=panel.title,
        x=wr.SummaryMetric(panel.x),
        y=wr.SummaryMetric(panel.y),
        log_y=panel.log_y,
    )
