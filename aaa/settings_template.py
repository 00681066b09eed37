"""The settings as an annotated file, which operators begin theirs with."""

from typing import get_args

from aaa.settings import Section, Settings, section_model


def describe() -> str:
    """Return every setting with its default and its meaning, as an annotated TOML file."""
    lines = [
        "# Farandole's settings with their defaults. Each can also be given by environment:",
        "# database.url is FARANDOLE_DATABASE__URL, and so on.",
    ]
    for section in Settings.model_fields:
        model = section_model(section) or Section
        lines += ["", f"# {model.__doc__}", f"[{section}]", ""]
        for key, setting in model.model_fields.items():
            lines += _wrap(setting.description or "")
            if choices := get_args(setting.annotation):
                lines.append(f"# One of: {', '.join(str(choice) for choice in choices)}.")
            lines += [f"# {key} = {_toml(setting.default)}", ""]
        lines.pop()
    return "\n".join(lines) + "\n"


def _wrap(text: str, width: int = 90) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
