"""A pytest plugin: the garbage collector leaves alone what lives as long as the session.

Django and some six thousand collected tests are 400,000 objects, which every full collection would walk through; and a
page of the admin makes objects by the ten thousand, which die by themselves, without it. It took 11 % of the CPU of
the tests of pages. What tests leave behind it finds all the same: at the end of the session pytest has it collect all.
"""

import gc
from collections.abc import Generator

import pytest

OBJECTS_BETWEEN_COLLECTIONS = 10_000


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
        gc.enable()
