"""`overtide demo`: the whole story on sample data, step by step as one would type it."""

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overtide.cli import demo_http
from overtide.cli.output import BOLD, DIM, Output
from overtide.cli.project_commands import expect_room
from overtide.clock import system_clock
from overtide.schemas.errors import DONE, FailedError
from overtide.schemas.instants import SECOND, Instant, format_instant, parse_instant
from overtide.schemas.loading import load

Run = Callable[[Sequence[str]], int]
"""Runs the words of a command within this process, quietly; returns its exit code."""
WHO = "eCommerce_eCommerceContacts=CNTID_1000"
LIFE = "6s"
EXPLANATIONS = {
    "1. Unify": (
        "Contoso Coffee keeps its customers in a web shop and in a loyalty scheme, and their "
        "purchases and reviews in three more files. A refresh reads all five, finds who is who, "
        "and publishes one profile per person."
    ),
    "2. A customer's card": (
        "Two records with the same e-mail and, in another order, the same name are one person. "
        "Any record's key finds the card; each field comes from the source that is best for it."
    ),
    "3. Something happens": (
        f"The call centre moves the customer to the platinum tier, for {LIFE} in this demo, and "
        "the shop reports a purchase. Neither waits for the next refresh."
    ),
    "4. Both are there at once": (
        "The card says which value is live, until when, and (last column) what lies beneath."
    ),
    "5. The stream carries both into the lake": (
        "Until then only SQL did not know. Rows and log positions are committed together, so the "
        "stream may be killed at any instant."
    ),
    "6. The value falls back": (
        "No job removes it: it ends by itself, exact to the microsecond. Every instant can still "
        "be asked for, also as it was known at another."
    ),
    "7. The same in SQL": (
        "The lake is DuckLake: Parquet files and a catalog, open to any DuckDB. Views show what "
        "is live, macros what was at any instant."
    ),
    "8. The same over HTTP": (
        "One process answers the API of Customer Insights and runs the stream. An update by HTTP "
        "ends by itself, too."
    ),
}
"""What each step shows, by its title."""
RECORDS = """SELECT ContactId, FullName, EMail FROM eCommerce_eCommerceContacts
  WHERE ContactId = 'CNTID_1000'
UNION ALL SELECT LoyaltyId, FullName, EMail FROM LoyaltyScheme_loyCustomers
  WHERE LoyaltyId = 'LOYID_1000'"""
TIERS = """SELECT LoyaltyTier, count(*) AS customers, round(avg(Income)) AS mean_income
FROM Customer_live GROUP BY ALL ORDER BY customers DESC"""
PLATINUM_AS_OF = """SELECT FullName, LoyaltyTier, Income FROM customer_as_of({0}, {0})
WHERE LoyaltyTier = 'platinum'"""
ACTIVITIES = """SELECT ActivityTypeDisplay, count(*) AS activities, max(ActivityTime) AS latest
FROM UnifiedActivity_live GROUP BY ALL ORDER BY activities DESC"""

TO_KEEP = """To have it in front of you, in a project that stays:

  overtide init shop --example contoso
  overtide -C shop refresh
  overtide -C shop serve

and open http://127.0.0.1:8400/ with the token that the last one prints."""
"""How the demo ends: with the address to open."""


def demo(folder: str | None, output: Output, run: Run) -> int:
    """Run the demo in a folder that does not exist yet, or in a temporary one."""
    if folder is not None:
        expect_room(Path(folder))
        Story(Path(folder), output, run).tell()
        return DONE
    with tempfile.TemporaryDirectory(
        prefix="overtide-demo-", ignore_cleanup_errors=True
    ) as temporary:
        Story(Path(temporary) / "contoso", output, run).tell()
    return DONE


