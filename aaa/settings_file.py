"""Reads the settings: one TOML file, each key also by environment."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from aaa.settings import ConfigurationError, Settings, section_model

ENVIRONMENT_PREFIX: Final = "FARANDOLE_"
CONFIG_VARIABLE: Final = "FARANDOLE_CONFIG"


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a file (or none) with the environment's on top.

    ``FARANDOLE_SECTION__KEY`` sets ``section.key``. Raises ConfigurationError.
    """
    if path is None and (named := environment.get(CONFIG_VARIABLE)):
        path = Path(named)
    tables = _read(path) if path is not None else {}
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and "__" in variable:
            section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
            table = tables.setdefault(section, {})
            if isinstance(table, dict):
                table[key] = _from_text(section, key, value)
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        raise _explain(error) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            str(path), f"cannot be read ({error.strerror})", "Check --config and its permissions"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(path), f"is not TOML ({error})", "Mend that line; `farandole config describe` helps"
        ) from None


def _from_text(section: str, key: str, value: str) -> Any:
    """Return an environment variable's text as the type that its setting wants."""
    model = section_model(section)
    field = model.model_fields.get(key) if model else None
    kind: Any = field.annotation if field else str
    if kind is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            return value
    return value


def _explain(error: ValidationError) -> ConfigurationError:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    setting = ".".join(location)
    if first["type"] == "extra_forbidden":
        model = Settings if len(location) == 1 else section_model(location[0])
        known = list(model.model_fields) if model else []
        close = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}"
        return ConfigurationError(setting, "there is no such setting", remedy)
    problem = first["msg"].removeprefix("Value error, ")
    return ConfigurationError(
        setting,
        problem[:1].lower() + problem[1:],
        f"Change it in the configuration file or in {ENVIRONMENT_PREFIX}"
        f"{'__'.join(location).upper()}",
    )
