"""The tables that two or more rooms use, each file with the words of one subject.

Owns their shape only; what may be done with them stands in the modules of ``aaa``. Not here: the
tables of one room alone (log-in attempts stand in ``portal.model``).
"""

from aaa.model.audit import AuditEvent
from aaa.model.base import Base
from aaa.model.certificate import Authority, DeviceCertificate, ServerCertificate, Use
from aaa.model.citizen import Citizen, CitizenState, Device
from aaa.model.collectivity import Collectivity, Hotspot, Installation
from aaa.model.instruction import Instruction, InstructionKind, InstructionState
from aaa.model.nas import AccessPoint, MessageAuthenticatorRule, Nas, RadsecPeer
from aaa.model.policy import Policy
from aaa.model.session import DailyUsage, Session
from aaa.model.ticket import Ticket
from aaa.model.visitor import Visitor

__all__ = [
    "AccessPoint",
    "AuditEvent",
    "Authority",
    "Base",
    "Citizen",
    "CitizenState",
    "Collectivity",
    "DailyUsage",
    "Device",
    "DeviceCertificate",
    "Hotspot",
    "Installation",
    "Instruction",
    "InstructionKind",
    "InstructionState",
    "MessageAuthenticatorRule",
    "Nas",
    "Policy",
    "RadsecPeer",
    "ServerCertificate",
    "Session",
    "Ticket",
    "Use",
    "Visitor",
]
