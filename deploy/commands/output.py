"""What a command found, for people as plain columns, for programs as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Row = Mapping[str, Any]


def show_rows(rows: Sequence[Row], columns: Sequence[str], as_json: bool) -> None:
    """Write rows: in JSON whole, else these columns of them, aligned, under a heading."""
    if as_json:
        show_json(rows)
        return
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def show(row: Row, as_json: bool) -> None:
    """Write one thing: in JSON, or a line for each of its fields."""
    if as_json:
        show_json(row)
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name.replace('_', ' ').ljust(width)}  {_text(value)}".rstrip())


def show_json(value: object) -> None:
    """Write anything as JSON, times in ISO 8601."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, StrEnum):
        return value.value
    # What a NAS or a citizen wrote must not drive the terminal that it is shown on.
    return "".join(sign if sign.isprintable() else " " for sign in str(value))
