"""`overtide init --from`: people, and what they did, are found as exports have them."""

import json
from random import Random

import pytest
import yaml

from benchmarks.make_people import KINDS, people
from tests.command_line import call
from tests.proposals import entity, proposed


def test_people_in_nested_lines_are_customers(tmp_path):
    lines = [
        {
            "id": f"w-{n}",
            "profile": {"name": {"first": f"Ann{n}", "last": "Lee"}, "emails": [f"ann{n}@x.org"]},
            "phones": ["+31 6 1234567", "2"][: 1 + n % 2],
            "tags": ["new", "vip"],
            "nicks": None if n else "Annie",
            "badge": "gold" if n else ["silver"],
        }
        for n in range(30)
    ]
    lines[7]["profile"]["emails"] += ["other@x.org"]
    lines[8]["profile"]["emails"] = []
    file = tmp_path / "accounts.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = proposed(tmp_path, file)
    (name,) = found.customers
    attributes = entity(found, name)["attributes"]
    assert attributes["profile_emails"] == {
        "path": "profile.emails[0]",
        "type": "string",
        "semantic_type": "Identity.Service.Email",
        "optional": True,
    }
    assert {"tags", "badge", "phones"} & set(attributes) == set()
    document = yaml.safe_load(found.text)["unification"]
    merged = {one["name"] for one in document["merge"]["fields"]}
    assert {"FirstName", "LastName", "EMail"} <= merged
    assert [one["name"] for one in document["entities"][0]["deduplicate"]["rules"]] == [
        "E-mail and name"
    ]
    told = " ".join(found.checks)
    assert "Of a list the first value is read: profile.emails." in told
    assert "Lists are left out: phones, tags, badge;" in told


def test_what_nearly_identifies_rows_is_their_key(tmp_path):
    rows = [["Klantnr", "Voornaam", "Achternaam", "E-mail", "Gewijzigd"]]
    for n in range(100):
        for again in range(1 + (n % 20 == 0)):
            row = [f"K{n:03}", f"Ann{n}", "Lee", f"ann{n}@x.org", f"2026-01-0{1 + again} 10:00"]
            rows.append(row if n else ["K000", "Ann0", "Lee", "ann0@x.org", "2026-01-01 10:00"])
    file = tmp_path / "klanten.csv"
    file.write_text("".join(f"{','.join(row)}\n" for row in rows))
    found = proposed(tmp_path, file)
    (name,) = found.customers
    assert entity(found, name)["primary_key"] == "Klantnr"
    assert entity(found, name)["prefer"] == {"policy": "most_recent", "attribute": "Gewijzigd"}
    told = "5 of 105 rows looked at have the Klantnr of another; one row of each is kept, that of"
    assert f"{name}: {told} the latest Gewijzigd." in found.checks


