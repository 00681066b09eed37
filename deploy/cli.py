"""The command `farandole`: finds the noun, runs it, and ends with one line where it fails.

Exit status: 0 done; 1 what was asked for is not possible; 2 a setting or an argument must be
changed first; 3 something that we depend on is away; 70 a bug of ours, with its traceback.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from deploy.commands import COMMANDS

EXIT_INVALID: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_UNAVAILABLE: Final = 3
# EX_SOFTWARE of sysexits.h.
EXIT_BUG: Final = os.EX_SOFTWARE


class Commands(TyperGroup):
    """Loads a command's module when that command is asked for: help alone must not wait."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Their names, in the order of help; what stands behind them is loaded when asked for.
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"deploy.commands.{cmd_name.replace('-', '_')}")
        return get_command(module.app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="farandole",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def farandole(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The settings; else the file that FARANDOLE_CONFIG names."
        ),
    ] = None,
) -> None:
    """Federated free public Wi-Fi: one identifier opens every hotspot of every collectivity."""
    context.obj = config


def main() -> NoReturn:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return the exit status, with one line on standard error where it fails."""
    from aaa.errors import Invalid, Unavailable
    from aaa.settings import ConfigurationError

    try:
        get_command(app).main(_config_first(arguments), prog_name="farandole")
    except ConfigurationError as error:
        return _fail(error, EXIT_CONFIGURATION)
    except Invalid as error:
        return _fail(error, EXIT_INVALID)
    except Unavailable as error:
        return _fail(error, EXIT_UNAVAILABLE)
    except BrokenPipeError:
        # Who read our output has seen enough; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        # Once logging is set up, this writes the traceback to the log.
        sys.excepthook(type(error), error, error.__traceback__)
        return _fail("this is a bug of ours: report it with the lines above", EXIT_BUG)
    return 0


def _fail(error: Exception | str, status: int) -> int:
    typer.echo(f"farandole: {' '.join(str(error).split())}", err=True)
    return status


def _config_first(arguments: list[str]) -> list[str]:
    """Move --config to the front, where it belongs: people write it at the end as well."""
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--config":
            return [*arguments[index : index + 2], *arguments[:index], *arguments[index + 2 :]]
        if argument.startswith("--config="):
            return [argument, *arguments[:index], *arguments[index + 1 :]]
    return arguments
