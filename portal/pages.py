"""Pages and mails, in the reader's language and the collectivity's colours.

Templates see, beside what :meth:`Pages.render` is given: ``language``, ``languages``,
``collectivity``, and from ``_ALWAYS`` whatever the caller left out.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.runtime import Context

from aaa.passwords import LEAST_LENGTH
from aaa.snapshot import CollectivityEntry
from portal import languages
from portal.colours import colour_stylesheet
from portal.explanations import SIDES, explain
from portal.languages import LANGUAGES, choose_language
from portal.sentences import Ending, Mistake, ended_because, field_of, sentence

__all__ = ["LANGUAGES", "Ending", "Mistake", "Pages", "choose_language", "colour_stylesheet"]

_ALWAYS: Final = {
    "here": "",  # path of the visit, or whatever the page is within; links lead below it
    "hotspot": None,  # aaa.snapshot.HotspotEntry
    "error": None,  # Mistake
    "path": "",  # of the request: language links are {path}?lang=xx
    "remember_days": None,  # for how long "remember this device" would hold; None: not offered
    "wants_remembering": False,  # it was ticked in the form before
}


class _CompiledOnce(BytecodeCache):
    """Keeps what templates are compiled to, which is the same in every language."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = _CompiledOnce()


class Pages:
    """Renders the templates of ``portal/templates``; made once, used by every request."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._environments = {
            language: _environment(language, clock) for language in languages.LANGUAGES
        }

    def render(
        self,
        name: str,
        *,
        language: str,
        collectivity: CollectivityEntry | None,
        status: int = 200,
        **context: object,
    ) -> HTMLResponse:
        """Return a page (``welcome.html``); jinja2.UndefinedError where its context lacks a name.

        Missing from ``context`` without harm: what ``_ALWAYS`` has.
        """
        template = self._environments[language].get_template(name)
        content = template.render({**_ALWAYS, "collectivity": collectivity, **context})
        return HTMLResponse(content, status, {"Content-Language": language})

    def text(self, name: str, language: str, **context: object) -> str:
        """Return a part of a mail: ``mail/code.subject``, ``mail/code.txt``, ``mail/code.html``."""
        template = self._environments[language].get_template(name)
        return template.render(context).strip()


def _environment(language: str, clock: Callable[[], datetime]) -> Environment:
    environment = Environment(
        loader=PackageLoader("portal"),
        bytecode_cache=_COMPILED,
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The extension adds these methods at run time; new style: values are escaped, msgids are not.
    install: Any = environment
    install.install_gettext_translations(languages.load_translations(language), newstyle=True)
    environment.globals |= {
        "language": language,
        "languages": languages.LANGUAGES,
        "explain": explain,
        "sentence": sentence,
        "field_of": field_of,
        "ended_because": ended_because,
        "sides": SIDES,
        "least_password_length": LEAST_LENGTH,
        "in_days": lambda days: clock() + timedelta(days=days),
    }
    environment.filters |= {
        "duration": languages.write_duration,
        "octets": partial(languages.write_octets, language=language),
        "time": _in_local_time(languages.write_time, language),
        "date": _in_local_time(languages.write_date, language),
        "moment": _in_local_time(languages.write_moment, language),
    }
    return environment


def _in_local_time(
    write: Callable[[datetime, str, str], str], language: str
) -> Callable[[Context, datetime], str]:
    """Return a filter that writes a moment in the time zone of the page's collectivity."""

    @pass_context
    def written(context: Context, moment: datetime) -> str:
        collectivity = context["collectivity"]
        return write(moment, language, collectivity.timezone if collectivity else "UTC")

    return written
