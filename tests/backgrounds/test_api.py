"""Images by an endpoint, over HTTP from a server that runs here: what it may answer, and what comes of it."""

import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.backgrounds import api
from empaste.backgrounds.answers import count_answers
from empaste.backgrounds.painting import Item, Outcome
from empaste.backgrounds.scenes import Scene
from empaste.errors import InputError
from tests.backgrounds.settings import api_settings, settings_with

ITEM = Item(0, 7, "a gate", (0, 1, 0, 0))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "FIRST_WAIT", 0.01)


@pytest.fixture
def ask(painters: Any, api_options: dict[str, Any]) -> Callable[..., tuple[Outcome, Any, list[float]]]:
    """Ask a server with a script for one image: the outcome, the server, how long was waited."""

    def ask_once(
        script: list[Any], headers: dict[str, str] | None = None, retries: int = 2, **options: Any
    ) -> tuple[Outcome, Any, list[float]]:
        painter = painters(script)
        painter.headers_sent = headers or {}
        endpoint = api.open_endpoint(api_settings(api_options | {"base_url": painter.base_url} | options))
        waited: list[float] = []

        def wait(seconds: float) -> bool:
            waited.append(seconds)
            return False

        return api.ask_for_image(endpoint, ITEM, retries=retries, wait=wait), painter, waited

    return ask_once


def test_an_image_comes_coded_or_by_address(ask: Any) -> None:
    for script in (["b64"], ["url"]):
        outcome, painter, waited = ask(script, options={"quality": "low"})
        assert outcome.image.shape == (40, 48, 3)
        assert outcome.attempts == 1
        assert not waited
        assert painter.asked == [
            {"model": "painter-1", "n": 1, "size": "512x512", "quality": "low", "prompt": "a gate"}
        ]
        assert painter.authorized == ["Bearer sesame", None][: len(painter.authorized)]  # the key goes to the API alone


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (500, "answered 500"), (503, "answered 503"), (429, "answered 429"), ("garbage", "holds no image (<html>"),
        ("empty", "holds no image"), ("close", "no answer"), ("file", "no http address"),
        ((200, '{"data": []}'), "holds no image"), ((200, '{"data": [{}]}'), "holds no image"),
        ((200, "[]"), "holds no image"), ((200, ""), "holds no image (empty)"),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again_then_given_up_with_its_reason(ask: Any, trouble: Any, said: str) -> None:
    outcome, painter, waited = ask([trouble, "b64"])
    assert outcome.image is not None
    assert outcome.attempts == 2
    assert len(waited) == 1
    outcome, painter, waited = ask([trouble])
    assert outcome.image is None
    assert outcome.attempts == 3 == len(painter.asked)
    assert said in outcome.reason
    assert 0.01 <= waited[0] <= 0.015
    assert 0.02 <= waited[1] <= 0.03


@pytest.mark.parametrize("trouble", ["hang", "drip"])
def test_what_hangs_is_left_after_the_timeout(ask: Any, trouble: str) -> None:
    started = time.monotonic()
    outcome, _, _ = ask([trouble], retries=1, timeout=0.3)
    assert outcome.image is None
    assert outcome.attempts == 2
    assert outcome.reason == "no answer within 0.3 s"
    assert time.monotonic() - started < 5


