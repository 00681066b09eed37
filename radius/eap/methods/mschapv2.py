"""EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2, [MS-CHAP]): MS-CHAPv2 inside a tunnel.

Challenge, response, and the server's own proof, or its refusal, which the supplicant confirms. A
password cannot be changed here, and a wrong one not be tried again: that is a conversation anew.
"""

import struct
from enum import IntEnum
from typing import Final

from radius.eap.methods.method import Chance, Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.packet import Type
from radius.eap.steps import Answer, AskSecrets, Candidate, Failure, Proof, Secrets
from radius.wire import mschap
from radius.wire.mschap import Proven, Response

_HEADER: Final = struct.Struct(">BBH")
_VALUE_OCTETS: Final = 49
"""Of a response: the peer's challenge, 8 reserved octets, the response, flags."""
_NAME: Final = b"farandole"
_MSK_OCTETS: Final = 64


class OpCode(IntEnum):
    """What a packet is; a response to success or failure repeats its code."""

    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class MsChapV2:
    """One EAP-MSCHAPv2 exchange; `proof` says inside which tunnel."""

    type: Final = Type.MSCHAPV2

    def __init__(self, identity: str, proof: Proof, chance: Chance) -> None:
        self._identity = identity
        self._proof = proof
        # Most often the Identifier of the EAP request, which in a tunnel has more than one.
        self._identifier = chance(1)[0]
        self._challenge = chance(mschap.CHALLENGE_OCTETS)
        self._response: Response | None = None
        self._name = b""
        self._end: Done | Failed | None = None

    def start(self, limit: int) -> Send:
        """Return the challenge."""
        value = bytes((len(self._challenge),)) + self._challenge
        return self._send(OpCode.CHALLENGE, value + _NAME)

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Return a question once the challenge is answered, and the end once that is confirmed."""
        if not data:
            raise MalformedMethod("no code")
        if self._end is None:
            self._response, self._name = _read(data)
            return AskSecrets(self._identity, self._proof)
        if isinstance(self._end, Failed):
            # Whatever a supplicant says to a refusal, it is one.
            return self._end
        if data[0] == OpCode.FAILURE:
            return Failed(Failure.SUPPLICANT_REFUSED)
        if data[0] != OpCode.SUCCESS:
            raise MalformedMethod("success is confirmed by success or failure")
        return self._end

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return our own proof where one of the secrets explains the response, or a refusal."""
        for candidate in answer.candidates if isinstance(answer, Secrets) else ():
            proven = self._verify(candidate)
            if proven is not None:
                msk = (proven.keys.recv + proven.keys.send).ljust(_MSK_OCTETS, b"\0")
                self._end = Done(self._identity, candidate.credential, self._proof, msk)
                return self._send(OpCode.SUCCESS, proven.authenticator_response + b" M=OK")
        self._end = Failed(Failure.CREDENTIAL_REFUSED)
        return self._send(OpCode.FAILURE, mschap.refusal("This secret is not right."))

    def _verify(self, candidate: Candidate) -> Proven | None:
        if self._response is None:
            raise RuntimeError("an answer before the response")
        return mschap.verify(candidate.secret, self._response, self._challenge, self._name)

    def _send(self, code: OpCode, rest: bytes) -> Send:
        return Send(_HEADER.pack(code, self._identifier, _HEADER.size + len(rest)) + rest)


def _read(data: bytes) -> tuple[Response, bytes]:
    """Return the response and the name it was made with. MS-Length, which the length of the EAP
    packet says once more, is not looked at: some supplicants have it wrong."""
    value = data[_HEADER.size + 1 : _HEADER.size + 1 + _VALUE_OCTETS]
    if data[0] != OpCode.RESPONSE or len(value) < _VALUE_OCTETS:
        raise MalformedMethod("no response")
    if data[_HEADER.size] != _VALUE_OCTETS:
        raise MalformedMethod("a response of another size")
    response = Response(data[1], value[:16], value[24:48])
    return response, data[_HEADER.size + 1 + _VALUE_OCTETS :]
