"""What became of the messages that a gateway took: from its inbox to the recipients' rows, and to who watches.

work            takes events from the inbox, batch by batch, and what is parked
lifting         what receipts say of one message, and what that makes of its recipient. Pure
applying        finds the recipients, writes what became of them
counting        what that is in their jobs, and in those's parts: by device and variant
parking         receipts of messages that nobody knows yet
figures         what became of them, by device and by variant, for who shows it
telling         the live feed: one `receipt` event a job, once a second at most
sent_messages   how long a message is known again
"""
