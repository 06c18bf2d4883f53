"""Who may make the service ask the identity provider, and how often: without a server."""

import asyncio

import pytest

from overtide.clock import system_clock
from overtide.schemas.configuration.service import Service
from overtide.schemas.errors import OvertideError
from overtide.serving.access.admission import Admission
from overtide.serving.access.attempts import MOST_OF_PEOPLE
from overtide.serving.access.code_flow import Begun
from overtide.serving.access.database import AccessDatabase
from overtide.serving.access.provider_documents import ProviderError
from overtide.serving.access.sessions import TABLES, Sessions
from overtide.serving.access.used_once import UsedOnce
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Visit
from overtide.serving.pages.preferences import preferences_of
from overtide.serving.pages.provider_sign_in import ProviderSignIn
from overtide.serving.pages.rendering import Rendering
from overtide.serving.pages.sign_in import SignIn
from overtide.serving.pages.static_files import StaticFiles
from overtide.serving.pages.texts import Texts
from overtide.serving.windows import MOST_WINDOWS
from overtide.serving.workflows.database import Database
from tests.test_code_flow import Side, logout

ROOT = "https://customers.example.com"


class Desk:
    """The pages of one service, a provider that answers what a test puts there, and visits."""

    def __init__(self, folder) -> None:
        clock = system_clock
        self.side, files, texts = Side(), StaticFiles(), Texts()
        self.rendering = Rendering(texts, files)
        self.admission = Admission(AccessDatabase(folder / "tokens.sqlite"), Service(), clock)
        self.admission.sign_in = self.side.flow
        self.sessions = Sessions(Database(folder / "sessions.sqlite", TABLES), clock, lambda: "s")
        sign_in = SignIn(self.admission, self.sessions)
        self.pages = ProviderSignIn(self.admission, self.sessions, sign_in)
        self.preferences = preferences_of({}, "", texts.languages)

    def visit(self, client: str = "192.0.2.1", **more: object) -> Visit:
        return Visit("/", self.preferences, self.rendering, None, {}, ROOT, client=client, **more)

    def coming(self, number: int, client: str = "192.0.2.1", **query: str) -> Visit:
        """Return the visit of a browser that comes back from one time of signing in."""
        begun = Begun(f"{number:064}")
        headers = {"cookie": f"__Host-overtide_signing_in={begun.secret}."}
        query = {"code": "x", "state": begun.state, **query}
        return self.visit(client, query=query, headers=headers)

    def back(self, visit: Visit) -> Reply:
        """Come back: what is refused is shown, as the site does it."""
        try:
            return asyncio.run(self.pages.back(self.side.flow, visit))
        except OvertideError as error:
            return self.pages.refused(visit, error)

    def ended(self, token: str, client: str = "192.0.2.1") -> str:
        """Return the code of what the provider is answered that says who signed out."""
        try:
            asyncio.run(
                self.pages.ended(self.side.flow, self.visit(client, form={"logout_token": token}))
            )
        except OvertideError as error:
            return error.code
        return "ended"


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def test_what_came_back_once_does_not_make_us_ask_again(desk):
    first, again = (desk.back(desk.coming(1)) for _ in range(2))
    assert (first.status, again.status) == (403, 400)
    assert len(desk.side.sent) == 1
    assert first.cookies[0].startswith("__Host-overtide_signing_in=; Path=/; Max-Age=0")


def test_another_page_cannot_end_a_sign_in_that_goes_on(desk):
    assert desk.back(desk.coming(1, state="made-up")).cookies == ()
    assert desk.back(desk.coming(1)).status == 403


@pytest.mark.parametrize("down", [False, True])
def test_an_address_makes_us_ask_the_provider_so_often_and_no_more(desk, down):
    if down:
        desk.side.answer = ProviderError("down")
    answers = [desk.back(desk.coming(number)).status for number in range(MOST_OF_PEOPLE + 2)]
    assert answers == [503 if down else 403] * MOST_OF_PEOPLE + [429] * 2
    assert len(desk.side.sent) == MOST_OF_PEOPLE
    assert desk.back(desk.coming(99, "192.0.2.2")).status in (403, 503)
    desk.admission.attempts_of_people.expect_few("192.0.2.1")  # a token still signs in


def test_the_provider_is_heard_however_many_tokens_of_strangers_are_none(desk):
    said = [desk.ended("made-up") for _ in range(MOST_OF_PEOPLE + 1)]
    assert said == ["invalid_token"] * MOST_OF_PEOPLE + ["too_many_attempts"]
    assert desk.ended(logout()) == "ended"
    desk.admission.attempts_of_people.expect_few("192.0.2.1")  # nor does it hinder a sign-in


def test_wrong_tokens_of_people_do_not_keep_the_provider_from_being_heard(desk):
    for _ in range(MOST_OF_PEOPLE):
        desk.admission.attempts_of_people.note("192.0.2.1")
    assert desk.ended("made-up") == "invalid_token"


def test_what_was_used_is_remembered_so_long_and_not_without_bound():
    now = [0.0]
    used = UsedOnce(600, lambda: now[0])
    assert [used.take(one) for one in ("a", "a", "b")] == [True, False, True]
    now[0] = 599.0
    assert not used.take("a")
    now[0] = 611.0
    assert used.take("a")
    for number in range(MOST_WINDOWS):
        used.take(str(number))
    assert used.take("a")
