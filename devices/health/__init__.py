"""Whether a device may be given work: who is taken out, who is asked how they are, and who looks well and is not.

breaker            taking a device out, with the reason, and when it is looked at again
probes             asking a device's gateway how it is, and noting it
rounds             who is asked when, and how many at once
acknowledgements   who accepts messages of which nothing is ever heard
correspondents     who has written to a device
timelock           whose messages to all others WhatsApp refuses: it writes to nobody else for a day
tally              what became of one process's messages, until it tells
days               what each device did, counted day by day
history            how a device is and was, for who asks
"""
