"""One vector and one probability row per segment: how a segment is shown, and to which frozen networks.

A new view is one function and one line of `views.VIEWS`; a new source of networks one of `encoders.SOURCES`.
"""
