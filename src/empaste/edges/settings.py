"""How maps follow edges, as ``params.yaml`` says it in several sections."""

from typing import Annotated

from pydantic import Field

from empaste.settings import NonNegative, PositiveFloat, Settings


class WalkSettings(Settings):
    """How a random walk turns a map into one that follows edges; see `empaste.edges.walk`."""

    side: Annotated[int, Field(ge=16)]
    contour_weight: NonNegative
    colour_weight: NonNegative
    prior_weight: PositiveFloat