def test_rows_that_come_twice_take_no_key_away(tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("Id,Name,Email\n1,Ann,a@x.org\n2,Bob,b@x.org\n2,Bob,b@x.org\n")
    found = proposed(tmp_path, file)
    (name,) = found.customers
    assert entity(found, name)["primary_key"] == "Id"
    told = "1 of 3 rows looked at have the Id of another; one row of each is kept, `prefer` may say"
    assert f"{name}: {told} which." in found.checks


@pytest.mark.parametrize(
    ("first", "row"),
    [("1,Ann,a@x.org", True), ("7,8,31", True), ("Id,Name,2025", False), ("Id,2024,2025", False)],
)
def test_a_first_line_that_looks_like_a_row_is_told(first, row, tmp_path):
    file = tmp_path / "members.csv"
    file.write_text(f"{first}\n2,Bob,3\n3,Cy,4\n")
    told = "members.csv begins with what looks like a row: write the columns' names above it."
    assert any(told in one for one in proposed(tmp_path, file).checks) == row


@pytest.mark.parametrize(
    ("code", "own", "country"),
    [
        ("+31", "06-1234{n:04}", "NL"),
        ("0031", "06-1234{n:04}", "NL"),
        ("+31", "1234567890123{n:04}", None),
    ],
)
def test_numbers_without_a_country_are_of_the_one_that_others_are_of(code, own, country, tmp_path):
    crm, shop = tmp_path / "crm.csv", tmp_path / "shop.csv"
    rows = [f"{n},Ann{n},Lee,{own.format(n=n)}\n" for n in range(30)]
    crm.write_text("Id,Voornaam,Achternaam,Telefoon\n" + "".join(rows))
    rows = [f"w{n},Ann{n},Lee,{code}61234{n:04}\n" for n in range(30)]
    shop.write_text("Key,FirstName,LastName,Phone\n" + "".join(rows))
    found = proposed(tmp_path, crm, shop)
    names = {name.rpartition("_")[2]: name for name in found.customers}
    assert entity(found, names["Crm"])["attributes"]["Telefoon"].get("country") == country
    assert "country" not in entity(found, names["Shop"])["attributes"]["Phone"]
    check = (
        f"{names['Crm']}.Telefoon: numbers without a country code were taken for those of NL, as "
        "30 of 30 with one are."
    )
    assert (check in found.checks) == (country is not None)


def test_a_timeline_shows_what_an_order_was_worth(tmp_path):
    people, orders = tmp_path / "people.csv", tmp_path / "orders.csv"
    people.write_text("Id,Name,Email\n" + "".join(f"{n},Ann{n},a{n}@x.org\n" for n in range(9)))
    rows = [f"o{n},{n % 9},2026-01-{n + 1:02} 10:00,Filter,2,{n}.50,0.50\n" for n in range(27)]
    orders.write_text("OrderNr,PeopleId,OrderedOn,Product,Count,OrderTotal,Price\n" + "".join(rows))
    found = proposed(tmp_path, people, orders)
    (activity,) = yaml.safe_load(found.text)["activities"]
    assert activity["semantic"] == {"OrderId": "OrderNr", "TotalAmount": "OrderTotal"}
    assert call("-q", "-C", tmp_path, "refresh").code == 0
    name = found.customers[0]
    assert '"TotalAmount":"26.50"' in call("-C", tmp_path, "timeline", "--key", f"{name}=8").out


def test_what_means_something_is_merged_although_it_is_of_the_key(tmp_path):
    names, mails = ["Ann", "Bob", "Cy", "Di"], ["a@x.org", "b@x.org", "c@x.org"]
    rows = [f"{name},{mail},x" for name in names for mail in mails]
    file = tmp_path / "people.csv"
    file.write_text("".join(f"{row}\n" for row in ["FirstName,Email,Note", *rows]))
    found = proposed(tmp_path, file)
    assert entity(found, found.customers[0])["primary_key"] == ["FirstName", "Email"]
    merged = yaml.safe_load(found.text)["unification"]["merge"]["fields"]
    assert {"FirstName", "EMail", "Note"} == {one["name"] for one in merged}


GIVEN = ("Ann", "Boris", "Chloe", "Dmitri", "Esther")


def people_of(homes, each):
    """Give rows of people, some at each home: id, names, street, number, zip, born and number."""
    for n, home in enumerate(people(homes, KINDS["one error"], Random(3))):
        where = [home["Street"], home["StreetNumber"], home["Postcode"]]
        for m in range(each):
            given = GIVEN[m] if m else home["GivenName"]
            born = f"{home['DateOfBirth'][:8]}{11 + m}"
            yield [f"{n}-{m}", given, home["Surname"], *where, born, home["Telephone"]]


HEADER = "Id,First name,Last name,Street,House no,Zip,Born,Phone"


def written(path, rows, header=HEADER):
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]))
    return path


def rules_within(found):
    (one,) = yaml.safe_load(found.text)["unification"]["entities"]
    return {rule["name"]: rule for rule in one["deduplicate"]["rules"]}


def test_names_and_an_address_make_a_rule_of_a_score(tmp_path):
    found = proposed(tmp_path, written(tmp_path / "people.csv", people_of(40, 1)))
    rule = rules_within(found)["Names and address"]
    fields = {one["fields"]: one for one in rule["score"]["fields"]}
    assert list(fields) == [
        *("First name", "Last name", "House no", "Street", "Zip", "Phone", "Born"),
    ]
    assert fields["First name"]["swapped_with"] == "Last name"
    assert fields["Last name"]["half_swapped"]
    assert (rule["score"]["threshold"], rule["score"]["agreeing"]) == (55, 33)
    assert not any("distinguishes" in one for one in fields.values())
    assert "contradictions" not in rule


def test_who_lives_together_is_told_apart(tmp_path):
    file = written(tmp_path / "people.csv", people_of(40, 3))
    rule = rules_within(proposed(tmp_path, file))["Names and address"]
    telling = {one["fields"]: one.get("distinguishes") for one in rule["score"]["fields"]}
    assert (telling["First name"], telling["Born"], telling["Last name"]) == (
        "exact",
        "exact",
        None,
    )
    nearly, known = (one for one in rule["score"]["fields"] if one["fields"] == "First name")
    assert (nearly["distinguishes"], known["known_by"]) == (60, 5)
    assert call("-q", "-C", tmp_path, "refresh").code == 0
    query = "SELECT count(*) AS n, count(DISTINCT HouseholdId) AS h FROM Customer"
    assert call("-C", tmp_path, "--json", "sql", query).document["rows"] == [{"n": 120, "h": 40}]


def test_a_number_and_like_names_join_no_other_days_of_birth(tmp_path):
    """A number is the household's; whose day is mistyped the score tells."""
    found = proposed(tmp_path, written(tmp_path / "people.csv", people_of(40, 3)))
    rules = rules_within(found)
    names, born = rules["Phone and name"]["contradictions"]
    assert (names["fields"], born) == ("First name", {"fields": "Born"})
    known = {"fields": "First name", "normalize": ["name", "ascii"], "known_by": 5}
    assert names == known | {"through_others": True}
    assert rules["Names and address"]["contradictions"] == [known]


