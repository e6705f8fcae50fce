"""Choices that do not broadcast."""

import lithograph as lg

lg.where(lg.tensor([True, False]), lg.ones((3,)), 0.0)
