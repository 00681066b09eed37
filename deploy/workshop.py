"""What the parts of one process share while they are put together."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from aaa.snapshot import Directory
from deploy.installation import Installation
from federation.directory import PartnerDirectory
from federation.forwarder import Forwarder
from monitoring.logging import RepeatedWarnings
from radius.request import Clock


@dataclass(slots=True)
class Workshop:
    """`background`: what runs beside the servers until the last of them is done; `forwarder`, once
    one is needed, for all who ask partners."""

    installation: Installation
    directory: Directory
    partners: PartnerDirectory
    clock: Clock
    warnings: RepeatedWarnings
    background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    forwarder: Forwarder | None = None