def test_the_server_says_how_long_to_wait(ask: Any) -> None:
    _, _, waited = ask([429, "b64"], {"Retry-After": "7"})
    assert waited == [7.0]
    _, _, waited = ask([503, "b64"], {"Retry-After": formatdate(time.time() + 60, usegmt=True)})
    assert 50 < waited[0] <= 60
    _, _, waited = ask([503, "b64"], {"Retry-After": "soon"})
    assert waited[0] < 1
    with pytest.raises(InputError, match=r"answered 429 .* asks to wait 3600 s; run again then; what was made is kept"):
        ask([429], {"Retry-After": "3600"})


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "answered 401 .*put a key that it accepts into PAINTER_KEY"),
        (403, "put a key"),
        (404, "correct backgrounds.api.base_url or backgrounds.api.model"),
        (302, "correct backgrounds.api.base_url"),
        ((429, '{"error": {"code": "insufficient_quota"}}'), "budget is used up"),
        (402, "budget is used up"),
    ],
)
def test_what_every_image_would_meet_ends_the_run(ask: Any, status: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        ask([status], {"Location": "http://127.0.0.1:9/elsewhere"})
    assert "sesame" not in str(caught.value)


def test_a_refused_prompt_is_one_failure_and_not_asked_again(ask: Any) -> None:
    outcome, painter, _ = ask([(400, '{"error": {"code": "content_policy_violation"}}')])
    assert outcome.attempts == len(painter.asked) == 1
    assert "answered 400" in outcome.reason
    assert "content_policy_violation" in outcome.reason


def test_a_black_image_is_asked_for_again_and_counted(ask: Any) -> None:
    outcome, _, _ = ask(["black", "b64"])
    assert outcome.image is not None
    assert outcome.num_blank == 1
    outcome, _, _ = ask(["black"])
    assert outcome.image is None
    assert outcome.num_blank == 3
    assert "safety filter" in outcome.reason


def test_scenes_come_in_order_and_failures_are_listed(
    painters: Any, api_options: dict[str, Any], scenes: list[Scene]
) -> None:
    painter = painters(["b64", (400, "no"), "b64"])
    source = api.open_source(
        settings_with(
            per_caption=2, retries=0, seed=0, api=api_options | {"base_url": painter.base_url, "max_concurrent": 1}
        )
    )
    made = list(source.make(scenes))
    assert [len(one.candidates) for one in made] == [3, 4, 4]
    assert [candidate.caption_id for candidate in made[0].candidates] == [2, 3, 3]
    (failure,) = made[0].failures
    assert (failure.caption_id, failure.prompt, failure.attempts) == (2, "a tree on grass", 1)
    assert [fields["prompt"] for fields in painter.asked[:4]] == ["a tree on grass"] * 2 + ["a gate"] * 2


def test_several_are_under_way_and_one_that_ends_the_run_ends_it_soon(
    painters: Any, api_options: dict[str, Any], scenes: list[Scene]
) -> None:
    painter = painters(["b64", 401])
    source = api.open_source(
        settings_with(per_caption=4, retries=5, seed=0, api=api_options | {"base_url": painter.base_url})
    )
    with pytest.raises(InputError, match="401"):
        list(source.make(scenes))
    assert len(painter.asked) < 24  # of the 24 images


@pytest.mark.parametrize("concurrent", [1, 3])
def test_what_came_before_an_error_is_kept_and_not_asked_for_again(
    painters: Any, api_options: dict[str, Any], scenes: list[Scene], tmp_path: Path, concurrent: int
) -> None:
    def source(script: list[Any]) -> tuple[Any, Any]:
        painter = painters(script)
        options = api_options | {"base_url": painter.base_url, "max_concurrent": concurrent}
        opened = api.open_source(settings_with(per_caption=2, retries=1, seed=0, api=options))
        opened.begin(12, tmp_path / "kept")
        return opened, painter

    broken, _ = source(["b64", "black", "b64", "b64", 401])
    with pytest.raises(InputError, match="401"):
        list(broken.make(scenes))
    kept = count_answers(tmp_path / "kept")
    assert kept == 3
    mended, painter = source(["b64"])
    made = list(mended.make(scenes))
    assert len(painter.asked) == 12 - kept
    assert [len(one.candidates) for one in made] == [4, 4, 4]
    assert sum(one.num_blank for one in made) <= 1
    whole = [candidate for one in made for candidate in one.candidates]
    assert all(candidate.image.shape == (40, 48, 3) for candidate in whole)


def test_an_error_stops_the_rest_while_an_earlier_image_is_awaited(
    painters: Any, api_options: dict[str, Any], scenes: list[Scene]
) -> None:
    painter = painters(["hang", 401])
    options = api_options | {"base_url": painter.base_url, "max_concurrent": 2, "timeout": 1.0}
    source = api.open_source(settings_with(per_caption=4, retries=5, seed=0, api=options))
    with pytest.raises(InputError, match="401"):
        list(source.make(scenes))
    assert len(painter.asked) <= 3


@pytest.mark.usefixtures("scenes")
def test_the_cost_is_said_before_and_may_be_refused(
    painters: Any, api_options: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def source(**changes: Any) -> Any:
        options = api_options | {"base_url": painters(["b64"]).base_url, "key_env": None} | changes
        return api.open_source(settings_with(per_caption=1, retries=0, seed=0, api=options))

    source(price_per_image=0.04).begin(12_000, tmp_path)
    assert "12,000 images at 0.04 each: 480.00" in capsys.readouterr().err
    source().begin(5, tmp_path)
    assert "price_per_image is null, the cost is not known" in capsys.readouterr().err
    source(price_per_image=0.04, max_cost=480.0).begin(12_000, tmp_path)
    with pytest.raises(InputError, match=r"480.00, more than backgrounds.api.max_cost, 479; raise it, lower"):
        source(price_per_image=0.04, max_cost=479.0).begin(12_000, tmp_path)
    with pytest.raises(InputError, match=r"max_cost is 1.0, but price_per_image is null"):
        source(max_cost=1.0).begin(1, tmp_path)
    source(price_per_image=0.1, max_cost=0.3).begin(3, tmp_path)  # 0.30000000000000004 in floating point
    (tmp_path / "0_1_0_0.npz").touch()
    capsys.readouterr()
    source(price_per_image=0.1, max_cost=0.3).begin(4, tmp_path)
    assert "3 images at 0.1 each: 0.30" in capsys.readouterr().err, "one of them is kept from a run before"


def test_blank_images_count_against_the_budget_while_it_runs(ask: Any) -> None:
    with pytest.raises(InputError, match=r"2 images were asked for, blank ones more than once, .*max_cost, 1"):
        ask(["black"], price_per_image=0.5, max_cost=1.0)
    outcome, _, _ = ask([503, 503, "b64"], price_per_image=0.5, max_cost=0.5)  # what was not answered costs nothing
    assert outcome.image is not None


def test_the_budget_can_be_used_up_to_its_last_image(painters: Any, api_options: dict[str, Any]) -> None:
    options = api_options | {"base_url": painters(["b64"]).base_url, "price_per_image": 0.1, "max_cost": 0.3}
    endpoint = api.open_endpoint(api_settings(options))
    outcomes = [api.ask_for_image(endpoint, ITEM, retries=0, wait=lambda _: False) for _ in range(3)]
    assert all(outcome.image is not None for outcome in outcomes)
    with pytest.raises(InputError, match="3 images were asked for"):
        api.ask_for_image(endpoint, ITEM, retries=0, wait=lambda _: False)


def test_a_connection_that_is_refused_costs_nothing(api_options: dict[str, Any], painters: Any) -> None:
    painters(["b64"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options = {"base_url": f"http://127.0.0.1:{free.getsockname()[1]}/v1", "price_per_image": 0.5, "max_cost": 0.5}
        endpoint = api.open_endpoint(api_settings(api_options | options))
        outcome = api.ask_for_image(endpoint, ITEM, retries=2, wait=lambda _: False)
    assert outcome.attempts == 3
    assert "no answer" in outcome.reason
    assert "refused" in outcome.reason
    assert endpoint.spent == 0


def test_the_key_is_asked_for_by_name_and_kept_off_open_networks(
    api_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAINTER_KEY", " ")
    with pytest.raises(InputError, match=r"no PAINTER_KEY, which backgrounds.api.key_env names.*never into params"):
        api.open_endpoint(api_settings(api_options | {"base_url": "https://paint.example/v1"}))
    monkeypatch.setenv("PAINTER_KEY", "sesame")
    with pytest.raises(InputError, match="would travel in the open; use https"):
        api.open_endpoint(api_settings(api_options | {"base_url": "http://paint.example/v1"}))
    assert (
        api.open_endpoint(api_settings(api_options | {"base_url": "http://paint.example/v1", "key_env": None})).key
        is None
    )
    for address in ("paint.example", "file:///etc", "https://"):
        with pytest.raises(InputError, match="write an address such as"):
            api.open_endpoint(api_settings(api_options | {"base_url": address}))


def test_any_caption_can_be_sent(painters: Any, api_options: dict[str, Any]) -> None:
    painter = painters(["b64"])
    endpoint = api.open_endpoint(api_settings(api_options | {"base_url": painter.base_url}))
    for prompt in ("", "x" * 2000, "🐶 犬 на траве", 'quote " and \\ and \n'):
        outcome = api.ask_for_image(endpoint, ITEM._replace(prompt=prompt), retries=0, wait=lambda _: False)
        assert isinstance(outcome.image, np.ndarray)
        assert painter.asked[-1]["prompt"] == prompt


@pytest.mark.parametrize("status", [400, 401, 402, 404, 500, 200])
def test_an_answer_that_repeats_the_key_does_not_bring_it_into_a_message(ask: Any, status: int) -> None:
    """Reasons of failures are written into an artifact."""
    answer = (status, f"Incorrect API key provided: sesame. {'x' * 5000}")
    try:
        said = ask([answer], retries=0)[0].reason
    except InputError as error:
        said = str(error)
    assert "Incorrect API key provided: …. xxx" in said
    assert "sesame" not in said


@pytest.mark.parametrize(
    "address", ["https://me:hush@api.example.org/v1", "https://hush@a.org/v1", "https://a.org/v1?key=hush"]
)
def test_a_secret_in_the_address_is_refused_and_not_repeated(api_options: dict[str, Any], address: str) -> None:
    with pytest.raises(InputError, match=r"parameters are recorded, so no key may stand there") as raised:
        api.open_endpoint(api_settings(api_options | {"base_url": address}))
    assert "hush" not in str(raised.value)


def test_an_endpoint_is_shown_without_its_key(api_options: dict[str, Any], painters: Any) -> None:
    endpoint = api.open_endpoint(api_settings(api_options | {"base_url": painters(["b64"]).base_url}))
    assert endpoint.key == "sesame"
    assert "sesame" not in repr(endpoint)
