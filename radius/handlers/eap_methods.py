"""Which EAP methods are offered, with the certificate that the server has now."""

from collections.abc import Callable
from functools import partial

import structlog

from aaa.pki.identity import ServerIdentity
from aaa.settings import EapSettings
from radius.eap.conversation import Offer
from radius.eap.methods.gtc import Gtc
from radius.eap.methods.mschapv2 import MsChapV2
from radius.eap.methods.peap import Peap
from radius.eap.methods.tls import Tls
from radius.eap.methods.ttls import Ttls
from radius.eap.packet import Type
from radius.eap.steps import Proof
from radius.eap.tls_engine import TlsIdentity, TlsServer

log = structlog.get_logger()

Offers = tuple[Offer, ...]


class Methods:
    """The methods that supplicants are offered, made anew when the server's identity changes.

    Conversations under way keep what they began with.
    """

    def __init__(self, settings: EapSettings, chance: Callable[[int], bytes]) -> None:
        self._settings = settings
        self._chance = chance
        self._identity: ServerIdentity | None = None
        self._offers: Offers = ()

    def offers(self, identity: ServerIdentity | None) -> Offers:
        """Return what is offered with this identity, the method most profiles have first; nothing
        without an identity, or with one that cannot be used, which is logged once."""
        if identity is not self._identity and identity != self._identity:
            self._offers = self._made(identity) if identity is not None else ()
        self._identity = identity
        return self._offers

    def _made(self, identity: ServerIdentity) -> Offers:
        shown = TlsIdentity(identity.chain, identity.key.reveal(), identity.anchors)
        versions = {"minimum": self._settings.tls_minimum, "maximum": self._settings.tls_maximum}
        try:
            certificates = TlsServer.for_certificates(shown, **versions)
            tunnel = TlsServer.for_tunnel(shown, **versions)
        except ValueError as error:
            log.error(
                "no secure log-in can be offered",
                reason=str(error),
                remedy="look at the server's certificate: farandole ca show; make a new one: "
                "farandole ca renew",
            )
            return ()
        chance = self._chance
        in_ttls = self._inner(Proof.TTLS_EAP_MSCHAPV2, Proof.TTLS_EAP_GTC)
        in_peap = self._inner(Proof.PEAP_MSCHAPV2, Proof.PEAP_GTC)
        return (
            Offer(Type.TTLS, lambda outer: Ttls(outer, tunnel, in_ttls, chance)),
            Offer(Type.TLS, lambda outer: Tls(outer, certificates)),
            Offer(Type.PEAP, lambda outer: Peap(outer, tunnel, in_peap, chance)),
        )

    def _inner(self, by_challenge: Proof, by_password: Proof) -> Offers:
        """The methods inside a tunnel: one that answers a challenge only where there may be
        secrets to hold the answer against."""
        gtc = Offer(Type.GTC, partial(Gtc, proof=by_password))
        if not self._settings.challenges:
            return (gtc,)
        challenge = partial(MsChapV2, proof=by_challenge, chance=self._chance)
        return (Offer(Type.MSCHAPV2, challenge), gtc)