@dataclass
class Story:
    """The steps of the demo in one project folder; `--json` prints them all at its end."""

    folder: Path
    output: Output
    run: Run
    steps: list[dict[str, Any]] = field(default_factory=list)

    def tell(self) -> None:
        """Run all steps."""
        began = system_clock()
        self.say("1. Unify")
        self.command(["init", str(self.folder), "--example", "contoso"], within=False)
        self.command(["refresh"])
        self.say("2. A customer's card")
        self.command(["sql", RECORDS])
        self.command(["get", "--key", WHO])
        before, until = self.change()
        self.say("5. The stream carries both into the lake")
        self.command(["stream", "--until-caught-up"])
        self.fall_back(before, until)
        self.analyse(until)
        self.over_http()
        seconds = (system_clock() - began) / SECOND
        if self.output.as_json:
            self.output.result(
                {"folder": str(self.folder), "seconds": seconds, "steps": self.steps}, str
            )
        else:
            print(f"\nThat was all, in {seconds:.0f} s. {TO_KEEP}")

    def change(self) -> tuple[Instant, Instant]:
        """Lay an update and a purchase over the base, and show both.

        Return an instant before the update, and that of its end.
        """
        self.say("3. Something happens")
        before = system_clock()
        answer = self.command(
            [
                "update",
                "--key",
                WHO,
                "LoyaltyTier=platinum",
                "--valid-until",
                LIFE,
                "--caller",
                "call-centre",
            ]
        )
        self.command(["post", "eCommerce_eCommercePurchases"], given=json.dumps(purchase(before)))
        self.say("4. Both are there at once")
        self.command(["get", "--key", WHO], grep="LoyaltyTier")
        self.command(["timeline", "--key", WHO], head=7)
        return before, parse_instant(answer.rpartition("valid until ")[2].rstrip(".\n"))

    def fall_back(self, before: Instant, until: Instant) -> None:
        """Wait for the expiry and show both sides of it."""
        self.say("6. The value falls back")
        self.caption(f"Waiting for {format_instant(until)} …")
        time.sleep(max(0, until - system_clock()) / SECOND + 0.01)
        just_before = ["--as-of", format_instant(until - 1)]
        for text, options in (
            ("Now:", []),
            ("A microsecond before its end:", just_before),
            ("At its end:", ["--as-of", format_instant(until)]),
            (
                "That microsecond before, as it was known before the call centre's change:",
                [*just_before, "--known-at", format_instant(before)],
            ),
        ):
            self.caption(text)
            self.command(["get", "--key", WHO, *options], grep="LoyaltyTier")

    def analyse(self, until: Instant) -> None:
        """Run what an analyst would type."""
        self.say("7. The same in SQL")
        instant = f"TIMESTAMPTZ '{format_instant(until - 1)}'"
        for query in (TIERS, PLATINUM_AS_OF.format(instant), ACTIVITIES):
            self.command(["sql", query])
        self.command(["status"])

    def over_http(self) -> None:
        """Start the service, tell the same story to it, and stop it again."""
        if not demo_http.is_installed():
            self.caption("`pip install 'overtide[serve]'` adds the HTTP service to this story.")
            return
        self.say("8. The same over HTTP")
        instance = str(load(self.folder, os.environ).instance.id)
        another = purchase(system_clock()) | {"PurchaseId": "OPID_HTTP"}
        demo_http.over_http(self.folder, instance, another, LIFE, self.shown)

    def shown(self, command: str, text: str) -> None:
        """Show a command and what it printed."""
        self.steps.append({"command": command, "output": text})
        if not self.output.as_json:
            print("\n" + self.output.styled(textwrap.indent(f"$ {command}", "  "), DIM))
            for line in text.splitlines():
                print(self._fitting(line), flush=True)

    def say(self, title: str) -> None:
        """Print a step's title and what it shows."""
        if not self.output.as_json:
            print("\n" + self.output.styled(title, BOLD))
            print(
                textwrap.fill(
                    EXPLANATIONS[title], min(110, shutil.get_terminal_size((110, 24)).columns)
                ),
                flush=True,
            )

    def caption(self, text: str) -> None:
        """Print a sentence between two commands."""
        if not self.output.as_json:
            print(f"\n  {text}", flush=True)

    def command(
        self,
        words: Sequence[str],
        within: bool = True,
        given: str | None = None,
        grep: str | None = None,
        head: int | None = None,
    ) -> str:
        """Show a command, run it in this process, and show and return what it prints.

        With `grep` or `head` only matching or first lines are shown.
        """
        shown = _typed(self.folder.name, words, within, given) + (
            f" | grep {grep}" if grep else f" | head -{head}" if head else ""
        )
        if not self.output.as_json:
            print("\n" + self.output.styled(textwrap.indent(f"$ {shown}", "  "), DIM), flush=True)
        text = self._run(["-C", str(self.folder), *words] if within else words, given)
        text = text.replace(str(self.folder), self.folder.name)
        lines = [line for line in text.splitlines() if grep is None or grep in line][:head]
        self.steps.append({"command": shown, "output": "\n".join(lines)})
        if not self.output.as_json:
            print("\n".join(map(self._fitting, lines)), flush=True)
        return text

    def _fitting(self, line: str) -> str:
        """Return a line of output, cut where a terminal would break it."""
        widest = shutil.get_terminal_size().columns - 2 if sys.stdout.isatty() else len(line)
        return f"  {line if len(line) <= widest else line[: widest - 1] + '…'}".rstrip()

    def _run(self, words: Sequence[str], given: str | None) -> str:
        captured, stdin = io.StringIO(), sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO((given or "").encode()))
        try:
            with contextlib.redirect_stdout(captured), contextlib.redirect_stderr(io.StringIO()):
                code = self.run(words)
        finally:
            sys.stdin = stdin
        if code != DONE:
            raise FailedError(
                "demo_failed",
                f"`{shlex.join(words)}` failed: {captured.getvalue().strip()}",
                None,
                "Run it again with -v before the command.",
            )
        return captured.getvalue()


def _typed(folder: str, words: Sequence[str], within: bool, given: str | None) -> str:
    """Return a command as one would type it beside the project's folder."""
    if not within:
        return shlex.join(["overtide", words[0], folder, *words[2:]])
    quoted = " ".join(
        f'"{word}"' if "\n" in word else shlex.quote(word) for word in ("-C", folder, *words)
    )
    return f"echo '{given}' | overtide {quoted}" if given else f"overtide {quoted}"


def purchase(now: Instant) -> dict[str, str]:
    """Return a source record of the web shop's purchases, made today."""
    year, month, day = format_instant(now)[:10].split("-")
    return {
        "PurchaseId": "OPID_DEMO",
        "ContactId": "CNTID_1000",
        "ProductId": "ProdID_1007",
        "PurchasedOn": f"{month}/{day}/{year}",
        "TotalPrice": "49.90",
        "ActivityTypeDisplay": "OnlinePurchase",
        "Subject": "Purchased a product online",
    }
