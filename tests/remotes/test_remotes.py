"""Real servers, real DVC: what is shared arrives, and whatever goes wrong is told and can be put right.

`python -m tests.remotes` runs every scenario over every kind of store; here are those that behave differently.
"""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.remotes.places import KINDS, Place, open_place
from tests.remotes.scenarios import SCENARIOS, NotHereError
from tests.remotes.small_project import make_small_project

CHOSEN = {
    "ssh": [
        "a_file_is_deleted",
        "a_list_is_corrupted",
        "a_list_names_other_files",
        "the_disk_there_is_full",
        "the_connection_drops_in_a_push",
        "credentials_are_wrong",
        "one_may_only_read",
    ],
    "s3": [
        "a_file_is_corrupted",
        "credentials_are_wrong",
        "one_may_only_read",
    ],
    "http": [
        "another_machine_pulls",
        "an_experiment_travels",
        "an_output_is_corrupted",
        "corruption_goes_unnoticed_without_verify",
        "the_disk_here_is_full",
        "the_connection_drops_in_a_pull",
        "credentials_are_wrong",
        "one_may_only_read",
        "two_push_at_once",
    ],
}


@pytest.fixture(scope="module")
def place_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Place]]:
    """The place with a store of a kind, opened when it is first asked for."""
    places: dict[str, Place] = {}
    folder = tmp_path_factory.mktemp("remotes")
    maker = make_small_project(folder / "maker")
    with contextlib.ExitStack() as stack:

        def get(kind: str) -> Place:
            if kind not in places:
                if reason := KINDS[kind].lacking():
                    pytest.skip(reason)
                places[kind] = stack.enter_context(open_place(kind, maker, folder / kind))
            return places[kind]

        yield get


@pytest.mark.parametrize(("kind", "scenario"), [(kind, name) for kind, names in CHOSEN.items() for name in names])
def test_scenario(place_of: Callable[[str], Place], kind: str, scenario: str) -> None:
    try:
        SCENARIOS[scenario](place_of(kind))
    except NotHereError as error:
        pytest.skip(str(error))
