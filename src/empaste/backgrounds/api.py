"""Text-to-image backgrounds (EM-Paste §2.3) by an endpoint that speaks OpenAI's protocol for images, DALL·E's.

``POST {base_url}/images/generations`` with model, prompt, n and size; the answer holds ``b64_json`` or a ``url``. What
such an endpoint makes is not reproducible, but it is kept: in the unfinished run's folder as soon as it comes, then
among DVC's outputs.
"""

import base64
import binascii
import http.client
import json
import math
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from empaste.backgrounds.answers import count_answers, keep_answer, kept_answer
from empaste.backgrounds.generator import Generator, GeneratorSettings, MapScenes
from empaste.backgrounds.painting import BLANK, Item, Outcome, list_items, made_of
from empaste.backgrounds.scenes import Made, Scene, Source, is_blank
from empaste.errors import InputError
from empaste.photographs import decode_photograph
from empaste.settings import NonNegative, Positive, PositiveFloat, Settings

MAX_ANSWER = 64 * 2**20
"""No answer is read beyond so many bytes."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 120.0
"""Seconds before the second attempt, doubled before every further one; and the most that a server may ask for."""
KEPT = "what was made is kept: run again to go on"
USUAL_SIZE = "1024x1024"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class RefusedError(Exception):
    """This one image will not come, however often it is asked for."""


class AttemptError(Exception):
    """This attempt failed; ``wait`` is what the server asks for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class UnreachedError(AttemptError):
    """The request did not come to the server, which so bills nothing."""


class ImageApiSettings(Settings):
    """A text-to-image endpoint that speaks OpenAI's protocol."""

    base_url: str
    model: str | None
    key_env: str | None
    size: str
    options: dict[str, str | int | float | bool]
    timeout: PositiveFloat
    max_concurrent: Positive
    price_per_image: NonNegative | None
    max_cost: NonNegative | None


@dataclass
class Endpoint:
    """Where to ask, and how, with the key.

    ``spent`` counts the images that were answered, or may have been, and so will be billed; ``kept`` is the folder that
    holds each from the moment it comes, None where nothing is kept.
    """

    settings: ImageApiSettings
    key: str | None = field(repr=False)
    spent: int = 0
    kept: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return self.settings.base_url.rstrip("/")

    def request(self, prompt: str) -> dict[str, Any]:
        """The fields of a request for one image."""
        own = self.settings
        return {"model": own.model, "n": 1, "size": own.size, **own.options, "prompt": prompt}


def open_source(settings: GeneratorSettings, _names: Sequence[str] = (), _map: MapScenes = map) -> Source:
    """The source of ``per_caption`` images per caption by the endpoint of ``backgrounds.api``.

    `InputError` where the key is missing or would go over the network in the open.
    """
    own = GENERATOR.section(settings)
    endpoint = open_endpoint(own)
    ask = partial(ask_for_image, endpoint, retries=settings.retries)
    return Source(
        partial(make, per_caption=settings.per_caption, seed=settings.seed, max_concurrent=own.max_concurrent, ask=ask),
        partial(begin, endpoint),
    )


