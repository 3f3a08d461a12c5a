"""Forgetting a person.

person      who is forgotten, and every way their number may be written
digests     what stays of them: a keyed hash of the number
erased      who was forgotten, asked at every door by which a number comes in
forgetting  what the rows of jobs and devices know of a person, taken out of them
"""
