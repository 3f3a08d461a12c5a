"""What the customer's own systems are told of what happens here: outgoing webhooks, by Standard Webhooks 1.0.0.

event_types   what there is to be told
fields        what an endpoint may be: its address, its events, its headers
signatures    secrets, and how a call is signed
outbox        events and their deliveries: what is due, what came of it. Triggers of the tables write them
outcomes      what an answer means, and when it is tried again. Pure
caller        one loop that calls them all
"""
