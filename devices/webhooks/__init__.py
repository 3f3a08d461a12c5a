"""What gateways tell of their own accord, from the door to the inbox.

receiver         the door: who is it, is it of use; 200 once it is kept
header_secrets   by what a device's gateway is known
knocking         goes the last part of that way ourselves
subscribing      has a gateway tell us, and knows whether it arrives
keeping          sees to it that it stays so
hearing          notes whom the door hears
link_news        how far its word of a device's link is believed
absences         when what was told may have been lost
catching_up      reads that from the gateways' own stores
admitting        takes in what was told, or was read
inbox            what was told and is not worked yet: two tables in turn
"""
