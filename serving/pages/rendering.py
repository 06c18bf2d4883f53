"""Templates become HTML: every value is escaped, every word comes from the texts."""

from collections.abc import Callable, Mapping
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from overtide.serving.pages.formats import EMPTY, FILTERS
from overtide.serving.pages.preferences import Preferences
from overtide.serving.pages.static_files import StaticFiles
from overtide.serving.pages.texts import Texts

EXACT = frozenset(
    (
        "internal_error",
        "invalid_configuration",
        "invalid_cron",
        "invalid_parameter",
        "invalid_query",
        "query_not_supported",
        "unknown_time_zone",
    )
)
"""Codes of errors whose own words say more than those that stand for all errors of the code."""


class Rendering:
    """The templates of the pages; usable from every thread."""

    def __init__(self, texts: Texts, files: StaticFiles) -> None:
        self.texts, self.files = texts, files
        self._environment = Environment(
            loader=PackageLoader("overtide.serving.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for name, function in FILTERS.items():
            self._environment.filters[name] = _with_preferences(function)
        self._environment.globals |= {"asset": files.address, "EMPTY": EMPTY, "EXACT": EXACT}

    def rendered(
        self, template: str, preferences: Preferences, values: Mapping[str, object]
    ) -> bytes:
        """Return a template with values as UTF-8."""
        language = preferences.language
        given = {
            "preferences": preferences,
            "t": lambda name, **more: self.texts.text(language, name, more),
            "has_text": partial(self.texts.has, language),
            "languages": self.texts.languages,
            **values,
        }
        return self._environment.get_template(template).render(given).encode()


def _with_preferences(function: Callable[..., str]) -> Callable[..., str]:
    """Return a filter that is given the preferences of whoever the page is for."""

    @pass_context
    def of_page(context: Context, value: object) -> str:
        return function(context["preferences"], value)

    return of_page
