from aaa.policy import DenyReason
from radius.handlers.reply import MESSAGES


def test_every_reason_has_its_sentence() -> None:
    assert MESSAGES.keys() == set(DenyReason)
    for message in MESSAGES.values():
        assert message.endswith(".")
        assert len(message.encode()) <= 253