def open_endpoint(settings: ImageApiSettings) -> Endpoint:
    """The endpoint, with its key taken from the environment."""
    address = urllib.parse.urlsplit(settings.base_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise InputError(
            f"backgrounds.api.base_url is {settings.base_url!r}; write an address such as https://api.openai.com/v1"
        )
    if address.username is not None or address.query:
        raise InputError(
            f"backgrounds.api.base_url names a user or options beside {address.hostname}; parameters are recorded, so "
            "no key may stand there: put it into an environment variable, and name that in backgrounds.api.key_env"
        )
    key = os.environ.get(settings.key_env, "").strip() if settings.key_env else None
    if key == "":
        raise InputError(
            f"the environment has no {settings.key_env}, which backgrounds.api.key_env names; put the endpoint's key "
            "there (never into params.yaml), or set key_env to null for an endpoint that needs none"
        )
    if key and address.scheme == "http" and address.hostname not in LOCAL:
        raise InputError(
            f"backgrounds.api.base_url is {settings.base_url!r}, over which the key would travel in the open; use https"
        )
    return Endpoint(settings, key)


def count_pixels(settings: ImageApiSettings) -> int:
    """The pixels of an image of the ``size`` asked for; of `USUAL_SIZE` where that is a word, such as ``auto``."""
    size = settings.size if re.fullmatch(r"[0-9]+x[0-9]+", settings.size) else USUAL_SIZE
    width, height = size.split("x")
    return int(width) * int(height)


def begin(endpoint: Endpoint, num_images: int, kept: Path) -> None:
    """Answers are kept in ``kept`` from now on; see `announce_cost` for the others of the ``num_images``."""
    endpoint.kept = kept
    announce_cost(endpoint, num_images - count_answers(kept))


def announce_cost(endpoint: Endpoint, num_images: int) -> None:
    """Say what ``num_images`` will cost; `InputError` where that is more than allowed, or is to be limited and not
    known.
    """
    own = endpoint.settings
    if own.price_per_image is None:
        if own.max_cost is not None:
            raise InputError(
                f"backgrounds.api.max_cost is {own.max_cost}, but price_per_image is null, so that no cost can be "
                "estimated; set it to what the endpoint asks for one image"
            )
        print(f"{num_images:,} images to make; backgrounds.api.price_per_image is null, the cost is not known",
              file=sys.stderr)  # fmt: skip
        return
    cost = num_images * own.price_per_image
    text = f"{num_images:,} images at {own.price_per_image:g} each: {cost:,.2f}"
    if _is_too_much(own, cost):
        raise InputError(
            f"{text}, more than backgrounds.api.max_cost, {own.max_cost:g}; raise it, lower "
            "backgrounds.per_caption or captions.per_image, or use fewer images"
        )
    print(f"{text} (blank ones that are asked for again come on top)", file=sys.stderr)


def _is_too_much(settings: ImageApiSettings, cost: float) -> bool:
    """Whether ``cost`` is more than allowed, and not only by rounding: three times 0.1 is no more than 0.3."""
    most = settings.max_cost
    return most is not None and cost > most and not math.isclose(cost, most)


def make(
    scenes: Sequence[Scene], per_caption: int, seed: int, max_concurrent: int, ask: Callable[..., Outcome]
) -> Iterator[Made]:
    """The images of the scenes' captions, ``max_concurrent`` asked for at a time.

    After an error no further one is asked for; those under way are waited for and kept, since they will be billed.
    """
    items = list_items(scenes, per_caption, seed)
    stopped = threading.Event()
    with ThreadPoolExecutor(max_concurrent) as pool:
        try:
            asked = [pool.submit(ask, item, wait=stopped.wait) for item in items]
            for answered in as_completed(asked):  # the first error ends it, whichever item met it
                answered.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    yield from made_of(scenes, items, [answered.result() for answered in asked])


def ask_for_image(endpoint: Endpoint, item: Item, *, retries: int, wait: Callable[[float], bool]) -> Outcome:
    """The image of ``item``, kept before or after at most ``retries`` further attempts; what failed says why.

    Between attempts the time doubles, from `FIRST_WAIT` on, with up to half of it at random so that several do not ask
    at once; where the server says how long (Retry-After), that long. ``wait`` says whether to stop. `InputError` where
    further images would fail in the same way: a refused key, an exhausted budget, an unknown model.
    """
    if endpoint.kept and (before := kept_answer(endpoint.kept, item)):
        return before
    num_blank, reason = 0, ""
    draws = np.random.default_rng(item.key)
    for number in range(retries + 1):
        try:
            image = _fetch(endpoint, item.prompt)
            if not is_blank(image):
                return _keep(endpoint, item, Outcome(image, number + 1, num_blank))
            num_blank, reason, pause = num_blank + 1, BLANK, 0.0
        except RefusedError as refusal:
            return Outcome(None, number + 1, num_blank, str(refusal))
        except AttemptError as failure:
            reason = str(failure)
            pause = failure.wait or min(FIRST_WAIT * 2**number * (1 + draws.random() / 2), LONGEST_WAIT)
        if number < retries and wait(pause):
            break
    return Outcome(None, number + 1, num_blank, reason)


def _keep(endpoint: Endpoint, item: Item, outcome: Outcome) -> Outcome:
    if endpoint.kept:
        keep_answer(endpoint.kept, item, outcome)
    return outcome


def _fetch(endpoint: Endpoint, prompt: str) -> UInt8[np.ndarray, "h w 3"]:
    """One attempt at one image."""
    _check_budget(endpoint)
    answer = _post(endpoint, endpoint.request(prompt))
    try:
        given = json.loads(answer)["data"][0]
        coded = given.get("b64_json")
        data = base64.b64decode(coded, validate=True) if coded else _get(given["url"], endpoint.settings.timeout)
        return decode_photograph(data, "the image in the answer").image
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, binascii.Error) as error:
        raise AttemptError(f"the answer holds no image ({_start(answer, endpoint)})") from error