def test_one_born_on_a_day_at_home_is_one_whatever_the_names_are(tmp_path):
    rows = list(people_of(40, 3))
    rows.append(["t", "Zoe", "Other", "", "", "", *rows[0][6:]])
    rows.append(["h", "Zoe", "Other", *rows[1][3:7], ""])
    found = proposed(tmp_path, written(tmp_path / "people.csv", rows))
    rules = rules_within(found)
    telephone, address = (
        [one["fields"] for one in rules[f"Birth date and {what}"]["conditions"]]
        for what in ("telephone", "address")
    )
    assert (telephone, address) == (["Born", "Phone"], ["Born", "Street", "House no"])
    assert call("-q", "-C", tmp_path, "refresh").code == 0
    query = "SELECT count(*) AS n FROM Customer"
    assert call("-C", tmp_path, "--json", "sql", query).document["rows"] == [{"n": 120}]


def test_names_that_hardly_any_share_are_not_known(tmp_path):
    """Which is a typing error then no number of rows says: what is not alike contradicts."""
    rows = list(people_of(40, 3))
    for n, row in enumerate(rows):
        row[1] = f"{row[1]}{'abcdefghij'[n % 10]}{'klmnopqrstuv'[n // 10]}"
    rules = rules_within(proposed(tmp_path, written(tmp_path / "people.csv", rows)))
    assert not any(name.endswith(("telephone", "address")) for name in list(rules)[:-1])
    names, _ = rules["Phone and name"]["contradictions"]
    assert (names["precision"], names["swapped_with"]) == ("high", "Last name")
    assert "contradictions" not in rules["Names and address"]


def test_without_days_of_birth_other_given_names_keep_people_of_a_home_apart(tmp_path):
    rows = [row[:6] + row[7:] for row in people_of(40, 3)]
    file = written(tmp_path / "people.csv", rows, HEADER.replace("Born,", ""))
    rules = rules_within(proposed(tmp_path, file))
    for name in ("Phone and name", "Names and address"):
        (apart,) = rules[name]["contradictions"]
        assert (apart["fields"], apart["known_by"], apart["through_others"]) == (
            "First name",
            5,
            True,
        )


def test_a_number_of_a_household_is_not_of_nobody(tmp_path):
    """Five records of a family whose names are mistyped, and of strangers, have one number."""
    rows = list(people_of(40, 1))
    for n, row in enumerate(rows[:5]):
        row[1:4] = [GIVEN[n], f"Oakl{'aeiou'[n]}nd", "Home Street"]
        row[7] = "030 555"
    for row in rows[10:16]:
        row[7] = "030 666"
    found = proposed(tmp_path, written(tmp_path / "people.csv", rows))
    told = yaml.safe_load(found.text)["unification"]["ignore"]
    assert told == {"values_of": {"Phone": ["030 666"]}}


def test_days_of_birth_are_days_although_some_are_mistyped(tmp_path):
    rows = list(people_of(40, 1))
    rows[3][6], rows[4][6] = "1950-13-01", "195x-01-01"
    found = proposed(tmp_path, written(tmp_path / "people.csv", rows))
    born = entity(found, found.customers[0])["attributes"]["Born"]
    assert born == {"type": "date", "semantic_type": "Person.BirthDate"}
    check = "different values are no days, such as '1950-13-01', '195x-01-01': they become null."
    assert any(check in one for one in found.checks)
    assert "Birth date and name" in rules_within(found)


def test_a_house_number_by_itself_is_compared_with_that_of_a_street(tmp_path):
    """A shop has street and number in one, and numbers of places as numbers, within an object."""
    crm = written(tmp_path / "crm.csv", people_of(30, 1))
    lines = []
    for n, (_, first, last, street, number, place, _, phone) in enumerate(people_of(30, 1)):
        home = {"street": f"{number} {street}", "zip": int(place), "phone": phone}
        lines.append({"id": 1000 + n, "name": {"first": first, "last": last}, "ship": home})
    shop, orders = tmp_path / "shop.jsonl", tmp_path / "orders.jsonl"
    shop.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    bought = [
        {
            "no": f"o{n}",
            "customer": {"id": 1000 + n % 30},
            "at": "2026-01-01T10:00:00Z",
            "eur": "EUR",
        }
        for n in range(60)
    ]
    orders.write_text("".join(f"{json.dumps(line)}\n" for line in bought))
    found = proposed(tmp_path, crm, shop, orders)
    names = {name.rpartition("_")[2]: name for name in found.customers}
    assert entity(found, names["Shop"])["attributes"]["ship_zip"]["type"] == "string"
    (pair,) = yaml.safe_load(found.text)["unification"]["match"]
    score = pair["rules"][-1]["score"]
    street = {names["Crm"]: ["Street", "House no"], names["Shop"]: "ship_street"}
    (field,) = (one for one in score["fields"] if one["fields"] == street)
    assert field["ignore_word_order"]
    assert [name.rpartition("_")[2] for name in found.activities] == ["Orders"]
    assert call("-q", "-C", tmp_path, "refresh").code == 0
    query = "SELECT count(*) AS n FROM Customer"
    assert call("-C", tmp_path, "--json", "sql", query).document["rows"] == [{"n": 30}]
