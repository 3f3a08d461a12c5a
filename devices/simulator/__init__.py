"""A simulator of Evolution API 2.3.7, as a program of its own.

Nobody can rehearse a bulk send against the real WhatsApp, so the project brings a gateway that behaves
like one: the same paths, bodies, status codes, refusals and webhooks, plus faults on demand and a ledger of
what it accepted. `python manage.py simulate_gateway` starts it, or `python -m devices.simulator`.

It is pure asyncio and imports nothing of Django or of this project outside this package.

    __main__, program, options    the process and its command line
    control                       /_simulator/…
    faults                        what goes wrong, how often, for whom
    ledger, archive               what it accepted
    serving/                      HTTP, whatever the API
        server, wire, bodies      connections, response bytes, request bodies
        posting                   webhooks on their way
    evolution/                    Evolution API
        routes, calls             which function answers which request, and who may ask
        message_routes, sending   sendText, sendMedia, sendWhatsAppAudio
        instance_routes, lookups  the rest of the API
        world, instances          what a running simulator consists of
        numbers, schemas          its rules for numbers and bodies
        refusals                  its error bodies, and what a proxy says
        receipts, webhooks        what it reports

Each stands on those below `control` in this list that it needs, and a room on no other room but `serving`.
"""
