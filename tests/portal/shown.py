"""Every page of the portal as a village would show it, and every look that a page can have."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from aaa.nas.adapter import RedirectFlaw
from aaa.policy import DenyReason
from aaa.snapshot import CollectivityEntry, HotspotEntry
from federation.interconnection import Link
from federation.model import LinkState
from portal.colours import colour_stylesheet
from portal.homes.listing import Home
from portal.languages import LANGUAGES
from portal.members.matrix import Cell, Place, Shown
from portal.onboarding import qr, words
from portal.onboarding.formats import FORMATS, Platform
from portal.onboarding.listing import Line
from portal.openid.consents import Given
from portal.pages import Ending, Mistake, Pages
from tests.house.sources import ROOT

NOW: Final = datetime(2026, 6, 12, 15, 40, tzinfo=UTC)
STATIC: Final = ROOT / "portal" / "static"
LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<path d="M32 4 56 10v22c0 14-10 22-24 28C18 54 8 46 8 32V10z" fill="#5b3f86"/>'
    '<path d="M32 50V20M24 50q0-12-4-20M40 50q0-12 4-20" stroke="#e9dff5" fill="none"/></svg>'
)
VILLAGE: Final = CollectivityEntry(
    id=1,
    slug="saint-aubin",
    name="Saint-Aubin-des-Lavandes",
    realm="saint-aubin-des-lavandes.example",
    lineage=(1,),
    country="FR",
    language="fr",
    timezone="Europe/Paris",
    colour="#5b3f86",
    logo_svg=LOGO,
    contact="wifi@saint-aubin.example",
    terms_version=1,
    terms=None,
)
SQUARE: Final = HotspotEntry(1, "square", "Place de la Mairie", "Wi-Fi public", VILLAGE, ())
IN_VISIT: Final = {"here": "/visit/k3v9Qm2x", "hotspot": SQUARE, "path": "/visit/k3v9Qm2x"}
IN_ENROLMENT: Final = {"here": "/secure/e5k2Tz8w", "hotspot": None, "path": "/secure/e5k2Tz8w"}

IN_SIGN_IN: Final = {
    "here": "/openid/sign-in/s4n8Hc5y",
    "hotspot": None,
    "path": "/openid/sign-in/s4n8Hc5y",
    "asking": "Regione Liguria, Dipartimento per la transizione digitale",
    # As large a drawing as is shown.
    "asking_logo": f"data:image/svg+xml;base64,{b64encode(LOGO.ljust(4096).encode()).decode()}",
}
LOGGING_OUT: Final = {
    "hotspot": None,
    "path": "/openid/log-out/o7p1",
    "onward": "https://wifi.liguria.example/?state=x&way=2",
    "asking": IN_SIGN_IN["asking"],
    "asking_logo": None,
}

_WELCOME: Final = {
    "email": "",
    "identifier": "",
    "can_mail": True,
    "has_homes": True,
    "remember_days": 90,
}
_HOMES: Final = {
    "homes": [
        Home("liguria", "Regione Liguria", True),
        Home("valli", "Unione Montana delle Valli Monregalesi e dell’Alta Val Tanaro", False),
        Home("eduroam", "eduroam", False),
    ],
    "hidden": 0,
    "query": "",
    "has_search": False,
}
_HOME: Final = {"home": "valli", "title": "Unione Montana delle Valli Monregalesi"}
_SIGN_IN: Final = {"email": "", "identifier": "", "can_mail": True}
_PLACES: Final = [
    Given("liguria", "Regione Liguria", NOW),
    Given("piemonte", "Città metropolitana di Torino", NOW),
]
_CODE: Final = {"email": "anna.lavande@example.org", "tries_left": 5}
_ACCOUNT: Final = {
    "suggested_name": "anna.lavande",
    "realm": VILLAGE.realm,
    "wants_password": False,
    "accepts_terms": False,
    "remember_days": 90,
    "terms": None,
}
_ONLINE: Final = {
    "home": None,
    "nai": f"anna.lavande@{VILLAGE.realm}",
    "started_at": NOW,
    "seconds_left": 12_300,
    "octets_left": 1_400_000_000,
    "upload_octets": 12_300_000,
    "download_octets": 184_000_000,
    "is_remembered": True,
    "remembered_until": NOW + timedelta(days=90),
    "logout_url": None,
    "can_log_out": True,
    "has_secure": True,
    "continue_url": "http://example.org/",
}
_WAYS: Final = {
    "network": "Farandole",
    "is_mini": False,
    "way_out": words.way_out(Platform.IOS),
    "short_host": "wifi.pays-des-collines.example",
    "short_code": "k7mw-2hfp",
    "short_until": NOW,
    "qr": Markup(qr.draw("https://wifi.pays-des-collines.example/s/k7mw-2hfp", "scan")),
    "address": "a***@example.org",
    "is_sent": False,
}
_SECURE: Final = _WAYS | {
    "nai": f"anna.lavande@{VILLAGE.realm}",
    "device_name": "iPhone",
    "platform": "ios",
    "others": [("android", "Android phone or tablet"), ("windows", "Windows computer")],
    "devices": [
        # As many as are shown, by the longest names.
        Line(
            number, f"{number:2}" + "é" * 37 + "…", "Secure network", NOW, NOW, NOW, number % 2 > 0
        )
        for number in range(24, 0, -1)
    ],
    "hidden": 3,
    "has_places": True,
}
_ASK: Final = {"network": "Farandole", "email": "", "can_mail": True}
_DEVICE: Final = _WAYS | {
    "server_name": "radius.wifi.pays-des-collines.example",
    "realm": VILLAGE.realm,
    "device": Line(7, "Le téléphone d’Anna", "Secure network", NOW, None, NOW, False),
    "full_name": "Le téléphone d’Anna",
    "is_reminded": True,
    "has_certificate": True,
    "label": "iPhone or iPad",
    "is_elsewhere": False,
    "best": FORMATS["android"],
    "steps": words.steps("android", Platform.ANDROID),
    "formats": tuple(FORMATS.values()),
    "notes": words.NOTES,
    "identity": f"anna.lavande@{VILLAGE.realm}",
    "secret": "ud64-pae4-k429-6bwt-pa23",
}
_NOTICE: Final = {"keeps_secrets": True, "back": "Back to the Wi-Fi"}
_GOODBYE: Final = {"ending": Ending.LEFT, "seconds": 3900, "octets": 196_000_000}
_ALONE: Final = {
    "nai": None,
    "seconds_left": None,
    "octets_left": None,
    "is_remembered": False,
    "remembered_until": None,
    "logout_url": "http://10.1.0.1:3990/logoff",
    "continue_url": None,
}

_DOZEN: Final = [
    Shown(
        key=f"https://wifi.member-{number:02}.example",
        name="saint-aubin" if number % 2 else f"member-{number}",
        title=name,
        contact=None if number % 3 else f"wifi@member-{number:02}.example",
        has_logo=number % 2 > 0,
    )
    for number, name in enumerate(
        (
            *("Pays des Collines", "Regione Liguria", "Communauté d’agglomération de la Riviera"),
            *("Saint-Aubin-des-Lavandes", "Comune di Ventimiglia", "Principauté", "Genova"),
            *("Département des Hautes-Vallées", "Sospel", "Borgo Ligure", "<script>", "Piemonte"),
        )
    )
]
_ANSWERS: Final = ("connected", "connected", "connected", "refused", "no answer", "no news")


def _cell(visited: Shown, home: Shown, number: int) -> Cell:
    state = LinkState.SILENT if number % 6 > 2 else LinkState.CONNECTED
    is_good = state is LinkState.CONNECTED
    told = (visited.key, home.key, visited.title, home.title, state, 120 + number, NOW, NOW)
    return Cell(home, Link(*told), _ANSWERS[number % 6], is_good, 400 * number)


_FEDERATION: Final[dict[str, Any]] = {
    "path": "/federation",
    "members": _DOZEN,
    "places": [
        Place(
            visited,
            [_cell(visited, home, at) for at, home in enumerate(_DOZEN) if home is not visited],
        )
        for visited in _DOZEN
    ],
}

# Name of the look -> template and context; a context without a visit is shown outside of one.
LOOKS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "welcome": ("welcome.html", IN_VISIT | _WELCOME),
    "welcome without mail": ("welcome.html", IN_VISIT | _WELCOME | {"can_mail": False}),
    "welcome, wrong password": (
        "welcome.html",
        IN_VISIT | _WELCOME | {"identifier": "anna", "error": Mistake.CREDENTIALS_WRONG},
    ),
    "welcome, no address": (
        "welcome.html",
        IN_VISIT | _WELCOME | {"email": "anna@", "error": Mistake.EMAIL_UNUSABLE},
    ),
    "code": ("code.html", IN_VISIT | _CODE | {"remember_days": 90}),
    "code, wrong": (
        "code.html",
        IN_VISIT | _CODE | {"error": Mistake.CODE_WRONG, "tries_left": 1},
    ),
    "account": ("account.html", IN_VISIT | _ACCOUNT),
    "account, name taken": (
        "account.html",
        IN_VISIT | _ACCOUNT | {"error": Mistake.NAME_TAKEN},
    ),
    "account, password to be typed again": (
        "account.html",
        IN_VISIT
        | _ACCOUNT
        | {"error": Mistake.NAME_TAKEN, "wants_password": True, "wants_remembering": True},
    ),
    "account, terms not accepted": (
        "account.html",
        IN_VISIT | _ACCOUNT | {"error": Mistake.TERMS_NOT_ACCEPTED},
    ),
    "terms": ("terms.html", IN_VISIT | {"terms": None}),
    "terms of its own": ("terms.html", IN_VISIT | {"terms": "Be kind.\n\nBe <brief>."}),
    "homes": ("homes.html", IN_VISIT | _HOMES),
    "homes, searched": (
        "homes.html",
        IN_VISIT | _HOMES | {"query": "ligu", "has_search": True, "hidden": 2},
    ),
    "homes, none found": (
        "homes.html",
        IN_VISIT | _HOMES | {"homes": [], "query": "atlantide", "has_search": True},
    ),
    "home, password": (
        "home_password.html",
        IN_VISIT | _HOME | {"realm": "unione-montana-valli-monregalesi.example", "identifier": ""},
    ),
    "home, password, whole identifier": (
        "home_password.html",
        IN_VISIT
        | _HOME
        | {"realm": None, "identifier": "giulia@genova", "error": Mistake.HOME_SAYS_NO},
    ),
    "home, way": (
        "home_way.html",
        IN_VISIT | _HOME | {"url": "https://wifi.liguria.example/openid/authorize?state=x"},
    ),
    "handover": (
        "handover.html",
        IN_VISIT | {"url": "http://10.1.0.1/login", "fields": (("username", "anna"),)},
    ),
    "connecting": ("connecting.html", IN_VISIT | {"refresh_seconds": 2}),
    "online": ("online.html", IN_VISIT | _ONLINE),
    "online, nothing known": ("online.html", IN_VISIT | _ONLINE | _ALONE),
    "online, visitor": (
        "online.html",
        IN_VISIT | _ONLINE | _ALONE | {"home": "Regione Liguria", "has_secure": False},
    ),
    "goodbye": ("goodbye.html", IN_VISIT | _GOODBYE),
    "goodbye, nothing known": ("goodbye.html", _GOODBYE | {"seconds": None, "octets": None}),
    **{
        f"goodbye, {ending}": ("goodbye.html", IN_VISIT | _GOODBYE | {"ending": ending})
        for ending in Ending
    },
    **{
        f"denied, {reason}": ("denied.html", IN_VISIT | {"reason": reason, "opens_at": NOW})
        for reason in DenyReason
    },
    **{
        f"redirect refused, {flaw}": (
            "redirect_refused.html",
            {"hotspot": SQUARE, "path": "/", "flaw": flaw},
        )
        for flaw in RedirectFlaw
    },
    "secure": ("secure.html", IN_ENROLMENT | _SECURE),
    "secure, no device": ("secure.html", IN_ENROLMENT | _SECURE | {"devices": [], "hidden": 0}),
    "secure, full": (
        "secure.html",
        IN_ENROLMENT | _SECURE | {"error": Mistake.TOO_MANY_DEVICES},
    ),
    "secure, mini-browser": ("secure.html", IN_ENROLMENT | _SECURE | {"is_mini": True}),
    "secure, mini-browser, mail sent": (
        "secure.html",
        IN_ENROLMENT | _SECURE | {"is_mini": True, "is_sent": True, "devices": [], "hidden": 0},
    ),
    "device": ("secure_device.html", IN_ENROLMENT | _DEVICE),
    "device with a certificate": (
        "secure_device.html",
        IN_ENROLMENT | _DEVICE | {"identity": None, "secret": None},
    ),
    "device elsewhere": ("secure_device.html", IN_ENROLMENT | _DEVICE | {"is_elsewhere": True}),
    "device, mini-browser": ("secure_device.html", IN_ENROLMENT | _DEVICE | {"is_mini": True}),
    "known device": ("secure_known.html", IN_ENROLMENT | _DEVICE | {"can_renew": True}),
    "known device with a secret": (
        "secure_known.html",
        IN_ENROLMENT | _DEVICE | {"can_renew": True, "has_certificate": False},
    ),
    "remembered device": ("secure_known.html", IN_ENROLMENT | _DEVICE | {"can_renew": False}),
    "secure, log in again": ("secure_again.html", IN_VISIT | {"nai": "anna@village.example"}),
    "secure, wrong password": (
        "secure_again.html",
        IN_VISIT | {"error": Mistake.CREDENTIALS_WRONG, "nai": "anna@village.example"},
    ),
    "secure, by mail": (
        "secure_ask.html",
        {"path": "/secure", "hotspot": SQUARE} | _ASK,
    ),
    "secure, by mail, no address": (
        "secure_ask.html",
        {"path": "/secure"} | _ASK | {"error": Mistake.EMAIL_UNUSABLE, "email": "anna@"},
    ),
    "secure, no mail": ("secure_ask.html", {"path": "/secure"} | _ASK | {"can_mail": False}),
    "secure, sent": ("secure_sent.html", {"path": "/secure"}),
    "secure, not ready": ("secure_not_ready.html", {"path": "/secure"}),
    "sign in": ("sign_in.html", IN_SIGN_IN | _SIGN_IN),
    "sign in, hinted": (
        "sign_in.html",
        IN_SIGN_IN | _SIGN_IN | {"identifier": f"anna.lavande@{VILLAGE.realm}"},
    ),
    "sign in, no logo, no mail": (
        "sign_in.html",
        IN_SIGN_IN | _SIGN_IN | {"asking_logo": None, "can_mail": False},
    ),
    "sign in, wrong password": (
        "sign_in.html",
        IN_SIGN_IN | _SIGN_IN | {"identifier": "anna", "error": Mistake.CREDENTIALS_WRONG},
    ),
    "sign in, code": ("code.html", IN_SIGN_IN | _CODE),
    "sign in, account": ("account.html", IN_SIGN_IN | _ACCOUNT | {"remember_days": None}),
    "sign in, terms": ("terms.html", IN_SIGN_IN | {"terms": None}),
    "consent": ("consent.html", IN_SIGN_IN),
    "leaving": (
        "leaving.html",
        IN_SIGN_IN | {"url": "https://wifi.liguria.example/federation/callback?code=x&state=y"},
    ),
    "sign in, denied": ("sign_in_denied.html", IN_SIGN_IN | {"reason": DenyReason.BANNED}),
    "sign in, too many devices": (
        "sign_in_denied.html",
        IN_SIGN_IN | {"reason": DenyReason.TOO_MANY_DEVICES},
    ),
    "sign in, refused": ("sign_in_refused.html", {"path": "/"}),
    "notice in a sign-in": (
        "notice.html",
        IN_SIGN_IN | _NOTICE | {"kind": "privacy", "back": "Back to the log-in"},
    ),
    "log out": ("log_out.html", LOGGING_OUT),
    "log out, nowhere to go": ("log_out.html", LOGGING_OUT | {"onward": None}),
    "logged out": ("logged_out.html", LOGGING_OUT),
    "places": ("places.html", IN_ENROLMENT | {"places": _PLACES}),
    "places, none": ("places.html", IN_ENROLMENT | {"places": []}),
    "link expired": ("link_expired.html", {"path": "/"}),
    "short code wrong": ("short_code_wrong.html", {"path": "/"}),
    "notice in an enrolment": (
        "notice.html",
        IN_ENROLMENT | _NOTICE | {"kind": "privacy", "back": "Back to your devices"},
    ),
    "expired": ("expired.html", {"path": "/"}),
    "throttled": ("throttled.html", IN_VISIT | {"retry_minutes": 5}),
    "unavailable": ("unavailable.html", IN_VISIT),
    "not found": ("not_found.html", {"path": "/"}),
    "failure": ("failure.html", {"path": "/"}),
    "enter": (
        "enter.html",
        {"path": "/enter/square", "hotspot": SQUARE, "intercepted_url": "http://example.com/"},
    ),
    "home": ("home.html", {"path": "/", "has_secure": False}),
    "home of a hotspot": ("home.html", {"path": "/", "hotspot": SQUARE, "has_secure": True}),
    "federation": ("federation.html", _FEDERATION),
    "federation, alone": ("federation.html", _FEDERATION | {"members": _DOZEN[:1], "places": []}),
    "federation, one place": (
        "federation_place.html",
        {"path": "/federation/at/liguria", "seen": _FEDERATION["places"][1]},
    ),
    "notice of terms": ("notice.html", IN_VISIT | _NOTICE | {"kind": "terms"}),
    "notice of privacy": ("notice.html", IN_VISIT | _NOTICE | {"kind": "privacy"}),
    "notice of accessibility": (
        "notice.html",
        _NOTICE | {"path": "/", "kind": "accessibility", "back": None},
    ),
}
EVERY_LOOK: Final = [(look, language) for look in LOOKS for language in LANGUAGES]

pages: Final = Pages(lambda: NOW)


def show(look: str, language: str, collectivity: CollectivityEntry = VILLAGE) -> str:
    """The HTML of a look; outside any hotspot, without a collectivity."""
    template, context = LOOKS[look]
    owner = collectivity if "hotspot" in context else None
    response = pages.render(template, language=language, collectivity=owner, **context)
    return bytes(response.body).decode()


def serve(path: str) -> tuple[bytes, str]:
    """What the portal serves beside its pages: content and media type."""
    if path.startswith("/colour/"):
        name = path.removeprefix("/colour/").removesuffix(".css")
        return colour_stylesheet(name).encode(), "text/css"
    if path.startswith("/logo/"):
        return LOGO.encode(), "image/svg+xml"
    content = (STATIC / path.removeprefix("/static/")).read_bytes()
    return content, "text/css" if path.endswith(".css") else "image/svg+xml"
