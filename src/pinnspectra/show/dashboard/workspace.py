"""The dashboard as W&B takes it: a workspace of wandb-workspaces, and our charts."""

from __future__ import annotations

from typing import Any

import wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.dashboard import tables
from pinnspectra.show.dashboard.charts import CHARTS, Chart

NAME = "pinnspectra: entropy, spectra, loss"

COLUMNS = ("config:pde", "config:method", "summary:loss", f"summary:{tables.ENTROPY}")
"""Columns that are shown beside the name of a run."""


def _curves(title: str, *metrics: str, log_y: bool = True, x: str = "Step") -> wr.LinePlot:
    """Return a panel of metrics over gradient steps, or over another one."""
    x_title = "gradient step" if x == "Step" else QUANTITIES["truncated_entropy"].label
    y_title = title[0].lower() + title[1:]
    return wr.LinePlot(
        title=title, x=x, y=[*metrics], title_x=x_title, title_y=y_title, log_y=log_y
    )


def _quantity(key: str, log_y: bool = True) -> wr.LinePlot:
    """Return a panel of a quantity over gradient steps, by its key in result.json."""
    found = QUANTITIES[key]
    return _curves(found.words[0].upper() + found.words[1:], found.metric, log_y=log_y)


def sections() -> dict[str, list[Any]]:
    """Return the plain panels by section, in the order in which they are shown."""
    last = {"x": wr.SummaryMetric(tables.ENTROPY), "y": wr.SummaryMetric("loss"), "log_y": True}
    believed, true = (QUANTITIES[key] for key in ("loss_interior", "loss_interior_ad64"))
    return {
        "Entropy and loss": [
            _curves("Loss against truncated entropy", tables.LOSS_BESIDE, x=tables.ENTROPY),
            wr.ScatterPlot(title="Last loss against last truncated entropy", **last),
        ],
        "Loss": [
            _quantity("loss"),
            _curves("Interior loss, believed and true", believed.metric, true.metric),
            _quantity("loss_boundary"),
        ],
        "Error": [_quantity("relative_l2_error"), _quantity("relative_training_error")],
        "Spectrum": [
            _quantity("truncated_entropy", log_y=False),
            _quantity("effective_cutoff", log_y=False),
            _curves("Log10 eigenvalues of the kernel G", tables.EIGENVALUES, log_y=False),
        ],
    }


def workspace(entity: str, project: str) -> ws.Workspace:
    """Return the workspace, made without the network; our charts are those of the entity."""
    figures = [
        wr.MediaBrowser(title=name, media_keys=[f"{tables.FIGURES}{name}"])
        for name in tables.FIGURE_NAMES
    ]
    spectra = wr.WeavePanelSummaryTable(table_name=tables.SPECTRA.key)
    panels = {
        "Charts": [_chart(chart, entity) for chart in CHARTS],
        **sections(),
        "Figures": figures,
        "Tables": [spectra],
    }
    return ws.Workspace(
        entity=entity,
        project=project,
        name=NAME,
        sections=[
            ws.Section(name=name, panels=some, is_open=name != "Tables")
            for name, some in panels.items()
        ],
        settings=ws.WorkspaceSettings(max_runs=50),
        runset_settings=ws.RunsetSettings(pinned_columns=list(COLUMNS)),
    )


def as_json(entity: str, project: str) -> dict[str, Any]:
    """Return the charts by their ids and the workspace, as save() sends them."""
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
