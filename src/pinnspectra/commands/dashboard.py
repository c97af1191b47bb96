"""python -m pinnspectra.dashboard: the W&B workspace, saved where there is an account."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence

from pinnspectra.commands import exit_code
from pinnspectra.runs.messages import Parser, first_line, say

PLACE = "ENTITY"
"""Stands for the account where none is known."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 saved, or printed where no key is set up; 1 where that fails."""
    parser = Parser(
        prog="python -m pinnspectra.dashboard",
        description="Save a W&B workspace for the runs of train.py and print its address; where "
        "no W&B key is set up, print it as JSON.",
    )
    parser.add_argument("--project", default="pinnspectra", help="default: pinnspectra")
    parser.add_argument("--entity", help="a user or team; default: that of the key")
    return exit_code(_dashboard, parser, arguments)


def _dashboard(given: Namespace) -> int:
    try:
        from pinnspectra.show.dashboard import workspace
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] != "wandb_workspaces":
            raise
        say("the dashboard needs wandb-workspaces: pip install -e '.[dashboard]'")
        return 1
    try:
        entity = _entity(given.entity)
        if entity is not None:
            print(f"see {workspace.save(entity, given.project)}")
            return 0
        note, code = "no W&B key is set up (wandb login), or WANDB_MODE forbids it", 0
    except Exception as error:
        note, code = f"error: W&B does not take the dashboard: {first_line(error)}", 1
    print(f"{note}; here it is as JSON", file=sys.stderr)
    as_json = workspace.as_json(given.entity or PLACE, given.project)
    print(json.dumps(as_json, indent=2), flush=True)
    return code


def _entity(asked: str | None) -> str | None:
    """Return the account to save in; None where there is none.

    Raises:
        Exception: W&B's, where the key is refused or there is no server.
    """
    import wandb

    from pinnspectra.show.dashboard.account import asked_mode, has_account, settings

    if asked_mode() != "online":
        return None
    wandb.setup(settings=settings())
    if not has_account():
        return None
    return asked or wandb.Api().default_entity


if __name__ == "__main__":
    sys.exit(main())
