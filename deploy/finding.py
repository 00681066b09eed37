"""What one look at an installation found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: a ``problem`` with its ``remedy``, or what there is (``detail``), with a
    remedy where that is worth a thought."""

    name: str
    detail: str = ""
    problem: str | None = None
    remedy: str | None = None
