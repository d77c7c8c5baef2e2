"""Options that several commands have."""

from typing import Annotated

import typer

JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Engine = Annotated[str, typer.Option("--engine", help="duckdb or spark; as ANJU_ENGINE says if left out.")]
