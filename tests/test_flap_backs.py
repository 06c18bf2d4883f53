"""Fields that show an older value again, once their last update has ended."""

from small_lake import at

from tests.lake_with_ann import lake

__all__ = ["lake"]


def flap_backs(lake):
    return lake.query(
        'SELECT "Field", "Value", epoch_us("EndedAt") FROM lake.flap_backs ORDER BY 1'
    )


def test_a_field_that_shows_an_older_value_again_has_fallen_back(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "Oslo", "Points": 5, "Name": None})
    lake.update(1, accepted=210, until=250, fields={"City": "Bergen"})
    lake.withdraw(1, accepted=260, name="Name")
    lake.update(1, accepted=400, until=500, fields={"Vip": True})
    lake.stream()
    ended = [("City", '"Bergen"', at(250)), ("Name", "null", at(260))]
    assert flap_backs(lake) == ended  # now is 400, the last acceptance: Vip is live
    lake.update(1, accepted=500, until=900, fields={"Rate": 1.5})
    lake.stream()
    assert flap_backs(lake) == [*ended, ("Vip", "true", at(500))]


def test_what_a_source_took_over_or_changed_since_has_not_fallen_back(lake):
    lake.update(1, accepted=200, until=300, fields={"City": "Oslo", "Name": "Anna", "Points": 6})
    lake.update(1, accepted=400, until=900, fields={"Name": "Anne"})
    lake.stream()
    assert [name for name, *_ in flap_backs(lake)] == ["City", "Points"]
    lake.query(
        """INSERT INTO lake.main."Customer_history" SELECT *, 2 FROM lake.main."Customer" """
    )
    lake.query("""UPDATE lake.main."Customer" SET "City" = 'Paris', "FirstRun" = 2""")
    lake.publish(2, 500)
    assert [name for name, *_ in flap_backs(lake)] == ["Points"]
