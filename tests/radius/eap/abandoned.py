"""Begins conversations that nobody goes on with, and writes what memory they took, as JSON.

    python -m tests.radius.eap.abandoned COUNT MOST

Run as a program of its own: only so is the memory that is measured theirs alone.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path

from radius.conversations import Conversations
from radius.eap.conversation import Conversation
from radius.eap.packet import Code, EapPacket, Type, parse
from radius.eap.steps import Challenge, Proof, Question, Step
from tests.radius.eap import crowd
from tests.radius.eap.crowd import Kind
from tests.radius.eap.supplicant import MORE_FRAGMENTS, START
from tests.village import NOON

LIMIT = 600
ACKNOWLEDGEMENT = b"\x00"
UPLOAD = bytes((MORE_FRAGMENTS,)) + bytes(4000)
MOST_FRAGMENTS = 16
"""As many of these as one message may have."""


def measured(count: int, most: int) -> dict[str, int]:
    """Return the highest memory in KiB before the first conversation, when the table had been
    filled twice, and after all; how many were kept and crowded out."""
    conversations: Conversations[Conversation] = Conversations(most)
    points = stops()
    next(points)
    peaks = {"before": peak()}
    crowded_out = 0
    for number in range(count):
        if number == 2 * most:
            peaks["filled"] = peak()
        state = number.to_bytes(16, "big")
        ends_at = NOON + timedelta(seconds=60)
        crowded_out += conversations.keep(state, next(points), ends_at, NOON).crowded_out
        assert len(conversations) <= most
    return {**peaks, "after": peak(), "kept": len(conversations), "crowded_out": crowded_out}


def stops() -> Iterator[Conversation]:
    """Yield conversations, each stopped at another point: of fifty, 16 were asked who they are, 15
    were offered TLS, 12 are somewhere in our part of the handshake, 6 are sending a message that
    has no end, and one is in the tunnel."""
    hellos = [
        hello(proof, version)
        for proof in (Proof.TTLS_PAP, Proof.PEAP_GTC)
        for version in crowd.VERSIONS
    ]
    in_tunnel = cycle([Kind(Proof.TTLS_PAP), Kind(Proof.TTLS_MSCHAPV2, "1.2")])
    for round, (type, greeting) in enumerate(cycle(hellos)):
        for _ in range(15):
            yield begun()[0]
            yield offered(type)[0]
        yield begun()[0]
        for acknowledged in range(12):
            yield greeted(type, greeting, acknowledged % 4)[0]
        for fragments in range(6):
            yield uploading(type, greeting, (round + 3 * fragments) % MOST_FRAGMENTS + 1)
        yield tunnelled(next(in_tunnel))


def hello(proof: Proof, version: str) -> tuple[Type, bytes]:
    """Return a type and the data of a response with a ClientHello."""
    _, peer = Kind(proof, version, fragment_octets=4000).arrive()
    return crowd.TYPES[proof], peer.respond(bytes((START,)))


def begun() -> tuple[Conversation, Challenge]:
    conversation = crowd.conversation()
    return conversation, conversation.start(LIMIT)


def offered(type: Type) -> tuple[Conversation, Challenge]:
    conversation, asked = begun()
    asked = said(conversation, asked, Type.IDENTITY, crowd.OUTER.encode())
    return conversation, said(conversation, asked, Type.NAK, bytes((type,)))


def greeted(type: Type, greeting: bytes, acknowledged: int) -> tuple[Conversation, Challenge]:
    """Greeted, and so many fragments of our answer acknowledged, if it has more."""
    conversation, asked = offered(type)
    asked = said(conversation, asked, type, greeting)
    for _ in range(acknowledged):
        if parse(asked.eap).data[0] & MORE_FRAGMENTS:
            asked = said(conversation, asked, type, ACKNOWLEDGEMENT)
    return conversation, asked


def uploading(type: Type, greeting: bytes, fragments: int) -> Conversation:
    conversation, asked = greeted(type, greeting, acknowledged=MOST_FRAGMENTS)
    for _ in range(fragments):
        asked = said(conversation, asked, type, UPLOAD)
    return conversation


def tunnelled(kind: Kind) -> Conversation:
    """Who asks a question stays without an answer; after MS-CHAPv2 has one, it stays untold."""
    supplicant, _ = kind.arrive()
    conversation, asked = begun()
    step: Step = asked
    while isinstance(step, Challenge):
        response = supplicant.feed(step.eap)
        assert response is not None
        step = conversation.receive(response, LIMIT)
    assert isinstance(step, Question)
    if kind.proof is not Proof.TTLS_PAP:
        assert isinstance(conversation.answer(crowd.answer(step), LIMIT), Challenge)
    return conversation


def said(conversation: Conversation, asked: Challenge, type: Type, data: bytes) -> Challenge:
    """Return what follows from a response to what was asked: it has to be another request."""
    identifier = parse(asked.eap).identifier
    packet = EapPacket(Code.RESPONSE, identifier, type, data)
    step = conversation.receive(packet.encode(), LIMIT)
    assert isinstance(step, Challenge), step
    return step


def peak() -> int:
    """Return the most memory that this process has had so far, in KiB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    json.dump(measured(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
