"""An incident in which nothing was counted says so: `0 of 0 failed` would read as good news."""

from access.principal import Role
from tests.dashboards import samples
from tests.dashboards.conftest import House
from tests.dashboards.test_pages import words
from triage.slack.view import card_view


def test_card_and_page_say_that_nothing_was_counted(tmp_path) -> None:
    nothing = {"bad": 0, "total": 0, "money": []}
    incident = samples.incident(impact=samples.impact().model_copy(update=nothing))
    card = card_view(incident, [], public_url="http://x", updated_us=0, simulated=False)
    assert card.impact == ("Nothing was counted since it began: how many fail is not known",)
    house = House(tmp_path)
    house.incidents = [incident]
    with house.client:
        house.enter(Role.VIEWER)
        for path in ("/", "/incidents", "/incidents/INC-1"):
            text = words(house.page(path))
            assert "nothing counted since it began" in text, path
            assert "0 of 0 failed" not in text
    house.database.close()
