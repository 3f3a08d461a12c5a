"""Erasing a person, and telling what is held of one.

files      uploads that wait and name the person
forgetting what the rows of contacts know of a person, taken out of them
erasure    all of it, begun once and carried on until nothing is left
held       what jobs and devices hold of a person
access     the same and what contacts hold, as one file
"""
