"""One vector and one probability row per segment: how a segment is shown, and to which frozen networks.

A new view is one function in `views` and one line here; a new source of networks one in `encoders` and one line here.
"""

from empaste.features import encoders, views

VIEWS: dict[str, views.View] = {
    "crop": views.crop_on_gray,
    "in_place_gray": views.in_place_on_gray,
    "in_place_blur": views.in_place_on_blur,
}
"""How a segment is shown."""

SOURCES: dict[str, encoders.Loader] = {
    "torchvision": encoders.load_torchvision,
    "timm": encoders.load_timm,
    "clip": encoders.load_clip,
}
"""Where networks other than the classifier come from."""
