"""Fuzzing of all that reads octets from strangers; `make fuzz` and the tests share the targets.

A target takes octets, of which the first few say how the rest is cut and what is decided on the
way, and raises where a promise is broken. It knows no clock, no chance and no other state.
"""