def _check_budget(endpoint: Endpoint) -> None:
    """One more image is counted; `InputError` where it would cost too much."""
    with endpoint.lock:
        cost = (endpoint.spent + 1) * (endpoint.settings.price_per_image or 0.0)
        if _is_too_much(endpoint.settings, cost):
            raise InputError(
                f"{endpoint.spent:,} images were asked for, blank ones more than once, and one more would cost more "
                f"than backgrounds.api.max_cost, {endpoint.settings.max_cost:g}; raise it; {KEPT}"
            )
        endpoint.spent += 1


class _Stay(urllib.request.HTTPRedirectHandler):
    """The key goes to the address in the parameters and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(endpoint: Endpoint, fields: Mapping[str, Any]) -> bytes:
    """The body of a successful answer."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    address = f"{endpoint.base_url}/images/generations"
    request = urllib.request.Request(address, json.dumps(fields).encode(), headers)  # noqa: S310  the user names the server
    try:
        return _read(urllib.request.build_opener(_Stay), request, endpoint.settings.timeout)
    except UnreachedError:
        _give_back(endpoint)
        raise
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(4096)
        _give_back(endpoint)
        raise _judge_status(endpoint, error.code, body, error.headers.get("Retry-After")) from error


def _give_back(endpoint: Endpoint) -> None:
    """The last image that was counted is not billed."""
    with endpoint.lock:
        endpoint.spent -= 1


def _judge_status(endpoint: Endpoint, code: int, body: bytes, retry_after: str | None) -> Exception:
    """What an answer that is not 200 means: for this attempt, this image, or all images."""
    said = f"{endpoint.base_url} answered {code} ({_start(body, endpoint)})"
    if code in (401, 403):
        return InputError(
            f"{said}; put a key that it accepts into {endpoint.settings.key_env or 'backgrounds.api.key_env'}"
        )
    if code == 402 or b"insufficient_quota" in body or b"billing_hard_limit" in body:
        return InputError(f"{said}; the account's budget is used up: fill it; {KEPT}")
    if code in (404, 405) or 300 <= code < 400:
        return InputError(f"{said}; correct backgrounds.api.base_url or backgrounds.api.model")
    if code in (408, 409, 425, 429) or code >= 500:
        wait = _seconds(retry_after)
        if wait is not None and wait > LONGEST_WAIT:
            return InputError(f"{said} and asks to wait {wait:.0f} s; run again then; {KEPT}")
        return AttemptError(said, wait)
    return RefusedError(said)


def _get(address: str, timeout: float) -> bytes:
    """What lies at ``address``; without the key, which is not meant for it."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise AttemptError(f"the answer's image is to be had at {address[:80]!r}, which is no http address")
    try:
        request = urllib.request.Request(address)  # noqa: S310  the scheme was looked at
        return _read(urllib.request.build_opener(), request, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise AttemptError(f"the image's address answered {error.code}") from error


def _read(opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout: float) -> bytes:
    """The body of the answer, which must be there within ``timeout`` seconds, however slowly it drips."""
    end = time.monotonic() + timeout
    body = bytearray()
    try:
        with opener.open(request, timeout=timeout) as response:
            while block := response.read1(65536):
                body += block
                if len(body) > MAX_ANSWER:
                    raise AttemptError(f"the answer is larger than {MAX_ANSWER >> 20} MiB")
                if time.monotonic() > end:
                    raise TimeoutError
    except urllib.error.HTTPError:
        raise
    except TimeoutError as error:
        raise AttemptError(f"no answer within {timeout:g} s") from error
    except urllib.error.URLError as error:  # before the whole request was sent
        timed_out = isinstance(error.reason, TimeoutError)
        raise UnreachedError(f"no answer within {timeout:g} s" if timed_out else f"no answer: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise AttemptError(f"no answer: {error}") from error
    return bytes(body)


def _seconds(retry_after: str | None) -> float | None:
    """The header's value, seconds or a date, as seconds from now; None where there is none that can be read."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _start(body: bytes, endpoint: Endpoint) -> str:
    """The first words of an answer, on one line; without the key, which some endpoints repeat where they refuse it."""
    text = body[:4096].decode("utf-8", "replace")
    return " ".join((text.replace(endpoint.key, "…") if endpoint.key else text)[:160].split()) or "empty"


GENERATOR = Generator(
    "api",
    open_source,
    ImageApiSettings,
    by_caption=True,
    pixels=count_pixels,
    images_per_part=32,
    asks={"api.model": "needs one; give what the endpoint calls its model"},
)
