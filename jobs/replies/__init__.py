"""What people write back.

vocabulary, keywords  what a message wishes
people                who somebody is that WhatsApp names in two ways
keeping               a batch of messages: kept once, tied to what they answer, obeyed
opting_out            the part of it that is done at the door, in the transaction that keeps the event
confirming            the one message that follows, which is the last
settling              what only a person can say of a message
answering             one message to one person
"""
