"""Devices that look well and are not: what becomes of their messages is watched.

acknowledgements   who accepts messages of which nothing is ever heard
tally              what one process had accepted, until it tells
"""
