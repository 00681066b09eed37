"""The account password at a NAS: where it counts, and how often it may be guessed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aaa.citizens import CitizenRecord
from aaa.guesses import Guesses, Subject
from aaa.identifier import Nai
from aaa.passwords import PasswordHashing
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from aaa.snapshot import HotspotEntry, NasEntry, Snapshot
from monitoring import metrics

# Wrong passwords for one name at one NAS: people mistype, programs guess.
GUESSES: Final = 20
GUESSES_WITHIN: Final = timedelta(minutes=15)
# More than are hashed in that time, so that a flood of names makes none be forgotten early.
_GUESSED_NAMES: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Named:
    """Whom an identifier names, if anybody."""

    nai: Nai
    citizen: CitizenRecord | None

    @property
    def why_wrong(self) -> DenyReason:
        """Why what was sent with it proves nothing."""
        return DenyReason.WRONG_PASSWORD if self.citizen else DenyReason.UNKNOWN_CITIZEN


class AccountPasswords:
    """Checks account passwords that reached us by a NAS.

    How often a password was guessed is kept in memory: each process counts for itself, and from
    nothing after a start.
    """

    def __init__(self, hashing: PasswordHashing) -> None:
        self._hashing = hashing
        self._guesses = Guesses(most=GUESSES, window=GUESSES_WITHIN, subjects=_GUESSED_NAMES)

    async def owner(
        self,
        named: Named,
        password: Secret,
        hotspot: HotspotEntry,
        nas: NasEntry,
        snapshot: Snapshot,
        now: datetime,
    ) -> CitizenRecord | Denied:
        """Return the citizen who is named, where the password is theirs; else why it proves
        nothing, which takes as long where nobody is. Raises Unavailable."""
        citizen = named.citizen
        if not snapshot.limits(hotspot, citizen.id if citizen else None).passwords_at_nas:
            return Denied(DenyReason.PASSWORD_NOT_ALLOWED)
        name = citizen.nai if citizen else str(named.nai)
        stored = citizen.password_hash if citizen else None
        is_right = await self._is_right((name, nas.id), stored, password, now)
        return citizen if citizen and is_right else Denied(named.why_wrong)

    async def _is_right(
        self, subject: Subject, stored: str | None, password: Secret, now: datetime
    ) -> bool:
        """Return whether a password is right. After too many guesses none is, and none is hashed:
        whoever guesses cannot tell."""
        if not self._guesses.begin(subject, now):
            metrics.throttled.labels("nas_password").inc()
            return False
        try:
            right = await self._hashing.verify(stored, password)
        except BaseException:
            self._guesses.give_back(subject)
            raise
        if right:
            self._guesses.give_back(subject)
        return right
