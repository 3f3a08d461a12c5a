"""A simulator of Evolution API 2.3.7, as a program of its own.

Nobody can rehearse a bulk send against the real WhatsApp, so the project brings a gateway that behaves
like one: the same paths, bodies, status codes, refusals and webhooks, plus faults on demand and a ledger of
what it accepted. `python manage.py simulate_gateway` starts it, or `python -m devices.simulator`.

It is pure asyncio and imports nothing of Django or of this project outside this package.

    __main__, program, options    the process and its command line
    server, wire, bodies          HTTP: connections, response bytes, request bodies
    routes, calls, gates          which function answers which request, and who may ask
    message_routes, sending       sendText, sendMedia, sendWhatsAppAudio
    instance_routes, lookups      the rest of the Evolution API
    control                       /_simulator/…
    world, instances              what a running simulator consists of
    ledger, archive               what it accepted
    numbers, validation           Evolution API's rules for numbers and bodies
    faults                        what goes wrong, how often, for whom
    receipts, webhooks, posting   what it reports, and how
"""
